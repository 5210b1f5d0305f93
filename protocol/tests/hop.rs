//! The hop seal: it proves a datagram, and detects every change.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::hop::{HopDatagram, HopError, HopHeader, HopKeys};
use conclave_protocol::id::{Epoch, FrameNumber, SequenceNumber, SessionId, StreamId};
use conclave_protocol::secret::Secret;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::feedback::{Feedback, Gap, Nack, Padding, Probe, StreamGaps};
use conclave_protocol::wire::header::{HEADER_BYTES, HOP_HEADER_BYTES, Header, Kind, TAG_BYTES};
use proptest::prelude::*;

const SESSION: SessionId = SessionId(77);
const PROBE: Probe = Probe::Ask {
    sent: Instant(123_456),
    seen: Some(7),
    round_trip: Micros(2_000),
    padding: Padding::NONE,
};

fn keys(byte: u8) -> HopKeys {
    HopKeys::derive(&Secret([byte; 32]))
}

/// A packet whose seal the hop does not check.
fn packet(payload: usize) -> Vec<u8> {
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
    packet.extend((0..payload + TAG_BYTES).map(|i| i as u8));
    packet
}

fn tagged(keys: &HopKeys, counter: u64, payload: usize) -> Vec<u8> {
    let packet = packet(payload);
    let mut datagram = keys.tag_media(SESSION, counter, &packet).to_vec();
    datagram.extend(packet);
    datagram
}

#[test]
fn a_parsed_datagram_is_proven_and_opened_as_a_whole_one_is() {
    let keys = keys(1);
    let mut media = tagged(&keys, 9, 20);
    let parsed = HopDatagram::parse(&mut media).unwrap();
    let header = parsed.header();
    assert_eq!((header.session, header.counter), (SESSION, 9));
    assert_eq!(parsed.datagram_bytes(), HOP_HEADER_BYTES + packet(20).len());
    assert_eq!(keys.prove_parsed(parsed), Ok(&packet(20)[..]));
    let as_a_body = HopDatagram::parse(&mut media).unwrap();
    assert_eq!(
        keys.open_parsed::<Probe>(as_a_body),
        Err(HopError::Kind(Kind::Video as u8))
    );

    let mut out = [0; MAX_DATAGRAM];
    let length = keys
        .seal_up(SESSION, 10, Kind::Probe, &PROBE, &mut out)
        .unwrap();
    let as_media = HopDatagram::parse(&mut out[..length]).unwrap();
    assert_eq!(
        keys.prove_parsed(as_media),
        Err(HopError::Kind(Kind::Probe as u8))
    );
    let parsed = HopDatagram::parse(&mut out[..length]).unwrap();
    assert_eq!(keys.open_parsed(parsed), Ok(PROBE));
}

#[test]
fn a_tagged_packet_is_proven_and_comes_out_unchanged() {
    let keys = keys(1);
    for payload in [1, 20, 1124] {
        let datagram = tagged(&keys, 9, payload);
        let header = HopHeader::parse(&datagram).unwrap();
        assert_eq!(
            (header.session, header.counter, header.kind),
            (SESSION, 9, Kind::Video)
        );
        assert_eq!(keys.prove_media(&datagram), Ok(&packet(payload)[..]));
    }
}

#[test]
fn the_tag_covers_session_counter_header_and_end_to_end_tag() {
    let keys = keys(1);
    let datagram = tagged(&keys, 9, 50);
    let payload = HOP_HEADER_BYTES + HEADER_BYTES..datagram.len() - TAG_BYTES;
    for at in 0..datagram.len() {
        let mut altered = datagram.clone();
        altered[at] ^= 0x40;
        // The end-to-end tag proves the payload to the receiver; the hop does not check it.
        assert_eq!(
            keys.prove_media(&altered).is_ok(),
            payload.contains(&at),
            "byte {at}"
        );
    }
}

#[test]
fn another_session_s_keys_prove_nothing() {
    let datagram = tagged(&keys(1), 9, 50);
    assert_eq!(keys(2).prove_media(&datagram), Err(HopError::Tag));
    let mut out = [0; MAX_DATAGRAM];
    let length = keys(1)
        .seal_up(SESSION, 1, Kind::Probe, &PROBE, &mut out)
        .unwrap();
    assert_eq!(
        keys(2).open_up::<Probe>(&mut out[..length]),
        Err(HopError::Tag)
    );
    let length = keys(1).seal_down(1, Kind::Probe, &PROBE, &mut out).unwrap();
    assert_eq!(
        keys(2).open_down::<Probe>(&mut out[..length]),
        Err(HopError::Tag)
    );
}

#[test]
fn a_body_travels_up_and_down_and_altered_nowhere() {
    let keys = keys(1);
    let mut up = [0; MAX_DATAGRAM];
    let length = keys
        .seal_up(SESSION, 5, Kind::Probe, &PROBE, &mut up)
        .unwrap();
    let up = &up[..length];
    assert_eq!(keys.open_up::<Probe>(&mut up.to_vec()), Ok(PROBE));
    for at in 0..length {
        let mut altered = up.to_vec();
        altered[at] ^= 1;
        assert!(keys.open_up::<Probe>(&mut altered).is_err(), "byte {at} up");
    }

    let mut down = [0; MAX_DATAGRAM];
    let length = keys.seal_down(5, Kind::Probe, &PROBE, &mut down).unwrap();
    let down = &down[..length];
    assert_eq!(keys.open_down::<Probe>(&mut down.to_vec()), Ok((5, PROBE)));
    for at in 0..length {
        let mut altered = down.to_vec();
        altered[at] ^= 1;
        assert!(
            keys.open_down::<Probe>(&mut altered).is_err(),
            "byte {at} down"
        );
    }
}

#[test]
fn what_went_up_does_not_come_down() {
    let keys = keys(1);
    let mut up = [0; MAX_DATAGRAM];
    let length = keys
        .seal_up(SESSION, 5, Kind::Probe, &PROBE, &mut up)
        .unwrap();
    assert!(keys.open_down::<Probe>(&mut up[..length]).is_err());
    // The same body and counter, arranged in the other layout.
    let mut turned = vec![Kind::Probe as u8];
    turned.extend(5u64.to_le_bytes());
    turned.extend(&up[HOP_HEADER_BYTES + 1..length]);
    turned.extend(&up[12..HOP_HEADER_BYTES]);
    assert_eq!(keys.open_down::<Probe>(&mut turned), Err(HopError::Tag));
}

#[test]
fn media_is_no_body_and_a_body_is_no_media() {
    let keys = keys(1);
    let mut datagram = tagged(&keys, 9, 50);
    assert_eq!(
        keys.open_up::<Probe>(&mut datagram),
        Err(HopError::Kind(Kind::Video as u8))
    );
    assert!(matches!(
        keys.open_down::<Probe>(&mut packet(50)),
        Err(HopError::Kind(_))
    ));
    let mut out = [0; MAX_DATAGRAM];
    let length = keys
        .seal_up(SESSION, 5, Kind::Probe, &PROBE, &mut out)
        .unwrap();
    assert_eq!(
        keys.prove_media(&out[..length]),
        Err(HopError::Kind(Kind::Probe as u8))
    );
}

#[test]
fn a_proven_body_of_another_type_or_with_a_tail_is_refused() {
    let keys = keys(1);
    let mut out = [0; MAX_DATAGRAM];
    let length = keys
        .seal_up(SESSION, 5, Kind::Probe, &(PROBE, 0u8), &mut out)
        .unwrap();
    assert_eq!(
        keys.open_up::<Probe>(&mut out[..length]),
        Err(HopError::Body)
    );
    let length = keys.seal_down(5, Kind::Probe, &9u8, &mut out).unwrap();
    assert_eq!(
        keys.open_down::<Probe>(&mut out[..length]),
        Err(HopError::Body)
    );
}

#[test]
fn a_body_that_outgrows_a_datagram_is_not_sealed() {
    let body = vec![1u8; MAX_DATAGRAM];
    let mut out = [0; MAX_DATAGRAM];
    let up = keys(1).seal_up(SESSION, 1, Kind::Feedback, &body, &mut out);
    assert_eq!(up, Err(HopError::Body));
    let down = keys(1).seal_down(1, Kind::Feedback, &body, &mut out);
    assert_eq!(down, Err(HopError::Body));
}

/// The greatest numbers that a receiver can report.
#[test]
fn the_longest_feedback_fits_a_datagram_both_ways() {
    let gap = Gap {
        skip: u16::MAX,
        count: u16::MAX,
    };
    let gaps = StreamGaps {
        stream: StreamId(u32::MAX),
        first: SequenceNumber(u64::MAX),
        gaps: [gap; 32].into_iter().collect(),
    };
    let nack = Feedback::Nack(Nack {
        streams: [gaps.clone(), gaps.clone(), gaps.clone(), gaps]
            .into_iter()
            .collect(),
    });
    let mut out = [0; MAX_DATAGRAM];
    let keys = keys(1);
    let length = keys
        .seal_up(SESSION, 1, Kind::Feedback, &nack, &mut out)
        .unwrap();
    assert_eq!(keys.open_up(&mut out[..length]), Ok(nack.clone()));
    let length = keys.seal_down(1, Kind::Feedback, &nack, &mut out).unwrap();
    assert_eq!(keys.open_down(&mut out[..length]), Ok((1, nack)));
}

#[test]
fn lengths_at_the_edges_are_refused() {
    let keys = keys(1);
    for length in (0..HOP_HEADER_BYTES + 1).chain([MAX_DATAGRAM + 1, 65_535]) {
        let mut bytes = vec![0; length];
        assert_eq!(HopHeader::parse(&bytes), Err(HopError::Length(length)));
        assert_eq!(keys.prove_media(&bytes), Err(HopError::Length(length)));
        assert!(keys.open_up::<Probe>(&mut bytes).is_err());
        assert!(keys.open_down::<Probe>(&mut bytes).is_err());
    }
    let shortest = tagged(&keys, 1, 0);
    assert!(keys.prove_media(&shortest).is_ok());
    assert_eq!(
        keys.prove_media(&shortest[..shortest.len() - 1]),
        Err(HopError::Length(shortest.len() - 1))
    );
}

proptest! {
    #[test]
    fn any_bytes_are_survived_and_none_are_believed(bytes in proptest::collection::vec(any::<u8>(), 0..1300), kind: u8) {
        let keys = keys(1);
        let mut bytes = bytes;
        if let Some(byte) = bytes.get_mut(HOP_HEADER_BYTES) { *byte = kind % 6; }
        prop_assert!(keys.prove_media(&bytes).is_err());
        prop_assert!(keys.open_up::<Feedback>(&mut bytes.clone()).is_err());
        if let Some(byte) = bytes.first_mut() { *byte = 4 + kind % 2; }
        prop_assert!(keys.open_down::<Feedback>(&mut bytes).is_err());
    }

    #[test]
    fn any_session_and_counter_come_back(session: u32, counter: u64, payload in 1usize..1124) {
        let keys = keys(3);
        let packet = packet(payload);
        let mut datagram = keys.tag_media(SessionId(session), counter, &packet).to_vec();
        datagram.extend(&packet);
        let header = HopHeader::parse(&datagram).unwrap();
        prop_assert_eq!((header.session.0, header.counter), (session, counter));
        prop_assert_eq!(keys.prove_media(&datagram), Ok(&packet[..]));
    }
}
