//! Memory for incomplete frames: it grows with what arrives, is bounded, and is given back.
//!
//! The length that a header claims costs nothing. The buffer of a finished frame is kept for the next one, so that
//! ordinary streams need no allocation for each frame. Few buffers are kept, so that a crowd costs only what is in
//! flight.

use alloc::vec::Vec;

/// The default bound of a receiver, in bytes: 60 frames of the largest kind in flight at once.
///
/// A higher value costs memory when members send frames that they do not finish; a lower one loses pictures when many
/// large ones arrive at once.
pub const FRAME_MEMORY: usize = 64 << 20;
/// The part of the bound that may stay allocated when idle.
const IDLE_PART: usize = 8;
/// The smallest buffer that is worth keeping.
const WORTH_KEEPING: usize = 4096;

/// The buffers of one receiver.
#[derive(Debug)]
pub struct FrameMemory {
    bound: usize,
    /// Bytes of the buffers that are handed out, including [`Self::finished`].
    in_use: usize,
    idle: Vec<Vec<u8>>,
    idle_bytes: usize,
    /// The frame that was completed last.
    finished: Vec<u8>,
    /// Counts the frames that began, to find the oldest.
    begun: u64,
}

impl Default for FrameMemory {
    fn default() -> Self {
        Self::new(FRAME_MEMORY)
    }
}

impl FrameMemory {
    /// Memory of at most `bound` bytes, plus one frame.
    #[must_use]
    pub const fn new(bound: usize) -> Self {
        Self {
            bound,
            in_use: 0,
            idle: Vec::new(),
            idle_bytes: 0,
            finished: Vec::new(),
            begun: 0,
        }
    }

    /// Bytes that are reserved now, used or idle.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.in_use + self.idle_bytes
    }

    /// Sets the bound in bytes.
    #[must_use]
    pub const fn bound(&self) -> usize {
        self.bound
    }

    /// Whether frames must be given up; idle buffers are freed first.
    pub(crate) fn is_exceeded(&mut self) -> bool {
        while self.bytes() > self.bound
            && let Some(buffer) = self.idle.pop()
        {
            self.idle_bytes -= buffer.capacity();
        }
        self.bytes() > self.bound
    }

    /// The position among all frames of a frame that begins now.
    pub(crate) const fn begin(&mut self) -> u64 {
        self.begun += 1;
        self.begun
    }

    /// An empty buffer.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let buffer = self.idle.pop().unwrap_or_default();
        self.idle_bytes -= buffer.capacity();
        self.in_use += buffer.capacity();
        buffer
    }

    /// Appends to a buffer that was taken. The buffer grows to at most twice its content, or to `whole` if that is
    /// less.
    pub(crate) fn append(&mut self, buffer: &mut Vec<u8>, bytes: &[u8], whole: usize) {
        let (before, needed) = (buffer.capacity(), buffer.len() + bytes.len());
        if needed > before {
            let capacity = (2 * before).min(whole).max(needed);
            buffer.reserve_exact(capacity - buffer.len());
            self.in_use = self.in_use - before + buffer.capacity();
        }
        buffer.extend_from_slice(bytes);
    }

    /// Takes a buffer back.
    pub(crate) fn give_back(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        self.in_use -= capacity;
        if capacity >= WORTH_KEEPING && self.idle_bytes + capacity <= self.bound / IDLE_PART {
            buffer.clear();
            self.idle_bytes += capacity;
            self.idle.push(buffer);
        }
    }

    /// Keeps a complete frame until the next one is complete.
    pub(crate) fn finish(&mut self, buffer: Vec<u8>) -> &[u8] {
        let former = core::mem::replace(&mut self.finished, buffer);
        self.give_back(former);
        &self.finished
    }

    /// Releases the frame that was completed last.
    pub(crate) fn recycle(&mut self) {
        let former = core::mem::take(&mut self.finished);
        self.give_back(former);
    }
}
