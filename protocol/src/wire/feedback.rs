//! Messages under the hop keys only, which end at the relay: reports, negative acknowledgements, probes.

use core::fmt;
use heapless::Vec;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::MAX_DATAGRAM;
use crate::id::{SequenceNumber, StreamId};
use crate::time::{Instant, Micros};

/// Streams in one report; a participant who receives more sends several.
pub const STREAMS_A_REPORT: usize = 32;
/// Ranges in one negative acknowledgement.
pub const RANGES_A_NACK: usize = 32;

/// The body of a [`crate::wire::header::Kind::Feedback`] packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "bounded and on the stack, so that feedback allocates nothing"
)]
pub enum Feedback {
    /// Arrived packets, every 100 ms while media flows.
    Report(Report),
    /// Missing packets, sent at once.
    Nack(Nack),
}

/// A receiver's observations of its streams since the last report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The receiver's clock at sending.
    pub sent: Instant,
    /// One entry for each stream.
    pub streams: Vec<StreamReport, STREAMS_A_REPORT>,
}

/// A receiver's observations of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamReport {
    /// The stream.
    pub stream: StreamId,
    /// The highest sequence number that arrived.
    pub highest: SequenceNumber,
    /// Packets that did not arrive, since the stream began.
    pub lost: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1).
    pub jitter: Micros,
    /// Change of the one-way delay since the last report, in µs; a rising value means that a queue is filling.
    pub trend_us: i32,
}

/// Packets that a receiver requests again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nack {
    /// The stream.
    pub stream: StreamId,
    /// The missing packets, in rising order.
    pub missing: Vec<SequenceRange, RANGES_A_NACK>,
}

/// Consecutive sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceRange {
    /// The first number.
    pub first: SequenceNumber,
    /// How many numbers.
    pub count: u16,
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

/// The longest probe without padding: a variant, two numbers of 10 bytes, an option, a length.
const MAX_UNPADDED: usize = 32;
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
