//! Reassembles fragments into frames: four slots for each stream; the newest complete frame wins.
//!
//! No frame depends on another, so a late frame is dropped, and no frame waits. If a fifth frame begins while four
//! are incomplete, the oldest of them is given up. A slot holds the fragments that arrived, in the order of arrival:
//! the frame length that a header claims costs nothing.

use alloc::vec::Vec;

use crate::frame_memory::FrameMemory;
use crate::id::FrameNumber;
use crate::packetize::{MAX_FRAGMENTS, MAX_FRAME_BYTES};
use crate::time::Instant;
use crate::wire::header::{Header, MAX_PAYLOAD};

/// Frames that may be incomplete at a time.
///
/// A higher value costs memory and gains nothing on a path that keeps frames in order; a lower one loses frames when
/// two overlap.
pub const FRAME_SLOTS: usize = 4;

const BITMAP_WORDS: usize = MAX_FRAGMENTS as usize / 64 + 1;

/// A complete frame.
#[derive(Debug, PartialEq, Eq)]
pub struct CompleteFrame<'r> {
    /// Its number in the stream.
    pub frame: FrameNumber,
    /// Capture time on the sender's clock.
    pub captured: Instant,
    /// Its bytes, as the sender sealed them.
    pub bytes: &'r [u8],
}

/// Counts of the frames of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// Completed.
    pub complete: u64,
    /// Given up for a newer complete frame.
    pub lost: u64,
    /// Fragments of frames that were already given up or complete.
    pub late_fragments: u64,
    /// Fragments that contradict the others of their frame, or that no correct sender makes.
    pub wrong_fragments: u64,
}

/// Reassembles one stream's frames.
#[derive(Debug)]
pub struct Reassembler {
    slots: [Slot; FRAME_SLOTS],
    newest: Option<FrameNumber>,
    most_bytes: usize,
    counts: FrameCounts,
}

#[derive(Debug, Default)]
struct Slot {
    /// The frame that this slot reassembles, if any.
    frame: Option<FrameNumber>,
    /// Its position among all frames that began.
    begun: u64,
    captured: Instant,
    fragments: u16,
    received: u16,
    seen: Bitmap,
    /// Length of every fragment except the last, once one of them arrived.
    fragment_bytes: usize,
    /// The fragments except the last, in the order of arrival.
    bytes: Vec<u8>,
    /// The index of each of them, once one arrived out of order.
    order: Vec<u16>,
    /// The last fragment, if it arrived before others.
    last: Vec<u8>,
}

#[derive(Debug, Default)]
struct Bitmap([u64; BITMAP_WORDS]);

impl Default for Reassembler {
    fn default() -> Self {
        Self::new()
    }
}

impl Reassembler {
    /// A stream without fragments so far, with frames of any length that can be sent.
    #[must_use]
    pub fn new() -> Self {
        Self::with_frames_of(MAX_FRAME_BYTES)
    }

    /// A stream whose frames have at most this length, rounded up to a fragment.
    #[must_use]
    pub fn with_frames_of(most_bytes: usize) -> Self {
        Self {
            slots: <[Slot; FRAME_SLOTS]>::default(),
            newest: None,
            most_bytes: most_bytes.min(MAX_FRAME_BYTES),
            counts: FrameCounts::default(),
        }
    }

    /// The counts of the frames so far.
    #[must_use]
    pub const fn counts(&self) -> FrameCounts {
        self.counts
    }

    /// Bytes of its incomplete frames.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let bytes = |slot: &Slot| slot.bytes.capacity() + slot.last.capacity();
        self.slots.iter().map(bytes).sum()
    }

    /// Forgets which frames arrived, because the sender starts a new numbering.
    pub fn restart(&mut self, memory: &mut FrameMemory) {
        self.newest = None;
        for slot in &mut self.slots {
            slot.give_up(memory);
        }
    }

    /// When the oldest of its incomplete frames began, counted in frames of the receiver.
    pub(crate) fn oldest(&self) -> Option<u64> {
        let incomplete = self.slots.iter().filter(|slot| slot.frame.is_some());
        incomplete.map(|slot| slot.begun).min()
    }

    /// Gives up the oldest incomplete frame.
    pub(crate) fn give_up_oldest(&mut self, memory: &mut FrameMemory) {
        let incomplete = self.slots.iter_mut().filter(|slot| slot.frame.is_some());
        if let Some(slot) = incomplete.min_by_key(|slot| slot.begun) {
            slot.give_up(memory);
        }
    }

    /// Takes one proven fragment; returns the frame that it completes.
    pub fn push<'m>(
        &mut self,
        memory: &'m mut FrameMemory,
        header: &Header,
        payload: &[u8],
    ) -> Option<CompleteFrame<'m>> {
        memory.recycle();
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
        let Some(index) = self.slot(memory, header) else {
            self.counts.late_fragments += 1;
            return None;
        };
        match self.slots[index].place(memory, self.most_bytes, header, payload) {
            Placed::Waiting => None,
            Placed::Wrong => {
                self.counts.wrong_fragments += 1;
                None
            }
            Placed::Complete => Some(self.complete(memory, index, header.frame)),
        }
    }

    /// The slot for the fragment's frame: its own slot, a free one, or the oldest frame's if that frame is older.
    fn slot(&mut self, memory: &mut FrameMemory, header: &Header) -> Option<usize> {
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
        self.slots[index].give_up(memory);
        self.slots[index].start(memory, header);
        Some(index)
    }

    fn complete<'m>(
        &mut self,
        memory: &'m mut FrameMemory,
        index: usize,
        frame: FrameNumber,
    ) -> CompleteFrame<'m> {
        self.counts.complete += 1;
        if let Some(newest) = self.newest {
            self.counts.lost += u64::from(frame.0.wrapping_sub(newest.0).saturating_sub(1));
        }
        self.newest = Some(frame);
        let captured = self.slots[index].captured;
        let bytes = core::mem::take(&mut self.slots[index].bytes);
        for slot in &mut self.slots {
            if slot.frame.is_some_and(|waiting| !is_newer(waiting, frame)) {
                slot.give_up(memory);
            }
        }
        CompleteFrame {
            frame,
            captured,
            bytes: memory.finish(bytes),
        }
    }
}

enum Placed {
    Waiting,
    Wrong,
    Complete,
}

impl Slot {
    fn start(&mut self, memory: &mut FrameMemory, header: &Header) {
        *self = Self {
            frame: Some(header.frame),
            begun: memory.begin(),
            captured: header.timestamp,
            fragments: header.fragments,
            bytes: memory.take(),
            ..Self::default()
        };
    }

    fn give_up(&mut self, memory: &mut FrameMemory) {
        self.frame = None;
        memory.give_back(core::mem::take(&mut self.bytes));
        memory.give_back(core::mem::take(&mut self.last));
        self.order = Vec::new();
    }

    fn place(
        &mut self,
        memory: &mut FrameMemory,
        most_bytes: usize,
        header: &Header,
        payload: &[u8],
    ) -> Placed {
        if header.fragments != self.fragments || header.timestamp != self.captured {
            return Placed::Wrong;
        }
        let index = usize::from(header.fragment);
        let (word, bit) = (index / 64, 1 << (index % 64));
        if self.seen.0[word] & bit != 0 {
            return Placed::Waiting;
        }
        let others = usize::from(self.fragments - 1);
        if index == others {
            if usize::from(self.received) < others {
                memory.append(&mut self.last, payload, 0);
            } else if others > 0 && payload.len() > self.fragment_bytes {
                return Placed::Wrong;
            } else {
                memory.append(&mut self.bytes, payload, 0);
            }
        } else {
            if self.fragment_bytes == 0 {
                if payload.len() * others >= most_bytes {
                    return Placed::Wrong;
                }
                self.fragment_bytes = payload.len();
            }
            if payload.len() != self.fragment_bytes {
                return Placed::Wrong;
            }
            let came = self.bytes.len() / self.fragment_bytes;
            if index != came && self.order.is_empty() {
                self.order = (0..came as u16).collect();
            }
            if index != came || !self.order.is_empty() {
                self.order.push(header.fragment);
            }
            let whole = self.fragment_bytes * usize::from(self.fragments);
            memory.append(&mut self.bytes, payload, whole);
        }
        self.seen.0[word] |= bit;
        self.received += 1;
        if self.received < self.fragments {
            return Placed::Waiting;
        }
        self.sort();
        if !self.last.is_empty() {
            if self.last.len() > self.fragment_bytes {
                return Placed::Wrong;
            }
            memory.append(&mut self.bytes, &self.last, 0);
        }
        Placed::Complete
    }

    /// Puts fragments that arrived out of order into their places; each swap places one finally.
    fn sort(&mut self) {
        for place in 0..self.order.len() {
            while usize::from(self.order[place]) != place {
                let belongs = usize::from(self.order[place]);
                let (low, high) = (place.min(belongs), place.max(belongs));
                let (front, back) = self.bytes.split_at_mut(high * self.fragment_bytes);
                front[low * self.fragment_bytes..][..self.fragment_bytes]
                    .swap_with_slice(&mut back[..self.fragment_bytes]);
                self.order.swap(place, belongs);
            }
        }
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
}
