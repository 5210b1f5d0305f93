//! The media plane: one thread that receives, proves, routes and sends datagrams.
//!
//! It owns every session's address, replay window and limiters, and reads who gets what from a snapshot
//! that the core swaps. Whatever is not proven is dropped in silence and counted by its cause.

mod allowance;
mod answer;
mod budget;
mod frame_run;
mod gaps;
mod handed_in;
mod history;
mod pages;
mod plane;
mod probe;
mod prove;
mod receive;
mod send;
mod session;
mod tally;
mod thinning;
mod uplink;
mod way;

use std::net::{IpAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use conclave_protocol::id::SessionId;
use conclave_protocol::secret::Secret;
use conclave_relay_core::fan_out::Routes;
use rustix::event::{EventfdFlags, eventfd};

use crate::health::Pulse;
use crate::mail::media_run::MediaOutbox;
use crate::metrics::Metrics;
pub use budget::FanOutLimits;
use handed_in::{Dropped, HandIn};
use plane::Plane;

/// Commands that may wait; the core waits with one more, as none may be lost.
const COMMANDS: usize = 4096;

/// How much may be sent, and sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaLimits {
    /// Datagrams a second of one session, and twice as many at once.
    pub packets_per_second: u32,
    /// Bytes a second of one session, and twice as many at once.
    pub bytes_per_second: u32,
    /// What is sent on of them.
    pub fan_out: FanOutLimits,
    /// Bytes of packets that are kept for those who ask again.
    pub history_bytes: u32,
}

/// What the plane must be told.
pub enum PlaneCommand {
    /// A session has new keys and a connection to fall back to.
    Open {
        /// The session in the hop header of its datagrams.
        session: SessionId,
        /// Root of its hop keys.
        secret: Secret<32>,
        /// Where its media goes while UDP does not.
        fallback: MediaOutbox,
        /// Where its connection comes from.
        address: IpAddr,
    },
    /// A session ended.
    Close {
        /// The session in the hop header of its datagrams.
        session: SessionId,
    },
    /// Ends the thread by a panic.
    #[cfg(test)]
    Panic,
}

/// The way to the thread.
#[derive(Clone)]
pub struct MediaHandle {
    commands: SyncSender<PlaneCommand>,
    datagrams: HandIn,
    wake: Arc<OwnedFd>,
    stop: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
}

impl MediaHandle {
    /// Tells the plane; what was told is known to it before any datagram that arrives later.
    pub fn tell(&self, command: PlaneCommand) {
        // Without the thread there is nothing to tell, and the relay is about to stop.
        let _ = self.commands.send(command);
        self.wake();
    }

    /// Hands in what did not come by UDP: one datagram, or those of a frame back to back, each but the last as long
    /// as a datagram may be. What does not fit whole is dropped whole, and counted.
    pub fn hand_in(&self, datagrams: Vec<u8>) {
        match self.datagrams.push(datagrams) {
            Ok(()) => self.wake(),
            Err(Dropped(count)) => {
                self.metrics.datagrams_dropped_tcp.inc_by(count as u64);
            }
        }
    }

    fn wake(&self) {
        // A full counter wakes just as well.
        let _ = rustix::io::write(&*self.wake, &1u64.to_ne_bytes());
    }
}

/// The running thread.
pub struct MediaPlane {
    handle: MediaHandle,
    thread: JoinHandle<()>,
}

impl MediaPlane {
    /// Starts the thread on a bound socket.
    ///
    /// # Errors
    /// When the socket cannot be prepared, or the system has no thread to give.
    pub fn start(
        socket: UdpSocket,
        routes: Arc<ArcSwap<Routes>>,
        limits: MediaLimits,
        metrics: Arc<Metrics>,
        pulse: Pulse,
    ) -> std::io::Result<Self> {
        let (commands, told) = sync_channel(COMMANDS);
        let (datagrams, handed_in) = handed_in::queue();
        let wake = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
        let stop = Arc::new(AtomicBool::new(false));
        let (plane, received) = Plane::new(
            socket,
            routes,
            limits,
            Arc::clone(&metrics),
            told,
            handed_in,
            Arc::clone(&wake),
        )?;
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("media".into())
            .spawn(move || plane.run(received, &stopped, &pulse))?;
        let handle = MediaHandle {
            commands,
            datagrams,
            wake,
            stop,
            metrics,
        };
        Ok(Self { handle, thread })
    }

    /// The way to the thread.
    #[must_use]
    pub fn handle(&self) -> MediaHandle {
        self.handle.clone()
    }

    /// Ends the thread.
    pub fn finish(self) {
        self.handle.stop.store(true, Ordering::Release);
        self.handle.wake();
        if self.thread.join().is_err() {
            tracing::error!("the media thread has panicked");
        }
    }
}
