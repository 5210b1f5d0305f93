//! Telling systemd that the endpoint is ready, what it does, and that it is alive (sd_notify(3)).
//!
//! The service's watchdog is fed only while every part that promised to be alive is: a picture that stands still
//! before a loop that hangs is worse than a restart.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use conclave_protocol::time::{Instant, Micros};

use crate::clock;

/// Feedings within the time after which systemd loses patience: one may be late, or two get lost.
const FEEDINGS: u64 = 3;
/// Instead of the time of a beat: no beat is expected.
const PAUSED: u64 = u64::MAX;

/// The way to the service manager, and the watchdog's thread where the service has a watchdog.
#[derive(Debug)]
pub struct Watchdog {
    manager: Arc<Manager>,
    hearts: Arc<Mutex<Vec<Heart>>>,
    feeding: Option<Feeding>,
}

/// One part's sign of life, from whichever thread it runs on.
///
/// A part that ends without [`Self::pause`] is missed: a thread that panicked must not look well.
/// The default is one that systemd does not watch.
#[derive(Clone, Debug, Default)]
pub struct Heartbeat(Arc<AtomicU64>);

#[derive(Debug)]
struct Feeding {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Heart {
    name: &'static str,
    last_beat: Heartbeat,
}

impl Heartbeat {
    /// Says: still alive. Cheap enough for every turn of a loop.
    pub fn beat(&self) {
        self.0.store(clock::now().as_micros(), Ordering::Relaxed);
    }

    /// Says: nothing is expected of this part until its next beat.
    pub fn pause(&self) {
        self.0.store(PAUSED, Ordering::Relaxed);
    }
}

impl Watchdog {
    /// Begins to feed if `environment` says that the service manager waits for that; none without a service manager.
    ///
    /// `environment` is usually [`std::env::var_os`].
    pub fn start(environment: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let socket = environment("NOTIFY_SOCKET")?;
        let manager = Manager::open(&socket);
        let warn = |error: &io::Error| tracing::warn!(%error, "cannot tell the service manager");
        let manager = Arc::new(manager.inspect_err(warn).ok()?);
        let hearts = Arc::default();
        let feeding = span(&environment).and_then(|span| {
            let (manager, hearts) = (Arc::clone(&manager), Arc::clone(&hearts));
            Feeding::start(span, manager, hearts).inspect_err(warn).ok()
        });
        Some(Self {
            manager,
            hearts,
            feeding,
        })
    }

    /// Promises that this part will beat at least three times within the watchdog's time, from now on.
    #[must_use]
    pub fn heartbeat(&self, name: &'static str) -> Heartbeat {
        let last_beat = Heartbeat::default();
        last_beat.beat();
        let heart = Heart {
            name,
            last_beat: last_beat.clone(),
        };
        lock(&self.hearts).push(heart);
        last_beat
    }

    /// Says that the start has ended.
    pub fn ready(&self) {
        self.manager.tell("READY=1");
    }

    /// Says in one line what the endpoint does, for `systemctl status`.
    pub fn status(&self, line: &str) {
        self.manager
            .tell(&format!("STATUS={}", line.replace('\n', " ")));
    }

    /// Says that the end has begun.
    pub fn stopping(&self) {
        self.manager.tell("STOPPING=1");
    }

    /// Whether the service has a watchdog.
    #[must_use]
    pub const fn is_feeding(&self) -> bool {
        self.feeding.is_some()
    }
}

impl Feeding {
    fn start(
        span: Micros,
        manager: Arc<Manager>,
        hearts: Arc<Mutex<Vec<Heart>>>,
    ) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let feed = move || {
            let mut missed = Vec::new();
            while stopped.recv_timeout(span.as_duration()) == Err(RecvTimeoutError::Timeout) {
                let now_missed = missing(&lock(&hearts), span, clock::now());
                if now_missed.is_empty() {
                    manager.tell("WATCHDOG=1");
                }
                if now_missed != missed {
                    match now_missed.as_slice() {
                        [] => tracing::info!("all parts are alive again"),
                        parts => {
                            tracing::error!(?parts, "no sign of life; the watchdog is not fed")
                        }
                    }
                }
                missed = now_missed;
            }
        };
        let thread = std::thread::Builder::new()
            .name("watchdog".into())
            .spawn(feed)?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Feeding {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The parts that have not beaten for longer than this.
fn missing(hearts: &[Heart], span: Micros, now: Instant) -> Vec<&'static str> {
    let is_missing = |heart: &&Heart| match heart.last_beat.0.load(Ordering::Relaxed) {
        PAUSED => false,
        last_us => now.since(Instant::from_micros(last_us)) > span,
    };
    hearts
        .iter()
        .filter(is_missing)
        .map(|heart| heart.name)
        .collect()
}

/// How far apart feedings are, if the service manager wants any of this process.
fn span(environment: impl Fn(&str) -> Option<OsString>) -> Option<Micros> {
    let number = |name| environment(name)?.to_str()?.parse::<u64>().ok();
    let is_meant = match environment("WATCHDOG_PID") {
        Some(_) => number("WATCHDOG_PID") == Some(std::process::id().into()),
        None => true,
    };
    let patience_us = number("WATCHDOG_USEC").filter(|us| is_meant && *us >= FEEDINGS);
    patience_us.map(|us| Micros(us / FEEDINGS))
}

/// A list of parts has no state that a panic could leave half changed.
fn lock(hearts: &Mutex<Vec<Heart>>) -> std::sync::MutexGuard<'_, Vec<Heart>> {
    hearts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The service manager's socket.
#[derive(Debug)]
struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Manager {
    fn open(address: &OsString) -> io::Result<Self> {
        let address = match address.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(address)?,
        };
        let socket = UnixDatagram::unbound()?;
        // A manager that does not listen must not stop a call.
        socket.set_nonblocking(true)?;
        Ok(Self { socket, address })
    }

    fn tell(&self, state: &str) {
        if let Err(error) = self.socket.send_to_addr(state.as_bytes(), &self.address) {
            tracing::debug!(%error, "the service manager does not listen");
        }
    }
}

#[cfg(test)]
mod tests;
