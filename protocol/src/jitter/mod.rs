//! The jitter buffer: blocks of sound arrive irregularly, and are played 20 ms apart.
//!
//! It waits as long as nearly all packets need (see `delay.rs`), skips a block when the delay is too long, adds one
//! when it is too short, and conceals missing blocks. It holds at most [`BLOCKS_HELD`] blocks; a block that is
//! further ahead removes the oldest.

mod conceal;
mod delay;

use crate::id::SequenceNumber;
use crate::l16::{BLOCK_SAMPLES, BLOCK_TIME, Block};
use crate::time::{Instant, Micros};

use conceal::Concealer;
use delay::{DelayEstimate, signed};
pub use delay::{FIRST_TARGET, MAX_TARGET, MIN_TARGET};

/// The most blocks held: 640 ms.
pub const BLOCKS_HELD: usize = 32;
/// The most by which playback may be ahead of the target before one block is added.
const TOLERANCE_US: i64 = 20_000;
/// The most by which it may be behind before a quiet block is skipped; less than a block would make it oscillate.
const QUIET_TOLERANCE_US: i64 = 15_000;
/// The most by which it may be behind before an audible block is skipped: a joint in a vowel is worse than some
/// delay.
const HURRY_US: i64 = 40_000;
/// The most by which it may be behind before all old blocks are dropped at once.
const RESYNC_US: i64 = 120_000;
/// The greatest age at which a block is still played, added to the transit of the fastest packet.
const MAX_STALE: Micros = Micros::from_millis(200);
/// Blocks played between two corrections by one block.
const CALM_BLOCKS: u32 = 8;
/// Empty blocks after which a stream counts as pausing: by then concealment has faded out.
const PAUSE_BLOCKS: u32 = 3;

/// The content of a block that is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Playout {
    /// The sender's own samples.
    Heard {
        /// Their capture time, on the sender's clock.
        captured: Instant,
    },
    /// Made up, because the sender's samples were lost, late, or had to be stretched.
    Concealed,
    /// Silence: the sender pauses.
    Silent,
}

/// Counts of a stream's blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlayoutCounts {
    /// Blocks of the sender that were played.
    pub heard: u64,
    /// Blocks made up in place of missing ones.
    pub concealed: u64,
    /// Runs of missing blocks, which a listener hears as gaps.
    pub gaps: u64,
    /// Blocks that arrived after their time.
    pub late: u64,
    /// Blocks skipped to lower the delay.
    pub skipped: u64,
    /// Blocks added to raise it.
    pub stretched: u64,
}

/// One stream's jitter buffer.
#[derive(Debug)]
pub struct JitterBuffer {
    slots: [Option<Stored>; BLOCKS_HELD],
    /// The block to be played next.
    next: Option<u64>,
    /// The block that was played last: its number and capture time.
    last: Option<(u64, Instant)>,
    delay: DelayEstimate,
    concealer: Concealer,
    calm: u32,
    /// Blocks since the last played one for which nothing was held.
    empty: u32,
    /// Those of them for which it is not yet known whether the sender paused or packets were lost.
    unexplained: u32,
    /// Whether the gap since the last played block is counted.
    in_gap: bool,
    playing: bool,
    counts: PlayoutCounts,
}

#[derive(Clone, Copy, Debug)]
struct Stored {
    sequence: u64,
    captured: Instant,
    block: Block,
}

impl Default for JitterBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl JitterBuffer {
    /// A buffer of a stream of which no block has arrived.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            slots: [None; BLOCKS_HELD],
            next: None,
            last: None,
            delay: DelayEstimate::new(),
            concealer: Concealer::new(),
            calm: 0,
            empty: 0,
            unexplained: 0,
            in_gap: false,
            playing: false,
            counts: PlayoutCounts {
                heard: 0,
                concealed: 0,
                gaps: 0,
                late: 0,
                skipped: 0,
                stretched: 0,
            },
        }
    }

    /// The counts of the blocks so far.
    #[must_use]
    pub const fn counts(&self) -> PlayoutCounts {
        self.counts
    }

    /// The target playout delay, added to the transit of the fastest packet.
    #[must_use]
    pub const fn target(&self) -> Micros {
        self.delay.target()
    }

    /// Takes a proven block. A sequence number that arrives twice is played once.
    ///
    /// The sender chooses sequence and capture time: any values are safe.
    pub fn push(
        &mut self,
        sequence: SequenceNumber,
        captured: Instant,
        now: Instant,
        block: &Block,
    ) {
        // No number could follow the last one, so it is never accepted; a replay window does not accept it either.
        if sequence.0 == u64::MAX {
            return;
        }
        self.delay.update(captured, now);
        let sequence = sequence.0;
        match self.next {
            Some(next) if sequence < next => {
                self.counts.late += 1;
                return;
            }
            None => self.next = Some(sequence),
            Some(_) => {}
        }
        if let Some((last, last_captured)) = self.last.filter(|_| self.unexplained > 0) {
            self.explain(captured, sequence.saturating_sub(last), last_captured);
        }
        let slot = &mut self.slots[(sequence % BLOCKS_HELD as u64) as usize];
        // Two blocks that share a slot are 640 ms apart: the older one is too late.
        if slot.is_none_or(|held| held.sequence < sequence) {
            *slot = Some(Stored {
                sequence,
                captured,
                block: *block,
            });
        }
        if self
            .next
            .is_some_and(|next| sequence - next >= BLOCKS_HELD as u64)
        {
            self.advance_to(sequence - (BLOCKS_HELD as u64 - 1));
        }
    }

    /// Whether the empty blocks were a gap: no, if the sender's own clock advanced without blocks.
    fn explain(&mut self, captured: Instant, ahead: u64, last_captured: Instant) {
        let passed = captured.since(last_captured);
        let sounding = Micros(BLOCK_TIME.0.saturating_mul(ahead));
        if passed <= sounding + Micros(BLOCK_TIME.0 / 2) {
            self.count_gap();
            self.counts.concealed += u64::from(self.unexplained);
        }
        self.unexplained = 0;
    }

    fn count_gap(&mut self) {
        if !self.in_gap {
            self.in_gap = true;
            self.counts.gaps += 1;
        }
    }

    /// Returns the block that will be played at `heard_at`; call it every 20 ms.
    pub fn pop(&mut self, heard_at: Instant, out: &mut Block) -> Playout {
        let Some(next) = self.next else {
            return silent(out);
        };
        let due = self.delay.due(heard_at);
        let Some(mut stored) = self.earliest() else {
            return self.pop_empty(out);
        };
        let late_by = |stored: &Stored| due.saturating_sub(signed(stored.captured));
        let mut error = late_by(&stored);
        let until_stale = MAX_STALE.0.saturating_sub(self.delay.target().0);
        if error > RESYNC_US.min(until_stale.cast_signed()) {
            stored = self.resync(due).unwrap_or(stored);
            error = late_by(&stored);
        }
        if !self.playing {
            // The first block, or the first after a pause, waits for its time; half a block early counts as in time.
            if error < -(BLOCK_TIME.0.cast_signed()) / 2 {
                return silent(out);
            }
            self.playing = true;
        } else if stored.sequence.saturating_sub(next) > u64::from(self.empty) && error < 0 {
            // The block before it is missing, not made up yet, and its time has come.
            self.advance_to(next + 1);
            return self.pop_missing(out);
        } else if self.calm >= CALM_BLOCKS && error < -TOLERANCE_US {
            self.calm = 0;
            self.counts.stretched += 1;
            self.concealer.conceal(out);
            return Playout::Concealed;
        } else if self.calm >= CALM_BLOCKS
            && (error > HURRY_US || error > QUIET_TOLERANCE_US && is_quiet(&stored.block))
            && self.holds(stored.sequence + 1)
        {
            self.calm = 0;
            self.counts.skipped += 1;
            self.concealer.skipped();
            self.advance_to(stored.sequence + 1);
            stored = self.earliest().unwrap_or(stored);
        }
        self.hear(&stored, out)
    }

    fn hear(&mut self, stored: &Stored, out: &mut Block) -> Playout {
        if let (Some(next), true) = (self.next, self.last.is_some())
            && stored.sequence > next
        {
            self.concealer.skipped();
            self.count_gap();
        }
        *out = stored.block;
        self.concealer.heard(out);
        self.advance_to(stored.sequence + 1);
        self.last = Some((stored.sequence, stored.captured));
        (self.empty, self.unexplained, self.in_gap) = (0, 0, false);
        self.calm += 1;
        self.counts.heard += 1;
        Playout::Heard {
            captured: stored.captured,
        }
    }

    /// No block is held: the sender pauses, or packets are late. The next block shows which of the two it is.
    fn pop_empty(&mut self, out: &mut Block) -> Playout {
        if !self.playing {
            return silent(out);
        }
        self.empty = self.empty.saturating_add(1);
        self.unexplained = self.unexplained.saturating_add(1);
        if self.empty > PAUSE_BLOCKS {
            self.playing = false;
            return silent(out);
        }
        self.concealer.conceal(out);
        Playout::Concealed
    }

    fn pop_missing(&mut self, out: &mut Block) -> Playout {
        self.count_gap();
        self.counts.concealed += 1;
        self.concealer.conceal(out);
        Playout::Concealed
    }

    /// Drops blocks that are too old to be played, and returns the first block that is due or later.
    fn resync(&mut self, due: i64) -> Option<Stored> {
        let fits = |stored: &&Stored| signed(stored.captured) >= due.saturating_sub(TOLERANCE_US);
        let first = self
            .slots
            .iter()
            .flatten()
            .filter(fits)
            .min_by_key(|stored| stored.sequence);
        let newest = || {
            self.slots
                .iter()
                .flatten()
                .max_by_key(|stored| stored.sequence)
        };
        let chosen = *first.or_else(newest)?;
        let dropped = self
            .slots
            .iter()
            .flatten()
            .filter(|stored| stored.sequence < chosen.sequence)
            .count();
        self.counts.skipped += dropped as u64;
        self.concealer.skipped();
        self.advance_to(chosen.sequence);
        Some(chosen)
    }

    fn advance_to(&mut self, next: u64) {
        self.next = Some(next);
        for slot in &mut self.slots {
            *slot = slot.filter(|stored| stored.sequence >= next);
        }
    }

    fn earliest(&self) -> Option<Stored> {
        self.slots
            .iter()
            .flatten()
            .min_by_key(|stored| stored.sequence)
            .copied()
    }

    fn holds(&self, sequence: u64) -> bool {
        self.slots[(sequence % BLOCKS_HELD as u64) as usize]
            .is_some_and(|stored| stored.sequence == sequence)
    }
}

/// Whether a listener would not miss the block: below −50 dBFS throughout.
fn is_quiet(block: &Block) -> bool {
    block.iter().all(|sample| sample.unsigned_abs() < 104)
}

fn silent(out: &mut Block) -> Playout {
    *out = [0; BLOCK_SAMPLES];
    Playout::Silent
}
