//! What is heard: a jitter buffer a talker, mixed a block at a time when the speaker asks.
//!
//! Lives on the playback thread and owns everything it needs; the engine feeds it through a bounded ring
//! without locks. When the ring is full the newest block is dropped and counted: then the speaker has not
//! asked for half a second, and what comes would be too old anyway.

use crate::net::latency::LatencyHistogram;
use crate::sound::mixer::mix;
use crate::sound::tone::ToneGenerator;
use conclave_protocol::id::{SequenceNumber, StreamId};
use conclave_protocol::jitter::{JitterBuffer, Playout, PlayoutCounts};
use conclave_protocol::l16::{BLOCK_SAMPLES, Block};
use conclave_protocol::name::Username;
use conclave_protocol::time::{Instant, Micros};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

/// What may wait between the engine and the playback thread: half a second of 20 talkers.
pub const RING: usize = 512;
/// Talkers that are mixed at most; more wait until one of them goes.
pub const MOST_VOICES: usize = 128;
/// Talkers that may wait; more are not heard at all. Each costs 40 bytes.
pub const MOST_WAITING: usize = 1024;
/// The tone by which a person finds out whether the speaker works: a second of A.
const TEST_TONE_HZ: f64 = 440.0;
const TEST_TONE_BLOCKS: u32 = 50;

/// What one talker's playout tells the engine.
#[derive(Debug, Default)]
pub struct VoiceReport {
    heard: AtomicU64,
    concealed: AtomicU64,
    gaps: AtomicU64,
    late: AtomicU64,
    /// This endpoint's clock minus the talker's, in µs.
    clock_shift_us: AtomicI64,
    /// From the talker's microphone to this speaker.
    pub latency: Arc<LatencyHistogram>,
}

impl VoiceReport {
    /// A report whose latencies go into an existing histogram.
    #[must_use]
    pub fn new(latency: Arc<LatencyHistogram>) -> Self {
        Self {
            latency,
            ..Self::default()
        }
    }

    /// Sets how far this endpoint's clock is ahead of the talker's.
    pub fn set_clock_shift(&self, shift_us: i64) {
        self.clock_shift_us.store(shift_us, Relaxed);
    }

    /// What became of the talker's blocks.
    #[must_use]
    pub fn counts(&self) -> PlayoutCounts {
        PlayoutCounts {
            heard: self.heard.load(Relaxed),
            concealed: self.concealed.load(Relaxed),
            gaps: self.gaps.load(Relaxed),
            late: self.late.load(Relaxed),
            ..PlayoutCounts::default()
        }
    }

    /// What was counted `before` by another speaker, and since then.
    fn set(&self, before: PlayoutCounts, since: PlayoutCounts) {
        self.heard.store(before.heard + since.heard, Relaxed);
        self.concealed
            .store(before.concealed + since.concealed, Relaxed);
        self.gaps.store(before.gaps + since.gaps, Relaxed);
        self.late.store(before.late + since.late, Relaxed);
    }
}

/// What the engine tells the playback thread.
#[expect(
    clippy::large_enum_variant,
    reason = "blocks lie in the ring itself, so that none is allocated"
)]
pub enum Input {
    /// A participant may talk.
    Add(StreamId, Arc<Username>, Arc<VoiceReport>),
    /// They do not any more.
    Remove(StreamId),
    /// A block came.
    Block {
        /// Whose.
        stream: StreamId,
        /// Its place.
        sequence: SequenceNumber,
        /// On the talker's clock.
        captured: Instant,
        /// On this endpoint's clock.
        arrived: Instant,
        /// Its samples.
        block: Block,
    },
}

/// Takes each talker's blocks as they are heard, before they are mixed.
pub type Tap = Box<dyn FnMut(&Arc<Username>, &Block) + Send>;

/// Everyone who may be heard.
pub struct Voices {
    input: rtrb::Consumer<Input>,
    voices: Vec<Voice>,
    /// Who is to be heard as soon as there is a place, first come first.
    waiting: VecDeque<(StreamId, Arc<Username>, Arc<VoiceReport>)>,
    tap: Option<Tap>,
    loudspeaker: Arc<Loudspeaker>,
    tone: ToneGenerator,
    sleeper: Arc<OnceLock<Thread>>,
}

/// What a person sets about all that is heard.
#[derive(Debug)]
pub struct Loudspeaker {
    volume_percent: AtomicU8,
    /// Blocks of the test tone that are still to be played.
    tone_blocks: AtomicU32,
}

impl Default for Loudspeaker {
    fn default() -> Self {
        Self {
            volume_percent: AtomicU8::new(100),
            tone_blocks: AtomicU32::new(0),
        }
    }
}

impl Loudspeaker {
    /// How loud others are heard, 0 to 100.
    pub fn set_volume(&self, percent: u8) {
        self.volume_percent.store(percent.min(100), Relaxed);
    }

    /// Plays the test tone, from its beginning if it is being played.
    pub fn play_test_tone(&self) {
        self.tone_blocks.store(TEST_TONE_BLOCKS, Relaxed);
    }

    fn next_tone_block(&self) -> bool {
        let one_less = |left: u32| left.checked_sub(1);
        self.tone_blocks
            .fetch_update(Relaxed, Relaxed, one_less)
            .is_ok()
    }

    /// Scales by the square of the setting, which the ear takes for even steps.
    fn scale(&self, block: &mut Block) {
        let percent = i32::from(self.volume_percent.load(Relaxed));
        if percent < 100 {
            for sample in block {
                *sample = (i32::from(*sample) * percent * percent / 10_000) as i16;
            }
        }
    }
}

/// The engine's end of the ring.
pub struct VoiceInput {
    ring: rtrb::Producer<Input>,
    sleeper: Arc<OnceLock<Thread>>,
}

impl VoiceInput {
    /// Hands something to the playback thread, and wakes it if it rested and a participant may be heard now.
    ///
    /// # Errors
    /// When the ring is full; the input is given back.
    #[expect(
        clippy::result_large_err,
        reason = "what finds no room comes back, to be tried again"
    )]
    pub fn push(&mut self, input: Input) -> Result<(), rtrb::PushError<Input>> {
        let adds = matches!(input, Input::Add(..));
        self.ring.push(input)?;
        if adds && let Some(thread) = self.sleeper.get() {
            thread.unpark();
        }
        Ok(())
    }
}

struct Voice {
    stream: StreamId,
    username: Arc<Username>,
    buffer: JitterBuffer,
    report: Arc<VoiceReport>,
    /// What the report had when this voice began: a talker goes on when another speaker is taken.
    before: PlayoutCounts,
    playout: Playout,
    block: Block,
}

impl Voices {
    /// No participant yet, and the ring by which that changes.
    #[must_use]
    pub fn new(tap: Option<Tap>, loudspeaker: Arc<Loudspeaker>) -> (Self, VoiceInput) {
        let (ring, input) = rtrb::RingBuffer::new(RING);
        let sleeper = Arc::new(OnceLock::new());
        (
            Self {
                input,
                voices: Vec::with_capacity(MOST_VOICES),
                waiting: VecDeque::with_capacity(MOST_WAITING),
                tap,
                loudspeaker,
                tone: ToneGenerator::new(TEST_TONE_HZ),
                sleeper: Arc::clone(&sleeper),
            },
            VoiceInput { ring, sleeper },
        )
    }

    /// Whether a participant may be heard.
    #[must_use]
    pub fn has_talkers(&self) -> bool {
        !self.voices.is_empty()
    }

    /// For a listener who need not play silence: while no participant may be heard, parks the thread until one may,
    /// or until it is unparked. Tells whether it rested.
    pub fn rest_without_talkers(&mut self) -> bool {
        self.sleeper.get_or_init(std::thread::current);
        self.take_all();
        if self.has_talkers() {
            return false;
        }
        // A source that was added since `take_all` has left a token, with which this returns at once.
        std::thread::park();
        true
    }

    /// Fills the block that will be heard at `heard_at`.
    pub fn fill(&mut self, out: &mut Block, heard_at: Instant) {
        self.take_all();
        for voice in &mut self.voices {
            voice.playout = voice.buffer.pop(heard_at, &mut voice.block);
            voice.report.set(voice.before, voice.buffer.counts());
            if let Playout::Heard { captured } = voice.playout {
                let shift = voice.report.clock_shift_us.load(Relaxed);
                let here = captured.0.saturating_add_signed(shift);
                voice
                    .report
                    .latency
                    .record(Micros(heard_at.0.saturating_sub(here)));
            }
            if let Some(tap) = &mut self.tap {
                tap(&voice.username, &voice.block);
            }
        }
        let heard = self
            .voices
            .iter()
            .filter(|voice| voice.playout != Playout::Silent);
        mix(out, heard.map(|voice| &voice.block));
        if self.loudspeaker.next_tone_block() {
            let mut tone = [0; BLOCK_SAMPLES];
            self.tone.fill(&mut tone);
            let voices = *out;
            mix(out, [&voices, &tone]);
        }
        self.loudspeaker.scale(out);
    }

    fn take_all(&mut self) {
        while let Ok(input) = self.input.pop() {
            self.take(input);
        }
    }

    fn seat(&mut self, stream: StreamId, username: Arc<Username>, report: Arc<VoiceReport>) {
        self.voices.push(Voice {
            stream,
            username,
            buffer: JitterBuffer::new(),
            before: report.counts(),
            report,
            playout: Playout::Silent,
            block: [0; BLOCK_SAMPLES],
        });
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Add(stream, username, report) => {
                if self.voices.len() < MOST_VOICES {
                    self.seat(stream, username, report);
                } else if self.waiting.len() < MOST_WAITING {
                    self.waiting.push_back((stream, username, report));
                }
            }
            Input::Remove(stream) => {
                self.waiting.retain(|(waits, ..)| *waits != stream);
                self.voices.retain(|voice| voice.stream != stream);
                while self.voices.len() < MOST_VOICES
                    && let Some((stream, username, report)) = self.waiting.pop_front()
                {
                    self.seat(stream, username, report);
                }
            }
            Input::Block {
                stream,
                sequence,
                captured,
                arrived,
                block,
            } => {
                if let Some(voice) = self.voices.iter_mut().find(|voice| voice.stream == stream) {
                    voice.buffer.push(sequence, captured, arrived, &block);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
