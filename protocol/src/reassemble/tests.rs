//! Frames come out whole or not at all, whatever is lost, repeated or out of order.

use super::*;
use crate::id::{Epoch, StreamId};
use crate::packetize::Packetizer;
use crate::wire::header::Kind;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

type Fragment = (Header, Vec<u8>);

fn stream(frames: &[Vec<u8>]) -> Vec<Vec<Fragment>> {
    let mut packetizer = Packetizer::new(Kind::Video, StreamId(1));
    let fragments = |(number, frame): (usize, &Vec<u8>)| {
        let headers = packetizer
            .frame(frame.len(), 0, Epoch(0), Instant(number as u64))
            .unwrap();
        headers
            .map(|(header, range)| (header, frame[range].to_vec()))
            .collect()
    };
    frames.iter().enumerate().map(fragments).collect()
}

/// A reassembler with its own memory.
struct Alone(Reassembler, FrameMemory);

impl Alone {
    fn new() -> Self {
        Self(Reassembler::new(), FrameMemory::default())
    }

    fn counts(&self) -> FrameCounts {
        self.0.counts()
    }
}

fn push(alone: &mut Alone, (header, payload): &Fragment) -> Option<(u32, Vec<u8>)> {
    let frame = alone.0.push(&mut alone.1, header, payload);
    let frame = frame.map(|frame| (frame.frame.0, frame.bytes.to_vec()));
    let idle = alone.1.bytes() - alone.0.bytes();
    assert!(
        idle <= alone.1.bound() / 8 + MAX_FRAME_BYTES,
        "{idle} B idle"
    );
    frame
}

fn frame(length: usize, seed: u8) -> Vec<u8> {
    (0..length)
        .map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed))
        .collect()
}

#[test]
fn a_frame_comes_out_whole_whichever_fragment_comes_last() {
    let frames = [frame(3000, 7)];
    let fragments = &stream(&frames)[0];
    for last in 0..fragments.len() {
        let mut reassembler = Alone::new();
        for (i, fragment) in fragments.iter().enumerate() {
            if i != last {
                assert_eq!(push(&mut reassembler, fragment), None);
            }
        }
        assert_eq!(
            push(&mut reassembler, &fragments[last]),
            Some((0, frames[0].clone()))
        );
    }
}

#[test]
fn a_late_fragment_does_not_reopen_a_finished_frame() {
    let frames = [frame(2000, 1), frame(2000, 2)];
    let fragments = stream(&frames);
    let mut reassembler = Alone::new();
    push(&mut reassembler, &fragments[0][0]);
    for fragment in &fragments[1] {
        push(&mut reassembler, fragment);
    }
    assert_eq!(push(&mut reassembler, &fragments[0][1]), None);
    assert_eq!(push(&mut reassembler, &fragments[1][0]), None);
    let counts = reassembler.counts();
    assert_eq!((counts.complete, counts.late_fragments), (1, 2));
}

#[test]
fn frames_passed_over_are_counted_lost() {
    let frames: Vec<_> = (0..10).map(|i| frame(10, i)).collect();
    let fragments = stream(&frames);
    let mut reassembler = Alone::new();
    for number in [0, 1, 4, 9] {
        push(&mut reassembler, &fragments[number][0]);
    }
    assert_eq!(
        reassembler.counts(),
        FrameCounts {
            complete: 4,
            lost: 6,
            ..FrameCounts::default()
        }
    );
}

#[test]
fn a_fifth_incomplete_frame_takes_the_place_of_the_oldest() {
    let frames: Vec<_> = (0..5).map(|i| frame(2000, i)).collect();
    let fragments = stream(&frames);
    let mut reassembler = Alone::new();
    for frame in &fragments {
        push(&mut reassembler, &frame[0]);
    }
    assert_eq!(push(&mut reassembler, &fragments[0][1]), None, "given up");
    assert_eq!(
        push(&mut reassembler, &fragments[1][1]),
        Some((1, frames[1].clone()))
    );
    assert_eq!(
        push(&mut reassembler, &fragments[4][1]),
        Some((4, frames[4].clone()))
    );
}

#[test]
fn the_frame_counter_wraps() {
    let fragment = |number| {
        let header = Header {
            frame: FrameNumber(number),
            ..stream(&[vec![1]])[0][0].0
        };
        (header, vec![1])
    };
    let mut reassembler = Alone::new();
    assert!(push(&mut reassembler, &fragment(u32::MAX)).is_some());
    assert!(push(&mut reassembler, &fragment(0)).is_some());
    assert!(push(&mut reassembler, &fragment(u32::MAX)).is_none());
    assert_eq!(reassembler.counts().lost, 0);
}

#[test]
fn fragments_that_contradict_each_other_make_no_frame() {
    let good = stream(&[frame(3000, 1)]).remove(0);
    let mut reassembler = Alone::new();
    push(&mut reassembler, &good[0]);
    let (header, payload) = &good[1];
    for wrong in [
        (
            Header {
                fragments: 9,
                ..*header
            },
            payload.clone(),
        ),
        (
            Header {
                timestamp: Instant(99),
                ..*header
            },
            payload.clone(),
        ),
        (*header, payload[1..].to_vec()),
        (*header, Vec::new()),
        (
            Header {
                fragments: u16::MAX,
                ..*header
            },
            payload.clone(),
        ),
    ] {
        assert_eq!(push(&mut reassembler, &wrong), None);
    }
    assert_eq!(reassembler.counts().wrong_fragments, 5);
}

#[test]
fn what_a_header_claims_costs_nothing() {
    let mut alone = Alone::new();
    for number in 0..FRAME_SLOTS as u32 {
        let header = Header {
            frame: FrameNumber(number),
            fragments: 933,
            ..stream(&[vec![1]])[0][0].0
        };
        assert_eq!(push(&mut alone, &(header, vec![7; MAX_PAYLOAD])), None);
    }
    let bytes = alone.1.bytes();
    assert!(
        bytes <= FRAME_SLOTS * MAX_PAYLOAD,
        "{bytes} B for 4 fragments"
    );
}

#[test]
fn memory_is_given_back_after_a_frame() {
    let frames = [frame(MAX_FRAME_BYTES, 1), frame(10, 2)];
    let fragments = stream(&frames);
    let mut alone = Alone(Reassembler::new(), FrameMemory::new(1 << 20));
    for fragment in &fragments[0] {
        push(&mut alone, fragment);
    }
    assert_eq!(alone.0.bytes(), 0, "the frame is whole");
    push(&mut alone, &fragments[1][0]);
    let bytes = alone.1.bytes();
    assert!(bytes < 4096, "{bytes} B are left of the long frame");
}

#[test]
fn a_frame_longer_than_the_stream_offers_is_not_put_together() {
    let fragments = &stream(&[frame(30_000, 1)])[0];
    let mut alone = Alone::new();
    alone.0 = Reassembler::with_frames_of(20_000);
    for fragment in fragments {
        assert_eq!(push(&mut alone, fragment), None);
    }
    assert!(alone.counts().wrong_fragments > 0);
}

proptest! {
    #[test]
    fn any_loss_duplication_and_order_gives_only_true_frames_in_rising_order(
        lengths in proptest::collection::vec(1usize..6000, 1..12),
        picks in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..200),
    ) {
        let frames: Vec<_> = lengths.iter().enumerate().map(|(i, &n)| frame(n, i as u8)).collect();
        let mut fragments: Vec<_> = stream(&frames).concat();
        for (a, b) in &picks {
            let (a, b) = (a.index(fragments.len()), b.index(fragments.len()));
            if a % 5 == 0 { fragments[a] = fragments[b].clone(); } else { fragments.swap(a, b); }
        }
        let (mut reassembler, mut newest) = (Alone::new(), None);
        for fragment in &fragments {
            if let Some((number, bytes)) = push(&mut reassembler, fragment) {
                prop_assert!(newest.is_none_or(|n| number > n));
                prop_assert_eq!(&bytes, &frames[number as usize]);
                newest = Some(number);
            }
        }
    }

    #[test]
    fn any_headers_and_payloads_are_survived(
        fragments in proptest::collection::vec(
            (any::<u32>(), 0u16..8, 1u16..2000, 0usize..1300, 0u64..3), 0..300)
    ) {
        let mut reassembler = Alone::new();
        for (frame, fragment, fragments, length, timestamp) in fragments {
            let header = Header {
                frame: FrameNumber(frame % 9), fragment: fragment.min(fragments - 1), fragments,
                timestamp: Instant(timestamp), ..stream(&[vec![1]])[0][0].0
            };
            push(&mut reassembler, &(header, vec![0; length]));
        }
    }
}
