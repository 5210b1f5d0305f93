//! Sender keys: how the members of a room share the keys that open a sender's media, without the relay.
//!
//! A sender draws a key, a *generation*, and hands it to each member in an HPKE envelope (RFC 9180, auth mode,
//! DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM). When a participant joins, every sender takes one *ratchet
//! step*, and sends the newcomer the key after it, so that the newcomer cannot open anything older. When a
//! participant leaves, the sender draws a new generation, so that the former member cannot open anything newer. An
//! envelope is bound to this join of its sender and this join of its receiver, so that it opens in no other.

use hkdf::Hkdf;
use hpke::aead::{AeadTag, AesGcm256};
use hpke::inout::InOutBuf;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::CryptoRng;
use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open_inout_detached,
    single_shot_seal_inout_detached_with_rng,
};
use sha2::Sha256;

use crate::id::{Epoch, ParticipantId, RoomId, StreamId};
use crate::identity::{Identity, PublicKey};
use crate::member_key::{JoinNonce, MemberKey};
use crate::seal::{MediaKey, SALT_BYTES};
use crate::secret::Secret;
use crate::wire::control::{KeyEnvelope, Suite};
use crate::wire::header::TAG_BYTES;

type PublicKemKey = <X25519HkdfSha256 as Kem>::PublicKey;
type PrivateKemKey = <X25519HkdfSha256 as Kem>::PrivateKey;
type EncappedKey = <X25519HkdfSha256 as Kem>::EncappedKey;

/// The key of a sender's media in one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderKey {
    epoch: Epoch,
    suite: Suite,
    key: Secret<32>,
}

/// The context of an envelope; it is bound to it, so that the envelope opens nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvelopeContext {
    /// The room.
    pub room: RoomId,
    /// The sender of the key.
    pub sender: ParticipantId,
    /// The nonce of the sender's join.
    pub sender_nonce: JoinNonce,
}

/// Why an envelope cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not sealed by this sender's identity for ours, for this room, epoch and pair of joins.
    #[error("the key envelope does not open")]
    DoesNotOpen,
    /// A public key that is not valid.
    #[error("a public key in or for the envelope is not valid")]
    Key,
}

impl SenderKey {
    /// The first key of a generation, from 32 random bytes.
    #[must_use]
    pub const fn fresh(generation: u8, suite: Suite, random: Secret<32>) -> Self {
        Self {
            epoch: Epoch::new(generation, 0),
            suite,
            key: random,
        }
    }

    /// The epoch of the key.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The cipher suite of the key.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The key one step later, or `None` after 255 steps: then a new generation is due.
    #[must_use]
    pub fn ratchet(&self) -> Option<Self> {
        let step = self.epoch.step().checked_add(1)?;
        let mut key = Secret([0; 32]);
        expand(&self.key, &[b"ratchet"], &mut key.0);
        Some(Self {
            epoch: Epoch::new(self.epoch.generation(), step),
            suite: self.suite,
            key,
        })
    }

    /// The cipher of one stream in this epoch.
    #[must_use]
    pub fn media_key(&self, stream: StreamId) -> MediaKey {
        let mut okm = Secret([0; 32 + SALT_BYTES]);
        let (stream, epoch) = (stream.0.to_le_bytes(), self.epoch.0.to_le_bytes());
        expand(
            &self.key,
            &[b"conclave media v1", &stream, &epoch],
            &mut okm.0,
        );
        let (mut key, mut salt) = (Secret([0; 32]), [0; SALT_BYTES]);
        key.0.copy_from_slice(&okm.0[..32]);
        salt.copy_from_slice(&okm.0[32..]);
        MediaKey::new(self.suite, key.expose(), salt)
    }

    /// Seals the key for one member and this join of theirs.
    ///
    /// # Errors
    /// [`EnvelopeError::Key`] if the member's public key is not valid.
    pub fn envelope(
        &self,
        from: &Identity,
        to: &MemberKey,
        context: EnvelopeContext,
        rng: &mut impl CryptoRng,
    ) -> Result<KeyEnvelope, EnvelopeError> {
        let mode = OpModeS::Auth((private(from)?, public(&from.public())?));
        let info = info(context, to.nonce, self.epoch, self.suite);
        let mut sealed = [0; 48];
        let (body, tag_out) = sealed.split_at_mut(32);
        body.copy_from_slice(self.key.expose());
        let (encapped, tag) =
            single_shot_seal_inout_detached_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
                &mode,
                &public(&to.identity)?,
                &info,
                InOutBuf::from(body),
                &[],
                rng,
            )
            .map_err(|_| EnvelopeError::Key)?;
        tag_out.copy_from_slice(&tag.to_bytes());
        let encapsulated = encapped.to_bytes().into();
        Ok(KeyEnvelope {
            epoch: self.epoch,
            suite: self.suite,
            encapsulated,
            sealed,
        })
    }

    /// Opens a member's envelope, which must be bound to the nonce of our own join.
    ///
    /// # Errors
    /// [`EnvelopeError`] if it is not from them to us for this room, epoch and pair of joins.
    pub fn open(
        envelope: &KeyEnvelope,
        me: &Identity,
        my_nonce: JoinNonce,
        from: &PublicKey,
        context: EnvelopeContext,
    ) -> Result<Self, EnvelopeError> {
        let mode = OpModeR::Auth(public(from)?);
        let info = info(context, my_nonce, envelope.epoch, envelope.suite);
        let encapped =
            EncappedKey::from_bytes(&envelope.encapsulated).map_err(|_| EnvelopeError::Key)?;
        let mut key = Secret([0; 32]);
        key.0.copy_from_slice(&envelope.sealed[..32]);
        let tag = AeadTag::from_bytes(&envelope.sealed[32..32 + TAG_BYTES])
            .map_err(|_| EnvelopeError::DoesNotOpen)?;
        single_shot_open_inout_detached::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &mode,
            &private(me)?,
            &encapped,
            &info,
            InOutBuf::from(&mut key.0[..]),
            &[],
            &tag,
        )
        .map_err(|_| EnvelopeError::DoesNotOpen)?;
        Ok(Self {
            epoch: envelope.epoch,
            suite: envelope.suite,
            key,
        })
    }
}

/// `"conclave key v1" ‖ room u32 ‖ sender u32 ‖ epoch u16 ‖ suite u8 ‖ sender's nonce ‖ receiver's nonce`,
/// little-endian.
fn info(
    context: EnvelopeContext,
    receiver_nonce: JoinNonce,
    epoch: Epoch,
    suite: Suite,
) -> [u8; 90] {
    let mut info = [0; 90];
    info[..15].copy_from_slice(b"conclave key v1");
    info[15..19].copy_from_slice(&context.room.0.to_le_bytes());
    info[19..23].copy_from_slice(&context.sender.0.to_le_bytes());
    info[23..25].copy_from_slice(&epoch.0.to_le_bytes());
    info[25] = suite.number();
    info[26..58].copy_from_slice(&context.sender_nonce.0);
    info[58..].copy_from_slice(&receiver_nonce.0);
    info
}

fn expand(key: &Secret<32>, info: &[&[u8]], okm: &mut [u8]) {
    Hkdf::<Sha256>::new(None, key.expose())
        .expand_multi_info(info, okm)
        .expect("what is asked for is within what HKDF-SHA256 gives");
}

fn public(key: &PublicKey) -> Result<PublicKemKey, EnvelopeError> {
    PublicKemKey::from_bytes(&key.0).map_err(|_| EnvelopeError::Key)
}

fn private(identity: &Identity) -> Result<PrivateKemKey, EnvelopeError> {
    PrivateKemKey::from_bytes(identity.secret().expose()).map_err(|_| EnvelopeError::Key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use getrandom::{SysRng, rand_core::UnwrapErr};

    const HERE: EnvelopeContext = EnvelopeContext {
        room: RoomId(3),
        sender: ParticipantId(7),
        sender_nonce: JoinNonce([0x51; 32]),
    };
    /// The nonce of Ben's join.
    const NOW: JoinNonce = JoinNonce([0x52; 32]);

    fn people() -> (Identity, Identity, Identity) {
        let person = |byte| Identity::from_secret(Secret([byte; 32]));
        (person(1), person(2), person(3))
    }

    fn sealed(key: &SenderKey, from: &Identity, to: &Identity, nonce: JoinNonce) -> KeyEnvelope {
        let to = MemberKey {
            identity: to.public(),
            nonce,
        };
        let mut rng = UnwrapErr(SysRng);
        key.envelope(from, &to, HERE, &mut rng).unwrap()
    }

    #[test]
    fn a_member_opens_what_was_sealed_for_them_and_nobody_else_does() {
        let (ana, ben, eve) = people();
        for suite in [Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
            let key = SenderKey::fresh(5, suite, Secret([9; 32]));
            let envelope = sealed(&key, &ana, &ben, NOW);
            let open = |me: &Identity, from: &Identity, context| {
                SenderKey::open(&envelope, me, NOW, &from.public(), context)
            };
            assert_eq!(open(&ben, &ana, HERE), Ok(key));
            assert!(open(&eve, &ana, HERE).is_err(), "another recipient");
            assert!(open(&ben, &eve, HERE).is_err(), "another sender");
            let elsewhere = EnvelopeContext {
                room: RoomId(4),
                ..HERE
            };
            assert!(open(&ben, &ana, elsewhere).is_err(), "another room");
            let as_other = EnvelopeContext {
                sender: ParticipantId(8),
                ..HERE
            };
            assert!(open(&ben, &ana, as_other).is_err(), "another participant");
            let moved = KeyEnvelope {
                epoch: Epoch::new(5, 1),
                ..envelope.clone()
            };
            let opened = SenderKey::open(&moved, &ben, NOW, &ana.public(), HERE);
            assert!(opened.is_err(), "another epoch");
        }
    }

    #[test]
    fn an_envelope_of_one_join_does_not_open_in_another_of_sender_or_receiver() {
        let (ana, ben, _) = people();
        let key = SenderKey::fresh(5, Suite::Aes256Gcm, Secret([9; 32]));
        let recorded = sealed(&key, &ana, &ben, NOW);
        let open = |nonce, context| SenderKey::open(&recorded, &ben, nonce, &ana.public(), context);
        assert_eq!(open(NOW, HERE), Ok(key));
        let next = JoinNonce([0x53; 32]);
        let refused = Err(EnvelopeError::DoesNotOpen);
        assert_eq!(open(next, HERE), refused, "the receiver joined again");
        let came_again = EnvelopeContext {
            sender_nonce: next,
            ..HERE
        };
        assert_eq!(open(NOW, came_again), refused, "the sender joined again");
    }

    #[test]
    fn a_ratchet_step_changes_the_key_and_ends_after_255() {
        let mut key = SenderKey::fresh(1, Suite::Aes256Gcm, Secret([9; 32]));
        let mut steps = 0;
        while let Some(next) = key.ratchet() {
            assert_ne!(next.key, key.key);
            assert_eq!(next.epoch.generation(), 1);
            (key, steps) = (next, steps + 1);
        }
        assert_eq!(steps, 255);
    }
}
