//! What travels under the hop keys alone and ends at the relay: reports, negative acknowledgements, probes.

use heapless::Vec;
use serde::{Deserialize, Serialize};

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
    /// What arrived, each 100 ms while media flows.
    Report(Report),
    /// What is missing, at once.
    Nack(Nack),
}

/// What a receiver saw of its streams since the last report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The receiver's clock at sending.
    pub sent: Instant,
    /// One entry a stream.
    pub streams: Vec<StreamReport, STREAMS_A_REPORT>,
}

/// What a receiver saw of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamReport {
    /// Which.
    pub stream: StreamId,
    /// The highest sequence number that came.
    pub highest: SequenceNumber,
    /// Packets that did not come, since the stream began.
    pub lost: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1).
    pub jitter: Micros,
    /// Change of the one-way delay since the last report, in µs; rising means that a queue fills.
    pub trend_us: i32,
}

/// Packets that a receiver asks for again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nack {
    /// Of which stream.
    pub stream: StreamId,
    /// Which, in rising order.
    pub missing: Vec<SequenceRange, RANGES_A_NACK>,
}

/// Consecutive sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceRange {
    /// The first.
    pub first: SequenceNumber,
    /// How many.
    pub count: u16,
}

/// The body of a [`crate::wire::header::Kind::Probe`] packet, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Probe {
    /// Endpoint to relay: is there a way, and where do I come from?
    Ask {
        /// The endpoint's clock at sending.
        sent: Instant,
    },
    /// Relay to endpoint: there is.
    Answer {
        /// The asking probe's time, as it came.
        sent: Instant,
        /// The relay's clock when it answered.
        relay: Instant,
    },
}
