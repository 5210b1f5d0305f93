//! The relay's clock against this one: what turns another endpoint's capture times into this one's.

use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::units::ClockOffset;

/// A change of the clock offset that is worth telling, in µs.
const OFFSET_STEP_US: u64 = 500;

/// The relay's clock against this one, from the quickest of the last answers.
#[derive(Default)]
pub(super) struct ClockEstimate {
    best: Option<(Micros, i64)>,
    answers: u32,
    pub(super) told: Option<i64>,
}

impl ClockEstimate {
    /// Takes a ping's answer; gives the offset when it is news.
    pub(super) fn update(
        &mut self,
        sent: Instant,
        relay: Instant,
        now: Instant,
    ) -> Option<ClockOffset> {
        let round_trip = now.since(sent);
        let middle = sent.0.cast_signed() + round_trip.0.cast_signed() / 2;
        let offset = relay.0.cast_signed().wrapping_sub(middle);
        // After 30 answers, a minute, even the best is forgotten: clocks drift.
        if self.answers.is_multiple_of(30) {
            self.best = None;
        }
        self.answers += 1;
        if self.best.is_none_or(|(quickest, _)| round_trip < quickest) {
            self.best = Some((round_trip, offset));
        }
        let (_, offset) = self.best?;
        let news = self
            .told
            .is_none_or(|told| told.abs_diff(offset) > OFFSET_STEP_US);
        news.then(|| {
            self.told = Some(offset);
            ClockOffset(offset)
        })
    }
}
