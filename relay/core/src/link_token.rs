//! The token of a link: room, when it was made for how long, and the room's generation of links, with a MAC over them.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use conclave_protocol::id::RoomId;
use conclave_protocol::name::LinkToken;
use conclave_protocol::secret::Secret;
use conclave_protocol::units::UnixMillis;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

const FIELDS_BYTES: usize = 4 + TIME_BYTES + 2 + 4;
/// Of a time: as many ms as 8900 years have.
const TIME_BYTES: usize = 6;
const MAC_BYTES: usize = 16;
const TOKEN_BYTES: usize = FIELDS_BYTES + MAC_BYTES;

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) room: RoomId,
    pub(super) made_at: UnixMillis,
    pub(super) lifetime_minutes: u16,
    pub(super) generation: u32,
}

impl Claim {
    /// How long it is valid.
    pub(super) fn lifetime_ms(&self) -> u64 {
        u64::from(self.lifetime_minutes) * 60_000
    }

    fn fields(&self) -> [u8; FIELDS_BYTES] {
        let mut fields = [0; FIELDS_BYTES];
        fields[..4].copy_from_slice(&self.room.0.to_le_bytes());
        fields[4..10].copy_from_slice(&self.made_at.0.to_le_bytes()[..TIME_BYTES]);
        fields[10..12].copy_from_slice(&self.lifetime_minutes.to_le_bytes());
        fields[12..].copy_from_slice(&self.generation.to_le_bytes());
        fields
    }

    /// The token that says it.
    pub(super) fn token(&self, key: &Secret<32>) -> LinkToken {
        let mut bytes = [0; TOKEN_BYTES];
        let (fields, mac) = bytes.split_at_mut(FIELDS_BYTES);
        fields.copy_from_slice(&self.fields());
        mac.copy_from_slice(&authenticate(key, fields));
        let text = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        LinkToken::parse(&text).expect("32 bytes are 43 characters of base64url")
    }

    /// What the token says, if this key's owner made it.
    pub(super) fn prove(token: &LinkToken, key: &Secret<32>) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.as_str()).ok()?;
        let bytes: [u8; TOKEN_BYTES] = bytes.try_into().ok()?;
        let (fields, mac) = bytes.split_at(FIELDS_BYTES);
        if !bool::from(authenticate(key, fields).ct_eq(mac)) {
            return None;
        }
        let mut made_at = [0; 8];
        made_at[..TIME_BYTES].copy_from_slice(&fields[4..10]);
        Some(Self {
            room: RoomId(u32::from_le_bytes(fields[..4].try_into().ok()?)),
            made_at: UnixMillis(u64::from_le_bytes(made_at)),
            lifetime_minutes: u16::from_le_bytes(fields[10..12].try_into().ok()?),
            generation: u32::from_le_bytes(fields[12..].try_into().ok()?),
        })
    }
}

/// HMAC-SHA256, cut to 128 bits.
fn authenticate(key: &Secret<32>, fields: &[u8]) -> [u8; MAC_BYTES] {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.expose()).expect("HMAC takes keys of any length");
    mac.update(b"conclave link v1");
    mac.update(fields);
    let whole: [u8; 32] = mac.finalize().into_bytes().into();
    let mut cut = [0; MAC_BYTES];
    cut.copy_from_slice(&whole[..MAC_BYTES]);
    cut
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: Secret<32> = Secret([7; 32]);
    const CLAIM: Claim = Claim {
        room: RoomId(3),
        made_at: UnixMillis(1_795_000_000_000),
        lifetime_minutes: 10_080,
        generation: 5,
    };

    #[test]
    fn a_token_says_what_was_put_in_and_no_other_key_proves_it() {
        let token = CLAIM.token(&KEY);
        assert_eq!(token.as_str().len(), 43);
        assert_eq!(Claim::prove(&token, &KEY), Some(CLAIM));
        assert_eq!(Claim::prove(&token, &Secret([8; 32])), None);
    }

    #[test]
    fn a_token_with_any_bit_changed_proves_nothing() {
        let token = CLAIM.token(&KEY);
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.as_str()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let text = BASE64_URL_SAFE_NO_PAD.encode(changed);
            let changed = LinkToken::parse(&text).unwrap();
            assert_eq!(Claim::prove(&changed, &KEY), None, "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_token_by_chance(text in "[A-Za-z0-9_-]{1,64}") {
            let token = LinkToken::parse(&text).unwrap();
            prop_assert_eq!(Claim::prove(&token, &KEY), None);
        }
    }
}
