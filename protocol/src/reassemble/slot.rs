//! One frame's fragments, kept in the order of arrival.

use alloc::vec::Vec;

use crate::frame_memory::FrameMemory;
use crate::id::FrameNumber;
use crate::packetize::MAX_FRAGMENTS;
use crate::time::Instant;
use crate::wire::header::Header;

const BITMAP_WORDS: usize = MAX_FRAGMENTS as usize / 64 + 1;

/// One frame that is being reassembled.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// The frame that this slot reassembles, if any.
    pub(super) frame: Option<FrameNumber>,
    /// Its position among all frames that began.
    pub(super) begun: u64,
    pub(super) captured: Instant,
    fragments: u16,
    received: u16,
    seen: Bitmap,
    /// Length of every fragment except the last, once one of them arrived.
    fragment_bytes: usize,
    /// The fragments except the last, in the order of arrival.
    pub(super) bytes: Vec<u8>,
    /// The index of each of them, once one arrived out of order.
    order: Vec<u16>,
    /// The last fragment, if it arrived before others.
    last: Vec<u8>,
}

#[derive(Debug, Default)]
struct Bitmap([u64; BITMAP_WORDS]);

/// What a fragment did to its frame.
pub(super) enum Placed {
    Waiting,
    Wrong,
    Complete,
}

impl Slot {
    /// Bytes of its fragments.
    pub(super) const fn held_bytes(&self) -> usize {
        self.bytes.capacity() + self.last.capacity()
    }

    pub(super) fn start(&mut self, memory: &mut FrameMemory, header: &Header) {
        *self = Self {
            frame: Some(header.frame),
            begun: memory.begin(),
            captured: header.timestamp,
            fragments: header.fragments,
            bytes: memory.take(),
            ..Self::default()
        };
    }

    pub(super) fn give_up(&mut self, memory: &mut FrameMemory) {
        self.frame = None;
        memory.give_back(core::mem::take(&mut self.bytes));
        memory.give_back(core::mem::take(&mut self.last));
        self.order = Vec::new();
    }

    /// Takes one fragment of the frame.
    pub(super) fn place(
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
        let is_placed = if index == usize::from(self.fragments - 1) {
            self.place_last(memory, payload)
        } else {
            self.place_other(memory, most_bytes, header.fragment, payload)
        };
        if !is_placed {
            return Placed::Wrong;
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

    /// The last fragment waits beside the others until they have all arrived; `false` if it contradicts them.
    fn place_last(&mut self, memory: &mut FrameMemory, payload: &[u8]) -> bool {
        let others = self.fragments - 1;
        if self.received < others {
            memory.append(&mut self.last, payload, 0);
        } else if others > 0 && payload.len() > self.fragment_bytes {
            return false;
        } else {
            memory.append(&mut self.bytes, payload, 0);
        }
        true
    }

    /// Any other fragment is appended to those that arrived before it; `false` if it contradicts them.
    fn place_other(
        &mut self,
        memory: &mut FrameMemory,
        most_bytes: usize,
        fragment: u16,
        payload: &[u8],
    ) -> bool {
        let (index, others) = (usize::from(fragment), usize::from(self.fragments - 1));
        if self.fragment_bytes == 0 {
            if payload.len() * others >= most_bytes {
                return false;
            }
            self.fragment_bytes = payload.len();
        }
        if payload.len() != self.fragment_bytes {
            return false;
        }
        let came = self.bytes.len() / self.fragment_bytes;
        if index != came && self.order.is_empty() {
            self.order = (0..came as u16).collect();
        }
        if index != came || !self.order.is_empty() {
            self.order.push(fragment);
        }
        let whole = self.fragment_bytes * usize::from(self.fragments);
        memory.append(&mut self.bytes, payload, whole);
        true
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
