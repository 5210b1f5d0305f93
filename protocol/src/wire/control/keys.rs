//! Media keys on their way from member to member.

use serde::{Deserialize, Serialize};

use crate::id::{Epoch, ParticipantId};

/// A media key on its way to one member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressedEnvelope {
    /// The recipient.
    pub to: ParticipantId,
    /// The sealed key.
    pub envelope: KeyEnvelope,
}

/// A sender key, sealed by HPKE, see [`crate::sender_key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEnvelope {
    /// The first epoch that the key is for.
    pub epoch: Epoch,
    /// The AEAD of the packets that the key seals.
    pub suite: Suite,
    /// HPKE's encapsulated key.
    pub encapsulated: [u8; 32],
    /// The sender key and its tag.
    #[serde(with = "sealed_key")]
    pub sealed: [u8; 48],
}

/// The AEAD of media packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Suite {
    /// Number 1, the default.
    #[default]
    Aes256Gcm,
    /// Number 2, for senders whose processor has no AES instructions.
    ChaCha20Poly1305,
}

impl Suite {
    /// The number that the envelope's info binds.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Aes256Gcm => 1,
            Self::ChaCha20Poly1305 => 2,
        }
    }
}

/// serde has no arrays of 48 elements: a tuple of 32 and 16, which postcard writes as 48 plain bytes.
mod sealed_key {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        sealed: &[u8; 48],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let (mut key, mut tag) = ([0; 32], [0; 16]);
        key.copy_from_slice(&sealed[..32]);
        tag.copy_from_slice(&sealed[32..]);
        (key, tag).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; 48], D::Error> {
        let (key, tag) = <([u8; 32], [u8; 16])>::deserialize(deserializer)?;
        let mut sealed = [0; 48];
        sealed[..32].copy_from_slice(&key);
        sealed[32..].copy_from_slice(&tag);
        Ok(sealed)
    }
}
