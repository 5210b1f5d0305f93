//! Media on its way in: packets into pictures and sound.

use super::messages::{EngineError, Loudness};
use super::stats::{RefusedPackets, StatsCollector};
use crate::picture::received::{PictureWorker, Pictures, ShownReport};
use crate::record::Recorder;
use crate::screen::ScreenInput;
use crate::sound::playout::{Input, VoiceInput, VoiceReport};
use conclave_protocol::attendance::Attendance;
use conclave_protocol::id::{ParticipantId, StreamId};
use conclave_protocol::l16;
use conclave_protocol::nack::{Came, GapTracker};
use conclave_protocol::name::Username;
use conclave_protocol::receiver::{DropReason, Received, StreamCounts};
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::units::AudioLevel;
use conclave_protocol::wire::control::Media;
use conclave_protocol::wire::feedback::Nack;
use conclave_protocol::wire::header::Header;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A level counts for so long; then the participant is silent.
const LEVEL_LASTS: Micros = Micros::from_millis(200);

/// Streams whose gaps are tracked: a full room, each member with a microphone and a camera.
const MOST_STREAMS: usize = 256;

/// The receiving half.
pub(super) struct Inbound {
    /// The way to the speaker, while there is one.
    voices: Option<VoiceInput>,
    heard: BTreeMap<StreamId, Heard>,
    /// Where pictures go that are shown on a screen.
    viewers: Option<ScreenInput>,
    /// Where pictures go otherwise, and the thread that they go to, until the call ends.
    pictures: Option<(Pictures, PictureWorker)>,
    pictures_left_out: u64,
    blocks_dropped: u64,
    refused: RefusedPackets,
    gaps: GapTracker,
    /// Participants who come and go while the ring to the voices is full: without a speaker no thread drains it.
    voice_changes: VecDeque<Input>,
}

struct Heard {
    participant: ParticipantId,
    username: Arc<Username>,
    report: Option<Arc<VoiceReport>>,
    /// Packets that came because they were asked for.
    recovered: u64,
    /// The level byte of the newest block, and when it came.
    level: (u8, Instant),
    shown: Arc<ShownReport>,
    /// This endpoint's clock minus the sender's, in µs.
    clock_shift_us: i64,
}

impl Inbound {
    pub(super) fn new(
        viewers: Option<ScreenInput>,
        recorder: Option<Recorder>,
    ) -> Result<Self, EngineError> {
        let pictures = (viewers.is_none() || recorder.is_some()).then(|| Pictures::start(recorder));
        let pictures = pictures.transpose().map_err(|error| EngineError::System {
            what: "a thread that decodes",
            error,
        })?;
        Ok(Self {
            voices: None,
            heard: BTreeMap::new(),
            viewers,
            pictures,
            pictures_left_out: 0,
            blocks_dropped: 0,
            refused: RefusedPackets::default(),
            gaps: GapTracker::for_streams(MOST_STREAMS),
            voice_changes: VecDeque::new(),
        })
    }

    /// Another speaker, or none: everyone is heard through it from now on.
    pub(super) fn speak_through(&mut self, voices: Option<VoiceInput>) {
        self.voices = voices;
        self.voice_changes.clear();
        let everyone = self.heard.iter().filter_map(|(&stream, heard)| {
            let report = heard.report.clone()?;
            Some(Input::Add(stream, Arc::clone(&heard.username), report))
        });
        for input in everyone.collect::<Vec<_>>() {
            self.tell_voices(input);
        }
    }

    /// How loud everyone is whose sound comes.
    pub(super) fn levels(&self, now: Instant) -> impl Iterator<Item = Loudness> {
        let talking = self.heard.values().filter(|heard| heard.report.is_some());
        talking.map(move |heard| {
            let (byte, at) = heard.level;
            let fresh = now.since(at) < LEVEL_LASTS;
            Loudness {
                of: Some(heard.participant),
                level: AudioLevel::from_byte(if fresh { byte } else { 127 }),
            }
        })
    }

    pub(super) fn add_stream(
        &mut self,
        participant: ParticipantId,
        username: &Arc<Username>,
        stream: StreamId,
        media: Media,
        stats: &mut StatsCollector,
    ) {
        let shown = stats.open(stream, username, media);
        let report = matches!(media, Media::Audio(_))
            .then(|| Arc::new(VoiceReport::new(Arc::clone(&shown.latency))));
        if let Some(report) = &report {
            self.tell_voices(Input::Add(stream, username.clone(), Arc::clone(report)));
        }
        self.heard.insert(
            stream,
            Heard {
                participant,
                username: Arc::clone(username),
                report,
                recovered: 0,
                level: (127, Instant::default()),
                shown,
                clock_shift_us: 0,
            },
        );
    }

    /// A stream ended, with its counts.
    pub(super) fn remove_stream(
        &mut self,
        stream: StreamId,
        counts: StreamCounts,
        stats: &mut StatsCollector,
    ) {
        self.tell_stream(stream, counts, stats);
        self.drop_stream(stream, stats);
    }

    fn drop_stream(&mut self, stream: StreamId, stats: &mut StatsCollector) {
        stats.close(stream);
        self.gaps.forget(stream);
        if let Some(viewers) = &mut self.viewers {
            viewers.remove(stream);
        }
        if self
            .heard
            .remove(&stream)
            .is_some_and(|heard| heard.report.is_some())
        {
            self.tell_voices(Input::Remove(stream));
        }
    }

    /// Out of the room, which is told of for the last time.
    pub(super) fn leave(&mut self, room: &Attendance, stats: &mut StatsCollector) {
        self.tell(room, stats);
        for stream in self.heard.keys().copied().collect::<Vec<_>>() {
            self.drop_stream(stream, stats);
        }
    }

    pub(super) fn set_round_trip(&mut self, least: Micros) {
        self.gaps.set_round_trip(least);
    }

    /// When to call [`Self::ask`].
    pub(super) fn next_ask(&self) -> Option<Instant> {
        self.gaps.next_time()
    }

    /// What to ask the relay for now, and in how many copies.
    pub(super) fn ask(&mut self, now: Instant) -> Option<(Nack, usize)> {
        let nack = self.gaps.ask(now)?;
        Some((nack, if self.gaps.is_lossy() { 2 } else { 1 }))
    }

    pub(super) fn set_clock_shift(&mut self, stream: StreamId, shift_us: i64) {
        if let Some(heard) = self.heard.get_mut(&stream) {
            heard.clock_shift_us = shift_us;
            if let Some(report) = &heard.report {
                report.set_clock_shift(shift_us);
            }
        }
    }

    /// Tells the stats what came of each stream so far.
    pub(super) fn tell(&self, room: &Attendance, stats: &mut StatsCollector) {
        for (_, stream, _, counts) in room.counts() {
            self.tell_stream(stream, counts, stats);
        }
    }

    fn tell_stream(&self, stream: StreamId, counts: StreamCounts, stats: &mut StatsCollector) {
        let heard = self.heard.get(&stream);
        let report = heard.and_then(|heard| heard.report.as_ref());
        let recovered = heard.map_or(0, |heard| heard.recovered);
        stats.update(
            stream,
            counts,
            recovered,
            report.map(|report| report.counts()),
        );
    }

    pub(super) fn pictures_left_out(&self) -> u64 {
        let now = self
            .pictures
            .as_ref()
            .map_or(0, |(pictures, _)| pictures.left_out());
        self.pictures_left_out + now
    }

    /// Waits until every picture that came has been decoded and handed to the recorder; takes no more.
    pub(super) fn finish_pictures(&mut self) {
        self.pictures_left_out = self.pictures_left_out();
        // The thread ends when the pictures' end of its queue is gone.
        if let Some((pictures, worker)) = self.pictures.take() {
            drop(pictures);
            drop(worker);
        }
    }

    pub(super) const fn blocks_dropped(&self) -> u64 {
        self.blocks_dropped
    }

    pub(super) const fn refused(&self) -> RefusedPackets {
        self.refused
    }

    /// Tells who comes and goes, now or as soon as the ring has room.
    fn tell_voices(&mut self, change: Input) {
        // A participant who leaves before the arrival was reported need not be reported at all.
        if let Input::Remove(gone) = change
            && let Some(told) = self
                .voice_changes
                .iter()
                .position(|i| matches!(i, Input::Add(id, ..) if *id == gone))
        {
            self.voice_changes.remove(told);
            return;
        }
        self.voice_changes.push_back(change);
        self.flush_voice_changes();
    }

    pub(super) fn flush_voice_changes(&mut self) {
        let Some(voices) = &mut self.voices else {
            return self.voice_changes.clear();
        };
        while let Some(change) = self.voice_changes.pop_front() {
            if let Err(rtrb::PushError::Full(change)) = voices.push(change) {
                self.voice_changes.push_front(change);
                return;
            }
        }
    }

    fn hear(&mut self, block: Input) {
        self.flush_voice_changes();
        let voices = self
            .voices
            .as_mut()
            .filter(|_| self.voice_changes.is_empty());
        if voices.is_none_or(|voices| voices.push(block).is_err()) {
            self.blocks_dropped += 1;
        }
    }

    fn refuse(&mut self, reason: DropReason) {
        let count = match reason {
            DropReason::Header(_) => &mut self.refused.malformed,
            DropReason::UnknownStream | DropReason::WrongKind => &mut self.refused.unknown_stream,
            DropReason::Replayed => &mut self.refused.replayed,
            DropReason::NoKey => &mut self.refused.no_key,
            DropReason::Forged => &mut self.refused.forged,
        };
        *count += 1;
    }

    pub(super) fn handle_packet(
        &mut self,
        room: Option<&mut Attendance>,
        packet: &mut [u8],
        now: Instant,
    ) {
        let header = Header::parse(packet).ok();
        let received = match room {
            Some(room) => room.handle_packet(packet, now),
            None => Err(DropReason::UnknownStream),
        };
        let received = match received {
            Ok(received) => received,
            Err(reason) => return self.refuse(reason),
        };
        if let Some(header) = header.filter(|_| !matches!(received, Received::Held)) {
            let came = self.gaps.note(&header, now);
            if let Some(heard) = self.heard.get_mut(&header.stream) {
                heard.recovered += u64::from(came == Came::AskedFor);
            }
        }
        match received {
            Received::Audio {
                header, payload, ..
            } => {
                if let Some(heard) = self.heard.get_mut(&header.stream) {
                    heard.shown.mark(now);
                    heard.level = (header.level, now);
                }
                if let Some(block) = l16::parse(payload) {
                    let (stream, sequence, captured) =
                        (header.stream, header.sequence, header.timestamp);
                    let input = Input::Block {
                        stream,
                        sequence,
                        captured,
                        arrived: now,
                        block,
                    };
                    self.hear(input);
                }
            }
            Received::Picture { stream, frame, .. } => {
                let Some(heard) = self.heard.get(&stream) else {
                    return;
                };
                heard.shown.mark(now);
                let captured = frame.captured.0.saturating_add_signed(heard.clock_shift_us);
                let captured = Instant(captured);
                if let Some(viewers) = &mut self.viewers {
                    viewers.take(stream, captured, frame.bytes);
                }
                if let Some((pictures, _)) = &mut self.pictures {
                    pictures.take(&heard.username, &heard.shown, captured, frame.bytes);
                }
            }
            Received::Fragment | Received::Held => {}
        }
    }
}
