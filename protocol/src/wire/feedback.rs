//! Messages under the hop keys only, which end at the other side of the hop: requests for missing packets, and probes.

use core::fmt;
use heapless::Vec;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::MAX_DATAGRAM;
use crate::id::{SequenceNumber, StreamId};
use crate::time::{Instant, Micros};

/// Streams in one negative acknowledgement.
pub const STREAMS_A_NACK: usize = 16;
/// Gaps of one stream in one negative acknowledgement.
pub const GAPS_A_STREAM: usize = 32;

/// The body of a [`crate::wire::header::Kind::Feedback`] packet, in both directions: the receiver of media tells its
/// sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Feedback {
    /// Missing packets, sent at once.
    Nack(Nack),
}

/// Packets that a receiver requests again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nack {
    /// One entry for each stream.
    pub streams: Vec<StreamGaps, STREAMS_A_NACK>,
}

/// What is missing of one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamGaps {
    /// The stream.
    pub stream: StreamId,
    /// Where counting begins.
    pub first: SequenceNumber,
    /// The missing packets, in rising order.
    pub gaps: Vec<Gap, GAPS_A_STREAM>,
}

/// Consecutive missing packets, counted from the end of the gap before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Packets that are not missing.
    pub skip: u16,
    /// Packets that are.
    pub count: u16,
}

impl StreamGaps {
    /// The sequence numbers asked for, one by one; none beyond the last number.
    pub fn missing(&self) -> impl Iterator<Item = SequenceNumber> {
        let mut next = self.first.0;
        self.gaps.iter().flat_map(move |gap| {
            let from = next.saturating_add(u64::from(gap.skip));
            next = from.saturating_add(u64::from(gap.count));
            (from..next).map(SequenceNumber)
        })
    }
}

/// The body of a [`crate::wire::header::Kind::Probe`] packet, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Probe {
    /// From the endpoint to the relay: asks for an answer to the address that the probe came from.
    Ask {
        /// The endpoint's clock at sending.
        sent: Instant,
        /// The highest counter of the answers that arrived: it proves to the relay that its way down works, too.
        seen: Option<u64>,
        /// The least round-trip time that the endpoint has measured lately; zero before the first answer.
        round_trip: Micros,
        /// Makes the probe as long as a picture's datagrams.
        padding: Padding,
    },
    /// From the relay to the endpoint: the answer.
    Answer {
        /// The time in the endpoint's probe, unchanged.
        sent: Instant,
        /// The relay's clock when it answered.
        relay: Instant,
        /// Makes the answer as long as the probe.
        padding: Padding,
    },
}

impl Probe {
    /// The same probe with padding to reach this length of the body; without padding if it is longer already.
    #[must_use]
    pub fn padded_to(mut self, body_bytes: usize) -> Self {
        self.set_padding(0);
        let mut out = [0; MAX_UNPADDED];
        let bare = postcard::to_slice(&self, &mut out).map_or(MAX_UNPADDED, |body| body.len());
        let missing = body_bytes.saturating_sub(bare);
        // A length of 128 and more takes a second byte.
        self.set_padding(if missing > ONE_BYTE_LENGTH {
            missing - 1
        } else {
            missing
        });
        self
    }

    fn set_padding(&mut self, bytes: usize) {
        let (Self::Ask { padding, .. } | Self::Answer { padding, .. }) = self;
        padding.0 = bytes.min(MAX_DATAGRAM) as u16;
    }
}

/// The longest probe without padding: a variant, three numbers of 10 bytes, an option, a length.
const MAX_UNPADDED: usize = 40;
/// The longest value that postcard writes in one byte.
const ONE_BYTE_LENGTH: usize = 127;

/// Zeros, which reveal a path that passes only small datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding(u16);

impl Padding {
    /// No padding.
    pub const NONE: Self = Self(0);
}

static ZEROS: [u8; MAX_DATAGRAM] = [0; MAX_DATAGRAM];

impl Serialize for Padding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&ZEROS[..usize::from(self.0).min(MAX_DATAGRAM)])
    }
}

impl<'de> Deserialize<'de> for Padding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Zeros;

        impl Visitor<'_> for Zeros {
            type Value = Padding;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {MAX_DATAGRAM} bytes of zero")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Padding, E> {
                if bytes.len() > MAX_DATAGRAM || bytes.iter().any(|byte| *byte != 0) {
                    return Err(E::invalid_length(bytes.len(), &self));
                }
                Ok(Padding(bytes.len() as u16))
            }
        }

        deserializer.deserialize_bytes(Zeros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_padded_probe_is_as_long_as_it_is_to_be_and_says_the_same() {
        let asks = [(0, None), (u64::MAX, Some(u64::MAX)), (7, Some(300))].map(|(sent, seen)| {
            Probe::Ask {
                sent: Instant(sent),
                seen,
                round_trip: Micros(sent / 2),
                padding: Padding::NONE,
            }
        });
        let answer = Probe::Answer {
            sent: Instant(u64::MAX),
            relay: Instant(u64::MAX),
            padding: Padding::NONE,
        };
        for probe in asks.into_iter().chain([answer]) {
            let bare = postcard::to_allocvec(&probe).unwrap().len();
            assert!(bare <= MAX_UNPADDED);
            for length in 0..=MAX_DATAGRAM {
                let padded = probe.padded_to(length);
                let bytes = postcard::to_allocvec(&padded).unwrap();
                // One length is impossible: where the padding's own length takes a second byte.
                let exact = length.max(bare);
                let is_gap = exact == bare + ONE_BYTE_LENGTH + 1;
                assert_eq!(bytes.len(), exact - usize::from(is_gap));
                assert_eq!(postcard::from_bytes(&bytes), Ok(padded));
                assert_eq!(padded.padded_to(0), probe);
            }
        }
    }

    #[test]
    fn padding_is_zeros_and_fits_a_datagram() {
        assert_eq!(postcard::from_bytes(&[2, 0, 0]), Ok(Padding(2)));
        assert!(postcard::from_bytes::<Padding>(&[2, 0, 1]).is_err());
        assert!(postcard::from_bytes::<Padding>(&[3, 0, 0]).is_err());
        let long = [&[0xb1, 0x09][..], &[0; MAX_DATAGRAM + 1]].concat();
        assert!(postcard::from_bytes::<Padding>(&long).is_err());
    }
}
