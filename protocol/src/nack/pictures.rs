//! The frames of one stream of pictures: at most four are repaired at a time, none older than a whole one.

use super::Came;
use super::frame::{Frame, Request};
use super::patience::Patience;
use crate::id::{FrameNumber, SequenceNumber, StreamId};
use crate::reassemble::{FRAME_SLOTS, is_newer};
use crate::time::Instant;
use crate::wire::feedback::StreamGaps;
use crate::wire::header::Header;

#[derive(Debug, Default)]
pub(super) struct Pictures {
    /// By rising number.
    frames: heapless::Vec<Frame, FRAME_SLOTS>,
    /// The newest frame that came whole.
    whole: Option<FrameNumber>,
    /// The last packet made its frame whole.
    is_whole: bool,
}

/// A stream that begins its numbers again is not taken for one that is far behind.
const RENUMBERED: u64 = 1 << 32;

impl Pictures {
    /// Whether the last packet made its frame whole.
    pub(super) const fn is_whole(&self) -> bool {
        self.is_whole
    }

    pub(super) fn note(&mut self, header: &Header, now: Instant, patience: &mut Patience) -> Came {
        self.is_whole = false;
        self.follow_numbering(header.sequence);
        if self
            .whole
            .is_some_and(|whole| !is_newer(header.frame, whole))
        {
            return Came::Needless;
        }
        let Some(place) = self.place(header, now) else {
            return Came::Needless;
        };
        let frame = &mut self.frames[place];
        let came = frame.note(header, now, patience);
        if frame.is_whole() {
            self.is_whole = true;
            self.whole = Some(header.frame);
            self.frames
                .retain(|frame| is_newer(frame.number, header.frame));
        }
        came
    }

    fn follow_numbering(&mut self, sequence: SequenceNumber) {
        let newest = self.frames.last().map(Frame::first);
        if newest.is_some_and(|newest| sequence.0.saturating_sub(newest) >= RENUMBERED) {
            self.frames.clear();
            self.whole = None;
        }
    }

    /// Where the packet's frame is; it begins if it is new.
    fn place(&mut self, header: &Header, now: Instant) -> Option<usize> {
        let known = self
            .frames
            .iter()
            .position(|frame| frame.number == header.frame);
        if known.is_some() {
            return known;
        }
        let after = self
            .frames
            .iter()
            .position(|frame| is_newer(frame.number, header.frame));
        let place = after.unwrap_or(self.frames.len());
        let frame = Frame::begin(header, now)?;
        if !self.frames.is_full() {
            self.frames.insert(place, frame).ok()?;
            return Some(place);
        }
        // The oldest gives way, as in reassembly.
        let place = place.checked_sub(1)?;
        self.frames.remove(0);
        self.frames.insert(place, frame).ok()?;
        Some(place)
    }

    pub(super) fn next_time(&self, patience: &Patience) -> Option<Instant> {
        self.frames
            .iter()
            .filter_map(|frame| frame.next_time(patience))
            .min()
    }

    pub(super) fn ask(
        &mut self,
        stream: StreamId,
        due: Instant,
        now: Instant,
        patience: &Patience,
    ) -> Option<StreamGaps> {
        let gaps = StreamGaps {
            stream,
            ..StreamGaps::default()
        };
        let mut request = Request::new(gaps);
        for frame in &mut self.frames {
            if !frame.ask(&mut request, due, now, patience) {
                break;
            }
        }
        request.finish()
    }
}
