//! What the media plane knows of one session.

use std::net::IpAddr;

use conclave_protocol::hop::HopKeys;
use conclave_protocol::id::{FrameNumber, StreamId};
use conclave_protocol::replay::ReplayWindow;
use conclave_protocol::secret::Secret;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::header::Header;
use conclave_relay_core::quota::{Direct, SetClock, quota};

use super::MediaLimits;
use super::allowance::Allowance;
use super::budget::{Bucket, Spender};
use super::gaps::Gaps;
use super::tally::Tally;
use super::thinning::Thinning;
use super::way::{Path, Way};
use crate::mail::media_run::MediaOutbox;

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
    pub(super) way: Way,
    packets: Direct,
    bytes: Direct,
    /// Where its connection comes from, and what of it may still be sent on.
    address: IpAddr,
    sent_on: Bucket,
    pub(super) fallback: MediaOutbox,
    pub(super) down_counter: u64,
    /// The frame of which a packet did not go out: the rest of it is of no use.
    pub(super) cut: Option<(StreamId, FrameNumber)>,
    thinned: Vec<Thinning>,
    /// What this session may ask for again.
    pub(super) allowance: Allowance,
    /// What is missing of what it publishes.
    pub(super) gaps: Option<Box<Gaps>>,
    pub(super) round_trip: Micros,
}

impl MediaSession {
    pub(super) fn new(
        secret: &Secret<32>,
        fallback: MediaOutbox,
        address: IpAddr,
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
            way: Way::default(),
            packets: direct(limits.packets_per_second),
            bytes: direct(limits.bytes_per_second),
            address,
            sent_on: Bucket::full(limits.fan_out.sender, clock.instant()),
            fallback,
            down_counter: 0,
            cut: None,
            thinned: Vec::new(),
            allowance: Allowance::new(clock.instant()),
            gaps: None,
            round_trip: Micros::ZERO,
        }
    }

    /// Goes on under new keys: the path stays until another is proven.
    pub(super) fn renew(&mut self, secret: &Secret<32>, fallback: MediaOutbox, address: IpAddr) {
        self.address = address;
        self.secret = secret.clone();
        self.keys = None;
        self.window = ReplayWindow::new();
        self.highest = None;
        self.down_counter = 0;
        self.way.count_again();
        self.fallback = fallback;
    }

    /// What proves its datagrams.
    pub(super) fn keys(&mut self) -> &HopKeys {
        self.keys
            .get_or_insert_with(|| Box::new(HopKeys::derive(&self.secret)))
    }

    /// Whose budget what it sends is sent on from.
    pub(super) const fn spender(&mut self) -> Spender<'_> {
        Spender {
            address: self.address,
            bucket: &mut self.sent_on,
        }
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
            path: self.way.proven(),
        };
        if self.packets.check().is_err() {
            return Err(too_much(Sent::Packets));
        }
        match self.bytes.check_n(bytes) {
            Ok(Ok(())) => Ok(()),
            _ => Err(too_much(Sent::Bytes)),
        }
    }

    /// Marks a proven datagram as seen; `true` when it is the newest. One that was overtaken may come from where the
    /// endpoint was before.
    pub(super) fn hear(&mut self, counter: u64) -> bool {
        self.window.update(counter);
        let is_newest = self.highest.is_none_or(|highest| counter > highest);
        self.highest = self.highest.max(Some(counter));
        is_newest
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

    /// Notes a packet of this publisher's own stream; `true` when the session has to be listed as one that may have to
    /// be asked.
    pub(super) fn note(&mut self, header: &Header, now: Instant, tally: &mut Tally) -> bool {
        let gaps = self.gaps.get_or_insert_with(|| Box::new(Gaps::new()));
        gaps.note(header, self.round_trip, now, tally)
    }

    /// Whether a frame of a stream that this session receives was sent to it.
    pub(super) fn was_sent(&self, stream: StreamId, frame: FrameNumber) -> bool {
        let thinned = self.thinned.iter().find(|t| t.stream == stream);
        thinned.is_none_or(|thinned| thinned.passed(frame))
    }
}

/// Streams that one receiver may have thinned: a full room of cameras with two layers each.
const MAX_THINNED: usize = 256;
