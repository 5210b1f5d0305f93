//! What is kept, for how long, and within which bound.

use std::sync::Arc;

use conclave_protocol::id::{Epoch, RoomId, SessionId};
use conclave_protocol::wire::header::{HEADER_BYTES, Kind};
use conclave_relay_core::fan_out::StreamRoute;

use super::*;
use crate::media::frame_run::FrameRuns;

const START: Instant = Instant(1_000_000);

fn route() -> Arc<StreamRoute> {
    Arc::new(StreamRoute {
        owner: SessionId(1),
        room: RoomId(1),
        kind: Kind::Video,
        bytes_per_second: 1,
        receivers: Box::default(),
    })
}

fn packet(
    stream: u32,
    sequence: u64,
    frame: u32,
    fragment: u16,
    fragments: u16,
) -> (Header, Vec<u8>) {
    let header = Header {
        kind: Kind::Video,
        level: 0,
        epoch: Epoch(0),
        stream: StreamId(stream),
        sequence: SequenceNumber(sequence),
        timestamp: Instant(u64::from(frame)),
        frame: FrameNumber(frame),
        fragment,
        fragments,
    };
    let length = if fragment + 1 == fragments {
        300
    } else {
        MAX_PACKET
    };
    let mut bytes = header.emit().to_vec();
    bytes.resize(length, sequence as u8);
    (header, bytes)
}

/// Keeps the fragments of a frame of 34, in batches of so many.
fn keep_frame(
    history: &mut History,
    stream: u32,
    frame: u32,
    fragments: impl Iterator<Item = u16>,
    batch: usize,
    now: Instant,
) {
    let (mut runs, route) = (FrameRuns::new(), route());
    let fragments: Vec<u16> = fragments.collect();
    for batch in fragments.chunks(batch) {
        for &fragment in batch {
            let (header, bytes) = packet(
                stream,
                u64::from(frame) * 34 + u64::from(fragment),
                frame,
                fragment,
                34,
            );
            if let Some(run) = runs.push(&mut history.pages, &route, &header, true, &bytes) {
                history.keep(run, now);
            }
        }
        while let Some(run) = runs.pop() {
            history.keep(run, now);
        }
    }
}

fn has(history: &History, stream: u32, sequence: u64, now: Instant) -> bool {
    let found = history.find(StreamId(stream), SequenceNumber(sequence), now);
    found.is_some_and(|found| {
        let header = Header::parse(found.packet).unwrap();
        assert_eq!((header.stream.0, header.sequence.0), (stream, sequence));
        assert!(
            found.packet[HEADER_BYTES..]
                .iter()
                .all(|byte| *byte == sequence as u8)
        );
        true
    })
}

#[test]
fn every_packet_that_was_sent_on_is_found_whatever_the_batches_were() {
    for batch in [1, 2, 7, 34] {
        let mut history = History::new(64 << 20);
        for frame in 0..3 {
            keep_frame(&mut history, 1, frame, 0..34, batch, START);
        }
        assert!(
            (0..102).all(|sequence| has(&history, 1, sequence, START)),
            "batches of {batch}"
        );
        assert!(!has(&history, 1, 102, START));
        assert!(!has(&history, 2, 5, START));
    }
}

#[test]
fn what_is_missing_in_the_middle_is_not_found_until_it_comes() {
    let mut history = History::new(64 << 20);
    keep_frame(&mut history, 1, 0, (0..34).filter(|n| *n != 9), 34, START);
    assert!(!has(&history, 1, 9, START));
    assert!(has(&history, 1, 10, START) && has(&history, 1, 33, START));
    keep_frame(&mut history, 1, 0, 9..10, 1, START);
    assert!(has(&history, 1, 9, START));
}

#[test]
fn a_frame_in_many_batches_takes_little_more_than_one_in_one() {
    let bytes = |batch| {
        let mut history = History::new(64 << 20);
        keep_frame(&mut history, 1, 0, 0..34, batch, START);
        history.bytes()
    };
    assert!(
        bytes(1) <= bytes(34) + 4 * MAX_PACKET,
        "{} {}",
        bytes(1),
        bytes(34)
    );
}

#[test]
fn old_frames_go_and_their_buffers_are_used_again() {
    let mut history = History::new(64 << 20);
    for frame in 0..300 {
        keep_frame(
            &mut history,
            1,
            frame,
            0..34,
            34,
            START + Micros(u64::from(frame) * 33_333),
        );
    }
    let now = START + Micros(299 * 33_333);
    assert!(has(&history, 1, 299 * 34, now) && has(&history, 1, 292 * 34, now));
    assert!(!has(&history, 1, 280 * 34, now));
    assert!(
        history.bytes() < 12 * 40 * MAX_PACKET,
        "{}",
        history.bytes()
    );
    assert!(history.order.len() < 20);
    history.sweep(now, |_| false);
    assert_eq!(
        (history.bytes(), history.streams.len(), history.order.len()),
        (0, 0, 0)
    );
}

#[test]
fn one_bound_holds_for_all_streams_and_the_oldest_of_all_goes_first() {
    let most = 20 * 40 * MAX_PACKET;
    let mut history = History::new(most);
    for frame in 0..100 {
        for stream in 1..=10 {
            let now = START + Micros(u64::from(frame) * 10_000 + u64::from(stream));
            keep_frame(&mut history, stream, frame, 0..34, 34, now);
            assert!(history.bytes() <= most);
        }
    }
    let now = START + Micros(990_010);
    for stream in 1..=10 {
        assert!(has(&history, stream, 99 * 34, now), "{stream}");
        assert!(!has(&history, stream, 90 * 34, now), "{stream}");
    }
}

#[test]
fn a_stream_that_ended_does_not_let_the_order_of_the_others_grow() {
    let mut history = History::new(64 << 20);
    keep_frame(&mut history, 1, 0, 0..34, 34, START);
    for frame in 0..70_000 {
        let now = START + Micros(u64::from(frame) * 100);
        keep_frame(&mut history, 2, frame, 0..1, 1, now);
    }
    assert!(
        history.order.len() <= MOST_IN_ORDER,
        "{}",
        history.order.len()
    );
}

#[test]
fn with_no_memory_nothing_is_kept() {
    let mut history = History::new(0);
    keep_frame(&mut history, 1, 0, 0..34, 34, START);
    assert!(!has(&history, 1, 0, START));
    assert_eq!(history.bytes(), 0);
}
