//! What was sent on lately, so that a receiver may ask for it again.
//!
//! Runs of packets stay in the buffers that they were gathered in, for a third of a second; nothing is copied but
//! pieces of frames that came in several batches. One bound holds for all streams: beyond it, the oldest of all goes.

use std::collections::VecDeque;

use conclave_protocol::id::{FrameNumber, SequenceNumber, StreamId};
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::header::{Header, MAX_PACKET};
use rustc_hash::FxHashMap;

use super::frame_run::FrameRun;
use super::pages::{MOST_PACKETS, Pages};

/// How long pictures are kept, and how many runs of them a stream has at most. Asking for older ones is useless: newer
/// ones are shown.
const PICTURES_FOR: Micros = Micros::from_millis(300);
const PICTURE_RUNS: usize = 64;
/// As much sound as a jitter buffer holds.
const SOUND_FOR: Micros = Micros::from_millis(500);
const SOUND_RUNS: usize = 25;
/// Entries of the order of all runs: more than the memory has room for, so that it counts only those that are gone.
const MOST_IN_ORDER: usize = 1 << 16;
/// Runs of a stream among which the rest of a frame is looked for.
const LATEST: usize = 4;

/// What became of a run beside the others of its frame.
enum Joined {
    Yes,
    First,
    NoRoom,
}

/// One run that was sent on.
struct Kept {
    number: u64,
    frame: FrameNumber,
    is_frame: bool,
    captured: Instant,
    segment: usize,
    at: Instant,
    page: Vec<u8>,
}

/// A packet that is still there.
pub(super) struct Found<'h> {
    pub(super) packet: &'h [u8],
    pub(super) frame: FrameNumber,
    pub(super) is_frame: bool,
    pub(super) age: Micros,
}

/// The runs of all streams.
pub(super) struct History {
    pub(super) pages: Pages,
    streams: FxHashMap<StreamId, VecDeque<Kept>>,
    /// All kept runs and some that are gone, the oldest first.
    order: VecDeque<(StreamId, u64)>,
    next: u64,
    bytes: usize,
    most_bytes: usize,
}

impl History {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self {
            pages: Pages::new(),
            streams: FxHashMap::default(),
            order: VecDeque::new(),
            next: 0,
            bytes: 0,
            most_bytes,
        }
    }

    /// Keeps a run that was sent on.
    pub(super) fn keep(&mut self, run: FrameRun, now: Instant) {
        self.expire(run.stream, run.is_frame, now);
        let page = match self.join(&run) {
            Joined::Yes => return self.pages.give_back(run.bytes),
            // What follows of the frame will be added to it.
            Joined::First => run.bytes,
            Joined::NoRoom => self.fitting(run.bytes, run.packets),
        };
        self.bytes += page.capacity();
        let kept = Kept {
            number: self.next,
            frame: run.frame,
            is_frame: run.is_frame,
            captured: run.captured,
            segment: run.segment,
            at: now,
            page,
        };
        self.next += 1;
        self.order.push_back((run.stream, kept.number));
        self.streams.entry(run.stream).or_default().push_back(kept);
        let is_full = |history: &Self| {
            history.bytes > history.most_bytes || history.order.len() > MOST_IN_ORDER
        };
        while is_full(self) && self.drop_oldest() {}
        self.forget_gone();
    }

    /// Takes back the buffer of a run that was not sent on.
    pub(super) fn discard(&mut self, run: FrameRun) {
        self.pages.give_back(run.bytes);
    }

    /// A packet of a stream, if it was sent on lately.
    pub(super) fn find(
        &self,
        stream: StreamId,
        sequence: SequenceNumber,
        now: Instant,
    ) -> Option<Found<'_>> {
        let runs = self.streams.get(&stream)?;
        let kept = runs.iter().rev();
        kept.take(PICTURE_RUNS).find_map(|kept| {
            let packet = kept.packet(sequence)?;
            Some(Found {
                packet,
                frame: kept.frame,
                is_frame: kept.is_frame,
                age: now.since(kept.at),
            })
        })
    }

    /// Drops what is too old, and everything of streams that are gone.
    pub(super) fn sweep(&mut self, now: Instant, is_there: impl Fn(StreamId) -> bool) {
        let (pages, bytes) = (&mut self.pages, &mut self.bytes);
        self.streams.retain(|stream, runs| {
            let stays = is_there(*stream);
            while runs
                .front()
                .is_some_and(|kept| !stays || now.since(kept.at) > SOUND_FOR)
            {
                drop_first(runs, pages, bytes);
            }
            stays && !runs.is_empty()
        });
        self.forget_gone();
    }

    /// Bytes of all kept runs.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    fn expire(&mut self, stream: StreamId, is_frame: bool, now: Instant) {
        let (most, kept_for) = if is_frame {
            (PICTURE_RUNS, PICTURES_FOR)
        } else {
            (SOUND_RUNS, SOUND_FOR)
        };
        let Some(runs) = self.streams.get_mut(&stream) else {
            return;
        };
        while runs.len() >= most
            || runs
                .front()
                .is_some_and(|kept| now.since(kept.at) > kept_for)
        {
            drop_first(runs, &mut self.pages, &mut self.bytes);
        }
    }

    /// Adds a run to what is kept of its frame, if it fits there.
    fn join(&mut self, run: &FrameRun) -> Joined {
        let runs = self.streams.get_mut(&run.stream).filter(|_| run.is_frame);
        let Some(runs) = runs else {
            return Joined::First;
        };
        let mut joined = Joined::First;
        for part in runs
            .iter_mut()
            .rev()
            .take(LATEST)
            .filter(|part| part.is_of(run))
        {
            joined = Joined::NoRoom;
            if part.takes(run) {
                part.page.extend_from_slice(&run.bytes);
                return Joined::Yes;
            }
        }
        joined
    }

    /// The bytes in a buffer that is not much larger.
    fn fitting(&mut self, bytes: Vec<u8>, packets: usize) -> Vec<u8> {
        if packets * MAX_PACKET * 4 > bytes.capacity() {
            return bytes;
        }
        let mut page = self.pages.take(packets);
        page.extend_from_slice(&bytes);
        self.pages.give_back(bytes);
        page
    }

    fn drop_oldest(&mut self) -> bool {
        let Some((stream, number)) = self.order.pop_front() else {
            return false;
        };
        if let Some(runs) = self.streams.get_mut(&stream)
            && runs.front().is_some_and(|kept| kept.number == number)
        {
            drop_first(runs, &mut self.pages, &mut self.bytes);
        }
        true
    }

    /// The order has no run at its front that is gone: so it is not much longer than what is kept.
    fn forget_gone(&mut self) {
        while let Some((stream, number)) = self.order.front() {
            let runs = self.streams.get(stream);
            let first = runs.and_then(|runs| runs.front());
            if first.is_some_and(|kept| kept.number <= *number) {
                return;
            }
            self.order.pop_front();
        }
    }
}

fn drop_first(runs: &mut VecDeque<Kept>, pages: &mut Pages, bytes: &mut usize) {
    if let Some(gone) = runs.pop_front() {
        *bytes -= gone.page.capacity();
        pages.give_back(gone.page);
    }
}

impl Kept {
    fn is_of(&self, run: &FrameRun) -> bool {
        self.frame == run.frame && self.captured == run.captured
    }

    /// Whether a run of the same frame can follow in the same buffer.
    fn takes(&self, run: &FrameRun) -> bool {
        self.segment == run.segment
            && self.page.len().is_multiple_of(self.segment)
            && self.page.len() + run.bytes.len() <= self.page.capacity()
    }

    fn packet(&self, sequence: SequenceNumber) -> Option<&[u8]> {
        let first = Header::parse(self.page.get(..self.segment.min(self.page.len()))?)
            .ok()?
            .sequence
            .0;
        // Where nothing was lost before, it is there; otherwise before.
        let place = usize::try_from(sequence.0.saturating_sub(first)).ok()?;
        let count = self.page.len().div_ceil(self.segment);
        if place > 2 * MOST_PACKETS {
            return None;
        }
        let is_it =
            |packet: &&[u8]| Header::parse(packet).is_ok_and(|header| header.sequence == sequence);
        let guess = self.page.chunks(self.segment).nth(place).filter(is_it);
        guess.or_else(|| self.page.chunks(self.segment).take(count).find(is_it))
    }
}

#[cfg(test)]
mod tests;
