//! Streams: what they carry, and how much of one is wanted.

use serde::{Deserialize, Serialize};

use crate::id::{SourceId, StreamId};
use crate::units::PictureSize;

/// A stream with its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// The number in the media header.
    pub id: StreamId,
    /// Its description.
    pub offer: StreamOffer,
}

/// The description of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamOffer {
    /// The number shared by the layers of one source.
    pub source: SourceId,
    /// The content of the stream.
    pub media: Media,
}

/// The content of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Media {
    /// Sound in blocks of 20 ms, one in each packet.
    Audio(AudioCodec),
    /// A camera's pictures, each a JPEG.
    Camera(Picture),
    /// A screen's pictures, each a JPEG.
    Screen(Picture),
}

/// The encoding of a block of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AudioCodec {
    /// 16-bit big-endian samples at 16 kHz, mono (RFC 3551 §4.5.11); every endpoint supports it.
    L16Mono16k,
    /// Opus at 48 kHz, mono (RFC 6716).
    OpusMono48k,
}

/// Size and rate that a picture stream aims at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// The layer of the source.
    pub layer: Layer,
    /// In pixels.
    pub size: PictureSize,
    /// Frames a second.
    pub fps: u8,
}

/// Sizes of one picture source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Layer {
    /// The camera's own size.
    Full,
    /// Half the width and height.
    Half,
    /// A thumbnail.
    Thumbnail,
}

/// How much of a stream to forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Want {
    /// Every frame.
    All,
    /// Whole frames, at most this many a second; at least 1.
    AtMost {
        /// Frames a second.
        fps: u8,
    },
    /// No frames.
    Nothing,
}
