//! What the media plane knows of one session.

use std::net::{IpAddr, SocketAddr};

use conclave_protocol::hop::HopKeys;
use conclave_protocol::id::{FrameNumber, StreamId};
use conclave_protocol::replay::ReplayWindow;
use conclave_protocol::secret::Secret;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::feedback::Report;

use super::MediaLimits;
use super::thinning::Thinning;
use crate::control::media_run::MediaOutbox;
use crate::core::limits::{Direct, SetClock, quota};

/// How long a proven address is used without hearing from it; endpoints probe each second.
///
/// Higher sends longer into a path that was lost; lower moves to TCP for a short outage.
pub(super) const PATH_FRESH: Micros = Micros::from_secs(5);

/// Where a session's datagrams go, and from which of the relay's own addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) to: SocketAddr,
    pub(super) from: Option<IpAddr>,
}

/// A session has sent more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMuch {
    pub(super) of: Sent,
    /// Its own, if it has one.
    pub(super) path: Option<Path>,
}

/// What is counted of what a session sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Packets,
    Bytes,
}

/// One session, owned by the media thread.
pub(super) struct MediaSession {
    secret: Secret<32>,
    /// Derived when the first datagram comes: who only sits in the lobby needs none.
    keys: Option<Box<HopKeys>>,
    pub(super) window: ReplayWindow,
    highest: Option<u64>,
    path: Option<Path>,
    heard: Instant,
    packets: Direct,
    bytes: Direct,
    pub(super) fallback: MediaOutbox,
    pub(super) down_counter: u64,
    /// The frame of which a packet did not go out: the rest of it is of no use.
    pub(super) cut: Option<(StreamId, FrameNumber)>,
    thinned: Vec<Thinning>,
    /// The last report of how this session receives.
    pub(super) report: Option<Box<Report>>,
}

impl MediaSession {
    pub(super) fn new(
        secret: &Secret<32>,
        fallback: MediaOutbox,
        limits: MediaLimits,
        clock: &SetClock,
    ) -> Self {
        let direct = |per_second: u32| {
            let quota = quota(per_second, per_second.saturating_mul(2));
            Direct::direct_with_clock(quota, clock.clone())
        };
        Self {
            secret: secret.clone(),
            keys: None,
            window: ReplayWindow::new(),
            highest: None,
            path: None,
            heard: Instant(0),
            packets: direct(limits.packets_per_second),
            bytes: direct(limits.bytes_per_second),
            fallback,
            down_counter: 0,
            cut: None,
            thinned: Vec::new(),
            report: None,
        }
    }

    /// Goes on under new keys: the path stays until another is proven.
    pub(super) fn renew(&mut self, secret: &Secret<32>, fallback: MediaOutbox) {
        self.secret = secret.clone();
        self.keys = None;
        self.window = ReplayWindow::new();
        self.highest = None;
        self.down_counter = 0;
        self.fallback = fallback;
    }

    /// What proves its datagrams.
    pub(super) fn keys(&mut self) -> &HopKeys {
        self.keys
            .get_or_insert_with(|| Box::new(HopKeys::derive(&self.secret)))
    }

    /// Counts a proven datagram.
    ///
    /// # Errors
    /// [`TooMuch`] when the session has sent more than it may.
    pub(super) fn may_send(&self, bytes: usize) -> Result<(), TooMuch> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let bytes = bytes.try_into().unwrap_or(std::num::NonZeroU32::MIN);
        let too_much = |of| TooMuch {
            of,
            path: self.path,
        };
        if self.packets.check().is_err() {
            return Err(too_much(Sent::Packets));
        }
        match self.bytes.check_n(bytes) {
            Ok(Ok(())) => Ok(()),
            _ => Err(too_much(Sent::Bytes)),
        }
    }

    /// Marks a proven datagram as seen, and learns where it came from; `true` when that is elsewhere.
    pub(super) fn hear(&mut self, counter: u64, path: Option<Path>, now: Instant) -> bool {
        self.window.update(counter);
        // A datagram that was overtaken may come from where the endpoint was before.
        if self.highest.is_some_and(|highest| counter <= highest) {
            return false;
        }
        self.highest = Some(counter);
        if path.is_none() {
            return false;
        }
        self.heard = now;
        let moved = self.path.is_some() && self.path != path;
        self.path = path;
        moved
    }

    /// Where to send, if anything was heard from there lately.
    pub(super) fn path(&self, now: Instant) -> Option<Path> {
        self.path.filter(|_| now.since(self.heard) < PATH_FRESH)
    }

    /// Whether a frame passes the receiver's choice.
    pub(super) fn wants(
        &mut self,
        stream: StreamId,
        frame: FrameNumber,
        captured: Instant,
        fps: u8,
    ) -> bool {
        if fps == 0 {
            return true;
        }
        let place = self.thinned.iter().position(|t| t.stream == stream);
        let index = place.unwrap_or_else(|| {
            // Streams come and go; what is chosen now is at the end.
            if self.thinned.len() >= MAX_THINNED {
                self.thinned.remove(0);
            }
            self.thinned.push(Thinning::new(stream));
            self.thinned.len() - 1
        });
        self.thinned[index].passes(frame, captured, fps)
    }
}

/// Streams that one receiver may have thinned: a full room of cameras with two layers each.
const MAX_THINNED: usize = 256;
