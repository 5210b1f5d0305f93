//! How long to wait for packets: the lowest recent transit time, and how far others exceed it.

use crate::time::{Instant, Micros};

/// The least playout delay, added to the transit of the fastest packet.
pub const MIN_TARGET: Micros = Micros::from_millis(20);
/// The most; later packets count as lost.
pub const MAX_TARGET: Micros = Micros::from_millis(160);

/// The least for a stream with few packets so far: a gap at the start of a call is worse than a late start.
pub const FIRST_TARGET: Micros = Micros::from_millis(40);
/// Packets after which a stream counts as known: 10 s.
const KNOWN_AFTER: usize = 500;

/// Packets that the estimate considers: 5 s of blocks of 20 ms.
const LOOK_BACK: usize = 256;
/// The estimate waits for this percentage of packets.
const PERCENTILE: usize = 97;
/// Added for a playing thread that wakes up late.
const MARGIN: Micros = Micros::from_millis(5);
/// The lowest transit is forgotten after one to two times this span, to follow a route change or a drifting clock.
const BASE_WINDOW: Micros = Micros::from_secs(5);

/// Estimates base and target from arrivals.
#[derive(Debug)]
pub(super) struct DelayEstimate {
    /// Lowest transit of the previous window and of the current one, in µs; signed, because the clocks differ.
    base: [i64; 2],
    window_end: Instant,
    transits: [i64; LOOK_BACK],
    arrivals: usize,
    target: Micros,
}

impl DelayEstimate {
    pub(super) const fn new() -> Self {
        Self {
            base: [i64::MAX; 2],
            window_end: Instant(0),
            transits: [0; LOOK_BACK],
            arrivals: 0,
            target: FIRST_TARGET,
        }
    }

    /// Notes an arrival.
    pub(super) fn update(&mut self, captured: Instant, now: Instant) {
        let transit = transit(captured, now);
        if now >= self.window_end {
            self.base = [self.base[1], i64::MAX];
            self.window_end = now + BASE_WINDOW;
        }
        self.base[1] = self.base[1].min(transit);
        self.transits[self.arrivals % LOOK_BACK] = transit;
        self.arrivals = self.arrivals.saturating_add(1);
        let mut sorted = [0; LOOK_BACK];
        let mut held = 0;
        // A delay beyond every possible target, as after a stall, says nothing about other packets.
        for &transit in &self.transits[..self.arrivals.min(LOOK_BACK)] {
            let excess = transit.saturating_sub(self.base()).max(0).unsigned_abs();
            if excess <= MAX_TARGET.0 {
                sorted[held] = excess;
                held += 1;
            }
        }
        if held == 0 {
            return;
        }
        let (_, &mut waited, _) = sorted[..held].select_nth_unstable(held * PERCENTILE / 100);
        let excess = Micros(waited);
        let least = if self.arrivals < KNOWN_AFTER {
            FIRST_TARGET
        } else {
            MIN_TARGET
        };
        self.target = (excess + MARGIN).clamp(least, MAX_TARGET);
    }

    fn base(&self) -> i64 {
        self.base[0].min(self.base[1])
    }

    /// The target delay, added to the transit of the fastest packet.
    pub(super) const fn target(&self) -> Micros {
        self.target
    }

    /// The sender's time that should be played at `heard_at`.
    pub(super) fn due(&self, heard_at: Instant) -> i64 {
        signed(heard_at)
            .saturating_sub(self.base())
            .saturating_sub(self.target.0.cast_signed())
    }
}

/// A clock reading for arithmetic that may go below zero.
pub(super) const fn signed(instant: Instant) -> i64 {
    instant.0.cast_signed()
}

fn transit(captured: Instant, now: Instant) -> i64 {
    signed(now).wrapping_sub(signed(captured))
}
