//! Noise XX for the control channel: `snow` over the primitives that the rest of the crate uses.

use aes_gcm::aead::array::Array;
use aes_gcm::aead::{AeadInOut, KeyInit, inout::InOutBuf};
use aes_gcm::{Aes256Gcm, Tag};
use alloc::boxed::Box;
use sha2::{Digest, Sha256};
use snow::params::{CipherChoice, DHChoice, HashChoice, NoiseParams};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, Error, HandshakeState};
use x25519_dalek::StaticSecret;

use crate::identity::Identity;
use crate::secret::Secret;
use crate::wire::framing::preface;
use crate::wire::header::TAG_BYTES;

const PATTERN: &str = "Noise_XX_25519_AESGCM_SHA256";

/// Starts one side of the handshake. `ephemeral` is 32 fresh random bytes.
pub(super) fn handshake(
    identity: &Identity,
    ephemeral: Secret<32>,
    initiator: bool,
) -> HandshakeState {
    let params: NoiseParams = PATTERN.parse().expect("the pattern is one that snow knows");
    let prologue = preface();
    let build = || {
        let builder = Builder::with_resolver(params, Box::new(Primitives { ephemeral }))
            .local_private_key(identity.secret().expose())?
            .prologue(&prologue)?;
        if initiator {
            builder.build_initiator()
        } else {
            builder.build_responder()
        }
    };
    build().expect("every primitive of the pattern is resolved and the key has its length")
}

struct Primitives {
    ephemeral: Secret<32>,
}

impl CryptoResolver for Primitives {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Entropy(Some(self.ephemeral.clone()))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        matches!(choice, DHChoice::Curve25519).then(|| Box::<X25519>::default() as Box<dyn Dh>)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        matches!(choice, HashChoice::SHA256).then(|| Box::<Sha>::default() as Box<dyn Hash>)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        matches!(choice, CipherChoice::AESGCM).then(|| Box::<AesGcm>::default() as Box<dyn Cipher>)
    }
}

/// The ephemeral key's bytes, returned once: a second draw from the same bytes is an error.
struct Entropy(Option<Secret<32>>);

impl Random for Entropy {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
        match self.0.take() {
            Some(secret) if dest.len() == secret.expose().len() => {
                dest.copy_from_slice(secret.expose());
                Ok(())
            }
            _ => Err(Error::Rng),
        }
    }
}

#[derive(Default)]
struct X25519 {
    secret: Option<StaticSecret>,
    private: Secret<32>,
    public: [u8; 32],
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, privkey: &[u8]) {
        self.private.0.copy_from_slice(privkey);
        let secret = StaticSecret::from(self.private.0);
        self.public = x25519_dalek::PublicKey::from(&secret).to_bytes();
        self.secret = Some(secret);
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), Error> {
        let mut private = Secret([0; 32]);
        rng.try_fill_bytes(&mut private.0)?;
        self.set(private.expose());
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        self.private.expose()
    }

    fn dh(&self, pubkey: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let secret = self.secret.as_ref().ok_or(Error::Dh)?;
        let public: [u8; 32] = pubkey
            .get(..32)
            .and_then(|p| p.try_into().ok())
            .ok_or(Error::Dh)?;
        let shared = secret.diffie_hellman(&x25519_dalek::PublicKey::from(public));
        // With a point of low order every observer would know the result (RFC 7748 §6.1).
        if !shared.was_contributory() {
            return Err(Error::Dh);
        }
        out.get_mut(..32)
            .ok_or(Error::Dh)?
            .copy_from_slice(shared.as_bytes());
        Ok(())
    }
}

#[derive(Default)]
struct Sha(Sha256);

impl Hash for Sha {
    fn name(&self) -> &'static str {
        "SHA256"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.0 = Sha256::new();
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        out[..32].copy_from_slice(&core::mem::take(&mut self.0).finalize());
    }
}

#[derive(Default)]
struct AesGcm(Option<Aes256Gcm>);

impl AesGcm {
    fn cipher(&self) -> &Aes256Gcm {
        self.0
            .as_ref()
            .expect("snow sets the key before it uses the cipher")
    }
}

/// Four zero bytes ‖ counter, big-endian (Noise specification §12.4).
fn nonce(counter: u64) -> aes_gcm::Nonce<aes_gcm::aead::consts::U12> {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_be_bytes());
    Array(nonce)
}

impl Cipher for AesGcm {
    fn name(&self) -> &'static str {
        "AESGCM"
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.0 = Some(Aes256Gcm::new(&Array(*key)));
    }

    fn encrypt(&self, counter: u64, authtext: &[u8], plaintext: &[u8], out: &mut [u8]) -> usize {
        let (body, rest) = out.split_at_mut(plaintext.len());
        body.copy_from_slice(plaintext);
        let tag = self
            .cipher()
            .encrypt_inout_detached(&nonce(counter), authtext, InOutBuf::from(body))
            .expect("a Noise message is within what AES-GCM seals");
        rest[..TAG_BYTES].copy_from_slice(&tag);
        plaintext.len() + TAG_BYTES
    }

    fn decrypt(
        &self,
        counter: u64,
        authtext: &[u8],
        ciphertext: &[u8],
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let length = ciphertext
            .len()
            .checked_sub(TAG_BYTES)
            .ok_or(Error::Decrypt)?;
        let (sealed, tag) = ciphertext.split_at(length);
        let tag = Tag::try_from(tag).map_err(|_| Error::Decrypt)?;
        let body = out.get_mut(..length).ok_or(Error::Decrypt)?;
        body.copy_from_slice(sealed);
        self.cipher()
            .decrypt_inout_detached(&nonce(counter), authtext, InOutBuf::from(body), &tag)
            .map_err(|_| Error::Decrypt)?;
        Ok(length)
    }
}
