//! Tells when the wall clock is set, as it is some time after a machine without a clock of its own has started.
//!
//! The kernel tells it by a timer that such a step cancels, and that never fires otherwise.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// In seconds since 1970: so far away that it never comes.
const NEVER: i64 = i64::MAX / 2_000_000_000;

/// Steps of the wall clock, also those by which a machine wakes from sleep.
pub(crate) struct ClockSteps(Option<AsyncFd<OwnedFd>>);

impl ClockSteps {
    /// Looks from now on. Where the kernel does not tell of steps, none is ever seen.
    pub(crate) fn watch() -> Self {
        match timer() {
            Ok(timer) => Self(Some(timer)),
            Err(error) => {
                tracing::warn!(%error, "the system does not tell when the clock is set");
                Self(None)
            }
        }
    }

    /// Waits until the clock is set. May be dropped while it waits.
    pub(crate) async fn next(&mut self) {
        while let Some(timer) = &self.0 {
            let Ok(mut ready) = timer.readable().await else {
                break;
            };
            match rustix::io::read(timer.get_ref(), &mut [0; 8]) {
                Err(Errno::CANCELED) => return,
                Err(Errno::AGAIN | Errno::INTR) | Ok(_) => ready.clear_ready(),
                Err(error) => {
                    tracing::warn!(%error, "the system tells no more when the clock is set");
                    break;
                }
            }
        }
        self.0 = None;
        std::future::pending().await
    }
}

#[expect(
    deprecated,
    reason = "what takes its place is unsafe code, which the relay forbids; an OwnedFd keeps its descriptor for life"
)]
fn timer() -> std::io::Result<AsyncFd<OwnedFd>> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    let timer = timerfd_create(TimerfdClockId::Realtime, flags)?;
    let never = Itimerspec {
        it_interval: Timespec::default(),
        it_value: Timespec {
            tv_sec: NEVER,
            tv_nsec: 0,
        },
    };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    timerfd_settime(&timer, flags, &never)?;
    AsyncFd::with_interest(timer, Interest::READABLE)
}
