//! The clocks of the system. Only the outermost part of a program reads them; state machines get `now` as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use conclave_protocol::time::Instant;
use conclave_protocol::units::UnixMillis;
use rustix::time::{ClockId, clock_gettime};

/// A reading of `CLOCK_MONOTONIC` in microseconds: the clock for spans, of the relay on the wire, and of V4L2 and ALSA
/// timestamps.
#[must_use]
pub fn now() -> Instant {
    reading(ClockId::Monotonic)
}

/// A reading of `CLOCK_BOOTTIME` in microseconds, which goes on while the machine sleeps and is never set.
#[must_use]
pub fn steady() -> Instant {
    reading(ClockId::Boottime)
}

/// The wall clock in milliseconds since 1970, for what people read. It may be set at any time; before 1970 it is 0.
#[must_use]
pub fn wall() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixMillis(since.map_or(0, |s| u64::try_from(s.as_millis()).unwrap_or(u64::MAX)))
}

fn reading(clock: ClockId) -> Instant {
    let time = clock_gettime(clock);
    // Neither clock is ever negative.
    Instant::from_micros(
        time.tv_sec.unsigned_abs() * 1_000_000 + time.tv_nsec.unsigned_abs() / 1_000,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_clock_runs_backwards() {
        for clock in [now, steady] {
            let mut last = clock();
            for _ in 0..1_000 {
                let next = clock();
                assert!(next >= last);
                last = next;
            }
        }
    }

    #[test]
    fn a_machine_that_slept_is_on_for_longer_than_it_was_awake() {
        let awake = now();
        assert!(steady() >= awake);
    }
}
