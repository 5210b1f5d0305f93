//! One stream: its keys, its numbering and its counts.

use super::StreamCounts;
use crate::frame_memory::FrameMemory;
use crate::id::{Epoch, ParticipantId, SequenceNumber};
use crate::reassemble::Reassembler;
use crate::replay::ReplayWindow;
use crate::seal::MediaKey;
use crate::time::{Instant, Micros};
use crate::wire::control::Media;
use crate::wire::header::{Header, Kind};

/// A jump of sequence numbers by this much or more starts a new numbering; losses never reach it.
const RENUMBERED: u64 = 1 << 32;

/// The state of one stream, and what opens it.
pub(super) struct StreamReceiver {
    pub(super) participant: ParticipantId,
    pub(super) media: Media,
    /// The two epochs of the newest packets: during a change both are in use.
    pub(super) keys: [Option<(Epoch, MediaKey)>; 2],
    pub(super) window: ReplayWindow,
    first: Option<SequenceNumber>,
    /// Packets that were expected in earlier numberings.
    expected_before: u64,
    packets: u64,
    bytes: u64,
    jitter: Jitter,
    pub(super) reassembler: Reassembler,
}

/// Interarrival jitter, RFC 3550 §6.4.1 and appendix A.8, in sixteenths of a µs.
#[derive(Default)]
struct Jitter {
    transit: Option<i64>,
    sixteenths: u64,
}

impl Jitter {
    fn update(&mut self, timestamp: Instant, now: Instant) {
        let transit = now.0.wrapping_sub(timestamp.0).cast_signed();
        if let Some(last) = self.transit.replace(transit) {
            let change = transit.wrapping_sub(last).unsigned_abs().min(1 << 40);
            self.sixteenths = self.sixteenths - self.sixteenths / 16 + change;
        }
    }

    const fn value(&self) -> Micros {
        Micros(self.sixteenths / 16)
    }
}

impl StreamReceiver {
    pub(super) fn new(participant: ParticipantId, media: Media) -> Self {
        Self {
            participant,
            media,
            keys: [None, None],
            window: ReplayWindow::new(),
            first: None,
            expected_before: 0,
            packets: 0,
            bytes: 0,
            jitter: Jitter::default(),
            reassembler: Reassembler::with_frames_of(media.frame_bytes()),
        }
    }

    /// Counts a packet that was opened.
    pub(super) fn count(&mut self, header: &Header, payload_bytes: usize, now: Instant) {
        let sequence = header.sequence;
        self.window.update(sequence.0);
        self.first = Some(self.first.map_or(sequence, |first| first.min(sequence)));
        self.packets += 1;
        self.bytes += payload_bytes as u64;
        // The packets of a picture leave together: the first one shows the jitter.
        if header.kind == Kind::Audio || header.fragment == 0 {
            self.jitter.update(header.timestamp, now);
        }
    }

    pub(super) fn forget(&mut self, stale: impl Fn(Epoch) -> bool) {
        for key in &mut self.keys {
            if key.as_ref().is_some_and(|&(epoch, _)| stale(epoch)) {
                *key = None;
            }
        }
    }

    /// A sender that starts a new numbering begins with frame 0, which counts as later than all frames before, not as
    /// a loss.
    pub(super) fn follow_numbering(&mut self, sequence: SequenceNumber, memory: &mut FrameMemory) {
        let highest = self.window.highest();
        if highest.is_some_and(|highest| sequence.0.saturating_sub(highest) >= RENUMBERED) {
            self.expected_before = self.expected();
            self.first = None;
            self.reassembler.restart(memory);
        }
    }

    /// Packets from the first to the highest number that arrived, over all numberings.
    fn expected(&self) -> u64 {
        let now = match (self.first, self.window.highest()) {
            (Some(first), Some(highest)) => highest - first.0 + 1,
            _ => 0,
        };
        self.expected_before.saturating_add(now)
    }

    pub(super) fn counts(&self) -> StreamCounts {
        let expected = self.expected();
        StreamCounts {
            packets: self.packets,
            bytes: self.bytes,
            packets_lost: expected.saturating_sub(self.packets),
            jitter: self.jitter.value(),
            frames: self.reassembler.counts(),
        }
    }
}

/// The kind of its packets.
pub(super) const fn kind_of(media: Media) -> Kind {
    match media {
        Media::Audio(_) => Kind::Audio,
        Media::Camera(_) => Kind::Video,
        Media::Screen(_) => Kind::Screen,
    }
}
