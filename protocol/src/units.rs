//! Quantities that carry their unit in their type.

use serde::{Deserialize, Serialize};

/// Loudness as in RFC 6464: −dBov, so 0 is the loudest and 127 is silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Dbov(u8);

impl Dbov {
    /// Digital silence.
    pub const SILENCE: Self = Self(127);
    /// The loudest value of the format.
    pub const LOUDEST: Self = Self(0);

    /// A level of `below` dB below overload; more than 127 is silence.
    #[must_use]
    pub const fn below_overload(below: u8) -> Self {
        Self(if below > 127 { 127 } else { below })
    }

    /// Decibels below overload, 0 to 127.
    #[must_use]
    pub const fn as_below_overload(self) -> u8 {
        self.0
    }
}

/// The level byte of an audio packet: loudness, and whether the sender is speaking (RFC 6464's V bit on top).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AudioLevel {
    /// How loud the block is.
    pub loudness: Dbov,
    /// Whether the block holds voice.
    pub voice: bool,
}

impl AudioLevel {
    /// The byte for the clear header.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        self.loudness.0 | if self.voice { 0x80 } else { 0 }
    }

    /// Parses the byte of the clear header; every byte is valid.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Self {
        Self {
            loudness: Dbov(byte & 0x7f),
            voice: byte & 0x80 != 0,
        }
    }
}

/// Wall-clock time of the relay: milliseconds since 1970-01-01 UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct UnixMillis(pub u64);

/// How far the relay's monotonic clock is ahead of an endpoint's, in microseconds.
///
/// `relay = endpoint + offset`. With the offsets of two endpoints, the capture time of one is converted into the
/// clock of the other. So latency is measured without synchronized wall clocks.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct ClockOffset(pub i64);

/// Width and height of a picture in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PictureSize {
    /// Pixels in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
}
