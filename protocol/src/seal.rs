//! The end-to-end seal of a media packet: SFrame's construction (RFC 9605 §4.4), one packet at a time.
//!
//! HKDF-SHA256 derives key and salt from the sender key over stream and epoch. The nonce is salt XOR sequence, and
//! the clear header is the associated data: a whole packet is verified before it changes any state.

use aes_gcm::aead::array::Array;
use aes_gcm::aead::{AeadInOut, KeyInit, Tag, inout::InOutBuf};
use aes_gcm::{Aes256Gcm, aead};
use chacha20poly1305::ChaCha20Poly1305;

use crate::id::SequenceNumber;
use crate::wire::control::Suite;
use crate::wire::header::{HEADER_BYTES, TAG_BYTES};

/// Bytes of the salt, and of a nonce.
pub(crate) const SALT_BYTES: usize = 12;

/// A keyed cipher for one stream in one epoch: made once, used for every packet.
pub struct MediaKey {
    cipher: Cipher,
    salt: [u8; SALT_BYTES],
}

#[expect(
    clippy::large_enum_variant,
    reason = "a handful of streams each hold one; a box would cost a jump a packet"
)]
enum Cipher {
    Aes(Aes256Gcm),
    ChaCha(ChaCha20Poly1305),
}

/// The packet is not what its sender sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the end-to-end tag does not hold")]
pub struct OpenError;

impl MediaKey {
    pub(crate) fn new(suite: Suite, key: &[u8; 32], salt: [u8; SALT_BYTES]) -> Self {
        let cipher = match suite {
            Suite::Aes256Gcm => Cipher::Aes(Aes256Gcm::new(&Array(*key))),
            Suite::ChaCha20Poly1305 => Cipher::ChaCha(ChaCha20Poly1305::new(&Array(*key))),
        };
        Self { cipher, salt }
    }

    /// Salt XOR sequence, the sequence big-endian in the last 8 bytes.
    fn nonce(&self, sequence: SequenceNumber) -> aead::Nonce<Aes256Gcm> {
        let mut nonce = self.salt;
        for (byte, with) in nonce[SALT_BYTES - 8..]
            .iter_mut()
            .zip(sequence.0.to_be_bytes())
        {
            *byte ^= with;
        }
        Array(nonce)
    }

    /// Seals from one buffer into another, or in place; returns the tag.
    ///
    /// The caller must never use a sequence number twice.
    pub(crate) fn seal(
        &self,
        header: &[u8; HEADER_BYTES],
        sequence: SequenceNumber,
        payload: InOutBuf<'_, '_, u8>,
    ) -> [u8; TAG_BYTES] {
        let nonce = self.nonce(sequence);
        let tag: Tag<Aes256Gcm> = match &self.cipher {
            Cipher::Aes(cipher) => cipher.encrypt_inout_detached(&nonce, header, payload),
            Cipher::ChaCha(cipher) => cipher.encrypt_inout_detached(&nonce, header, payload),
        }
        .expect("a packet is within what the cipher seals");
        tag.into()
    }

    /// Opens a whole packet in place and returns its payload.
    ///
    /// # Errors
    /// [`OpenError`] if any part of it was altered; then its bytes are of no use.
    pub fn open<'p>(
        &self,
        packet: &'p mut [u8],
        sequence: SequenceNumber,
    ) -> Result<&'p mut [u8], OpenError> {
        let (header, rest) = packet.split_at_mut_checked(HEADER_BYTES).ok_or(OpenError)?;
        let end = rest.len().checked_sub(TAG_BYTES).ok_or(OpenError)?;
        let (payload, tag) = rest.split_at_mut(end);
        let tag = <&Tag<Aes256Gcm>>::try_from(&*tag).map_err(|_| OpenError)?;
        let nonce = self.nonce(sequence);
        let buffer = InOutBuf::from(&mut *payload);
        match &self.cipher {
            Cipher::Aes(cipher) => cipher.decrypt_inout_detached(&nonce, header, buffer, tag),
            Cipher::ChaCha(cipher) => cipher.decrypt_inout_detached(&nonce, header, buffer, tag),
        }
        .map_err(|_| OpenError)?;
        Ok(payload)
    }
}
