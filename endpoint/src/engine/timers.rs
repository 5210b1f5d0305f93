//! The engine's timers, in one table: whatever waits for a time is named here, and a test can ask what comes next.

use conclave_protocol::time::Instant;

/// What waits for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// The next attempt to connect.
    Connect,
    /// The connection counts as dead unless something is heard before.
    Silence,
    /// The relay is asked for its clock.
    Ping,
    /// The rooms are listed again, to find the one that this endpoint is to be in.
    LookAgain,
    /// The wish to be in a room expires.
    WishExpires,
    /// The relay is asked over UDP whether there is a way.
    Probe,
    /// Media goes by TCP unless a probe is answered before.
    UdpPatience,
    /// Levels are reported.
    Levels,
    /// Statistics are reported.
    Statistics,
}

impl Timer {
    const ALL: [Self; 9] = [
        Self::Connect,
        Self::Silence,
        Self::Ping,
        Self::LookAgain,
        Self::WishExpires,
        Self::Probe,
        Self::UdpPatience,
        Self::Levels,
        Self::Statistics,
    ];
}

/// When each timer is due.
#[derive(Debug, Default)]
pub(super) struct Timers([Option<Instant>; Timer::ALL.len()]);

impl Timers {
    /// Sets a timer, or sets it to another time.
    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = Some(at);
    }

    /// Stops a timer, whether it runs or not.
    pub(super) fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    /// When a timer is due, if it runs.
    pub(super) fn at(&self, timer: Timer) -> Option<Instant> {
        self.0[timer as usize]
    }

    /// Takes the timer that has been due the longest. A handler that sets it again sets it after `now`.
    pub(super) fn take_expired(&mut self, now: Instant) -> Option<Timer> {
        let due = |timer: &Timer| self.at(*timer).is_some_and(|at| at <= now);
        let expired = Timer::ALL.into_iter().filter(due);
        let timer = expired.min_by_key(|timer| self.at(*timer))?;
        self.stop(timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_timer_has_a_place_of_its_own() {
        for (place, timer) in Timer::ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, place, "{timer:?}");
        }
    }

    #[test]
    fn timers_expire_once_in_the_order_of_their_times() {
        let mut timers = Timers::default();
        timers.set(Timer::Probe, Instant(30));
        timers.set(Timer::Statistics, Instant(10));
        timers.set(Timer::Levels, Instant(20));
        assert_eq!(timers.take_expired(Instant(9)), None);
        assert_eq!(timers.take_expired(Instant(20)), Some(Timer::Statistics));
        assert_eq!(timers.take_expired(Instant(20)), Some(Timer::Levels));
        assert_eq!(timers.take_expired(Instant(20)), None);
        assert_eq!(timers.take_expired(Instant(1_000)), Some(Timer::Probe));
        assert_eq!(timers.take_expired(Instant(1_000)), None);
    }

    #[test]
    fn a_timer_that_is_set_again_is_due_at_the_later_setting_alone() {
        let mut timers = Timers::default();
        timers.set(Timer::UdpPatience, Instant(10));
        timers.set(Timer::UdpPatience, Instant(50));
        assert_eq!(timers.take_expired(Instant(49)), None);
        assert_eq!(timers.take_expired(Instant(50)), Some(Timer::UdpPatience));
    }

    #[test]
    fn a_timer_that_a_handler_stops_is_not_taken_with_those_that_were_due_with_it() {
        let mut timers = Timers::default();
        timers.set(Timer::UdpPatience, Instant(10));
        timers.set(Timer::Probe, Instant(11));
        assert_eq!(timers.take_expired(Instant(60)), Some(Timer::UdpPatience));
        timers.stop(Timer::Probe);
        assert_eq!(timers.take_expired(Instant(60)), None);
    }
}
