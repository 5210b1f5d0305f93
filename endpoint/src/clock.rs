//! The one clock of the endpoint: `CLOCK_MONOTONIC` in microseconds, the clock of V4L2 and ALSA timestamps.

use conclave_protocol::time::Instant;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// The time now, in microseconds of `CLOCK_MONOTONIC`.
#[must_use]
pub fn now() -> Instant {
    from_timespec(clock_gettime(ClockId::Monotonic))
}

fn from_timespec(time: Timespec) -> Instant {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_nsec / 1_000).unwrap_or(0);
    Instant::from_micros(seconds.saturating_mul(1_000_000).saturating_add(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_runs_backwards() {
        let mut last = now();
        for _ in 0..1_000 {
            let next = now();
            assert!(next >= last);
            last = next;
        }
    }
}
