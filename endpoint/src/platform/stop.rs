//! Ending a device thread: a flag that also wakes a thread which sleeps in `poll`.

use crate::clock;
use conclave_protocol::time::Instant;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::time::Timespec;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks a device thread to end, and wakes it if it waits.
#[derive(Clone, Debug)]
pub struct StopSignal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    raised: AtomicBool,
    wake: OwnedFd,
}

/// Why [`StopSignal::wait`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The signal was raised: end.
    Stopped,
    /// The descriptor that was watched is readable.
    Readable,
    /// The descriptor that was watched reports an error or a hang-up.
    Failed,
    /// The deadline passed.
    TimedOut,
}

impl StopSignal {
    /// A signal that is not raised.
    ///
    /// # Errors
    /// When the process may open no more descriptors.
    pub fn new() -> io::Result<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self(Arc::new(Inner {
            raised: AtomicBool::new(false),
            wake,
        })))
    }

    /// Raises the signal, for good.
    pub fn raise(&self) {
        self.0.raised.store(true, Ordering::Release);
        // A full counter means that the descriptor is readable already.
        let _ = rustix::io::write(&self.0.wake, &1_u64.to_ne_bytes());
    }

    /// Whether the signal was raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.raised.load(Ordering::Acquire)
    }

    /// Waits until the signal is raised, `watched` is readable, or `until` has come.
    #[must_use]
    pub fn wait(&self, watched: Option<BorrowedFd<'_>>, until: Instant) -> Wake {
        loop {
            if self.is_raised() {
                return Wake::Stopped;
            }
            let left = until.since(clock::now()).0;
            let timeout = Timespec {
                tv_sec: i64::try_from(left / 1_000_000).unwrap_or(i64::MAX),
                tv_nsec: (left % 1_000_000 * 1_000) as _,
            };
            let wake = PollFd::new(&self.0.wake, PollFlags::IN);
            let (ready, seen) = match &watched {
                Some(fd) => {
                    let mut fds = [wake, PollFd::new(fd, PollFlags::IN)];
                    (poll(&mut fds, Some(&timeout)), fds[1].revents())
                }
                None => (poll(&mut [wake], Some(&timeout)), PollFlags::empty()),
            };
            match ready {
                _ if self.is_raised() => return Wake::Stopped,
                Err(Errno::INTR) => {}
                Err(_) => return Wake::Failed,
                Ok(0) => return Wake::TimedOut,
                Ok(_) if seen.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL) => {
                    return Wake::Failed;
                }
                Ok(_) if seen.contains(PollFlags::IN) => return Wake::Readable,
                Ok(_) => {}
            }
        }
    }

    /// Sleeps until `until`; true if the signal was raised instead.
    #[must_use]
    pub fn sleep_until(&self, until: Instant) -> bool {
        self.wait(None, until) == Wake::Stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conclave_protocol::time::Micros;

    #[test]
    fn a_raised_signal_wakes_a_sleeper() {
        let signal = StopSignal::new().unwrap();
        let sleeper = signal.clone();
        let thread = std::thread::spawn(move || {
            sleeper.sleep_until(clock::now() + Micros::from_secs(3_600))
        });
        signal.raise();
        assert!(thread.join().unwrap());
    }

    #[test]
    fn a_deadline_that_has_passed_returns_at_once() {
        let signal = StopSignal::new().unwrap();
        assert_eq!(signal.wait(None, Instant::from_micros(0)), Wake::TimedOut);
    }
}
