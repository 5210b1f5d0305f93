//! Which packets a receiver asks for again, and when.
//!
//! ```text
//!   proven packets ─► note ──┐                   ┌─► next_time
//!   round-trip time ─────────┤  gaps, timers ────┤
//!   time ────────────────────┘                   └─► ask ─► Nack for the sender of the hop
//! ```
//! An endpoint asks the relay, and the relay asks an endpoint that publishes; both use this state machine. It notes
//! only which packets came, never their content.
//!
//! A gap is asked for when later packets of its frame have come and reordering cannot explain it any more; the end of a
//! frame, when nothing has come for longer than the pauses within frames. Packets that are no longer needed are not
//! asked for: those of a frame older than a whole one, of a frame that is mostly missing, or too old.
//!
//! Memory: some 4 kB for each stream of pictures, allocated with its first packet; nothing for each packet.

mod frame;
mod loss;
mod patience;
mod pictures;
mod sound;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use crate::id::StreamId;
use crate::time::{Instant, Micros};
use crate::wire::feedback::Nack;
use crate::wire::header::{Header, Kind};
pub use loss::LossMeter;
use patience::Patience;
use pictures::Pictures;
use sound::Sound;

/// Two datagrams that ask leave at least this far apart. Higher asks later; lower sends more small datagrams.
const ASK_EVERY: Micros = Micros::from_millis(4);
/// Gaps that are due within this time are asked for together.
const TOGETHER: Micros = Micros(500);
/// Most bytes of one request's entries, so that it fits into a datagram with the longest numbers.
const MOST_BYTES: usize = 1000;

/// How a packet came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// As it was sent first.
    Unasked,
    /// After it had been asked for.
    AskedFor,
    /// A second time, or for a frame that is of no use any more.
    Needless,
}

/// What is missing of everything that one side of a hop receives.
#[derive(Debug)]
pub struct GapTracker {
    streams: BTreeMap<StreamId, Stream>,
    most_streams: usize,
    loss: LossMeter,
    patience: Patience,
    /// When something may be due: never later than it is.
    next: Option<Instant>,
    asked_at: Option<Instant>,
}

#[derive(Debug)]
enum Stream {
    Pictures(Box<Pictures>),
    Sound(Box<Sound>),
}

impl GapTracker {
    /// A tracker of at most so many streams; with one more, the one with the lowest number is forgotten.
    #[must_use]
    pub fn for_streams(most_streams: usize) -> Self {
        Self {
            streams: BTreeMap::new(),
            most_streams,
            loss: LossMeter::new(),
            patience: Patience::default(),
            next: None,
            asked_at: None,
        }
    }

    /// The least round-trip time of the hop that was measured lately.
    pub fn set_round_trip(&mut self, least: Micros) {
        self.patience.set_round_trip(least);
    }

    /// Notes a packet whose seal was verified.
    pub fn note(&mut self, header: &Header, now: Instant) -> Came {
        self.loss.count(1);
        if self.streams.len() >= self.most_streams && !self.streams.contains_key(&header.stream) {
            self.streams.pop_first();
        }
        let stream = self
            .streams
            .entry(header.stream)
            .or_insert_with(|| match header.kind {
                Kind::Audio => Stream::Sound(Box::default()),
                _ => Stream::Pictures(Box::default()),
            });
        let came = match stream {
            Stream::Sound(sound) => sound.note(header.sequence, now, &mut self.patience),
            Stream::Pictures(pictures) => pictures.note(header, now, &mut self.patience),
        };
        let is_whole = matches!(stream, Stream::Pictures(pictures) if pictures.is_whole());
        // What is due goes with a frame that is whole; most frames come whole, and then nothing has to be waited for.
        self.next = if is_whole {
            self.earliest()
        } else {
            earlier(self.next, stream.next_time(&self.patience))
        };
        came
    }

    /// A stream ended.
    pub fn forget(&mut self, stream: StreamId) {
        self.streams.remove(&stream);
        self.next = self.earliest();
    }

    /// Forgets all streams; what was learned of the path stays.
    pub fn clear(&mut self) {
        self.streams.clear();
        self.next = None;
    }

    /// When to call [`Self::ask`].
    #[must_use]
    pub fn next_time(&self) -> Option<Instant> {
        let paused = self.asked_at.map(|at| at + ASK_EVERY);
        self.next.map(|next| next.max(paused.unwrap_or(next)))
    }

    /// The request for all that is due now. What does not fit follows with the next one.
    pub fn ask(&mut self, now: Instant) -> Option<Nack> {
        if self.next_time().is_none_or(|next| next > now) {
            return None;
        }
        let mut nack = Nack::default();
        let mut bytes = 0;
        for (&id, stream) in &mut self.streams {
            if bytes >= MOST_BYTES || nack.streams.is_full() {
                break;
            }
            let due = now + TOGETHER;
            let gaps = match stream {
                Stream::Pictures(pictures) => pictures.ask(id, due, now, &self.patience),
                Stream::Sound(sound) => sound.ask(id, due, now, &self.patience),
            };
            if let Some(gaps) = gaps {
                let packets: u32 = gaps.gaps.iter().map(|gap| u32::from(gap.count)).sum();
                self.loss.miss(packets);
                bytes += ENTRY_BYTES + gaps.gaps.len() * GAP_BYTES;
                let _ = nack.streams.push(gaps);
            }
        }
        self.next = self.earliest();
        if nack.streams.is_empty() {
            return None;
        }
        self.asked_at = Some(now);
        Some(nack)
    }

    /// Whether so much is lost that a request may be lost as well: send it twice.
    #[must_use]
    pub const fn is_lossy(&self) -> bool {
        self.loss.is_high()
    }

    fn earliest(&self) -> Option<Instant> {
        let times = self.streams.values().map(|s| s.next_time(&self.patience));
        times.fold(None, earlier)
    }
}

/// The longest stream entry without its gaps, and the longest gap: varints of 5, 10, 1 and of 3 and 3 bytes.
const ENTRY_BYTES: usize = 16;
const GAP_BYTES: usize = 6;

impl Stream {
    fn next_time(&self, patience: &Patience) -> Option<Instant> {
        match self {
            Self::Pictures(pictures) => pictures.next_time(patience),
            Self::Sound(sound) => sound.next_time(),
        }
    }
}

fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests;
