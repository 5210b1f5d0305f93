//! Absolute deadlines at a steady rate: lateness of one beat never shifts the next.

use crate::clock;
use crate::platform::stop::StopSignal;
use conclave_protocol::time::{Instant, Micros};

/// Beats at `start + n × period`.
#[derive(Clone, Copy, Debug)]
pub struct Metronome {
    start: Instant,
    period_ns: u64,
    next: u64,
}

/// What came of waiting for a beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// The beat with this number, which was due at this time.
    Due(u64, Instant),
    /// The beat is later than the caller wanted to wait.
    NotYet,
    /// The stop signal was raised.
    Stopped,
}

impl Metronome {
    /// A metronome whose beat 0 is at `start`.
    #[must_use]
    pub fn new(start: Instant, period_ns: u64) -> Self {
        Self {
            start,
            period_ns: period_ns.max(1),
            next: 0,
        }
    }

    /// When beat `number` is due.
    #[must_use]
    pub fn due(&self, number: u64) -> Instant {
        let after = u128::from(number) * u128::from(self.period_ns) / 1_000;
        self.start + Micros(u64::try_from(after).unwrap_or(u64::MAX))
    }

    /// Takes the next beat, if it is due at `now`.
    pub fn beat(&mut self, now: Instant) -> Option<(u64, Instant)> {
        let due = self.due(self.next);
        (now >= due).then(|| {
            let number = self.next;
            self.next += 1;
            (number, due)
        })
    }

    /// Leaves out the beats that are more than one period late at `now`, as a camera drops pictures; tells how many.
    pub fn skip_late(&mut self, now: Instant) -> u64 {
        let passed = u128::from(now.since(self.start).0) * 1_000 / u128::from(self.period_ns);
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        let skipped = passed.saturating_sub(self.next);
        self.next += skipped;
        skipped
    }

    /// Waits for the next beat, at most until `until`.
    pub fn wait(&mut self, stop: &StopSignal, until: Instant) -> Beat {
        let due = self.due(self.next);
        if stop.sleep_until(due.min(until)) {
            return Beat::Stopped;
        }
        match self.beat(clock::now()) {
            Some((number, due)) => Beat::Due(number, due),
            None => Beat::NotYet,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_do_not_drift_when_one_comes_late() {
        let mut metronome = Metronome::new(Instant::from_micros(1_000), 33_333_333);
        assert_eq!(metronome.beat(Instant::from_micros(1_000)).unwrap().0, 0);
        assert_eq!(metronome.beat(Instant::from_micros(34_000)), None);
        let (_, due) = metronome.beat(Instant::from_micros(60_000)).unwrap();
        assert_eq!(due, Instant::from_micros(34_333));
        assert_eq!(metronome.due(30), Instant::from_micros(1_000_999));
    }

    #[test]
    fn late_beats_can_be_left_out_and_are_counted() {
        let mut metronome = Metronome::new(Instant::from_micros(0), 10_000_000);
        assert_eq!(metronome.skip_late(Instant::from_micros(35_000)), 3);
        assert_eq!(metronome.beat(Instant::from_micros(35_000)).unwrap().0, 3);
        assert_eq!(metronome.skip_late(Instant::from_micros(36_000)), 0);
    }
}
