//! What a receiver gets again, and what not.

use std::net::UdpSocket;
use std::sync::Arc;

use conclave_protocol::id::{Epoch, FrameNumber, RoomId};
use conclave_protocol::secret::Secret;
use conclave_protocol::wire::feedback::{Gap, StreamGaps};
use conclave_protocol::wire::header::{Header, Kind};
use conclave_relay_core::fan_out::{Receiver, StreamRoute};
use conclave_relay_core::quota::SetClock;
use quinn_udp::{UdpSockRef, UdpSocketState};

use super::*;
use crate::mail::media_run;
use crate::media::allowance::{MOST_AT_ONCE, REQUESTS_PER_SECOND};
use crate::media::frame_run::FrameRun;
use crate::media::way::Path;
use crate::media::{FanOutLimits, MediaLimits};

const STREAM: StreamId = StreamId(3);
const RECEIVER: SessionId = SessionId(100);
const START: Instant = Instant(1_000_000);

struct Bench {
    history: History,
    routes: Routes,
    sender: Sender,
    batch: Batch,
    session: MediaSession,
    receiver: UdpSocket,
    tally: Tally,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_nonblocking(true).unwrap();
        let state = UdpSocketState::new(UdpSockRef::from(&socket)).unwrap();
        let clock = SetClock::default();
        clock.set(START);
        let limits = MediaLimits {
            packets_per_second: 1_000,
            bytes_per_second: 1_000_000,
            fan_out: FanOutLimits {
                sender: 1,
                room: 1,
                address: 1,
            },
            history_bytes: 1 << 20,
        };
        let (fallback, _) = media_run::media_way(1);
        let mut session = MediaSession::new(
            &Secret([1; 32]),
            fallback,
            [127, 0, 0, 1].into(),
            limits,
            &clock,
        );
        let path = Path {
            to: receiver.local_addr().unwrap(),
            from: None,
        };
        session.way.answered(path, 1);
        session.way.asked(path, Some(1), START);
        let mut routes = Routes::default();
        routes.insert(STREAM, route(0));
        Self {
            history: History::new(1 << 20),
            routes,
            sender: Sender { socket, state },
            batch: Batch::new(),
            session,
            receiver,
            tally: Tally::default(),
            now: START,
        }
    }

    /// Keeps a frame of so many packets as sent on, from this sequence number on.
    fn keep(&mut self, frame: u32, first: u64, packets: u16) {
        for fragment in 0..packets {
            let header = Header {
                kind: Kind::Video,
                level: 0,
                epoch: Epoch(0),
                stream: STREAM,
                sequence: SequenceNumber(first + u64::from(fragment)),
                timestamp: Instant(0),
                frame: FrameNumber(frame),
                fragment,
                fragments: packets,
            };
            let mut bytes = header.emit().to_vec();
            bytes.resize(200, 0);
            let route = Arc::new(route(0));
            let run = FrameRun::whole(&route, STREAM, FrameNumber(frame), true, &bytes);
            self.history.keep(run, self.now);
        }
    }

    fn ask(&mut self, first: u64, count: u16) {
        let gaps = [Gap { skip: 0, count }].into_iter().collect();
        let missing = StreamGaps {
            stream: STREAM,
            first: SequenceNumber(first),
            gaps,
        };
        let nack = Nack {
            streams: std::iter::once(missing).collect(),
        };
        let mut with = Answers {
            history: &self.history,
            routes: &self.routes,
            sender: &self.sender,
            batch: &mut self.batch,
            now: self.now,
        };
        answer(
            &nack,
            RECEIVER,
            &mut self.session,
            &mut with,
            &mut self.tally,
        );
    }

    /// The sequence numbers that came.
    fn came(&self) -> Vec<u64> {
        let mut came = Vec::new();
        let mut buffer = [0; 2048];
        while let Ok(length) = self.receiver.recv(&mut buffer) {
            came.push(Header::parse(&buffer[..length]).unwrap().sequence.0);
        }
        came
    }
}

fn route(fps: u8) -> StreamRoute {
    StreamRoute {
        owner: SessionId(1),
        room: RoomId(1),
        kind: Kind::Video,
        bytes_per_second: 1,
        receivers: [Receiver {
            session: RECEIVER,
            fps,
        }]
        .into(),
    }
}

#[test]
fn what_is_missing_is_sent_again_as_it_was() {
    let mut bench = Bench::new();
    bench.session.allowance.earn(500);
    bench.keep(0, 50, 20);
    bench.ask(53, 3);
    assert_eq!(bench.came(), [53, 54, 55]);
    assert_eq!(
        (bench.tally.packets_repeated, bench.tally.nacked_packets),
        (3, 3)
    );
}

#[test]
fn a_request_that_comes_twice_is_answered_once_and_one_that_is_made_again_again() {
    let mut bench = Bench::new();
    bench.session.allowance.earn(500);
    bench.keep(0, 50, 20);
    bench.ask(53, 1);
    bench.ask(53, 1);
    assert_eq!(bench.came(), [53]);
    bench.now += Micros::from_millis(20);
    bench.ask(53, 1);
    assert_eq!(bench.came(), [53]);
}

#[test]
fn what_is_unknown_too_old_or_of_a_stream_not_received_is_not_answered() {
    let mut bench = Bench::new();
    bench.keep(0, 50, 20);
    bench.ask(10, 5);
    assert_eq!(bench.tally.nacked_packets_gone, 5);
    bench.now += PICTURES_UNTIL + Micros(1);
    bench.ask(53, 1);
    assert_eq!(bench.tally.nacked_packets_gone, 6);
    bench.now = START;
    bench.routes = Routes::default();
    bench.ask(53, 1);
    assert_eq!(bench.tally.nacked_packets_foreign, 1);
    assert_eq!(bench.came(), [0; 0]);
}

#[test]
fn frames_that_were_left_out_for_a_receiver_are_not_had_by_asking() {
    let mut bench = Bench::new();
    bench.routes.insert(STREAM, route(10));
    bench.keep(0, 50, 14);
    bench.keep(1, 70, 14);
    let at = |frame: u64| Instant(5_000_000 + frame * 33_333);
    assert!(bench.session.wants(STREAM, FrameNumber(0), at(0), 10));
    assert!(!bench.session.wants(STREAM, FrameNumber(1), at(1), 10));
    bench.ask(53, 1);
    bench.ask(75, 1);
    assert_eq!(bench.came(), [53]);
}

#[test]
fn a_receiver_that_asks_for_everything_gets_a_quarter_more_than_it_is_sent() {
    let mut bench = Bench::new();
    let mut again = 0;
    for frame in 0..100u32 {
        let first = u64::from(frame) * 34;
        bench.keep(frame, first, 34);
        bench.session.allowance.earn(34);
        for _ in 0..6 {
            bench.now += Micros(5_500);
            bench.ask(first, 34);
            again += bench.came().len();
        }
    }
    let most = 100 * 34 / 4 + MOST_AT_ONCE as usize;
    assert!(again <= most && again > most / 2, "{again} of {most}");
    assert!(bench.tally.nacked_packets_over_budget > 0);
}

#[test]
fn a_flood_of_requests_is_looked_at_only_within_its_rate() {
    let mut bench = Bench::new();
    bench.keep(0, 50, 20);
    for _ in 0..10_000 {
        bench.ask(1_000, u16::MAX);
    }
    let looked_at = bench.tally.nacks - bench.tally.nacks_limited;
    assert_eq!(looked_at, 2 * u64::from(REQUESTS_PER_SECOND));
    assert!(bench.tally.nacked_packets <= looked_at * LOOKED_AT as u64);
}

#[test]
fn where_much_is_lost_each_answer_goes_twice() {
    let mut bench = Bench::new();
    bench.keep(0, 50, 34);
    bench.session.allowance.earn(34);
    bench.ask(53, 2);
    assert_eq!(bench.came(), [53, 54, 53, 54]);
}

#[test]
fn who_is_reached_by_tcp_alone_is_sent_nothing() {
    let mut bench = Bench::new();
    bench.keep(0, 50, 20);
    bench.now += Micros::from_secs(6);
    bench.keep(1, 80, 20);
    bench.ask(83, 1);
    assert_eq!(bench.came(), [0; 0]);
}
