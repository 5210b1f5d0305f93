//! ALSA PCMs as microphone and speaker: 16 kHz, mono, whatever the card is.
//!
//! Both turns sleep by the clock until the device should have what they need, and then ask it; so they end promptly when
//! told to, notice an unplugged device within a block's time, and never spin.

use super::supervise::{Context, Device};
use super::wav::block_metronome;
use super::{OpenError, SoundError, catalog, samples_time};
use crate::clock;
use crate::metronome::{Beat, Metronome};
use ::alsa::pcm::{Access, Format, Frames, HwParams, State};
use ::alsa::{Direction, PCM, ValueOr};
use conclave_protocol::l16::{BLOCK_BYTES, BLOCK_SAMPLES, Block, SAMPLE_RATE_HZ};
use conclave_protocol::time::{Instant, Micros};

/// What the driver works in, 10 ms: longer wakes a board less often, shorter keeps times exact.
const PERIOD: Frames = 160;

/// Room for what the microphone heard while its thread was late, 200 ms; beyond that blocks are lost.
const CAPTURE_BUFFER: Frames = 3_200;

/// How much is queued for the speaker at most, 40 ms, and at least 20 ms before the next block is added. Less is heard
/// sooner, and breaks off when this thread is late.
const PLAYBACK_QUEUE: Frames = 640;

const BLOCK: Frames = BLOCK_SAMPLES as Frames;

/// How long a turn waits.
const TURN: Micros = Micros::from_millis(100);

/// Drivers move their pointers in steps; asking again sooner tells nothing new.
const SHORTEST_SLEEP: Micros = Micros::from_millis(1);

/// An open PCM and what was agreed on.
struct Opened {
    pcm: PCM,
    name: String,
    buffer: Frames,
}

/// Opens `name`, with conversion where the card itself cannot do 16 kHz mono.
fn open(name: &str, direction: Direction, buffer: Frames) -> Result<Opened, OpenError> {
    catalog::quiet();
    let converting = match name.strip_prefix("hw:") {
        Some(card) => format!("plughw:{card}"),
        None => format!("plug:'{name}'"),
    };
    let direct = open_exactly(name, direction, buffer);
    let opened = match direct {
        Err(error) if error.errno() == libc::EINVAL => open_exactly(&converting, direction, buffer),
        other => other,
    };
    opened.map_err(|error| match error.errno() {
        libc::ENOENT | libc::ENODEV | libc::ENXIO => OpenError::Absent(name.to_owned()),
        _ => OpenError::Refused {
            name: name.to_owned(),
            error,
        },
    })
}

fn open_exactly(name: &str, direction: Direction, buffer: Frames) -> ::alsa::Result<Opened> {
    let pcm = PCM::new(name, direction, true)?;
    let buffer = {
        let hardware = HwParams::any(&pcm)?;
        hardware.set_access(Access::RWInterleaved)?;
        hardware.set_format(Format::s16())?;
        hardware.set_channels(1)?;
        hardware.set_rate(SAMPLE_RATE_HZ, ValueOr::Nearest)?;
        hardware.set_period_size_near(PERIOD, ValueOr::Nearest)?;
        hardware.set_buffer_size_near(buffer)?;
        pcm.hw_params(&hardware)?;
        hardware.get_buffer_size()?
    };
    let software = pcm.sw_params_current()?;
    // Started by us, when the queue is full: a threshold that is never reached.
    software.set_start_threshold(Frames::from(i32::MAX))?;
    pcm.sw_params(&software)?;
    drop(software);
    Ok(Opened {
        pcm,
        name: name.to_owned(),
        buffer,
    })
}

/// Opens ALSA's default, else the first card that can.
fn open_any(direction: Direction, buffer: Frames) -> Result<Opened, OpenError> {
    let cards = catalog::devices()
        .into_iter()
        .filter(|device| match direction {
            Direction::Capture => device.captures,
            Direction::Playback => device.plays,
        });
    let names = std::iter::once("default".to_owned()).chain(cards.map(|device| device.pcm));
    let mut refusal = None;
    for name in names {
        match open(&name, direction, buffer) {
            Ok(opened) => return Ok(opened),
            Err(OpenError::Absent(_)) => {}
            Err(error) => refusal = Some(error),
        }
    }
    let kind = match direction {
        Direction::Capture => "microphone",
        Direction::Playback => "speaker",
    };
    Err(refusal.unwrap_or_else(|| OpenError::Absent(kind.into())))
}

/// PCMs without hardware (`null`) take and give at once, at any speed: then the clock sets the pace.
type OwnPace = Option<Metronome>;

/// A recording PCM.
pub(super) struct AlsaMicrophone<T> {
    opened: Opened,
    pace: OwnPace,
    context: Context,
    take: T,
}

impl<T: FnMut(&Block, Instant)> AlsaMicrophone<T> {
    /// Opens the PCM of that name, or any.
    pub(super) fn open(name: Option<&str>, context: Context, take: T) -> Result<Self, OpenError> {
        let direction = Direction::Capture;
        let opened = match name {
            Some(name) => open(name, direction, CAPTURE_BUFFER)?,
            None => open_any(direction, CAPTURE_BUFFER)?,
        };
        let refused = |error| OpenError::Refused {
            name: opened.name.clone(),
            error,
        };
        opened.pcm.start().map_err(refused)?;
        // A whole buffer in no time at all was not heard by anything.
        let at_once = opened.pcm.avail().is_ok_and(|avail| avail >= opened.buffer);
        Ok(Self {
            pace: at_once.then(|| block_metronome(clock::now())),
            opened,
            context,
            take,
        })
    }

    fn recover(&mut self, error: ::alsa::Error) -> Result<bool, SoundError> {
        survive(&self.opened.pcm, error, &self.context)?;
        self.opened.pcm.start()?;
        Ok(false)
    }
}

impl<T: FnMut(&Block, Instant)> Device for AlsaMicrophone<T> {
    fn name(&self) -> String {
        self.opened.name.clone()
    }

    fn turn(&mut self) -> Result<bool, SoundError> {
        if !own_pace(&mut self.pace, &self.context) {
            return Ok(false);
        }
        let (avail, delay) = match self.opened.pcm.avail_delay() {
            Ok(both) => both,
            Err(error) => return self.recover(error),
        };
        if avail < BLOCK {
            sleep(&self.context, BLOCK - avail);
            return Ok(false);
        }
        let heard = before(clock::now(), delay);
        // As bytes, since the typed access asks ALSA for its parameters, and memory for them, each time.
        let mut bytes = [0; BLOCK_BYTES];
        let read = self.opened.pcm.io_bytes().readi(&mut bytes);
        match read {
            // Less than was promised cannot be told from silence: it is a defect of the device like an overrun.
            Ok(read) if read < BLOCK_SAMPLES => {
                self.context.counters.add_xrun();
                Ok(false)
            }
            Ok(_) => {
                let mut block = [0; BLOCK_SAMPLES];
                for (sample, pair) in block.iter_mut().zip(bytes.as_chunks().0) {
                    *sample = i16::from_ne_bytes(*pair);
                }
                (self.take)(&block, heard);
                Ok(true)
            }
            Err(error) => self.recover(error),
        }
    }
}

/// A playing PCM.
pub(super) struct AlsaSpeaker<F> {
    opened: Opened,
    queue: Frames,
    pace: OwnPace,
    context: Context,
    fill: F,
}

impl<F: FnMut(&mut Block, Instant)> AlsaSpeaker<F> {
    /// Opens the PCM of that name, or any.
    pub(super) fn open(name: Option<&str>, context: Context, fill: F) -> Result<Self, OpenError> {
        let direction = Direction::Playback;
        let opened = match name {
            Some(name) => open(name, direction, PLAYBACK_QUEUE)?,
            None => open_any(direction, PLAYBACK_QUEUE)?,
        };
        Ok(Self {
            // Cards with coarse buffers get what fits.
            queue: PLAYBACK_QUEUE.min(opened.buffer),
            opened,
            pace: None,
            context,
            fill,
        })
    }

    fn recover(&mut self, error: ::alsa::Error) -> Result<bool, SoundError> {
        survive(&self.opened.pcm, error, &self.context)?;
        Ok(false)
    }

    /// Starts when the queue is full; a device that has played it in no time at all does not keep time.
    fn start_when_full(&mut self, queued: Frames) -> ::alsa::Result<()> {
        if self.opened.pcm.state() != State::Prepared || queued + BLOCK <= self.queue {
            return Ok(());
        }
        self.opened.pcm.start()
    }
}

impl<F: FnMut(&mut Block, Instant)> Device for AlsaSpeaker<F> {
    fn name(&self) -> String {
        self.opened.name.clone()
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
        if queued + BLOCK > self.queue {
            self.start_when_full(queued)?;
            sleep(&self.context, queued + BLOCK - self.queue);
            return Ok(false);
        }
        let mut block = [0; BLOCK_SAMPLES];
        (self.fill)(&mut block, clock::now() + frames_time(delay));
        let mut bytes = [0; BLOCK_BYTES];
        for (pair, sample) in bytes.as_chunks_mut().0.iter_mut().zip(block) {
            *pair = sample.to_ne_bytes();
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let written = self.opened.pcm.io_bytes().writei(rest);
            match written {
                Ok(0) => break,
                Ok(written) => rest = rest.get(2 * written..).unwrap_or_default(),
                Err(error) => return self.recover(error),
            }
        }
        let left = self.opened.buffer - self.opened.pcm.avail().unwrap_or(0);
        if left == 0 && queued == 0 && self.pace.is_none() {
            self.pace = Some(block_metronome(clock::now()));
        }
        self.start_when_full(left)?;
        Ok(true)
    }
}

/// Takes a device that ran over or dry, or was suspended, into use again; other errors mean that it is gone.
fn survive(pcm: &PCM, error: ::alsa::Error, context: &Context) -> ::alsa::Result<()> {
    match error.errno() {
        libc::EAGAIN => {
            sleep(context, PERIOD);
            Ok(())
        }
        libc::EPIPE | libc::ESTRPIPE | libc::EINTR => {
            context.counters.add_xrun();
            pcm.try_recover(error, true)
        }
        _ => Err(error),
    }
}

/// Whether it is the turn of a PCM that keeps no time; always, of one that does.
fn own_pace(pace: &mut OwnPace, context: &Context) -> bool {
    match pace {
        None => true,
        Some(metronome) => matches!(
            metronome.wait(&context.stop, clock::now() + TURN),
            Beat::Due(..)
        ),
    }
}

fn sleep(context: &Context, frames: Frames) {
    let span = frames_time(frames).clamp(SHORTEST_SLEEP, TURN);
    let _ = context.stop.sleep_until(clock::now() + span);
}

fn frames_time(frames: Frames) -> Micros {
    samples_time(u64::try_from(frames).unwrap_or(0))
}

fn before(now: Instant, frames: Frames) -> Instant {
    Instant::from_micros(now.as_micros().saturating_sub(frames_time(frames).0))
}
