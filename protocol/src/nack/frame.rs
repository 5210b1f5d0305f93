//! The gaps of one frame.

use heapless::Vec;

use super::Came;
use super::patience::Patience;
use crate::id::FrameNumber;
use crate::packetize::MAX_FRAGMENTS;
use crate::time::{Instant, Micros};
use crate::wire::feedback::{GAPS_A_STREAM, Gap, StreamGaps};
use crate::wire::header::Header;

const BITMAP_WORDS: usize = MAX_FRAGMENTS as usize / 64 + 1;
/// A packet is asked for so often at most.
const MOST_ASKS: u8 = 6;
/// A frame whose first packet came longer ago is not repaired: it would be shown too late.
const TOO_OLD: Micros = Micros::from_millis(150);

/// A frame of which something came and something is missing.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) number: FrameNumber,
    /// Sequence number of fragment 0.
    first: u64,
    fragments: u16,
    received: u16,
    /// Fragments below this number have come or are in `gaps`.
    end: u16,
    began: Instant,
    newest: Instant,
    longest_pause: Micros,
    seen: [u64; BITMAP_WORDS],
    gaps: Vec<Missing, GAPS_A_STREAM>,
    is_given_up: bool,
}

/// Consecutive missing fragments.
#[derive(Clone, Copy, Debug)]
struct Missing {
    from: u16,
    end: u16,
    due: Instant,
    asks: u8,
    asked_at: Instant,
    is_tail: bool,
}

impl Frame {
    /// A frame whose first packet comes now; pass the packet to [`Self::note`]. `None` for a header that no correct
    /// sender writes.
    pub(super) fn begin(header: &Header, now: Instant) -> Option<Self> {
        if header.fragment >= header.fragments || header.fragments > MAX_FRAGMENTS {
            return None;
        }
        let first = header.sequence.0.checked_sub(u64::from(header.fragment))?;
        first.checked_add(u64::from(header.fragments))?;
        Some(Self {
            number: header.frame,
            first,
            fragments: header.fragments,
            received: 0,
            end: 0,
            began: now,
            newest: now,
            longest_pause: Micros::ZERO,
            seen: [0; BITMAP_WORDS],
            gaps: Vec::new(),
            is_given_up: false,
        })
    }

    /// Sequence number of its first fragment.
    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    pub(super) const fn is_whole(&self) -> bool {
        self.received == self.fragments
    }

    pub(super) fn note(&mut self, header: &Header, now: Instant, patience: &mut Patience) -> Came {
        let fits = header.fragments == self.fragments
            && header.fragment < self.fragments
            && header.sequence.0.checked_sub(u64::from(header.fragment)) == Some(self.first);
        let (word, bit) = (
            usize::from(header.fragment / 64),
            1 << (header.fragment % 64),
        );
        if !fits || self.seen[word] & bit != 0 {
            return Came::Needless;
        }
        self.seen[word] |= bit;
        self.received += 1;
        let came = if header.fragment < self.end {
            self.fill(header.fragment, now, patience)
        } else {
            self.extend(header.fragment, now + patience.reordering());
            Came::Unasked
        };
        if came == Came::Unasked {
            self.longest_pause = self.longest_pause.max(now.since(self.newest));
        }
        self.newest = now;
        if self.is_whole() {
            patience.frame_whole(self.longest_pause);
        }
        came
    }

    /// A fragment beyond all before: what lies between is missing so far.
    fn extend(&mut self, fragment: u16, due: Instant) {
        if fragment > self.end {
            self.miss(self.end, fragment, due, false);
        }
        self.end = fragment + 1;
    }

    fn miss(&mut self, from: u16, end: u16, due: Instant, is_tail: bool) {
        let missing = Missing {
            from,
            end,
            due,
            asks: 0,
            asked_at: Instant(0),
            is_tail,
        };
        // A frame with more gaps has lost too much.
        self.is_given_up |= self.gaps.push(missing).is_err();
    }

    /// A fragment within a gap: the gap shrinks, or becomes two.
    fn fill(&mut self, fragment: u16, now: Instant, patience: &mut Patience) -> Came {
        let place = self
            .gaps
            .iter()
            .position(|gap| (gap.from..gap.end).contains(&fragment));
        let Some(place) = place else {
            return Came::Unasked;
        };
        let gap = self.gaps[place];
        let is_answer = match gap.asks {
            0 => false,
            1 => patience.answered(gap.asked_at, gap.is_tail, now),
            _ => true,
        };
        let before = Missing {
            end: fragment,
            ..gap
        };
        let after = Missing {
            from: fragment + 1,
            ..gap
        };
        self.gaps.remove(place);
        for part in [after, before] {
            if part.from < part.end {
                self.is_given_up |= self.gaps.insert(place, part).is_err();
            }
        }
        if is_answer {
            Came::AskedFor
        } else {
            Came::Unasked
        }
    }

    /// When its next gap is due, if anything of it is still to be asked for.
    pub(super) fn next_time(&self, patience: &Patience) -> Option<Instant> {
        if self.is_given_up || self.is_whole() {
            return None;
        }
        let gaps = self.gaps.iter().filter(|gap| gap.asks < MOST_ASKS);
        let tail =
            (self.end < self.fragments).then(|| self.newest + patience.tail(self.longest_pause));
        let next = gaps.map(|gap| gap.due).chain(tail).min();
        next.filter(|next| next.since(self.began) <= TOO_OLD)
    }

    /// Adds what is due to a request; `false` when the request is full.
    pub(super) fn ask(
        &mut self,
        request: &mut Request,
        due: Instant,
        now: Instant,
        patience: &Patience,
    ) -> bool {
        if self.is_given_up || now.since(self.began) > TOO_OLD {
            return true;
        }
        if self.end < self.fragments && self.newest + patience.tail(self.longest_pause) <= due {
            self.miss(self.end, self.fragments, now, true);
            self.end = self.fragments;
        }
        let missing: u16 = self.gaps.iter().map(|gap| gap.end - gap.from).sum();
        // Most of it is lost: the next frame comes sooner than what is missing.
        self.is_given_up |= missing > self.fragments / 2 && self.fragments > 2;
        if self.is_given_up {
            return true;
        }
        for gap in &mut self.gaps {
            if gap.due > due || gap.asks >= MOST_ASKS {
                continue;
            }
            let from = self.first + u64::from(gap.from);
            if !request.add(from, gap.end - gap.from) {
                return false;
            }
            gap.asks += 1;
            gap.asked_at = now;
            gap.due = now + patience.answer();
        }
        true
    }
}

/// The entry of one stream in a request that is being made.
pub(super) struct Request {
    pub(super) gaps: StreamGaps,
    next: u64,
}

impl Request {
    pub(super) const fn new(gaps: StreamGaps) -> Self {
        Self { gaps, next: 0 }
    }

    /// Asks for so many packets from this number on; `false` when it does not fit. Call it with rising numbers.
    pub(super) fn add(&mut self, from: u64, count: u16) -> bool {
        if self.gaps.gaps.is_empty() {
            self.gaps.first.0 = from;
            self.next = from;
        }
        let skip = from
            .checked_sub(self.next)
            .and_then(|skip| u16::try_from(skip).ok());
        let Some(skip) = skip else { return false };
        if self.gaps.gaps.push(Gap { skip, count }).is_err() {
            return false;
        }
        self.next = from + u64::from(count);
        true
    }

    pub(super) fn finish(self) -> Option<StreamGaps> {
        (!self.gaps.gaps.is_empty()).then_some(self.gaps)
    }
}
