//! A recording PCM.

use super::super::channels::Pick;
use super::super::level::SilenceWatch;
use super::super::pcm_name::PcmName;
use super::super::resample::Resampler;
use super::super::supervise::{Context, Device};
use super::super::wav::block_metronome;
use super::super::{OpenSoundError, SoundError};
use super::open::{Opened, Use, open};
use super::{OwnPace, before, own_pace, sleep, survive};
use crate::clock;
use ::alsa::Direction;
use conclave_protocol::l16::{BLOCK_SAMPLES, Block, SAMPLE_RATE_HZ};
use conclave_protocol::time::{Instant, Micros};

/// Room for what the microphone heard while its thread was late, 200 ms; beyond that blocks are lost.
const BUFFER_BLOCKS: u32 = 10;

/// A recording PCM.
pub(in super::super) struct AlsaMicrophone<T> {
    opened: Opened,
    intake: Intake,
    /// A block of the card's frames, as bytes, since the typed access asks ALSA for its parameters, and memory for
    /// them, each time.
    frames: Box<[u8]>,
    pace: OwnPace,
    silence: SilenceWatch,
    context: Context,
    take: T,
}

impl<T: FnMut(&Block, Instant)> AlsaMicrophone<T> {
    /// Opens the PCM of that name, or any.
    pub(in super::super) fn open(
        name: Option<&PcmName>,
        context: Context,
        take: T,
    ) -> Result<Self, OpenSoundError> {
        let wanted = Use {
            direction: Direction::Capture,
            blocks: BUFFER_BLOCKS,
        };
        let opened = open(name, wanted)?;
        let refused = |error| OpenSoundError::Refused {
            name: opened.name.clone(),
            error,
        };
        opened.pcm.start().map_err(refused)?;
        // A whole buffer in no time at all was not heard by anything.
        let at_once = opened.pcm.avail().is_ok_and(|avail| avail >= opened.buffer);
        let bytes = opened.block() as usize * opened.channels as usize * 2;
        Ok(Self {
            intake: Intake::new(
                Pick::of(opened.channel, opened.channels_of_card),
                opened.channels,
                opened.rate_hz,
            ),
            frames: vec![0; bytes].into(),
            pace: at_once.then(|| block_metronome(clock::now())),
            opened,
            silence: SilenceWatch::default(),
            context,
            take,
        })
    }

    fn recover(&mut self, error: ::alsa::Error) -> Result<bool, SoundError> {
        if survive(&self.opened.pcm, error, &self.context)? {
            self.opened.pcm.start()?;
        }
        Ok(false)
    }
}

impl<T: FnMut(&Block, Instant)> Device for AlsaMicrophone<T> {
    fn name(&self) -> String {
        self.opened.in_words()
    }

    fn turn(&mut self) -> Result<bool, SoundError> {
        if !own_pace(&mut self.pace, &self.context) {
            return Ok(false);
        }
        let (avail, delay) = match self.opened.pcm.avail_delay() {
            Ok(both) => both,
            Err(error) => return self.recover(error),
        };
        let block = self.opened.block();
        if avail < block {
            sleep(&self.context, self.opened.time(block - avail));
            return Ok(false);
        }
        let heard = before(clock::now(), self.opened.time(delay));
        let read = self.opened.pcm.io_bytes().readi(&mut self.frames);
        match read {
            // Less than was promised cannot be told from silence: it is a defect of the device like an overrun.
            Ok(read) if usize::try_from(block).is_ok_and(|block| read < block) => {
                self.context.counters.add_xrun();
                Ok(false)
            }
            Ok(_) => {
                let block = self.intake.block(&self.frames);
                self.silence.hear(&block);
                (self.take)(&block, before(heard, self.intake.delay()));
                Ok(true)
            }
            Err(error) => self.recover(error),
        }
    }

    fn is_silent(&self) -> bool {
        self.silence.is_silent()
    }
}

/// From the card's frames to blocks.
struct Intake {
    pick: Pick,
    channels: usize,
    resampler: Option<Resampler>,
}

impl Intake {
    fn new(pick: Pick, channels: u32, rate_hz: u32) -> Self {
        Self {
            pick,
            channels: channels as usize,
            resampler: (rate_hz != SAMPLE_RATE_HZ).then(|| Resampler::new(rate_hz, SAMPLE_RATE_HZ)),
        }
    }

    /// By how much later a sound is in a block than it was heard.
    fn delay(&self) -> Micros {
        self.resampler.as_ref().map_or(Micros(0), Resampler::delay)
    }

    /// The block that so many interleaved frames of 20 ms are.
    fn block(&mut self, bytes: &[u8]) -> Block {
        let mut block = [0; BLOCK_SAMPLES];
        let mut places = block.iter_mut();
        let mut put = |level: f32| {
            if let Some(place) = places.next() {
                *place = level.round() as i16;
            }
        };
        let mut frame = [0; super::open::MOST_CHANNELS as usize];
        for bytes in bytes.chunks_exact(2 * self.channels) {
            for (sample, pair) in frame.iter_mut().zip(bytes.as_chunks().0) {
                *sample = i16::from_ne_bytes(*pair);
            }
            let heard = frame.get(..self.channels).unwrap_or(&frame);
            let level = self.pick.sample(heard);
            match &mut self.resampler {
                Some(resampler) => resampler.push(level, &mut put),
                None => put(level),
            }
        }
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::tone::goertzel;

    fn bytes(frames: impl IntoIterator<Item = Vec<i16>>) -> Vec<u8> {
        let samples = frames.into_iter().flatten();
        samples.flat_map(i16::to_ne_bytes).collect()
    }

    #[test]
    fn a_block_at_16_khz_is_what_was_heard() {
        let mut intake = Intake::new(Pick::Average, 1, 16_000);
        let heard: Vec<i16> = (0..320).collect();
        let block = intake.block(&bytes(heard.iter().map(|s| vec![*s])));
        assert_eq!(block.to_vec(), heard);
        assert_eq!(intake.delay(), Micros(0));
    }

    #[test]
    fn a_whistle_above_the_voice_band_is_taken_away_and_not_heard_as_another() {
        let mut intake = Intake::new(Pick::Only(0), 4, 48_000);
        let mut out = Vec::new();
        for block in 0..50 {
            let frames = (0..960).map(|n| {
                let at = f64::from(block * 960 + n) / 48_000.0;
                let level = (std::f64::consts::TAU * 12_000.0 * at).cos() * 10_000.0;
                vec![level as i16, 9_999, -9_999, 5_555]
            });
            out.extend(intake.block(&bytes(frames)));
        }
        // −40 dB of 10 000 would be 100.
        let loudest = out[640..].iter().map(|s| s.unsigned_abs()).max().unwrap();
        assert!(loudest < 20, "{loudest}");
        assert!(goertzel(&out, 4_000.0) * f64::from(loudest).powi(2) < 100.0);
    }
}
