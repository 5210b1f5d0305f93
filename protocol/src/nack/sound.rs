//! The gaps of one stream of sound.

use heapless::Vec;

use super::Came;
use super::frame::Request;
use super::patience::Patience;
use crate::id::{SequenceNumber, StreamId};
use crate::time::{Instant, Micros};
use crate::wire::feedback::StreamGaps;

/// A longer gap is a pause, or the relay's choice.
const LONGEST_GAP: u64 = 5;
/// Missing packets that are remembered.
const REMEMBERED: usize = 16;
/// A block that comes longer after the ones that followed it is not heard any more. Higher asks for blocks that are
/// played without them; lower leaves out blocks that a full jitter buffer could still take.
const USEFUL_FOR: Micros = Micros::from_millis(80);

#[derive(Debug, Default)]
pub(super) struct Sound {
    /// One more than the highest number that came; 0 before the first.
    end: u64,
    /// By rising number.
    missing: Vec<Missing, REMEMBERED>,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    sequence: u64,
    noticed: Instant,
    due: Instant,
    asks: u8,
    asked_at: Instant,
}

impl Sound {
    pub(super) fn note(
        &mut self,
        sequence: SequenceNumber,
        now: Instant,
        patience: &mut Patience,
    ) -> Came {
        let sequence = sequence.0;
        if sequence < self.end {
            return self.fill(sequence, now, patience);
        }
        let skipped = sequence - self.end;
        if self.end > 0 && (1..=LONGEST_GAP).contains(&skipped) {
            for sequence in self.end..sequence {
                if self.missing.is_full() {
                    self.missing.remove(0);
                }
                let missing = Missing {
                    sequence,
                    noticed: now,
                    due: now + patience.reordering(),
                    asks: 0,
                    asked_at: now,
                };
                let _ = self.missing.push(missing);
            }
        }
        self.end = sequence.saturating_add(1);
        Came::Unasked
    }

    fn fill(&mut self, sequence: u64, now: Instant, patience: &mut Patience) -> Came {
        let place = self
            .missing
            .iter()
            .position(|missing| missing.sequence == sequence);
        let Some(place) = place else {
            return Came::Needless;
        };
        let filled = self.missing.remove(place);
        let is_answer = match filled.asks {
            0 => false,
            1 => patience.answered(filled.asked_at, false, now),
            _ => true,
        };
        if is_answer {
            Came::AskedFor
        } else {
            Came::Unasked
        }
    }

    pub(super) fn next_time(&self) -> Option<Instant> {
        self.missing.iter().map(|missing| missing.due).min()
    }

    pub(super) fn ask(
        &mut self,
        stream: StreamId,
        due: Instant,
        now: Instant,
        patience: &Patience,
    ) -> Option<StreamGaps> {
        let comes = now + patience.round_trip();
        // The first request is always made: it costs little, and how late the block may be is a guess.
        self.missing
            .retain(|missing| missing.asks == 0 || comes.since(missing.noticed) <= USEFUL_FOR);
        let gaps = StreamGaps {
            stream,
            ..StreamGaps::default()
        };
        let mut request = Request::new(gaps);
        for missing in &mut self.missing {
            if missing.due > due || !request.add(missing.sequence, 1) {
                continue;
            }
            missing.asks += 1;
            missing.asked_at = now;
            missing.due = now + patience.answer();
        }
        request.finish()
    }
}
