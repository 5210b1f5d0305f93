//! How long a receiver waits before it asks, and asks again: learned from the path.
//!
//! Reordering as RACK adapts to it (RFC 8985 §6.2): while none was seen, the wait is the least; a request that was
//! answered faster than the path allows was needless, and the next ones wait longer.

use crate::time::{Instant, Micros};

/// Until a round trip was measured.
const UNKNOWN_ROUND_TRIP: Micros = Micros::from_millis(10);
/// Bounds of the wait for packets that were only overtaken. A lower one asks for packets that are about to come; a
/// higher one takes time from the repair.
const LEAST_WAIT: Micros = Micros::from_millis(1);
const MOST_WAIT: Micros = Micros::from_millis(10);
/// Most quarters of the round trip that are waited.
const MOST_QUARTERS: u64 = 8;
/// So many answers without a needless request make the wait a quarter shorter.
const CALM_ANSWERS: u8 = 16;
/// Bounds of the wait for the end of a frame.
const LEAST_TAIL_WAIT: Micros = Micros::from_millis(8);
const MOST_TAIL_WAIT: Micros = Micros::from_millis(60);
/// What a scheduler may add to a pause.
const SLACK: Micros = Micros::from_millis(2);
/// Tail factor in 1/256: 1 to 8, doubled by a needless request, falling by 1 % a frame.
const ONE: u64 = 256;
const MOST_TAIL_FACTOR: u64 = 8 * ONE;

/// What was learned of a path.
#[derive(Debug)]
pub(super) struct Patience {
    round_trip: Micros,
    /// How long answers take, smoothed by 1/8 (RFC 6298 §2).
    answer: Micros,
    quarters: u64,
    calm: u8,
    /// Mean and deviation of the longest pause within a whole frame, in sixteenths of a µs.
    pause_mean: u64,
    pause_deviation: u64,
    tail_factor: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            round_trip: UNKNOWN_ROUND_TRIP,
            answer: Micros::ZERO,
            quarters: 0,
            calm: 0,
            pause_mean: 0,
            pause_deviation: 0,
            tail_factor: ONE,
        }
    }
}

impl Patience {
    pub(super) fn set_round_trip(&mut self, least: Micros) {
        if least > Micros::ZERO {
            self.round_trip = least;
        }
    }

    /// How long a gap may be due to reordering.
    pub(super) fn reordering(&self) -> Micros {
        let wait = self.quarters * self.round_trip.0 / 4;
        Micros(wait.clamp(LEAST_WAIT.0, MOST_WAIT.0))
    }

    /// How long an answer may take before the request or the answer counts as lost.
    pub(super) fn answer(&self) -> Micros {
        let round_trip = self.round_trip.max(self.answer);
        round_trip + self.reordering().max(Micros(round_trip.0 / 4)) + SLACK
    }

    /// How long the path takes at least to answer.
    pub(super) fn round_trip(&self) -> Micros {
        self.round_trip.max(self.answer)
    }

    /// How long a frame may pause before its end counts as missing, after pauses of this length within it.
    pub(super) fn tail(&self, longest_pause: Micros) -> Micros {
        let usual = (self.pause_mean + 4 * self.pause_deviation) / 16;
        let wait = Micros(usual * self.tail_factor / ONE) + SLACK;
        let wait = wait.max(Micros(2 * longest_pause.0));
        Micros(wait.0.clamp(LEAST_TAIL_WAIT.0, MOST_TAIL_WAIT.0))
    }

    /// A frame came whole, with at most this pause within it before packets that were not asked for.
    pub(super) fn frame_whole(&mut self, longest_pause: Micros) {
        let pause = longest_pause.0.min(MOST_TAIL_WAIT.0);
        let off = pause.abs_diff(self.pause_mean / 16);
        self.pause_mean = self.pause_mean - self.pause_mean / 16 + pause;
        self.pause_deviation = self.pause_deviation - self.pause_deviation / 16 + off;
        self.tail_factor = (self.tail_factor - self.tail_factor / 100).max(ONE);
    }

    /// A packet came that was asked for once, at this time. `false` when it was under way already: no answer is that
    /// quick.
    pub(super) fn answered(&mut self, asked_at: Instant, is_tail: bool, now: Instant) -> bool {
        let took = now.since(asked_at);
        if took.0 * 4 < self.round_trip.0 * 3 {
            self.asked_needlessly(is_tail);
            return false;
        }
        self.answer = match self.answer {
            Micros::ZERO => took,
            Micros(before) => Micros(before - before / 8 + took.0 / 8),
        };
        self.calm += 1;
        if self.calm >= CALM_ANSWERS {
            self.calm = 0;
            self.quarters = self.quarters.saturating_sub(1);
        }
        true
    }

    fn asked_needlessly(&mut self, is_tail: bool) {
        self.calm = 0;
        if is_tail {
            self.tail_factor = (self.tail_factor * 2).min(MOST_TAIL_FACTOR);
        } else {
            self.quarters = (self.quarters + 1).min(MOST_QUARTERS);
        }
    }
}
