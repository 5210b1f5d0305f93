//! What is asked for, and when, in virtual time.

mod lossy_path;

use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::id::{Epoch, FrameNumber, SequenceNumber};

const VIDEO: StreamId = StreamId(10);
const SOUND: StreamId = StreamId(11);
const FRAGMENTS: u16 = 34;
const START: Instant = Instant(1_000_000);
const ROUND_TRIP: Micros = Micros::from_millis(8);

fn ms(ms: u64) -> Instant {
    START + Micros::from_millis(ms)
}

fn packet(stream: StreamId, frame: u32, fragment: u16) -> Header {
    Header {
        kind: Kind::Video,
        level: 0,
        epoch: Epoch(0),
        stream,
        sequence: SequenceNumber(
            100 + u64::from(frame) * u64::from(FRAGMENTS) + u64::from(fragment),
        ),
        timestamp: Instant(u64::from(frame) * 33_333),
        frame: FrameNumber(frame),
        fragment,
        fragments: FRAGMENTS,
    }
}

fn block(sequence: u64) -> Header {
    Header {
        kind: Kind::Audio,
        sequence: SequenceNumber(sequence),
        frame: FrameNumber(0),
        fragment: 0,
        fragments: 1,
        ..packet(SOUND, 0, 0)
    }
}

fn tracker() -> GapTracker {
    let mut tracker = GapTracker::for_streams(8);
    tracker.set_round_trip(ROUND_TRIP);
    tracker
}

/// Notes the fragments of a frame except those that are lost.
fn frame_without(tracker: &mut GapTracker, frame: u32, lost: &[u16], now: Instant) {
    for fragment in (0..FRAGMENTS).filter(|fragment| !lost.contains(fragment)) {
        tracker.note(&packet(VIDEO, frame, fragment), now);
    }
}

fn asked(nack: &Nack) -> Vec<(StreamId, u64)> {
    let streams = nack.streams.iter();
    streams
        .flat_map(|gaps| gaps.missing().map(|sequence| (gaps.stream, sequence.0)))
        .collect()
}

/// Everything that is asked for until a time, and when.
fn ask_until(tracker: &mut GapTracker, until: Instant) -> Vec<(u64, StreamId, u64)> {
    let mut all = Vec::new();
    while let Some(at) = tracker.next_time().filter(|at| *at <= until) {
        if let Some(nack) = tracker.ask(at) {
            let at = at.since(START).0;
            all.extend(
                asked(&nack)
                    .into_iter()
                    .map(|(stream, number)| (at, stream, number)),
            );
        }
    }
    all
}

#[test]
fn nothing_is_asked_of_frames_that_come_whole() {
    let mut tracker = tracker();
    for frame in 0..30 {
        frame_without(&mut tracker, frame, &[], ms(u64::from(frame) * 33));
        assert_eq!(tracker.next_time(), None, "frame {frame}");
    }
    assert_eq!(tracker.ask(ms(5_000)), None);
}

#[test]
fn a_gap_is_asked_for_when_reordering_does_not_explain_it_any_more() {
    let mut tracker = tracker();
    frame_without(&mut tracker, 0, &[3, 4, 9], START);
    let first = tracker.ask(tracker.next_time().unwrap()).unwrap();
    assert_eq!(asked(&first), [103, 104, 109].map(|number| (VIDEO, number)));
    assert_eq!(tracker.next_time().map(|at| at > ms(2)), Some(true));
}

#[test]
fn a_packet_that_was_overtaken_is_not_asked_for() {
    let mut tracker = tracker();
    for fragment in [0, 2, 1, 3] {
        tracker.note(&packet(VIDEO, 0, fragment), START);
    }
    frame_without(&mut tracker, 0, &[0, 1, 2, 3], START);
    assert_eq!(tracker.next_time(), None);
}

#[test]
fn what_was_asked_for_and_does_not_come_is_asked_for_again_at_most_six_times() {
    let mut tracker = tracker();
    frame_without(&mut tracker, 0, &[5], START);
    let all = ask_until(&mut tracker, ms(1_000));
    assert!((2..=6).contains(&all.len()), "{all:?}");
    assert!(
        all.iter()
            .all(|(at, stream, number)| *at <= 150_000 && (*stream, *number) == (VIDEO, 105))
    );
    let pauses: Vec<u64> = all.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(
        pauses.iter().all(|pause| *pause >= ROUND_TRIP.0),
        "{pauses:?}"
    );
}

#[test]
fn the_end_of_a_frame_is_asked_for_when_nothing_comes_any_more() {
    let mut tracker = tracker();
    frame_without(&mut tracker, 0, &[32, 33], START);
    let all = ask_until(&mut tracker, ms(20));
    assert_eq!(all[..2], [(8_000, VIDEO, 132), (8_000, VIDEO, 133)]);
}

#[test]
fn a_paced_frame_teaches_how_long_pauses_within_frames_are() {
    let mut tracker = tracker();
    for frame in 0..50u32 {
        for fragment in 0..FRAGMENTS {
            // Chunks of two packets, 12 ms apart.
            let at = ms(u64::from(frame) * 300 + u64::from(fragment) / 2 * 12);
            ask_until(&mut tracker, at);
            tracker.note(&packet(VIDEO, frame, fragment), at);
        }
    }
    let begin = ms(60_000);
    for fragment in 0..10 {
        tracker.note(&packet(VIDEO, 60, fragment), begin);
    }
    let waits = tracker.next_time().unwrap().since(begin);
    assert!(waits > Micros::from_millis(12), "{waits:?}");
}

#[test]
fn a_packet_that_comes_after_it_was_asked_for_counts_as_such() {
    let mut tracker = tracker();
    frame_without(&mut tracker, 0, &[5], START);
    tracker.ask(ms(2)).unwrap();
    assert_eq!(tracker.note(&packet(VIDEO, 0, 5), ms(11)), Came::AskedFor);
    assert_eq!(tracker.note(&packet(VIDEO, 0, 5), ms(11)), Came::Needless);
    assert_eq!(tracker.next_time(), None);
}

#[test]
fn needless_requests_make_the_tracker_wait_longer_and_calm_ones_shorter_again() {
    let mut tracker = tracker();
    let wait = |tracker: &mut GapTracker, frame: u32, comes_after: Micros| {
        let now = ms(u64::from(frame) * 100);
        frame_without(tracker, frame, &[5], now);
        let at = loop {
            let at = tracker.next_time().unwrap();
            if tracker.ask(at).is_some() {
                break at;
            }
        };
        tracker.note(&packet(VIDEO, frame, 5), at + comes_after);
        at.since(now)
    };
    let first = wait(&mut tracker, 0, Micros(100));
    for frame in 1..10 {
        wait(&mut tracker, frame, Micros(100));
    }
    let longest = wait(&mut tracker, 10, ROUND_TRIP);
    assert!(
        longest > first && longest <= Micros::from_millis(10),
        "{first:?} {longest:?}"
    );
    for frame in 11..300 {
        wait(&mut tracker, frame, ROUND_TRIP);
    }
    assert_eq!(wait(&mut tracker, 300, ROUND_TRIP), first);
}

#[test]
fn nothing_is_asked_of_a_frame_older_than_a_whole_one() {
    let mut tracker = tracker();
    frame_without(&mut tracker, 0, &[5], START);
    frame_without(&mut tracker, 1, &[], ms(1));
    assert_eq!(tracker.next_time(), None);
    assert_eq!(tracker.note(&packet(VIDEO, 0, 5), ms(2)), Came::Needless);
}

#[test]
fn a_frame_that_is_mostly_missing_is_given_up() {
    let mut tracker = tracker();
    for fragment in [0, 1, 33] {
        tracker.note(&packet(VIDEO, 0, fragment), START);
    }
    assert_eq!(ask_until(&mut tracker, ms(1_000)), []);
}

#[test]
fn gaps_of_several_streams_are_asked_for_in_one_request() {
    let mut tracker = tracker();
    for stream in 20..24 {
        for fragment in (0..FRAGMENTS).filter(|fragment| *fragment != 7) {
            tracker.note(&packet(StreamId(stream), 0, fragment), START);
        }
    }
    let nack = tracker.ask(ms(2)).unwrap();
    assert_eq!(
        asked(&nack),
        [20, 21, 22, 23].map(|stream| (StreamId(stream), 107))
    );
    assert_eq!(
        tracker.ask(ms(5)),
        None,
        "asked at 2 ms, and the answer is under way"
    );
}

#[test]
fn a_lost_block_of_sound_is_asked_for_while_it_is_of_use() {
    let mut tracker = tracker();
    for (sequence, at) in [(0, 0), (1, 20), (3, 60)] {
        tracker.note(&block(sequence), ms(at));
    }
    let all = ask_until(&mut tracker, ms(1_000));
    assert!(
        all.len() >= 3
            && all
                .iter()
                .all(|(_, stream, number)| (*stream, *number) == (SOUND, 2))
    );
    assert!(all.iter().all(|(at, ..)| *at <= 60_000 + 80_000), "{all:?}");
}

#[test]
fn a_pause_in_sound_is_no_loss() {
    let mut tracker = tracker();
    for (sequence, at) in [(0, 0), (1, 20), (8, 160), (9, 180)] {
        tracker.note(&block(sequence), ms(at));
    }
    assert_eq!(tracker.next_time(), None);
}

#[test]
fn where_much_is_lost_requests_may_be_lost_as_well() {
    let mut tracker = tracker();
    for frame in 0..100 {
        let at = ms(u64::from(frame) * 33);
        frame_without(&mut tracker, frame, &[], at);
    }
    assert!(!tracker.is_lossy());
    for frame in 100..200 {
        let at = ms(u64::from(frame) * 33);
        frame_without(&mut tracker, frame, &[5, 20], at);
        ask_until(&mut tracker, at + Micros::from_millis(5));
    }
    assert!(tracker.is_lossy());
}

#[test]
fn streams_beyond_the_bound_push_out_the_lowest() {
    let mut tracker = GapTracker::for_streams(2);
    for stream in [1, 2, 3] {
        tracker.note(&packet(StreamId(stream), 0, 0), START);
    }
    let known: Vec<u32> = tracker.streams.keys().map(|stream| stream.0).collect();
    assert_eq!(known, [2, 3]);
    tracker.forget(StreamId(3));
    tracker.clear();
    assert_eq!(tracker.next_time(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever comes, and whenever: what came is never asked for, and nothing that was not within a frame.
    #[test]
    fn only_what_is_missing_is_asked_for(
        steps in proptest::collection::vec((0u32..6, 0u16..40, 0u64..20_000, any::<bool>()), 1..400)
    ) {
        let (mut tracker, mut now) = (tracker(), START);
        let mut came = alloc::collections::BTreeSet::new();
        for (frame, fragment, passed, is_sound) in steps {
            now += Micros(passed);
            if let Some(nack) = tracker.ask(now) {
                prop_assert!(postcard::to_allocvec(&nack).unwrap().len() < 1155);
                for (stream, number) in asked(&nack) {
                    prop_assert!(!came.contains(&(stream, number)), "{:?} {}", stream, number);
                }
            }
            let header = match is_sound {
                true => block(u64::from(frame) * 7 + u64::from(fragment)),
                false => packet(VIDEO, frame, fragment),
            };
            tracker.note(&header, now);
            let is_possible = is_sound || fragment < FRAGMENTS;
            if is_possible {
                came.insert((header.stream, header.sequence.0));
            }
        }
    }

    #[test]
    fn no_header_breaks_it(
        headers in proptest::collection::vec((any::<u64>(), any::<u32>(), any::<u16>(), any::<u16>(), any::<bool>(), any::<u16>()), 1..200)
    ) {
        let (mut tracker, mut now) = (GapTracker::for_streams(3), START);
        for (sequence, frame, fragment, fragments, is_sound, passed) in headers {
            now += Micros(u64::from(passed));
            let header = Header {
                kind: if is_sound { Kind::Audio } else { Kind::Video },
                sequence: SequenceNumber(sequence),
                frame: FrameNumber(frame),
                fragment,
                fragments,
                ..packet(StreamId(frame % 5), 0, 0)
            };
            tracker.note(&header, now);
            if let Some(nack) = tracker.ask(now) {
                prop_assert!(nack.streams.len() <= 3);
            }
        }
        prop_assert!(tracker.streams.len() <= 3);
    }
}
