//! The hop: proves an uplink datagram to the relay, and seals what ends at the relay.
//!
//! A session's keys come from one secret that the relay draws at sign-in and sends through the control
//! channel. An uplink datagram is
//!
//! ```text
//! session u32 | counter u64 | tag 16 B | media packet                      media
//! session u32 | counter u64 | tag 16 B | kind u8 | sealed body             feedback, probe
//! ```
//!
//! and what the relay itself sends down, beside untouched media packets, is
//!
//! ```text
//! kind u8 | counter u64 | sealed body | tag 16 B
//! ```
//!
//! All integers are little-endian. The media tag covers hop header, media header and end-to-end tag: its
//! cost does not grow with the packet.

use aes_gcm::aead::array::Array;
use aes_gcm::aead::{AeadInOut, KeyInit, inout::InOutBuf};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use hkdf::Hkdf;
use serde::{Serialize, de::DeserializeOwned};
use sha2::Sha256;

use crate::MAX_DATAGRAM;
use crate::id::SessionId;
use crate::secret::Secret;
use crate::wire::header::{HEADER_BYTES, HOP_HEADER_BYTES, Kind, TAG_BYTES};

const COUNTED_BYTES: usize = 4 + 8;
const DOWN_HEADER_BYTES: usize = 1 + 8;

/// The keys of one session's hop, the same on both sides.
pub struct HopKeys {
    uplink_tag: Aes256Gcm,
    uplink_body: Aes256Gcm,
    downlink_body: Aes256Gcm,
}

/// Why a hop datagram is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HopError {
    /// Too short or too long for its kind.
    #[error("{0} bytes cannot be such a datagram")]
    Length(usize),
    /// A kind that is not allowed here.
    #[error("{0} is not a kind for here")]
    Kind(u8),
    /// The tag is wrong: the datagram is forged, damaged, or of another session.
    #[error("the tag does not hold")]
    Tag,
    /// The tag is right, but the body is not a value.
    #[error("the body is not a value")]
    Body,
}

/// The front of an uplink datagram, parsed but not proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HopHeader {
    /// The session that the datagram claims to come from.
    pub session: SessionId,
    /// Its counter among the session's uplink datagrams.
    pub counter: u64,
    /// The kind of what follows.
    pub kind: Kind,
}

impl HopHeader {
    /// Reads the hop header and the kind of what follows it.
    ///
    /// # Errors
    /// [`HopError`] if the length or the kind is not valid. Nothing is proven yet.
    pub fn parse(datagram: &[u8]) -> Result<Self, HopError> {
        let length = HopError::Length(datagram.len());
        if datagram.len() > MAX_DATAGRAM {
            return Err(length);
        }
        let (&[s0, s1, s2, s3], rest) = datagram.split_first_chunk().ok_or(length)?;
        let (counter, rest) = rest.split_first_chunk().ok_or(length)?;
        let byte = *rest.get(TAG_BYTES).ok_or(length)?;
        let kind = Kind::from_byte(byte).ok_or(HopError::Kind(byte))?;
        if kind.is_media() && datagram.len() < HOP_HEADER_BYTES + HEADER_BYTES + TAG_BYTES {
            return Err(length);
        }
        Ok(Self {
            session: SessionId(u32::from_le_bytes([s0, s1, s2, s3])),
            counter: u64::from_le_bytes(*counter),
            kind,
        })
    }
}

/// An uplink datagram whose front is parsed but not proven: it is parsed once, so the header always belongs to it.
#[derive(Debug)]
pub struct HopDatagram<'d> {
    header: HopHeader,
    bytes: &'d mut [u8],
}

impl<'d> HopDatagram<'d> {
    /// Parses the front of a datagram.
    ///
    /// # Errors
    /// [`HopError`] if the length or the kind is not valid. Nothing is proven yet.
    pub fn parse(bytes: &'d mut [u8]) -> Result<Self, HopError> {
        let header = HopHeader::parse(bytes)?;
        Ok(Self { header, bytes })
    }

    /// The hop header.
    #[must_use]
    pub const fn header(&self) -> HopHeader {
        self.header
    }

    /// The length of the whole datagram.
    #[must_use]
    pub const fn datagram_bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// The most bytes of a body in an uplink datagram of this length.
#[must_use]
pub const fn body_up(datagram_bytes: usize) -> usize {
    datagram_bytes.saturating_sub(HOP_HEADER_BYTES + 1)
}

/// The most bytes of a body in a datagram of this length that the relay seals.
#[must_use]
pub const fn body_down(datagram_bytes: usize) -> usize {
    datagram_bytes.saturating_sub(DOWN_HEADER_BYTES + TAG_BYTES)
}

impl HopKeys {
    /// Derives the keys of a session.
    #[must_use]
    pub fn derive(secret: &Secret<32>) -> Self {
        let root = Hkdf::<Sha256>::new(None, secret.expose());
        let key = |label: &[u8]| {
            let mut key = Secret([0; 32]);
            root.expand(label, &mut key.0)
                .expect("32 bytes are within what HKDF-SHA256 gives");
            Aes256Gcm::new(&Array(*key.expose()))
        };
        Self {
            uplink_tag: key(b"conclave hop v1 uplink tag"),
            uplink_body: key(b"conclave hop v1 uplink body"),
            downlink_body: key(b"conclave hop v1 downlink body"),
        }
    }

    /// The hop header for a sealed media packet, to be sent before it.
    ///
    /// `counter` must never have been used under these keys.
    ///
    /// # Panics
    /// If the packet is shorter than header and tag: then it is not a sealed packet.
    #[must_use]
    pub fn tag_media(
        &self,
        session: SessionId,
        counter: u64,
        packet: &[u8],
    ) -> [u8; HOP_HEADER_BYTES] {
        let mut hop = [0; HOP_HEADER_BYTES];
        write_counted(&mut hop, session, counter);
        let covered = covered(&hop, packet);
        let tag = self
            .uplink_tag
            .encrypt_inout_detached(&nonce(counter), &covered, InOutBuf::from(&mut [][..]))
            .expect("an empty plaintext is within what AES-GCM seals");
        hop[COUNTED_BYTES..].copy_from_slice(&tag);
        hop
    }

    /// Proves a media datagram and returns the packet in it.
    ///
    /// The caller checks the counter against its replay window before the call, and moves the window after it.
    ///
    /// # Errors
    /// [`HopError`] if it is too short or the tag is wrong.
    pub fn prove_media<'d>(&self, datagram: &'d [u8]) -> Result<&'d [u8], HopError> {
        self.prove_packet(HopHeader::parse(datagram)?, datagram)
    }

    /// As [`Self::prove_media`], of a datagram that is parsed already.
    ///
    /// # Errors
    /// [`HopError`] when it is no media or the tag does not hold.
    pub fn prove_parsed<'d>(&self, datagram: HopDatagram<'d>) -> Result<&'d [u8], HopError> {
        self.prove_packet(datagram.header, datagram.bytes)
    }

    fn prove_packet<'d>(
        &self,
        header: HopHeader,
        datagram: &'d [u8],
    ) -> Result<&'d [u8], HopError> {
        if !header.kind.is_media() {
            return Err(HopError::Kind(header.kind as u8));
        }
        let (hop, packet) = datagram
            .split_first_chunk::<HOP_HEADER_BYTES>()
            .ok_or(HopError::Length(datagram.len()))?;
        let covered = covered(hop, packet);
        let tag = Tag::try_from(&hop[COUNTED_BYTES..]).map_err(|_| HopError::Tag)?;
        self.uplink_tag
            .decrypt_inout_detached(
                &nonce(header.counter),
                &covered,
                InOutBuf::from(&mut [][..]),
                &tag,
            )
            .map_err(|_| HopError::Tag)?;
        Ok(packet)
    }

    /// Seals a feedback or probe body for the relay into `out`; returns the datagram's length.
    ///
    /// `counter` must never have been used under these keys.
    ///
    /// # Errors
    /// [`HopError::Body`] if the value is too long for a datagram.
    pub fn seal_up<T: Serialize>(
        &self,
        session: SessionId,
        counter: u64,
        kind: Kind,
        body: &T,
        out: &mut [u8; MAX_DATAGRAM],
    ) -> Result<usize, HopError> {
        write_counted(out, session, counter);
        out[HOP_HEADER_BYTES] = kind as u8;
        let start = HOP_HEADER_BYTES + 1;
        let length = postcard::to_slice(body, &mut out[start..])
            .map_err(|_| HopError::Body)?
            .len();
        let (front, rest) = out.split_at_mut(start);
        let aad = up_aad(front);
        let tag = self
            .uplink_body
            .encrypt_inout_detached(&nonce(counter), &aad, InOutBuf::from(&mut rest[..length]))
            .expect("a datagram is within what AES-GCM seals");
        front[COUNTED_BYTES..HOP_HEADER_BYTES].copy_from_slice(&tag);
        Ok(start + length)
    }

    /// Opens a feedback or probe datagram in place.
    ///
    /// # Errors
    /// [`HopError`] if the length or kind is wrong, the tag is wrong, or the body is not such a value.
    pub fn open_up<T: DeserializeOwned>(&self, datagram: &mut [u8]) -> Result<T, HopError> {
        self.open_parsed(HopDatagram::parse(datagram)?)
    }

    /// As [`Self::open_up`], of a datagram that is parsed already.
    ///
    /// # Errors
    /// [`HopError`] when the kind is wrong, the tag does not hold, or the body is no such value.
    pub fn open_parsed<T: DeserializeOwned>(
        &self,
        datagram: HopDatagram<'_>,
    ) -> Result<T, HopError> {
        let HopDatagram { header, bytes } = datagram;
        if header.kind.is_media() {
            return Err(HopError::Kind(header.kind as u8));
        }
        let (front, body) = bytes.split_at_mut(HOP_HEADER_BYTES + 1);
        let aad = up_aad(front);
        let tag =
            Tag::try_from(&front[COUNTED_BYTES..HOP_HEADER_BYTES]).map_err(|_| HopError::Tag)?;
        self.uplink_body
            .decrypt_inout_detached(
                &nonce(header.counter),
                &aad,
                InOutBuf::from(&mut *body),
                &tag,
            )
            .map_err(|_| HopError::Tag)?;
        exact(body)
    }

    /// Seals a feedback or probe body for the endpoint into `out`; returns the datagram's length.
    ///
    /// `counter` must never have been used for the downlink of these keys.
    ///
    /// # Errors
    /// [`HopError::Body`] if the value is too long for a datagram.
    pub fn seal_down<T: Serialize>(
        &self,
        counter: u64,
        kind: Kind,
        body: &T,
        out: &mut [u8; MAX_DATAGRAM],
    ) -> Result<usize, HopError> {
        out[0] = kind as u8;
        out[1..DOWN_HEADER_BYTES].copy_from_slice(&counter.to_le_bytes());
        let room = MAX_DATAGRAM - TAG_BYTES;
        let length = postcard::to_slice(body, &mut out[DOWN_HEADER_BYTES..room])
            .map_err(|_| HopError::Body)?
            .len();
        let (front, rest) = out.split_at_mut(DOWN_HEADER_BYTES);
        let tag = self
            .downlink_body
            .encrypt_inout_detached(&nonce(counter), front, InOutBuf::from(&mut rest[..length]))
            .expect("a datagram is within what AES-GCM seals");
        rest[length..length + TAG_BYTES].copy_from_slice(&tag);
        Ok(DOWN_HEADER_BYTES + length + TAG_BYTES)
    }

    /// Opens a feedback or probe datagram of the relay in place; returns its counter and body.
    ///
    /// # Errors
    /// [`HopError`] if the length or kind is wrong, the tag is wrong, or the body is not such a value.
    pub fn open_down<T: DeserializeOwned>(
        &self,
        datagram: &mut [u8],
    ) -> Result<(u64, T), HopError> {
        let length = HopError::Length(datagram.len());
        if datagram.len() < DOWN_HEADER_BYTES + TAG_BYTES || datagram.len() > MAX_DATAGRAM {
            return Err(length);
        }
        let (front, rest) = datagram.split_at_mut(DOWN_HEADER_BYTES);
        match Kind::from_byte(front[0]) {
            Some(Kind::Feedback | Kind::Probe) => {}
            _ => return Err(HopError::Kind(front[0])),
        }
        let counter = u64::from_le_bytes(*front[1..].first_chunk().ok_or(length)?);
        let (body, tag) = rest.split_at_mut(rest.len() - TAG_BYTES);
        let tag = Tag::try_from(&*tag).map_err(|_| HopError::Tag)?;
        self.downlink_body
            .decrypt_inout_detached(&nonce(counter), front, InOutBuf::from(&mut *body), &tag)
            .map_err(|_| HopError::Tag)?;
        Ok((counter, exact(body)?))
    }
}

fn write_counted(out: &mut [u8], session: SessionId, counter: u64) {
    out[..4].copy_from_slice(&session.0.to_le_bytes());
    out[4..COUNTED_BYTES].copy_from_slice(&counter.to_le_bytes());
}

/// Hop header fields ‖ kind: what a sealed body is bound to.
fn up_aad(front: &[u8]) -> [u8; COUNTED_BYTES + 1] {
    let mut aad = [0; COUNTED_BYTES + 1];
    aad[..COUNTED_BYTES].copy_from_slice(&front[..COUNTED_BYTES]);
    aad[COUNTED_BYTES] = front[HOP_HEADER_BYTES];
    aad
}

/// Hop header fields ‖ media header ‖ end-to-end tag: what the media tag proves.
fn covered(
    hop: &[u8; HOP_HEADER_BYTES],
    packet: &[u8],
) -> [u8; COUNTED_BYTES + HEADER_BYTES + TAG_BYTES] {
    let mut covered = [0; COUNTED_BYTES + HEADER_BYTES + TAG_BYTES];
    covered[..COUNTED_BYTES].copy_from_slice(&hop[..COUNTED_BYTES]);
    covered[COUNTED_BYTES..COUNTED_BYTES + HEADER_BYTES].copy_from_slice(&packet[..HEADER_BYTES]);
    covered[COUNTED_BYTES + HEADER_BYTES..].copy_from_slice(&packet[packet.len() - TAG_BYTES..]);
    covered
}

/// Four zero bytes ‖ counter, little-endian.
fn nonce(counter: u64) -> Nonce<aes_gcm::aead::consts::U12> {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_le_bytes());
    Array(nonce)
}

fn exact<T: DeserializeOwned>(body: &[u8]) -> Result<T, HopError> {
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        _ => Err(HopError::Body),
    }
}
