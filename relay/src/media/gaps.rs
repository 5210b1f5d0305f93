//! What is missing of one publisher's packets.

use conclave_protocol::nack::{Came, GapTracker};
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::feedback::Nack;
use conclave_protocol::wire::header::Header;

use super::tally::Tally;

/// Streams of one publisher that are tracked: those that may be published at a time, and as many that have ended.
const STREAMS: usize = 16;
/// A publisher says how long the round trip takes; no longer one is believed.
const MOST_ROUND_TRIP: Micros = Micros::from_secs(1);

/// What is missing of one publisher's packets.
#[derive(Debug)]
pub(super) struct Gaps {
    tracker: GapTracker,
    is_listed: bool,
}

impl Gaps {
    pub(super) fn new() -> Self {
        Self {
            tracker: GapTracker::for_streams(STREAMS),
            is_listed: false,
        }
    }

    /// Notes a packet of the publisher's own stream; `true` when the publisher has to be listed as one that may have
    /// to be asked. The round trip is what the publisher says.
    pub(super) fn note(
        &mut self,
        header: &Header,
        round_trip: Micros,
        now: Instant,
        tally: &mut Tally,
    ) -> bool {
        self.tracker.set_round_trip(round_trip.min(MOST_ROUND_TRIP));
        let came = self.tracker.note(header, now);
        tally.uplink_repaired += u64::from(came == Came::AskedFor);
        let is_new = !self.is_listed && self.tracker.next_time().is_some();
        self.is_listed |= is_new;
        is_new
    }

    /// What to ask for now, and in how many copies.
    pub(super) fn ask(&mut self, now: Instant) -> Option<(Nack, usize)> {
        let nack = self.tracker.ask(now);
        self.is_listed = self.next_time().is_some();
        let copies = if self.tracker.is_lossy() { 2 } else { 1 };
        nack.map(|nack| (nack, copies))
    }

    /// When to ask next, if something may be missing.
    pub(super) fn next_time(&self) -> Option<Instant> {
        self.tracker.next_time()
    }
}
