//! Reassembles fragments into frames: four slots for each stream; the newest complete frame wins.
//!
//! No frame depends on another, so a late frame is dropped, and no frame waits. If a fifth frame begins while four
//! are incomplete, the oldest of them is given up. A slot holds the fragments that arrived, in the order of arrival:
//! the frame length that a header claims costs nothing.

mod slot;

use crate::frame_memory::FrameMemory;
use crate::id::FrameNumber;
use crate::packetize::{MAX_FRAGMENTS, MAX_FRAME_BYTES};
use crate::time::Instant;
use crate::wire::header::{Header, MAX_PAYLOAD};
use slot::{Placed, Slot};

/// Frames that may be incomplete at a time.
///
/// A higher value costs memory and gains nothing on a path that keeps frames in order; a lower one loses frames when
/// two overlap.
pub const FRAME_SLOTS: usize = 4;

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
        self.slots.iter().map(Slot::held_bytes).sum()
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

/// Whether `a` comes after `b`, over the wrap of the counter (RFC 1982).
pub(crate) const fn is_newer(a: FrameNumber, b: FrameNumber) -> bool {
    let ahead = a.0.wrapping_sub(b.0);
    ahead != 0 && ahead < 1 << 31
}

#[cfg(test)]
mod tests;
