//! Rooms of honest members are not limited, and each budget holds against those that are not.

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
                sent_on += member.send(&mut budget, camera(1280, 720), 60_000, 50, at(n, 30)) * 50;
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
