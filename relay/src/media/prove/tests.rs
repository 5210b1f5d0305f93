//! One session, known to the relay, and what each check says of its datagrams.

use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::hop::{HopKeys, body_up};
use conclave_protocol::id::{Epoch, FrameNumber, SequenceNumber, StreamId};
use conclave_protocol::secret::Secret;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::feedback::{Nack, Padding};
use conclave_protocol::wire::header::{Header, TAG_BYTES};
use conclave_relay_core::quota::SetClock;

use super::*;
use crate::media::session::Sent;
use crate::media::{FanOutLimits, MediaLimits};

const SESSION: SessionId = SessionId(7);
const SECRET: Secret<32> = Secret([1; 32]);

/// A relay that knows one session of so many datagrams and bytes a second.
fn knowing(packets_per_second: u32, bytes_per_second: u32) -> Sessions {
    let limits = MediaLimits {
        packets_per_second,
        bytes_per_second,
        fan_out: FanOutLimits {
            sender: 1,
            room: 1,
            address: 1,
        },
        history_bytes: 1 << 20,
    };
    let (fallback, _) = crate::mail::media_run::media_way(1);
    let address = [192, 0, 2, 1].into();
    let session = MediaSession::new(&SECRET, fallback, address, limits, &SetClock::default());
    [(SESSION, Box::new(session))].into_iter().collect()
}

fn generous() -> Sessions {
    knowing(1000, 1_000_000)
}

fn packet() -> Vec<u8> {
    let header = Header {
        kind: Kind::Video,
        level: 0,
        epoch: Epoch(1),
        stream: StreamId(2),
        sequence: SequenceNumber(3),
        timestamp: Instant(4),
        frame: FrameNumber(5),
        fragment: 0,
        fragments: 1,
    };
    let mut packet = header.emit().to_vec();
    packet.resize(packet.len() + 20 + TAG_BYTES, 9);
    packet
}

fn media(secret: &Secret<32>, counter: u64) -> Vec<u8> {
    let packet = packet();
    let mut datagram = HopKeys::derive(secret)
        .tag_media(SESSION, counter, &packet)
        .to_vec();
    datagram.extend(packet);
    datagram
}

fn sealed<T: serde::Serialize>(kind: Kind, counter: u64, body: &T) -> Vec<u8> {
    let mut out = [0; MAX_DATAGRAM];
    let length = HopKeys::derive(&SECRET)
        .seal_up(SESSION, counter, kind, body, &mut out)
        .unwrap();
    out[..length].to_vec()
}

fn ask() -> Probe {
    Probe::Ask {
        sent: Instant(1),
        seen: None,
        round_trip: Micros(2_000),
        padding: Padding::NONE,
    }
}

fn nack() -> Feedback {
    Feedback::Nack(Nack::default())
}

fn refused(sessions: &mut Sessions, mut datagram: Vec<u8>) -> Option<Unproven> {
    prove(sessions, &mut datagram).err()
}

#[test]
fn a_media_packet_comes_out_as_it_was_tagged() {
    let mut sessions = generous();
    let mut datagram = media(&SECRET, 0);
    match prove(&mut sessions, &mut datagram) {
        Ok(Proven::Media {
            owner, packet: out, ..
        }) => {
            assert_eq!((owner, out), (SESSION, &packet()[..]));
        }
        _ => panic!("not proven as such"),
    }
}

#[test]
fn feedback_comes_out_with_its_session() {
    let mut sessions = generous();
    let mut datagram = sealed(Kind::Feedback, 0, &nack());
    match prove(&mut sessions, &mut datagram) {
        Ok(Proven::Feedback { feedback, .. }) => assert_eq!(feedback, nack()),
        _ => panic!("not proven as such"),
    }
}

#[test]
fn a_probe_tells_its_length_and_whether_it_was_overtaken() {
    let mut sessions = generous();
    let padded = ask().padded_to(body_up(500));
    for (counter, newest) in [(1, true), (0, false), (2, true)] {
        let mut datagram = sealed(Kind::Probe, counter, &padded);
        match prove(&mut sessions, &mut datagram) {
            Ok(Proven::Probe(asked)) => {
                assert_eq!((asked.probe, asked.bytes), (padded, 500));
                assert_eq!(asked.is_newest, newest, "counter {counter}");
            }
            _ => panic!("not proven as such"),
        }
    }
}

#[test]
fn what_cannot_be_a_datagram_is_malformed() {
    let mut sessions = generous();
    let whole = media(&SECRET, 0);
    let mut of_no_kind = whole.clone();
    of_no_kind[conclave_protocol::wire::header::HOP_HEADER_BYTES] = 99;
    let long = [whole.clone(), vec![0; MAX_DATAGRAM]].concat();
    for datagram in [Vec::new(), whole[..40].to_vec(), of_no_kind, long] {
        assert_eq!(refused(&mut sessions, datagram), Some(Unproven::Malformed));
    }
}

#[test]
fn a_session_that_the_relay_does_not_have_is_unknown() {
    let refused = refused(&mut Sessions::default(), media(&SECRET, 0));
    assert_eq!(refused, Some(Unproven::UnknownSession));
}

#[test]
fn the_same_datagram_again_is_a_replay_whatever_its_kind() {
    let datagrams = [
        media(&SECRET, 5),
        sealed(Kind::Feedback, 5, &nack()),
        sealed(Kind::Probe, 5, &ask()),
    ];
    for datagram in datagrams {
        let mut sessions = generous();
        assert_eq!(refused(&mut sessions, datagram.clone()), None);
        assert_eq!(refused(&mut sessions, datagram), Some(Unproven::Replayed));
    }
}

#[test]
fn a_forged_datagram_uses_up_neither_its_counter_nor_the_rates() {
    let mut sessions = knowing(1, 1_000_000);
    for _ in 0..10 {
        let forged = media(&Secret([2; 32]), 0);
        assert_eq!(refused(&mut sessions, forged), Some(Unproven::Forged));
        let mut altered = sealed(Kind::Probe, 0, &ask());
        *altered.last_mut().unwrap() ^= 1;
        assert_eq!(refused(&mut sessions, altered), Some(Unproven::Forged));
    }
    assert_eq!(refused(&mut sessions, media(&SECRET, 0)), None);
}

#[test]
fn a_sealed_body_that_is_no_value_is_bad() {
    let mut sessions = generous();
    let body = [0xff_u8; 3];
    for kind in [Kind::Feedback, Kind::Probe] {
        let datagram = sealed(kind, 0, &body);
        assert_eq!(refused(&mut sessions, datagram), Some(Unproven::BadBody));
    }
}

#[test]
fn each_rate_refuses_what_is_beyond_it_by_its_own_reason() {
    let beyond = |mut sessions: Sessions| {
        (0..10).find_map(|counter| refused(&mut sessions, media(&SECRET, counter)))
    };
    let too_much = |of| Some(Unproven::TooMuch(TooMuch { of, path: None }));
    assert_eq!(beyond(knowing(1, 1_000_000)), too_much(Sent::Packets));
    assert_eq!(beyond(knowing(1000, 200)), too_much(Sent::Bytes));
}

#[test]
fn each_reason_has_a_counter_of_its_own() {
    let too_much = TooMuch {
        of: Sent::Packets,
        path: None,
    };
    let counted = |unproven: Unproven| {
        let mut tally = Tally::default();
        unproven.count(&mut tally);
        [
            tally.datagrams_malformed,
            tally.datagrams_unknown_session,
            tally.datagrams_replayed,
            tally.datagrams_forged,
            tally.datagrams_bad_body,
            tally.datagrams_limited,
        ]
    };
    let reasons = [
        Unproven::Malformed,
        Unproven::UnknownSession,
        Unproven::Replayed,
        Unproven::Forged,
        Unproven::BadBody,
        Unproven::TooMuch(too_much),
    ];
    for (at, reason) in reasons.into_iter().enumerate() {
        let mut expected = [0; 6];
        expected[at] = 1;
        assert_eq!(counted(reason), expected, "{reason:?}");
    }
}
