//! A long-term X25519 key pair: the identity of a device or a relay, and the ways in which people compare it.

use alloc::string::String;
use core::fmt::{self, Write as _};
use sha2::{Digest, Sha256};
use x25519_dalek::StaticSecret;

use crate::secret::Secret;

/// A device's or relay's own key pair.
#[derive(Clone)]
pub struct Identity {
    secret: Secret<32>,
    public: PublicKey,
}

impl Identity {
    /// Makes an identity from 32 random bytes.
    #[must_use]
    pub fn from_secret(secret: Secret<32>) -> Self {
        let public = x25519_dalek::PublicKey::from(&StaticSecret::from(*secret.expose()));
        Self {
            secret,
            public: PublicKey(public.to_bytes()),
        }
    }

    /// The public key, by which others know it.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// The secret bytes, for storing it.
    #[must_use]
    pub const fn secret(&self) -> &Secret<32> {
        &self.secret
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.public).finish()
    }
}

/// The public half of an [`Identity`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    /// SHA-256 of the key in hexadecimal, sixteen groups of four: the form for configuration files.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut text = String::with_capacity(79);
        for (i, byte) in self.digest().iter().enumerate() {
            if i > 0 && i % 2 == 0 {
                text.push('-');
            }
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// The first 64 bits of the fingerprint as four words that can be spoken (proquints, Wilkerson 2009,
    /// arXiv:0901.4016).
    #[must_use]
    pub fn words(&self) -> String {
        const CONSONANTS: [char; 16] = [
            'b', 'd', 'f', 'g', 'h', 'j', 'k', 'l', 'm', 'n', 'p', 'r', 's', 't', 'v', 'z',
        ];
        const VOWELS: [char; 4] = ['a', 'i', 'o', 'u'];
        let digest = self.digest();
        let mut text = String::with_capacity(23);
        for pair in digest[..8].chunks_exact(2) {
            let word = usize::from(pair[0]) << 8 | usize::from(pair[1]);
            if !text.is_empty() {
                text.push('-');
            }
            text.push(CONSONANTS[word >> 12]);
            text.push(VOWELS[word >> 10 & 3]);
            text.push(CONSONANTS[word >> 6 & 15]);
            text.push(VOWELS[word >> 4 & 3]);
            text.push(CONSONANTS[word & 15]);
        }
        text
    }

    /// Parses a text of [`Self::fingerprint`], to compare it with a key; ignores hyphens, colons and spaces.
    #[must_use]
    pub fn has_fingerprint(&self, text: &str) -> bool {
        let hex = |c: &char| !matches!(c, '-' | ':' | ' ');
        let ours = self.fingerprint();
        ours.chars()
            .filter(hex)
            .eq(text.chars().filter(hex).map(|c| c.to_ascii_lowercase()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_is_rfc_7748_s() {
        // RFC 7748 §6.1, Alice.
        let secret = [
            0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2,
            0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5,
            0x1d, 0xb9, 0x2c, 0x2a,
        ];
        let public = Identity::from_secret(Secret(secret)).public();
        assert_eq!(public.0[..4], [0x85, 0x20, 0xf0, 0x09]);
    }

    #[test]
    fn words_and_fingerprint_say_the_same_bits() {
        let key = PublicKey([7; 32]);
        assert_eq!(key.fingerprint().len(), 79);
        assert_eq!(key.words().split('-').count(), 4);
        assert!(key.has_fingerprint(&key.fingerprint().to_uppercase().replace('-', ":")));
        assert!(!key.has_fingerprint(&PublicKey([8; 32]).fingerprint()));
        assert!(!key.has_fingerprint(""));
    }
}
