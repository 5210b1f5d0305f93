//! How much is sent on: bytes times receivers, of a sender, a room and an address; and of each stream what it was
//! offered as.
//!
//! What comes in is limited by session, but the relay's work and its network are what goes out. A session that has
//! spent a budget waits for it to fill again, and nobody else does. Sound may spend the last quarter of a budget that
//! pictures leave alone.

use std::net::IpAddr;

use conclave_protocol::id::{FrameNumber, RoomId, StreamId};
use conclave_protocol::time::{Instant, Micros};
use conclave_relay_core::address::Network;
use conclave_relay_core::fan_out::Routes;
use conclave_relay_core::limit_log::LimitLog;
use rustc_hash::FxHashMap;

use super::frame_run::FrameRun;

/// So many seconds' worth at once. Higher lets longer bursts through; lower cuts a picture out of two cameras' large
/// ones.
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

    /// Forgets what is as good as new, now and then.
    pub(super) fn sweep(&mut self, routes: &Routes, now: Instant) {
        if now.since(self.swept) < SWEEP_EVERY {
            return;
        }
        self.swept = now;
        let limits = self.limits;
        self.rooms
            .retain(|_, bucket| !bucket.is_full(limits.room, now));
        self.networks
            .retain(|_, bucket| !bucket.is_full(limits.address, now));
        self.streams
            .retain(|stream, _| routes.get(*stream).is_some());
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
mod tests {
    use std::sync::Arc;

    use conclave_protocol::id::SessionId;
    use conclave_protocol::units::PictureSize;
    use conclave_protocol::wire::control::{AudioCodec, Layer, Media, Picture};
    use conclave_protocol::wire::header::Kind;

    use super::*;
    use conclave_relay_core::fan_out::{StreamRoute, kind_of};

    const MB: u32 = 1_000_000;

    const fn camera(width: u16, height: u16) -> Media {
        Media::Camera(Picture {
            layer: Layer::Full,
            size: PictureSize { width, height },
            fps: 30,
        })
    }

    const SOUND: Media = Media::Audio(AudioCodec::L16Mono16k);

    /// A member who sends; who they are sent to is only a number here.
    struct Member {
        address: IpAddr,
        bucket: Bucket,
        room: RoomId,
        stream: u32,
        frame: u32,
    }

    impl Member {
        fn new(stream: u32, room: u32, address: u8) -> Self {
            Self {
                address: [192, 0, 2, address].into(),
                bucket: Bucket::full(WIDE.sender, Instant(0)),
                room: RoomId(room),
                stream,
                frame: 0,
            }
        }

        /// Sends one frame of so many bytes to so many, in runs; gives the bytes that went out to each.
        fn send(
            &mut self,
            budget: &mut Budget,
            media: Media,
            bytes: usize,
            receivers: usize,
            now: Instant,
        ) -> u64 {
            self.frame += 1;
            let route = Arc::new(StreamRoute {
                owner: SessionId(1),
                room: self.room,
                kind: kind_of(media),
                bytes_per_second: u32::try_from(media.bytes_per_second()).unwrap(),
                receivers: Box::default(),
            });
            let mut sent = 0;
            for part in vec![0; bytes].chunks(60_000) {
                let run = FrameRun::whole(
                    &route,
                    StreamId(self.stream),
                    FrameNumber(self.frame),
                    kind_of(media) != Kind::Audio,
                    part,
                );
                let mut spender = Spender {
                    address: self.address,
                    bucket: &mut self.bucket,
                };
                if budget.check(&run, &mut spender, now).is_ok() {
                    budget.spend(&run, &mut spender, receivers);
                    sent += part.len() as u64;
                }
            }
            sent
        }
    }

    const WIDE: FanOutLimits = FanOutLimits {
        sender: 64 * MB,
        room: 1_000 * MB,
        address: 512 * MB,
    };

    /// When frame `n` of `fps` a second is sent.
    fn at(n: u64, fps: u64) -> Instant {
        Instant(1 + n * 1_000_000 / fps)
    }

    #[test]
    fn an_honest_room_of_sixteen_is_not_limited() {
        let mut budget = Budget::new(WIDE);
        let mut members: Vec<_> = (0..16).map(|n| Member::new(n, 1, n as u8)).collect();
        // 25 Mbit/s each, the most that a camera of 720p30 is said to take.
        for n in 0..30 * 20 {
            for member in &mut members {
                let sent = member.send(&mut budget, camera(1280, 720), 104_000, 15, at(n, 30));
                assert_eq!(sent, 104_000, "frame {n}");
            }
        }
    }

    #[test]
    fn who_sends_as_much_as_a_session_may_to_many_is_held_to_the_budget_and_other_rooms_are_not() {
        let mut budget = Budget::new(WIDE);
        let mut hostile = Member::new(1, 1, 1);
        let mut other = Member::new(2, 2, 2);
        let (mut sent_on, mut heard) = (0, 0);
        for n in 0..50 * 20 {
            let now = at(n, 50);
            sent_on += hostile.send(&mut budget, camera(1920, 1080), 400_000, 100, now) * 100;
            heard += other.send(&mut budget, SOUND, 688, 100, now);
        }
        // 20 s, two more at once, and what is owed at the end.
        let most = u64::from(64 * MB) * 22 + 60_000 * 100;
        assert!(sent_on <= most, "{sent_on} of {most}");
        assert!(sent_on >= u64::from(64 * MB) * 20, "{sent_on}");
        assert_eq!(heard, 688 * 50 * 20);
    }

    #[test]
    fn sound_is_heard_on_while_the_same_members_pictures_are_limited() {
        let mut budget = Budget::new(WIDE);
        let mut member = Member::new(1, 1, 1);
        let mut heard = 0;
        for n in 0..50 * 20 {
            member.stream = 1;
            member.send(&mut budget, camera(1920, 1080), 400_000, 100, at(n, 50));
            member.stream = 2;
            heard += member.send(&mut budget, SOUND, 688, 100, at(n, 50));
        }
        assert_eq!(heard, 688 * 50 * 20);
    }

    #[test]
    fn many_senders_are_held_to_what_their_room_and_their_address_may() {
        for (rooms, addresses, most) in [(1, 250, 1_000), (250, 1, 512)] {
            let mut budget = Budget::new(WIDE);
            let mut members: Vec<_> = (0..100)
                .map(|n| Member::new(n, n % rooms, (n % addresses) as u8))
                .collect();
            let mut sent_on = 0;
            for n in 0..30 * 10 {
                for member in &mut members {
                    sent_on +=
                        member.send(&mut budget, camera(1280, 720), 60_000, 50, at(n, 30)) * 50;
                }
            }
            let most = u64::from(most * MB) * 12 + 60_000 * 50;
            assert!(sent_on <= most, "{sent_on} of {most}");
        }
    }

    #[test]
    fn a_stream_carries_no_more_than_it_was_offered_as() {
        let mut budget = Budget::new(WIDE);
        let mut member = Member::new(1, 1, 1);
        let small = camera(320, 240);
        let mut sent = 0;
        for n in 0..30 * 10 {
            sent += member.send(&mut budget, small, 1_000_000, 1, at(n, 30));
        }
        let most = small.bytes_per_second() as u64 * 12 + 60_000;
        assert!(sent <= most, "{sent} of {most}");
    }

    #[test]
    fn the_rest_of_a_picture_that_was_cut_is_dropped_whatever_came_free_meanwhile() {
        let mut budget = Budget::new(WIDE);
        let mut member = Member::new(1, 1, 1);
        let small = camera(320, 240);
        while member.send(&mut budget, small, 1_000_000, 1, at(0, 1)) == 1_000_000 {}
        member.frame -= 1;
        let rest = member.send(&mut budget, small, 60_000, 1, at(5, 1));
        assert_eq!(rest, 0);
        let next = member.send(&mut budget, small, 60_000, 1, at(5, 1));
        assert_eq!(next, 60_000);
    }

    #[test]
    fn what_rests_is_forgotten() {
        let mut budget = Budget::new(WIDE);
        for n in 0..1_000 {
            let mut member = Member::new(n, n, (n % 200) as u8);
            member.send(&mut budget, camera(1280, 720), 60_000, 50, at(0, 1));
        }
        assert_eq!(budget.rooms.len(), 1_000);
        budget.sweep(&Routes::default(), at(60, 1));
        let left = (
            budget.rooms.len(),
            budget.networks.len(),
            budget.streams.len(),
        );
        assert_eq!(left, (0, 0, 0));
    }
}
