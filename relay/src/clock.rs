//! The clocks that the shell hands to the core: monotonic for spans, wall for what people read, steady to see it set.

use conclave_protocol::time::Instant;
use conclave_protocol::units::UnixMillis;
use rustix::time::{ClockId, clock_gettime};

/// A reading of `CLOCK_MONOTONIC`, the relay's clock on the wire.
#[must_use]
pub fn now() -> Instant {
    reading(ClockId::Monotonic)
}

/// A reading of `CLOCK_BOOTTIME`, which goes on while the machine sleeps.
#[must_use]
pub fn steady() -> Instant {
    reading(ClockId::Boottime)
}

fn reading(clock: ClockId) -> Instant {
    let time = clock_gettime(clock);
    Instant(time.tv_sec.unsigned_abs() * 1_000_000 + time.tv_nsec.unsigned_abs() / 1_000)
}

/// The wall clock.
#[must_use]
pub fn wall() -> UnixMillis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    UnixMillis(since.map_or(0, |s| u64::try_from(s.as_millis()).unwrap_or(u64::MAX)))
}
