//! The byte stream of the control connection: an 8-byte preface, then length-prefixed messages.

use crate::wire::header::TAG_BYTES;

/// First bytes of every connection.
pub const MAGIC: [u8; 4] = *b"CNCL";
/// The protocol version that this crate supports, as the lowest and the highest.
pub const VERSION: u16 = 1;
/// Bytes of a preface, and of the answer to an unsupported one.
pub const PREFACE_BYTES: usize = 8;
/// Bytes of a length prefix.
pub const LENGTH_BYTES: usize = 2;
/// The most plaintext in one message to the relay.
pub const MAX_TO_RELAY: usize = 16 * 1024;
/// The most plaintext in one message to the endpoint.
pub const MAX_TO_ENDPOINT: usize = 60 * 1024;
/// The most bytes of one handshake message; Noise XX without payloads needs 96.
pub const MAX_HANDSHAKE: usize = 256;

/// The meaning of the first 8 bytes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preface {
    /// This crate's version.
    Spoken,
    /// A different version.
    Other(u16),
    /// Not a preface of Conclave.
    Foreign,
}

/// The 8 bytes that an endpoint begins with; they are also the prologue of the Noise handshake.
#[must_use]
pub const fn preface() -> [u8; PREFACE_BYTES] {
    let [m0, m1, m2, m3] = MAGIC;
    let [v0, v1] = VERSION.to_be_bytes();
    [m0, m1, m2, m3, v0, v1, 0, 0]
}

/// Reads an endpoint's preface.
#[must_use]
pub fn parse_preface(bytes: &[u8; PREFACE_BYTES]) -> Preface {
    let [m0, m1, m2, m3, v0, v1, r0, r1] = *bytes;
    if [m0, m1, m2, m3] != MAGIC || [r0, r1] != [0, 0] {
        return Preface::Foreign;
    }
    match u16::from_be_bytes([v0, v1]) {
        VERSION => Preface::Spoken,
        other => Preface::Other(other),
    }
}

/// A relay's answer to a version that it does not support: magic, lowest, highest.
#[must_use]
pub const fn version_refusal() -> [u8; PREFACE_BYTES] {
    let [m0, m1, m2, m3] = MAGIC;
    let [l0, l1] = VERSION.to_be_bytes();
    [m0, m1, m2, m3, l0, l1, l0, l1]
}

/// Reads a version refusal: the relay's lowest and highest version.
#[must_use]
pub fn parse_version_refusal(bytes: &[u8; PREFACE_BYTES]) -> Option<(u16, u16)> {
    let [m0, m1, m2, m3, l0, l1, h0, h1] = *bytes;
    ([m0, m1, m2, m3] == MAGIC)
        .then(|| (u16::from_be_bytes([l0, l1]), u16::from_be_bytes([h0, h1])))
}

/// The highest valid length prefix for messages of at most `plaintext` bytes.
#[must_use]
pub const fn max_sealed(plaintext: usize) -> usize {
    plaintext + TAG_BYTES
}
