//! When a sender draws a new generation of its key because members left: at once, then at most once a second.
//!
//! A generation costs an envelope for every member who stays, and the relay limits how many of them it passes on to
//! one member. If each of many leaves had a generation of its own, the last ones would be put off for seconds.
//! Receivers would meanwhile forget the key that is still in use: participants who come and go quickly could silence
//! a room.

use crate::time::{Instant, Micros};

/// Time between two generations. With a higher value, former members can open what follows for longer; a lower one
/// meets the relay's limit, which is two messages a second from one member to another.
pub const GENERATION_EVERY: Micros = Micros::from_secs(1);

/// The pace of one sender's generations in one room.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeavePace {
    last: Option<Instant>,
    due: Option<Instant>,
}

impl LeavePace {
    /// A member left, or may have left: returns whether to draw a new generation now. If not, one becomes due later,
    /// for all members who leave until then.
    #[must_use]
    pub fn somebody_left(&mut self, now: Instant) -> bool {
        let at = self.last.map_or(now, |last| last + GENERATION_EVERY);
        self.due.get_or_insert(at);
        self.is_due(now)
    }

    /// Whether to draw a new generation now for members who left before.
    #[must_use]
    pub fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.due.take_if(|at| now >= *at).is_some();
        if is_due {
            self.last = Some(now);
        }
        is_due
    }

    /// When to call [`Self::is_due`].
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
        assert!(!pace.is_due(at + GENERATION_EVERY), "no member left since");
    }
}
