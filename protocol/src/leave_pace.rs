//! When a sender draws a new generation of its key because members leave: at once, and then at most once a second.
//!
//! A generation is an envelope to everyone who stays, and the relay passes on only so many of them to one member. Were
//! each of many leaves a generation of its own, the last of them would be put off for seconds, and the key that is in use
//! until then would be forgotten by those who open it: who comes and goes quickly would silence a room.

use crate::time::{Instant, Micros};

/// Time between two generations. Raising it lets who left open what follows for as long; lowering it meets the relay's
/// limit, which is two messages a second from one member to another.
pub const GENERATION_EVERY: Micros = Micros::from_secs(1);

/// The pace of one sender's generations in one room.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeavePace {
    last: Option<Instant>,
    due: Option<Instant>,
}

impl LeavePace {
    /// A member left, or may have: whether a new generation is to be drawn now. If not, it is due later, one for all who
    /// leave until then.
    #[must_use]
    pub fn somebody_left(&mut self, now: Instant) -> bool {
        let at = self.last.map_or(now, |last| last + GENERATION_EVERY);
        self.due.get_or_insert(at);
        self.is_due(now)
    }

    /// Whether a new generation is to be drawn now for those who left before.
    #[must_use]
    pub fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.due.take_if(|at| now >= *at).is_some();
        if is_due {
            self.last = Some(now);
        }
        is_due
    }

    /// When [`Self::is_due`] has something to say.
    #[must_use]
    pub const fn next_time(&self) -> Option<Instant> {
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Instant = Instant(5_000_000);

    #[test]
    fn who_leaves_alone_is_shut_out_at_once() {
        let mut pace = LeavePace::default();
        assert!(pace.somebody_left(T0));
        assert_eq!(pace.next_time(), None);
        assert!(pace.somebody_left(T0 + GENERATION_EVERY));
    }

    #[test]
    fn all_who_leave_within_a_second_are_shut_out_by_one_generation_at_its_end() {
        let mut pace = LeavePace::default();
        assert!(pace.somebody_left(T0));
        let mut generations = 0;
        for tenth in 1..=50 {
            let now = T0 + Micros::from_millis(100 * tenth);
            generations += u32::from(pace.is_due(now));
            generations += u32::from(pace.somebody_left(now));
        }
        assert_eq!(generations, 5, "in 5 s");
        let at = pace.next_time().unwrap();
        assert!(!pace.is_due(Instant(at.0 - 1)));
        assert!(pace.is_due(at));
        assert!(!pace.is_due(at + GENERATION_EVERY), "nobody left since");
    }
}
