//! The sending half of media: a frame in, datagrams out, in one pass over its bytes.

use aes_gcm::aead::inout::InOutBuf;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use serde::Serialize;

use crate::MAX_DATAGRAM;
use crate::hop::{HopError, HopKeys};
use crate::id::{Epoch, SequenceNumber, SessionId, StreamId};
use crate::packetize::{PacketizeError, Packetizer};
use crate::seal::MediaKey;
use crate::secret::Secret;
use crate::sender_key::SenderKey;
use crate::time::Instant;
use crate::wire::header::{HEADER_BYTES, HOP_HEADER_BYTES, Kind, TAG_BYTES};

/// A session's uplink, shared by all its senders: the hop keys, and the counter, which never repeats.
pub struct Uplink {
    session: SessionId,
    keys: HopKeys,
    counter: AtomicU64,
}

/// Sequence numbers reserved for one stream: 34 years of 1000 packets a second, for 2^24 streams.
const STREAM_SEQUENCES: u64 = 1 << 40;

/// Streams that this process has started.
static STREAMS: AtomicU64 = AtomicU64::new(0);

impl Uplink {
    /// The uplink of a new session. A resumed session continues with the uplink that it had.
    #[must_use]
    pub fn new(session: SessionId, secret: &Secret<32>) -> Self {
        Self {
            session,
            keys: HopKeys::derive(secret),
            counter: AtomicU64::new(0),
        }
    }

    /// The session that it belongs to.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// The hop keys, for datagrams from the relay.
    #[must_use]
    pub const fn keys(&self) -> &HopKeys {
        &self.keys
    }

    fn count(&self, datagrams: u64) -> u64 {
        self.counter.fetch_add(datagrams, Ordering::Relaxed)
    }

    /// Seals a feedback or probe body into `out`; returns the datagram's length.
    ///
    /// # Errors
    /// [`HopError::Body`] if the value is too long for a datagram.
    pub fn seal<T: Serialize>(
        &self,
        kind: Kind,
        body: &T,
        out: &mut [u8; MAX_DATAGRAM],
    ) -> Result<usize, HopError> {
        self.keys
            .seal_up(self.session, self.count(1), kind, body, out)
    }
}

/// One stream's sender.
pub struct StreamSender {
    uplink: Arc<Uplink>,
    packetizer: Packetizer,
    epoch: Epoch,
    key: MediaKey,
}

impl StreamSender {
    /// Starts a stream under a sender key; `kind` is a media kind.
    ///
    /// The relay numbers the streams. If it assigned one number twice, two streams would share a key; so every stream
    /// of a process has sequence numbers, hence nonces, of its own.
    #[must_use]
    pub fn new(uplink: Arc<Uplink>, kind: Kind, stream: StreamId, key: &SenderKey) -> Self {
        let streams = STREAMS.fetch_add(1, Ordering::Relaxed);
        let first = SequenceNumber(streams.wrapping_mul(STREAM_SEQUENCES));
        Self::starting_at(uplink, kind, stream, key, first)
    }

    /// Starts a stream at a sequence number of the caller's choice. The caller guarantees that no equal or later one
    /// was ever used under this key for a stream of this number.
    #[must_use]
    pub fn starting_at(
        uplink: Arc<Uplink>,
        kind: Kind,
        stream: StreamId,
        key: &SenderKey,
        first: SequenceNumber,
    ) -> Self {
        Self {
            packetizer: Packetizer::starting_at(kind, stream, first),
            uplink,
            epoch: key.epoch(),
            key: key.media_key(stream),
        }
    }

    /// The stream that it sends.
    #[must_use]
    pub const fn stream(&self) -> StreamId {
        self.packetizer.stream()
    }

    /// The epoch that it seals in.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Continues under another key, from the next frame.
    pub fn rekey(&mut self, key: &SenderKey) {
        self.epoch = key.epoch();
        self.key = key.media_key(self.stream());
    }

    /// Continues over another session's uplink, from the next frame; the sequence continues.
    pub fn set_uplink(&mut self, uplink: Arc<Uplink>) {
        self.uplink = uplink;
    }

    /// Seals one frame, given in consecutive parts, into `out`, whose old content is replaced.
    ///
    /// A fragment that lies within one part is sealed directly from it; only a fragment that spans two parts is
    /// copied first.
    ///
    /// # Errors
    /// [`PacketizeError`] if the frame is empty or too long.
    pub fn seal_frame(
        &mut self,
        parts: &[&[u8]],
        level: u8,
        captured: Instant,
        out: &mut DatagramBatch,
    ) -> Result<(), PacketizeError> {
        let length = parts.iter().map(|part| part.len()).sum();
        out.length = 0;
        let headers = self.packetizer.frame(length, level, self.epoch, captured)?;
        let datagrams = headers.len();
        let overhead = HOP_HEADER_BYTES + HEADER_BYTES + TAG_BYTES;
        let out = out.prepare(length + datagrams * overhead);
        let first_counter = self.uplink.count(datagrams as u64);
        let mut rest = Parts { parts, offset: 0 };
        let mut datagram_start = 0;
        for (counter, (header, range)) in (first_counter..).zip(headers) {
            let sequence = header.sequence;
            let datagram_end =
                datagram_start + HOP_HEADER_BYTES + HEADER_BYTES + range.len() + TAG_BYTES;
            let (hop, packet) = out[datagram_start..datagram_end].split_at_mut(HOP_HEADER_BYTES);
            let (header_out, body) = packet.split_at_mut(HEADER_BYTES);
            let (body, tag_out) = body.split_at_mut(range.len());
            let header = header.emit();
            header_out.copy_from_slice(&header);
            let tag = match rest.take(range.len()) {
                Some(bytes) => {
                    let buffer =
                        InOutBuf::new(bytes, body).expect("both sides have the fragment's length");
                    self.key.seal(&header, sequence, buffer)
                }
                None => {
                    rest.copy(body);
                    self.key.seal(&header, sequence, InOutBuf::from(body))
                }
            };
            tag_out.copy_from_slice(&tag);
            hop.copy_from_slice(
                &self
                    .uplink
                    .keys
                    .tag_media(self.uplink.session, counter, packet),
            );
            datagram_start = datagram_end;
        }
        Ok(())
    }
}

/// Datagrams that lie back to back, all except the last [`MAX_DATAGRAM`] long: the form that segmentation offload
/// needs.
///
/// It keeps its memory from frame to frame, at most a frame of [`crate::packetize::MAX_FRAME_BYTES`].
#[derive(Debug, Default)]
pub struct DatagramBatch {
    memory: Vec<u8>,
    length: usize,
}

impl DatagramBatch {
    /// Space for `length` bytes, whose old content is overwritten.
    fn prepare(&mut self, length: usize) -> &mut [u8] {
        if self.memory.len() < length {
            self.memory.resize(length, 0);
        }
        self.length = length;
        &mut self.memory[..length]
    }

    /// All of them, back to back.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.memory[..self.length]
    }

    /// One after the other.
    pub fn datagrams(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.bytes().chunks(MAX_DATAGRAM)
    }
}

/// The part of a frame that is not sent yet.
struct Parts<'a, 'b> {
    parts: &'a [&'b [u8]],
    offset: usize,
}

impl<'b> Parts<'_, 'b> {
    /// The next `length` bytes, if they lie within one part.
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        while self
            .parts
            .first()
            .is_some_and(|part| part.len() == self.offset)
        {
            (self.parts, self.offset) = (&self.parts[1..], 0);
        }
        let bytes = self.parts.first()?.get(self.offset..self.offset + length)?;
        self.offset += length;
        Some(bytes)
    }

    /// Copies the next bytes, across parts.
    fn copy(&mut self, mut out: &mut [u8]) {
        while let (false, Some(part)) = (out.is_empty(), self.parts.first()) {
            let bytes = &part[self.offset..];
            let length = bytes.len().min(out.len());
            let (now, later) = out.split_at_mut(length);
            now.copy_from_slice(&bytes[..length]);
            (out, self.offset) = (later, self.offset + length);
            if self.offset == part.len() {
                (self.parts, self.offset) = (&self.parts[1..], 0);
            }
        }
    }
}
