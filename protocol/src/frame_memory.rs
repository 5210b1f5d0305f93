//! Memory for frames that are being put together: it grows with what arrives, has a bound, and is given back.
//!
//! What a header claims costs nothing. A buffer that a whole frame has left is kept for the next one, so that
//! ordinary streams allocate nothing a frame, and few of them are kept, so that a crowd costs only what is on its way.

use alloc::vec::Vec;

/// What a receiver holds by default, in bytes: 60 frames of the largest kind on their way at once.
///
/// Raising it costs memory when members send frames that they do not finish; lowering it loses pictures where
/// many large ones come at once.
pub const FRAME_MEMORY: usize = 64 << 20;
/// The part of the bound that may lie idle.
const IDLE_PART: usize = 8;
/// A buffer worth keeping.
const WORTH_KEEPING: usize = 4096;

/// The buffers of one receiver.
#[derive(Debug)]
pub struct FrameMemory {
    bound: usize,
    /// Bytes of the buffers that are handed out, [`Self::finished`] included.
    in_use: usize,
    idle: Vec<Vec<u8>>,
    idle_bytes: usize,
    /// The frame that was whole last.
    finished: Vec<u8>,
    /// Counts the frames that began, so that the oldest is found.
    begun: u64,
}

impl Default for FrameMemory {
    fn default() -> Self {
        Self::new(FRAME_MEMORY)
    }
}

impl FrameMemory {
    /// Memory of at most `bound` bytes, and one frame more.
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

    /// At most so many bytes.
    #[must_use]
    pub const fn bound(&self) -> usize {
        self.bound
    }

    /// Whether frames must be given up; idle buffers go first.
    pub(crate) fn is_exceeded(&mut self) -> bool {
        while self.bytes() > self.bound
            && let Some(buffer) = self.idle.pop()
        {
            self.idle_bytes -= buffer.capacity();
        }
        self.bytes() > self.bound
    }

    /// The place of a frame that begins now among all frames.
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

    /// Appends to a buffer that was taken; it never grows beyond twice what it holds, nor beyond `whole` for less.
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

    /// Keeps a frame that is whole until the next one is.
    pub(crate) fn finish(&mut self, buffer: Vec<u8>) -> &[u8] {
        let former = core::mem::replace(&mut self.finished, buffer);
        self.give_back(former);
        &self.finished
    }

    /// Lets go of the frame that was whole last.
    pub(crate) fn recycle(&mut self) {
        let former = core::mem::take(&mut self.finished);
        self.give_back(former);
    }
}
