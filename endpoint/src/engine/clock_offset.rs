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

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000;

    /// A relay whose clock is ahead of this one's.
    struct Bench {
        estimate: ClockEstimate,
        now: Instant,
        ahead_us: i64,
    }

    impl Bench {
        fn new(ahead_us: i64) -> Self {
            Self {
                estimate: ClockEstimate::default(),
                now: Instant(10_000_000),
                ahead_us,
            }
        }

        /// A ping there and back, each way as long as given; what is told after it.
        fn ping(&mut self, there_us: u64, back_us: u64) -> Option<i64> {
            let sent = self.now;
            let relay = sent.0.saturating_add(there_us);
            let relay = Instant(relay.saturating_add_signed(self.ahead_us));
            self.now += Micros(there_us + back_us);
            let told = self.estimate.update(sent, relay, self.now);
            self.now += Micros::from_secs(2);
            told.map(|offset| offset.0)
        }
    }

    #[test]
    fn the_first_answer_is_told_whichever_clock_is_ahead() {
        for ahead in [0, 7_000_000, -7_000_000] {
            let mut bench = Bench::new(ahead);
            assert_eq!(bench.ping(2 * MS, 2 * MS), Some(ahead));
            assert_eq!(bench.ping(2 * MS, 2 * MS), None, "it is no news");
            assert_eq!(bench.estimate.told, Some(ahead));
        }
    }

    #[test]
    fn a_quicker_answer_corrects_a_lopsided_one() {
        let mut bench = Bench::new(1_000);
        assert_eq!(bench.ping(40 * MS, 0), Some(21_000));
        assert_eq!(bench.ping(MS, MS), Some(1_000));
    }

    #[test]
    fn a_slower_answer_changes_nothing() {
        let mut bench = Bench::new(1_000);
        bench.ping(MS, MS);
        assert_eq!(bench.ping(90 * MS, 0), None);
        assert_eq!(bench.ping(0, 90 * MS), None);
        assert_eq!(bench.estimate.told, Some(1_000));
    }

    #[test]
    fn a_change_within_half_a_millisecond_is_not_worth_telling() {
        let mut bench = Bench::new(0);
        bench.ping(2 * MS, 2 * MS);
        bench.ahead_us = 500;
        assert_eq!(bench.ping(MS, MS), None);
        bench.ahead_us = 501;
        assert_eq!(bench.ping(MS / 2, MS / 2), Some(501));
    }

    #[test]
    fn a_clock_that_steps_is_followed_within_a_minute_each_time() {
        let mut bench = Bench::new(0);
        bench.ping(MS, MS);
        for ahead in [3_000_000, -3_000_000] {
            bench.ahead_us = ahead;
            let begun = bench.now;
            // No answer is ever as quick as the first was.
            while bench.ping(5 * MS, 5 * MS) != Some(ahead) {
                assert!(bench.now.since(begun) < Micros::from_secs(62));
            }
        }
    }

    #[test]
    fn clocks_that_drift_apart_are_followed() {
        let mut bench = Bench::new(0);
        for _ in 0..10_000 {
            // 50 millionths.
            bench.ahead_us += 100;
            bench.ping(MS, MS);
        }
        let told = bench.estimate.told.unwrap();
        assert!(told.abs_diff(bench.ahead_us) < 30 * 100 + 500, "{told}");
    }

    #[test]
    fn a_relay_that_counts_from_its_start_is_behind_by_all_that_this_clock_shows() {
        let mut bench = Bench::new(-9_000_000);
        assert_eq!(bench.ping(0, 0), Some(-9_000_000));
    }
}
