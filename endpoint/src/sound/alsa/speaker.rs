//! A playing PCM.

use super::super::pcm_name::PcmName;
use super::super::queue::Queue;
use super::super::resample::Resampler;
use super::super::supervise::{Context, Device};
use super::super::wav::block_metronome;
use super::super::{OpenSoundError, SoundError};
use super::open::{Opened, Use, open};
use super::{OwnPace, own_pace, sleep, survive};
use crate::clock;
use ::alsa::Direction;
use ::alsa::pcm::{Frames, State};
use conclave_protocol::l16::{BLOCK_SAMPLES, Block, SAMPLE_RATE_HZ};
use conclave_protocol::time::{Instant, Micros};

/// Room for the longest queue, 120 ms. How much of it is used is [`Queue`]'s to say.
const BUFFER_BLOCKS: u32 = 6;

/// A playing PCM.
pub(in super::super) struct AlsaSpeaker<F> {
    opened: Opened,
    outlet: Outlet,
    queue: Queue,
    pace: OwnPace,
    context: Context,
    fill: F,
}

impl<F: FnMut(&mut Block, Instant)> AlsaSpeaker<F> {
    /// Opens the PCM of that name, or any.
    pub(in super::super) fn open(
        name: Option<&PcmName>,
        context: Context,
        fill: F,
    ) -> Result<Self, OpenSoundError> {
        let wanted = Use {
            direction: Direction::Playback,
            blocks: BUFFER_BLOCKS,
        };
        let opened = open(name, wanted)?;
        let frames = |frames: Frames| u32::try_from(frames).unwrap_or(u32::MAX);
        Ok(Self {
            queue: Queue::new(
                frames(opened.block()),
                frames(opened.period),
                frames(opened.buffer),
                clock::now(),
            ),
            outlet: Outlet::new(opened.channels, opened.rate_hz),
            opened,
            pace: None,
            context,
            fill,
        })
    }

    fn recover(&mut self, error: ::alsa::Error) -> Result<bool, SoundError> {
        if survive(&self.opened.pcm, error, &self.context)? {
            self.queue.ran_dry(clock::now());
        }
        Ok(false)
    }

    /// How much is queued when it is full, in what ALSA counts with: 32 bits on boards that have no more.
    fn full(&self) -> Frames {
        Frames::from(i32::try_from(self.queue.full()).unwrap_or(i32::MAX))
    }

    /// Starts when the queue is full; a device that has played it in no time at all does not keep time.
    fn start_when_full(&mut self, queued: Frames) -> ::alsa::Result<()> {
        if self.opened.pcm.state() != State::Prepared || queued + self.opened.block() <= self.full()
        {
            return Ok(());
        }
        self.opened.pcm.start()
    }
}

impl<F: FnMut(&mut Block, Instant)> Device for AlsaSpeaker<F> {
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
        let queued = self.opened.buffer - avail;
        let over = queued + self.opened.block() - self.full();
        if over > 0 {
            self.start_when_full(queued)?;
            sleep(&self.context, self.opened.time(over));
            return Ok(false);
        }
        let mut block = [0; BLOCK_SAMPLES];
        let heard = clock::now() + self.opened.time(delay) + self.outlet.delay();
        (self.fill)(&mut block, heard);
        let mut rest = self.outlet.frames(&block);
        let width = 2 * self.opened.channels as usize;
        while !rest.is_empty() {
            let written = self.opened.pcm.io_bytes().writei(rest);
            match written {
                Ok(0) => break,
                Ok(written) => rest = rest.get(width * written..).unwrap_or_default(),
                Err(error) => return self.recover(error),
            }
        }
        self.queue.added(clock::now());
        let left = self.opened.buffer - self.opened.pcm.avail().unwrap_or(0);
        if left == 0 && queued == 0 && self.pace.is_none() {
            self.pace = Some(block_metronome(clock::now()));
        }
        self.start_when_full(left)?;
        Ok(true)
    }
}

/// From blocks to the card's frames, the same on each channel.
struct Outlet {
    channels: usize,
    resampler: Option<Resampler>,
    frames: Vec<u8>,
}

impl Outlet {
    fn new(channels: u32, rate_hz: u32) -> Self {
        let channels = channels as usize;
        let frames = (rate_hz / super::BLOCKS_A_SECOND) as usize;
        Self {
            channels,
            resampler: (rate_hz != SAMPLE_RATE_HZ).then(|| Resampler::new(SAMPLE_RATE_HZ, rate_hz)),
            frames: Vec::with_capacity((frames + 1) * channels * 2),
        }
    }

    /// By how much later a sound is in the frames than it was in the block.
    fn delay(&self) -> Micros {
        self.resampler.as_ref().map_or(Micros(0), Resampler::delay)
    }

    fn frames(&mut self, block: &Block) -> &[u8] {
        self.frames.clear();
        let (frames, channels) = (&mut self.frames, self.channels);
        let mut put = |level: f32| {
            let bytes = (level.round() as i16).to_ne_bytes();
            for _ in 0..channels {
                frames.extend(bytes);
            }
        };
        for sample in block {
            match &mut self.resampler {
                Some(resampler) => resampler.push(f32::from(*sample), &mut put),
                None => put(f32::from(*sample)),
            }
        }
        &self.frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_fills_as_much_time_at_every_rate_on_every_channel() {
        for (channels, rate_hz) in [(1, 16_000), (2, 48_000), (6, 44_100)] {
            let mut outlet = Outlet::new(channels, rate_hz);
            let room = outlet.frames.capacity();
            for _ in 0..20 {
                let frames = outlet.frames(&[1_000; BLOCK_SAMPLES]);
                assert_eq!(frames.len(), (rate_hz / 50 * channels * 2) as usize);
            }
            let last = outlet
                .frames
                .as_chunks()
                .0
                .iter()
                .rev()
                .take(channels as usize);
            for sample in last {
                assert!(i16::from_ne_bytes(*sample).abs_diff(1_000) <= 1);
            }
            assert_eq!(outlet.frames.capacity(), room, "memory was asked for");
        }
    }
}
