//! How much is sent on: bytes times receivers, of a sender, a room and an address; and of each stream what it was
//! offered as.
//!
//! What comes in is limited by session, but the relay's work and its network are what goes out. A sender that has spent
//! a budget waits for it to fill again, and no other sender does. Sound may spend the last quarter of a budget that
//! pictures leave alone.

use std::net::IpAddr;

use conclave_protocol::id::{FrameNumber, RoomId, StreamId};
use conclave_protocol::time::{Instant, Micros};
use conclave_relay_core::address::Network;
use conclave_relay_core::fan_out::Routes;
use conclave_relay_core::limit_log::LimitLog;
use rustc_hash::FxHashMap;

use super::frame_run::FrameRun;

/// So many seconds' worth at once. Higher lets longer bursts through; lower cuts a picture out of two cameras'
/// large ones.
const BURST_SECONDS: i64 = 2;
/// Pictures leave so much of a budget to sound: a part of this.
const RESERVE: i64 = 4;
/// How often what is as good as new is forgotten.
const SWEEP_EVERY: Micros = Micros::from_secs(10);
/// Micro-bytes in a byte, so that short times count as well.
const FINE: i64 = 1_000_000;

/// Bytes a second that are sent on, each counted once a receiver; twice as many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FanOutLimits {
    /// Of one session.
    pub sender: u32,
    /// Of one room.
    pub room: u32,
    /// Of all sessions from one address.
    pub address: u32,
}

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Offer,
    Sender,
    Room,
    Address,
    /// The rest of a picture of which something was dropped.
    Cut,
}

/// What may still be spent. A last spending may be larger than what is left: then it is owed.
#[derive(Debug)]
pub(super) struct Bucket {
    left: i64,
    at: Instant,
}

impl Bucket {
    pub(super) const fn full(per_second: u32, now: Instant) -> Self {
        Self {
            left: Self::size(per_second),
            at: now,
        }
    }

    const fn size(per_second: u32) -> i64 {
        per_second as i64 * FINE * BURST_SECONDS
    }

    /// What is left, in micro-bytes.
    fn left(&mut self, per_second: u32, now: Instant) -> i64 {
        let passed = i64::try_from(now.since(self.at).0).unwrap_or(i64::MAX);
        let gained = i64::from(per_second).saturating_mul(passed);
        self.left = self.left.saturating_add(gained).min(Self::size(per_second));
        self.at = self.at.max(now);
        self.left
    }

    /// Takes one from what is left, if there is one.
    pub(super) fn take_one(&mut self, per_second: u32, now: Instant) -> bool {
        let may = self.left(per_second, now) >= FINE;
        if may {
            self.spend(1);
        }
        may
    }

    fn spend(&mut self, bytes: u64) {
        let fine = i64::try_from(bytes)
            .unwrap_or(i64::MAX)
            .saturating_mul(FINE);
        self.left = self.left.saturating_sub(fine);
    }

    /// Whether nothing is missing: a new one would be the same.
    fn is_full(&mut self, per_second: u32, now: Instant) -> bool {
        self.left(per_second, now) == Self::size(per_second)
    }
}

/// One stream's own.
#[derive(Debug)]
struct Streamed {
    bucket: Bucket,
    /// The frame of which something was dropped.
    cut: Option<FrameNumber>,
}

/// All budgets but the senders', which their sessions keep.
pub(super) struct Budget {
    limits: FanOutLimits,
    rooms: FxHashMap<RoomId, Bucket>,
    networks: FxHashMap<Network, Bucket>,
    streams: FxHashMap<StreamId, Streamed>,
    swept: Instant,
    log: LimitLog,
}

/// Whose budget a run is sent on from.
pub(super) struct Spender<'s> {
    pub(super) address: IpAddr,
    pub(super) bucket: &'s mut Bucket,
}

impl Budget {
    pub(super) fn new(limits: FanOutLimits) -> Self {
        Self {
            limits,
            rooms: FxHashMap::default(),
            networks: FxHashMap::default(),
            streams: FxHashMap::default(),
            swept: Instant(0),
            log: LimitLog::default(),
        }
    }

    /// Whether a run may be sent on, before it is.
    ///
    /// # Errors
    /// The limit that it would go beyond; the rest of its picture is refused then, too.
    pub(super) fn check(
        &mut self,
        run: &FrameRun,
        spender: &mut Spender<'_>,
        now: Instant,
    ) -> Result<(), Over> {
        let offered = run.route.bytes_per_second;
        let streamed = self.streams.entry(run.stream).or_insert_with(|| Streamed {
            bucket: Bucket::full(offered, now),
            cut: None,
        });
        if run.is_frame && streamed.cut == Some(run.frame) {
            return Err(Over::Cut);
        }
        let checked = if streamed.bucket.left(offered, now) <= 0 {
            Err(Over::Offer)
        } else {
            let (limits, room) = (self.limits, run.route.room);
            let network = Network::of(spender.address);
            let rooms = self.rooms.entry(room);
            let networks = self.networks.entry(network);
            let room = rooms.or_insert_with(|| Bucket::full(limits.room, now));
            let address = networks.or_insert_with(|| Bucket::full(limits.address, now));
            [
                (Over::Sender, &mut *spender.bucket, limits.sender),
                (Over::Room, room, limits.room),
                (Over::Address, address, limits.address),
            ]
            .into_iter()
            .try_for_each(|(over, bucket, per_second)| {
                let reserve = if run.is_frame {
                    Bucket::size(per_second) / RESERVE
                } else {
                    0
                };
                let may = bucket.left(per_second, now) > reserve;
                may.then_some(()).ok_or(over)
            })
        };
        if let Err(over) = checked {
            streamed.cut = run.is_frame.then_some(run.frame);
            self.tell(over, spender.address, now);
        }
        checked
    }

    /// A run was sent on to so many.
    pub(super) fn spend(&mut self, run: &FrameRun, spender: &mut Spender<'_>, receivers: usize) {
        let bytes = run.bytes.len() as u64;
        let sent = bytes.saturating_mul(receivers as u64);
        if let Some(streamed) = self.streams.get_mut(&run.stream) {
            streamed.bucket.spend(bytes);
        }
        spender.bucket.spend(sent);
        if let Some(room) = self.rooms.get_mut(&run.route.room) {
            room.spend(sent);
        }
        if let Some(address) = self.networks.get_mut(&Network::of(spender.address)) {
            address.spend(sent);
        }
    }

    /// Forgets what is as good as new, now and then; `true` when it did.
    pub(super) fn sweep(&mut self, routes: &Routes, now: Instant) -> bool {
        if now.since(self.swept) < SWEEP_EVERY {
            return false;
        }
        self.swept = now;
        let limits = self.limits;
        self.rooms
            .retain(|_, bucket| !bucket.is_full(limits.room, now));
        self.networks
            .retain(|_, bucket| !bucket.is_full(limits.address, now));
        self.streams
            .retain(|stream, _| routes.get(*stream).is_some());
        true
    }

    fn tell(&self, over: Over, address: IpAddr, now: Instant) {
        let whose = Network::of(address);
        let (key, limit) = match over {
            Over::Sender => ("media.fan_out_bytes_per_second", self.limits.sender),
            Over::Room => ("media.fan_out_bytes_per_second_per_room", self.limits.room),
            Over::Address => (
                "media.fan_out_bytes_per_second_per_address",
                self.limits.address,
            ),
            Over::Offer => {
                if let Some(unsaid) = self.log.may_say("offer", now) {
                    tracing::warn!(
                        address = %whose,
                        unsaid,
                        "a stream carries more than it was offered as: the rest is dropped"
                    );
                }
                return;
            }
            Over::Cut => return,
        };
        self.log.reached(key, limit, whose, now);
    }
}

#[cfg(test)]
mod tests;
