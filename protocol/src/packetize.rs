//! Splits a frame into fragments: which bytes go into which packet, and the header of each.

use crate::id::{Epoch, FrameNumber, SequenceNumber, StreamId};
use crate::time::Instant;
use crate::wire::header::{Header, Kind, MAX_PAYLOAD};

/// The largest frame that may be sent or reassembled.
///
/// A higher value raises the memory of a receiver, which holds four such frames for each stream. A 1080p camera's
/// JPEG of good quality has 200–400 kB.
pub const MAX_FRAME_BYTES: usize = 1 << 20;
/// Fragments of the largest frame.
pub const MAX_FRAGMENTS: u16 = MAX_FRAME_BYTES.div_ceil(MAX_PAYLOAD) as u16;

/// Why a frame cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketizeError {
    /// The frame is empty.
    #[error("an empty frame cannot be sent")]
    Empty,
    /// The frame is longer than a receiver would hold.
    #[error(
        "a frame of {0} bytes: at most {MAX_FRAME_BYTES} can be sent, so use a smaller picture or a lower quality"
    )]
    TooLong(usize),
}

/// Counts one stream's packets and frames.
#[derive(Clone, Debug)]
pub struct Packetizer {
    kind: Kind,
    stream: StreamId,
    sequence: SequenceNumber,
    frame: FrameNumber,
}

impl Packetizer {
    /// Starts a stream; `kind` is a media kind.
    #[must_use]
    pub const fn new(kind: Kind, stream: StreamId) -> Self {
        Self::starting_at(kind, stream, SequenceNumber(0))
    }

    /// Starts a stream at a sequence number, where 0 may have been used under the same key.
    #[must_use]
    pub const fn starting_at(kind: Kind, stream: StreamId, sequence: SequenceNumber) -> Self {
        Self {
            kind,
            stream,
            sequence,
            frame: FrameNumber(0),
        }
    }

    /// The stream.
    #[must_use]
    pub const fn stream(&self) -> StreamId {
        self.stream
    }

    /// The headers of one frame of `length` bytes, in order, each with the range of its bytes in the frame.
    ///
    /// # Errors
    /// [`PacketizeError`] if the frame is empty or too long; then no number is used.
    pub fn frame(
        &mut self,
        length: usize,
        level: u8,
        epoch: Epoch,
        captured: Instant,
    ) -> Result<
        impl ExactSizeIterator<Item = (Header, core::ops::Range<usize>)> + use<>,
        PacketizeError,
    > {
        if length == 0 {
            return Err(PacketizeError::Empty);
        }
        if length > MAX_FRAME_BYTES {
            return Err(PacketizeError::TooLong(length));
        }
        let fragments = length.div_ceil(MAX_PAYLOAD) as u16;
        let first = self.sequence.0;
        let frame = if self.kind == Kind::Audio {
            FrameNumber(0)
        } else {
            self.frame
        };
        self.sequence.0 += u64::from(fragments);
        self.frame.0 = self.frame.0.wrapping_add(1);
        let (kind, stream) = (self.kind, self.stream);
        Ok((0..fragments).map(move |fragment| {
            let start = usize::from(fragment) * MAX_PAYLOAD;
            let header = Header {
                kind,
                level,
                epoch,
                stream,
                sequence: SequenceNumber(first + u64::from(fragment)),
                timestamp: captured,
                frame,
                fragment,
                fragments,
            };
            (header, start..length.min(start + MAX_PAYLOAD))
        }))
    }
}
