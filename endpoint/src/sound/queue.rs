//! How much sound waits for the speaker: little, so that it is heard soon, but enough for what the sink takes at once.

use conclave_protocol::time::{Instant, Micros};

/// By how much more is queued after the sink ran dry, as a share of a block: 5 ms. More ends the gaps sooner.
const STEPS_A_BLOCK: u32 = 4;
/// How many such steps at most, 60 ms; beyond that it is this machine that is too slow.
const MOST_STEPS: u32 = 12;
/// After so long without a gap one step is taken back.
const CALM: Micros = Micros::from_secs(600);

/// How much is queued at most, in frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queue {
    block: u32,
    least: u32,
    buffer: u32,
    steps: u32,
    calm_since: Instant,
}

impl Queue {
    /// For a sink that takes `period` frames at once out of a buffer of `buffer`; blocks of `block` frames are added.
    ///
    /// With two blocks, the queue holds from 20 to 40 ms. A sink that takes more at once than a quarter of that finds
    /// two of its periods and a block when it is full, so that one is left whatever it took when.
    pub(super) fn new(block: u32, period: u32, buffer: u32, now: Instant) -> Self {
        let for_the_sink = period.saturating_mul(2).saturating_add(block);
        Self {
            block,
            least: for_the_sink.max(2 * block),
            buffer,
            steps: 0,
            calm_since: now,
        }
    }

    /// How much is queued when it is full.
    pub(super) fn full(&self) -> u32 {
        let more = self.block * self.steps / STEPS_A_BLOCK;
        self.least.saturating_add(more).min(self.buffer)
    }

    /// The sink ran dry: it takes more at once than it said, or this thread is late.
    pub(super) fn ran_dry(&mut self, now: Instant) {
        self.steps = (self.steps + 1).min(MOST_STEPS);
        self.calm_since = now;
    }

    /// A block was added.
    pub(super) fn added(&mut self, now: Instant) {
        if self.steps > 0 && now.since(self.calm_since) >= CALM {
            self.steps -= 1;
            self.calm_since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_card_with_short_periods_has_40_ms() {
        assert_eq!(Queue::new(320, 160, 3_200, at(0)).full(), 640);
        assert_eq!(Queue::new(960, 480, 9_600, at(0)).full(), 1_920);
    }

    #[test]
    fn a_sink_that_takes_much_at_once_finds_two_periods() {
        // dmix: 1024 frames at 48 kHz.
        let queue = Queue::new(960, 1_024, 4_096, at(0));
        assert_eq!(queue.full(), 2 * 1_024 + 960);
        // The least that is queued before a block is added is still two periods.
        assert!(queue.full() - queue.block >= 2 * 1_024);
    }

    #[test]
    fn a_small_buffer_is_the_bound() {
        assert_eq!(Queue::new(960, 1_024, 2_048, at(0)).full(), 2_048);
        assert_eq!(Queue::new(960, u32::MAX, 2_048, at(0)).full(), 2_048);
    }

    #[test]
    fn each_gap_queues_more_up_to_a_bound_and_a_long_calm_takes_it_back() {
        let mut queue = Queue::new(320, 160, 3_200, at(0));
        queue.ran_dry(at(1));
        assert_eq!(queue.full(), 720);
        for second in 2..100 {
            queue.ran_dry(at(second));
        }
        assert_eq!(queue.full(), 640 + 12 * 80);
        queue.added(at(100 + 599 - 1));
        assert_eq!(queue.full(), 640 + 12 * 80);
        for tenth in 1..=20 {
            queue.added(at(100 + 600 * tenth));
        }
        assert_eq!(queue.full(), 640);
    }
}
