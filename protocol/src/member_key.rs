//! The identity of a member in a room, for one join only: their device's public key and a nonce drawn for the join.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::identity::PublicKey;

/// 32 random bytes that a member draws for each join, known to every member.
///
/// A value that is bound to the nonce was made after the join began: earlier recordings are not accepted for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JoinNonce(pub [u8; 32]);

impl fmt::Debug for JoinNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "JoinNonce({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}

/// A member as others know them: their device, and which of its joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberKey {
    /// The device's public key.
    pub identity: PublicKey,
    /// The nonce of the join.
    pub nonce: JoinNonce,
}

/// The *safety number* of a meeting: 12 digits over the sorted keys and nonces of the members.
///
/// If people read the same number aloud, their devices are connected end to end with the devices that they expect,
/// now: a join changes the number, so an earlier one that was read aloud is of no use.
#[must_use]
pub fn safety_number(members: &[MemberKey]) -> String {
    let mut sorted: Vec<_> = members.to_vec();
    sorted.sort_unstable();
    let mut hash = Sha256::new_with_prefix(b"conclave safety number v1");
    for member in &sorted {
        hash.update(member.identity.0);
        hash.update(member.nonce.0);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]) % 1_000_000_000_000;
    let mut text = String::with_capacity(14);
    let _ = write!(
        text,
        "{:04} {:04} {:04}",
        number / 100_000_000,
        number / 10_000 % 10_000,
        number % 10_000
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn member(key: u8, nonce: u8) -> MemberKey {
        MemberKey {
            identity: PublicKey([key; 32]),
            nonce: JoinNonce([nonce; 32]),
        }
    }

    #[test]
    fn the_safety_number_depends_on_who_is_there_and_not_on_their_order() {
        let (a, b, c) = (member(1, 9), member(2, 9), member(3, 9));
        assert_eq!(safety_number(&[a, b]), safety_number(&[b, a]));
        assert_ne!(safety_number(&[a, b]), safety_number(&[a, c]));
        assert_eq!(safety_number(&[a, b]).len(), 14);
    }

    #[test]
    fn the_same_people_have_another_safety_number_when_one_of_them_joins_again() {
        let before = safety_number(&[member(1, 1), member(2, 2)]);
        assert_ne!(before, safety_number(&[member(1, 1), member(2, 3)]));
        assert_ne!(
            before,
            safety_number(&[member(1, 2), member(2, 1)]),
            "each nonce belongs to its key"
        );
    }
}
