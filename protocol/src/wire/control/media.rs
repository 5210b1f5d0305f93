//! Streams: what they carry, and how much of one is wanted.

use serde::{Deserialize, Serialize};

use crate::id::{SourceId, StreamId};
use crate::units::PictureSize;

/// A stream with its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// The number in the media header.
    pub id: StreamId,
    /// What it is.
    pub offer: StreamOffer,
}

/// What a stream is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamOffer {
    /// What the layers of one source share.
    pub source: SourceId,
    /// What it carries.
    pub media: Media,
}

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Media {
    /// Sound in blocks of 20 ms, a packet each.
    Audio(AudioCodec),
    /// A camera's pictures, each a JPEG.
    Camera(Picture),
    /// A screen's pictures, each a JPEG.
    Screen(Picture),
}

/// How a block of sound is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AudioCodec {
    /// 16-bit big-endian samples at 16 kHz, mono (RFC 3551 §4.5.11): what every endpoint speaks.
    L16Mono16k,
    /// Opus at 48 kHz, mono (RFC 6716).
    OpusMono48k,
}

/// Size and rate that a picture stream aims at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Which of the source's layers.
    pub layer: Layer,
    /// In pixels.
    pub size: PictureSize,
    /// Frames a second.
    pub fps: u8,
}

/// Sizes of one picture source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Layer {
    /// As the camera gives it.
    Full,
    /// Half the width and height.
    Half,
    /// A thumbnail.
    Thumbnail,
}

/// How much of a stream to send on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Want {
    /// Every frame.
    All,
    /// Whole frames, at most so many a second; at least 1.
    AtMost {
        /// Frames a second.
        fps: u8,
    },
    /// Nothing.
    Nothing,
}
