//! Steps of the wall clock: it is set, as on a board without a clock of its own some time after its start.
//!
//! What was made before a step ends as long after it as it would have without it. The steps of one run are known,
//! those of earlier runs are not.

use std::collections::VecDeque;

use conclave_protocol::time::Instant;
use conclave_protocol::units::UnixMillis;

/// The least difference that is a step, in ms. Higher takes steps for the clock's own pace, lower its pace for steps.
const LEAST_MS: u64 = 2_000;
/// Steps that are remembered. A clock is set once or twice after a start.
const REMEMBERED: usize = 16;
/// How far in the future, in ms, something may have been made: a clock may have been set back a little in an
/// earlier run.
const AHEAD_MS: u64 = 60 * 60 * 1_000;

/// What the wall clock showed, and what it showed a moment later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    before: UnixMillis,
    after: UnixMillis,
}

/// The wall clock, and how it was set.
#[derive(Debug, Default)]
pub(super) struct WallClock {
    last: Option<(Instant, UnixMillis)>,
    /// The oldest first.
    steps: VecDeque<Step>,
}

impl WallClock {
    /// What it shows, at `steady` of a clock that is never set and goes on while the machine sleeps; tells of a step.
    pub(super) fn set(&mut self, steady: Instant, wall: UnixMillis) -> bool {
        let Some((since, shown)) = self.last.replace((steady, wall)) else {
            return false;
        };
        let before = UnixMillis(shown.0.saturating_add(steady.since(since).0 / 1_000));
        if wall.0.abs_diff(before.0) < LEAST_MS {
            return false;
        }
        if self.steps.len() == REMEMBERED {
            self.steps.pop_front();
        }
        self.steps.push_back(Step {
            before,
            after: wall,
        });
        true
    }

    /// What it shows now.
    pub(super) fn now(&self) -> UnixMillis {
        self.last.map_or(UnixMillis(0), |(_, wall)| wall)
    }

    /// Whether what was made to last from `made` for `lifetime_ms` has expired.
    ///
    /// What was made shortly before a clock went back may last longer, by no more than the clock went back.
    pub(super) fn is_over(&self, made: UnixMillis, lifetime_ms: u64) -> bool {
        let now = self.now().0;
        let mut made = made.0;
        for Step { before, after } in &self.steps {
            // Set back, the clock shows the same times again: what it has not shown again is from before.
            let is_from_before = made <= before.0 && (after > before || made > now);
            if is_from_before {
                made = made.saturating_add(after.0).saturating_sub(before.0);
            }
        }
        made > now.saturating_add(AHEAD_MS) || made.saturating_add(lifetime_ms) <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conclave_protocol::time::Micros;

    const HOUR_MS: u64 = 60 * 60 * 1_000;
    const YEAR_MS: u64 = 365 * 24 * HOUR_MS;
    /// Some day of 2026.
    const TODAY: u64 = 1_795_000_000_000;

    struct Bench {
        clock: WallClock,
        steady: Instant,
        wall: u64,
    }

    impl Bench {
        fn new(wall: u64) -> Self {
            let mut bench = Self {
                clock: WallClock::default(),
                steady: Instant(0),
                wall,
            };
            bench.pass(0);
            bench
        }

        fn pass(&mut self, ms: u64) {
            self.steady += Micros(ms * 1_000);
            self.wall += ms;
            assert!(!self.clock.set(self.steady, UnixMillis(self.wall)));
        }

        fn step(&mut self, wall: u64) {
            self.wall = wall;
            assert!(self.clock.set(self.steady, UnixMillis(wall)));
        }

        fn is_over(&self, made: u64) -> bool {
            self.clock.is_over(UnixMillis(made), HOUR_MS)
        }
    }

    #[test]
    fn what_was_made_before_a_step_lasts_as_long_as_it_was_to() {
        for (wrong, right) in [
            (0, TODAY),
            (TODAY - 48 * HOUR_MS, TODAY),
            (TODAY + 43 * YEAR_MS, TODAY),
        ] {
            let mut bench = Bench::new(wrong);
            bench.pass(HOUR_MS);
            let made = bench.wall;
            bench.pass(HOUR_MS / 4);
            bench.step(right);
            assert!(!bench.is_over(made), "{wrong}");
            bench.pass(HOUR_MS / 2);
            assert!(!bench.is_over(made), "{wrong}");
            let later = bench.wall;
            bench.pass(HOUR_MS / 4);
            assert!(bench.is_over(made), "{wrong}");
            assert!(!bench.is_over(later), "{wrong}");
            bench.pass(HOUR_MS);
            assert!(bench.is_over(later), "{wrong}");
        }
    }

    #[test]
    fn a_step_there_and_back_changes_nothing() {
        let mut bench = Bench::new(TODAY);
        let made = bench.wall;
        bench.pass(HOUR_MS / 4);
        bench.step(0);
        bench.pass(1_000);
        bench.step(TODAY + HOUR_MS / 4 + 1_000);
        assert!(!bench.is_over(made));
        bench.pass(HOUR_MS);
        assert!(bench.is_over(made));
    }

    #[test]
    fn sleep_and_a_clock_s_own_pace_are_no_steps_and_nothing_is_made_in_a_far_future() {
        let mut bench = Bench::new(TODAY);
        let made = bench.wall;
        for _ in 0..1_000 {
            // Set right slowly, by 5 %.
            bench.wall += 50;
            bench.pass(1_000);
        }
        bench.pass(10 * HOUR_MS);
        assert!(bench.is_over(made));
        assert!(bench.is_over(TODAY + 43 * YEAR_MS));
    }

    #[test]
    fn steps_are_forgotten_when_there_are_many() {
        let mut bench = Bench::new(TODAY);
        for n in 1..100 {
            bench.step(TODAY + n * HOUR_MS);
        }
        assert_eq!(bench.clock.steps.len(), REMEMBERED);
    }
}
