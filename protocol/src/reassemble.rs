//! Fragments into frames: four fixed slots a stream, the newest complete frame wins.
//!
//! No frame depends on another, so a frame that is late is dropped, and nothing ever waits. When a fifth
//! frame begins while four are incomplete, the oldest of them is given up.

use alloc::vec::Vec;

use crate::id::FrameNumber;
use crate::packetize::{MAX_FRAGMENTS, MAX_FRAME_BYTES};
use crate::time::Instant;
use crate::wire::header::{Header, MAX_PAYLOAD};

/// Frames that may be incomplete at a time.
///
/// Raising it costs memory and gains nothing on a path that keeps frames in order; lowering it loses frames
/// when two overlap.
pub const FRAME_SLOTS: usize = 4;

const BITMAP_WORDS: usize = MAX_FRAGMENTS as usize / 64 + 1;

/// A frame that is whole.
#[derive(Debug, PartialEq, Eq)]
pub struct CompleteFrame<'r> {
    /// Its place in the stream.
    pub frame: FrameNumber,
    /// Capture time on the sender's clock.
    pub captured: Instant,
    /// Its bytes, as the sender had them.
    pub bytes: &'r [u8],
}

/// What became of the frames of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// Put together.
    pub complete: u64,
    /// Passed over by a newer complete one.
    pub lost: u64,
    /// Fragments of frames that were already passed over or complete.
    pub late_fragments: u64,
    /// Fragments that contradict the others of their frame, or that no sender makes.
    pub wrong_fragments: u64,
}

/// Puts one stream's frames together.
#[derive(Debug, Default)]
pub struct Reassembler {
    slots: [Slot; FRAME_SLOTS],
    newest: Option<FrameNumber>,
    counts: FrameCounts,
}

#[derive(Debug, Default)]
struct Slot {
    /// The frame that this slot puts together, if any.
    frame: Option<FrameNumber>,
    captured: Instant,
    fragments: u16,
    received: u16,
    seen: Bitmap,
    /// Length of every fragment but the last, once one of them came.
    fragment_bytes: usize,
    /// The last fragment waits here: where it goes depends on the others' length.
    last: Last,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Bitmap([u64; BITMAP_WORDS]);

impl Default for Bitmap {
    fn default() -> Self {
        Self([0; BITMAP_WORDS])
    }
}

#[derive(Debug)]
struct Last {
    bytes: [u8; MAX_PAYLOAD],
    length: usize,
}

impl Default for Last {
    fn default() -> Self {
        Self {
            bytes: [0; MAX_PAYLOAD],
            length: 0,
        }
    }
}

impl Reassembler {
    /// A stream of which nothing has come.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What became of the frames so far.
    #[must_use]
    pub const fn counts(&self) -> FrameCounts {
        self.counts
    }

    /// Takes one proven fragment; gives the frame that it completes.
    pub fn push(&mut self, header: &Header, payload: &[u8]) -> Option<CompleteFrame<'_>> {
        let fits = header.fragment < header.fragments && header.fragments <= MAX_FRAGMENTS;
        if !fits || payload.is_empty() || payload.len() > MAX_PAYLOAD {
            self.counts.wrong_fragments += 1;
            return None;
        }
        if self
            .newest
            .is_some_and(|newest| !is_newer(header.frame, newest))
        {
            self.counts.late_fragments += 1;
            return None;
        }
        let Some(index) = self.slot(header) else {
            self.counts.late_fragments += 1;
            return None;
        };
        match self.slots[index].place(header, payload) {
            Placed::Waiting => None,
            Placed::Wrong => {
                self.counts.wrong_fragments += 1;
                None
            }
            Placed::Complete => Some(self.complete(index, header.frame)),
        }
    }

    /// The slot of the fragment's frame: its own, a free one, or the oldest's if that one is older still.
    fn slot(&mut self, header: &Header) -> Option<usize> {
        if let Some(index) = self
            .slots
            .iter()
            .position(|slot| slot.frame == Some(header.frame))
        {
            return Some(index);
        }
        let free = self.slots.iter().position(|slot| slot.frame.is_none());
        let index = free.or_else(|| {
            let oldest =
                |best: usize, index: usize| match (self.slots[index].frame, self.slots[best].frame)
                {
                    (Some(a), Some(b)) if is_newer(b, a) => index,
                    _ => best,
                };
            let index = (1..FRAME_SLOTS).fold(0, oldest);
            self.slots[index]
                .frame
                .is_none_or(|frame| is_newer(header.frame, frame))
                .then_some(index)
        })?;
        self.slots[index].start(header);
        Some(index)
    }

    fn complete(&mut self, index: usize, frame: FrameNumber) -> CompleteFrame<'_> {
        self.counts.complete += 1;
        if let Some(newest) = self.newest {
            self.counts.lost += u64::from(frame.0.wrapping_sub(newest.0).saturating_sub(1));
        }
        self.newest = Some(frame);
        for slot in &mut self.slots {
            slot.frame = slot.frame.filter(|&waiting| is_newer(waiting, frame));
        }
        let slot = &self.slots[index];
        CompleteFrame {
            frame,
            captured: slot.captured,
            bytes: &slot.bytes,
        }
    }
}

enum Placed {
    Waiting,
    Wrong,
    Complete,
}

impl Slot {
    fn start(&mut self, header: &Header) {
        self.frame = Some(header.frame);
        self.captured = header.timestamp;
        self.fragments = header.fragments;
        self.received = 0;
        self.seen = Bitmap::default();
        self.fragment_bytes = 0;
        self.last.length = 0;
        self.bytes.clear();
    }

    fn place(&mut self, header: &Header, payload: &[u8]) -> Placed {
        if header.fragments != self.fragments || header.timestamp != self.captured {
            return Placed::Wrong;
        }
        let index = usize::from(header.fragment);
        let (word, bit) = (index / 64, 1 << (index % 64));
        if self.seen.0[word] & bit != 0 {
            return Placed::Waiting;
        }
        if header.fragment + 1 == self.fragments {
            self.last.bytes[..payload.len()].copy_from_slice(payload);
            self.last.length = payload.len();
        } else {
            if self.fragment_bytes == 0 {
                let whole = payload.len() * usize::from(self.fragments - 1);
                if whole >= MAX_FRAME_BYTES {
                    return Placed::Wrong;
                }
                self.fragment_bytes = payload.len();
                self.bytes.resize(whole, 0);
            }
            if payload.len() != self.fragment_bytes {
                return Placed::Wrong;
            }
            self.bytes[index * self.fragment_bytes..][..payload.len()].copy_from_slice(payload);
        }
        self.seen.0[word] |= bit;
        self.received += 1;
        if self.received < self.fragments {
            return Placed::Waiting;
        }
        if self.fragments > 1 && self.last.length > self.fragment_bytes {
            return Placed::Wrong;
        }
        self.bytes
            .extend_from_slice(&self.last.bytes[..self.last.length]);
        Placed::Complete
    }
}

/// Whether `a` comes after `b`, over the wrap of the counter (RFC 1982).
const fn is_newer(a: FrameNumber, b: FrameNumber) -> bool {
    let ahead = a.0.wrapping_sub(b.0);
    ahead != 0 && ahead < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Epoch, StreamId};
    use crate::packetize::Packetizer;
    use crate::wire::header::Kind;
    use alloc::vec;
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

    fn push(reassembler: &mut Reassembler, (header, payload): &Fragment) -> Option<(u32, Vec<u8>)> {
        reassembler
            .push(header, payload)
            .map(|frame| (frame.frame.0, frame.bytes.to_vec()))
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
            let mut reassembler = Reassembler::new();
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
        let mut reassembler = Reassembler::new();
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
        let mut reassembler = Reassembler::new();
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
        let mut reassembler = Reassembler::new();
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
        let mut reassembler = Reassembler::new();
        assert!(push(&mut reassembler, &fragment(u32::MAX)).is_some());
        assert!(push(&mut reassembler, &fragment(0)).is_some());
        assert!(push(&mut reassembler, &fragment(u32::MAX)).is_none());
        assert_eq!(reassembler.counts().lost, 0);
    }

    #[test]
    fn fragments_that_contradict_each_other_make_no_frame() {
        let good = stream(&[frame(3000, 1)]).remove(0);
        let mut reassembler = Reassembler::new();
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
            let (mut reassembler, mut newest) = (Reassembler::new(), None);
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
            let mut reassembler = Reassembler::new();
            for (frame, fragment, fragments, length, timestamp) in fragments {
                let header = Header {
                    frame: FrameNumber(frame % 9), fragment: fragment.min(fragments - 1), fragments,
                    timestamp: Instant(timestamp), ..stream(&[vec![1]])[0][0].0
                };
                reassembler.push(&header, &vec![0; length]);
            }
        }
    }
}
