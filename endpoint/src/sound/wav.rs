//! WAV files as microphone and speaker.

use super::resample::Resampler;
use super::supervise::{Context, Device};
use super::{OpenSoundError, SoundError};
use crate::clock;
use crate::platform::metronome::{Beat, Metronome};
use conclave_protocol::l16::{BLOCK_SAMPLES, BLOCK_TIME, Block, SAMPLE_RATE_HZ};
use conclave_protocol::time::{Instant, Micros};
use head::{Encoding, Head};
use hound::{SampleFormat, WavSpec, WavWriter};
use std::fs::File;
use std::io::{BufWriter, Read};
use std::path::Path;
use thiserror::Error;

mod head;

/// Longest file that is taken into memory, in bytes (70 minutes of 16 kHz mono in 16 bits).
const MOST_BYTES: u64 = 1 << 27;
/// Longest sound that is taken into memory, in samples of 16 kHz (35 minutes).
const MOST_SAMPLES: usize = 1 << 25;

/// Blocks from one flush of a written file to the next: what is lost when the process is killed.
const FLUSH_BLOCKS: u64 = 50;

/// How long a file's turn waits.
const TURN: Micros = Micros::from_millis(100);

/// Why a WAV file cannot be used.
#[derive(Debug, Error)]
pub enum WavError {
    /// The system refuses the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It begins otherwise.
    #[error("this is no WAV file")]
    NotWav,
    /// No usable `fmt ` chunk comes before its samples.
    #[error("it does not say its format")]
    NoFormat,
    /// No `data` chunk.
    #[error("it holds no samples")]
    NoSamples,
    /// Compressed, or of an unusual width.
    #[error("its encoding is {kind:#06x} of {bits} bits; convert it to PCM of 16 bits")]
    Encoding {
        /// Its number in the registry of WAV files.
        kind: u16,
        /// Bits of a sample.
        bits: u16,
    },
    /// A rate that no sound card has.
    #[error("its rate of {0} Hz is not between 4000 and 384000 Hz")]
    Rate(u32),
    /// More than is taken into memory.
    #[error("it is too long: at most 35 minutes, and 128 MiB")]
    TooLong,
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] hound::Error),
}

/// Reads a WAV file of any rate, width and number of channels as 16 kHz mono.
///
/// # Errors
/// When it is no WAV file, or longer than what is taken into memory.
pub fn read(path: &Path) -> Result<Vec<i16>, WavError> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(WavError::TooLong);
    }
    parse(&bytes)
}

/// The sound of a WAV file as 16 kHz mono.
///
/// # Errors
/// When it is no WAV file, or longer than what is taken into memory.
pub fn parse(file: &[u8]) -> Result<Vec<i16>, WavError> {
    let head = head::parse(file)?;
    length(&head)?;
    let frames = file[head.samples].chunks_exact(head.encoding.bytes() * head.channels);
    let mono = frames.map(|frame| {
        let samples = frame.chunks_exact(head.encoding.bytes());
        samples
            .map(|sample| level(head.encoding, sample))
            .sum::<f32>()
            / head.channels as f32
    });
    let sound = if head.rate_hz == SAMPLE_RATE_HZ {
        mono.collect()
    } else {
        Resampler::new(head.rate_hz, SAMPLE_RATE_HZ).all(mono)
    };
    let sample = |level: f32| (level * 32_768.0).round() as i16;
    Ok(sound.into_iter().map(sample).collect())
}

/// How many samples of 16 kHz a WAV file holds, without converting any.
///
/// # Errors
/// Those of [`parse`].
pub fn samples(file: &[u8]) -> Result<usize, WavError> {
    length(&head::parse(file)?)
}

fn length(head: &Head) -> Result<usize, WavError> {
    let frames = head.samples.len() / (head.encoding.bytes() * head.channels);
    let samples = frames as u64 * u64::from(SAMPLE_RATE_HZ) / u64::from(head.rate_hz);
    usize::try_from(samples)
        .ok()
        .filter(|samples| *samples < MOST_SAMPLES)
        .ok_or(WavError::TooLong)
}

/// −1 to 1.
fn level(encoding: Encoding, sample: &[u8]) -> f32 {
    let whole = |bytes: &[u8]| {
        // The highest bytes of 32 bits, whatever the width.
        let mut all = [0; 4];
        all[4 - bytes.len()..].copy_from_slice(bytes);
        i32::from_le_bytes(all) as f32 / 2_147_483_648.0
    };
    match (encoding, sample) {
        (Encoding::Unsigned, &[byte]) => (f32::from(byte) - 128.0) / 128.0,
        (Encoding::Signed(_), bytes @ ([_, _] | [_, _, _] | [_, _, _, _])) => whole(bytes),
        (Encoding::Single, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
        (Encoding::Double, &[a, b, c, d, e, f, g, h]) => {
            f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32
        }
        _ => 0.0,
    }
}

/// Writes blocks to a WAV file whose header holds at any time, but for the last second.
pub struct WavSink {
    writer: WavWriter<BufWriter<File>>,
    blocks: u64,
}

impl WavSink {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(path: &Path) -> Result<Self, hound::Error> {
        let spec = WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE_HZ,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut writer = WavWriter::create(path, spec)?;
        writer.flush()?;
        Ok(Self { writer, blocks: 0 })
    }

    /// Appends a block.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, block: &Block) -> Result<(), hound::Error> {
        let mut out = self.writer.get_i16_writer(BLOCK_SAMPLES as u32);
        for &sample in block {
            out.write_sample(sample);
        }
        out.flush()?;
        self.blocks += 1;
        if self.blocks.is_multiple_of(FLUSH_BLOCKS) {
            self.writer.flush()?;
        }
        Ok(())
    }
}

/// A WAV file as a microphone: once, in real time, then silence.
pub(super) struct WavMicrophone<T> {
    name: String,
    samples: std::vec::IntoIter<i16>,
    metronome: Metronome,
    context: Context,
    take: T,
}

impl<T: FnMut(&Block, Instant)> WavMicrophone<T> {
    pub(super) fn open(path: &Path, context: Context, take: T) -> Result<Self, OpenSoundError> {
        let name = path.display().to_string();
        let samples = read(path).map_err(|error| refusal(&name, error))?;
        Ok(Self {
            name,
            samples: samples.into_iter(),
            metronome: block_metronome(clock::now() + BLOCK_TIME),
            context,
            take,
        })
    }
}

impl<T: FnMut(&Block, Instant)> Device for WavMicrophone<T> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn turn(&mut self) -> Result<bool, SoundError> {
        let Beat::Due(_, due) = self.metronome.wait(&self.context.stop, clock::now() + TURN) else {
            return Ok(false);
        };
        let mut block = [0; BLOCK_SAMPLES];
        for (to, from) in block.iter_mut().zip(&mut self.samples) {
            *to = from;
        }
        // A microphone's block is complete when its last sample was heard.
        (self.take)(&block, Instant::from_micros(due.as_micros() - BLOCK_TIME.0));
        Ok(true)
    }
}

/// A WAV file as a speaker, in real time: what comes too late for a speaker comes too late for the file.
pub(super) struct WavSpeaker<F> {
    name: String,
    sink: WavSink,
    metronome: Metronome,
    context: Context,
    fill: F,
}

impl<F: FnMut(&mut Block, Instant)> WavSpeaker<F> {
    pub(super) fn open(path: &Path, context: Context, fill: F) -> Result<Self, OpenSoundError> {
        let name = path.display().to_string();
        Ok(Self {
            sink: WavSink::create(path).map_err(|error| refusal(&name, error.into()))?,
            name,
            metronome: block_metronome(clock::now()),
            context,
            fill,
        })
    }
}

impl<F: FnMut(&mut Block, Instant)> Device for WavSpeaker<F> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn turn(&mut self) -> Result<bool, SoundError> {
        let Beat::Due(_, due) = self.metronome.wait(&self.context.stop, clock::now() + TURN) else {
            return Ok(false);
        };
        let mut block = [0; BLOCK_SAMPLES];
        (self.fill)(&mut block, due);
        self.sink.write(&block)?;
        Ok(true)
    }
}

/// Beats of one block.
pub(super) fn block_metronome(start: Instant) -> Metronome {
    Metronome::new(start, BLOCK_TIME.0 * 1_000)
}

fn refusal(name: &str, error: WavError) -> OpenSoundError {
    match error {
        WavError::Io(error) | WavError::Write(hound::Error::IoError(error))
            if error.kind() == std::io::ErrorKind::NotFound =>
        {
            OpenSoundError::Absent(name.to_owned())
        }
        error => OpenSoundError::File {
            path: name.to_owned(),
            error,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::tone::{ToneGenerator, analyze};
    use proptest::prelude::*;

    fn tone_file(path: &Path, rate_hz: u32, channels: u16) {
        let spec = WavSpec {
            channels,
            sample_rate: rate_hz,
            bits_per_sample: 24,
            sample_format: SampleFormat::Int,
        };
        let mut writer = WavWriter::create(path, spec).unwrap();
        for n in 0..rate_hz {
            let level = (std::f64::consts::TAU * 440.0 * f64::from(n) / f64::from(rate_hz)).sin();
            for _ in 0..channels {
                writer.write_sample((level * 1_000_000.0) as i32).unwrap();
            }
        }
        writer.finalize().unwrap();
    }

    #[test]
    fn a_file_of_any_rate_and_channels_sounds_at_its_pitch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tone.wav");
        for (rate_hz, channels) in [(8_000, 1), (16_000, 2), (44_100, 2), (48_000, 1)] {
            tone_file(&path, rate_hz, channels);
            let samples = read(&path).unwrap();
            assert!(samples.len().abs_diff(16_000) <= 1, "{rate_hz}");
            let report = analyze(&samples);
            assert!(
                (report.pitch_hz - 440.0).abs() < 1.0,
                "{rate_hz}: {}",
                report.pitch_hz
            );
            assert_eq!(report.gaps, [], "{rate_hz}");
        }
    }

    #[test]
    fn a_file_whose_writer_never_ended_holds_all_but_the_last_second() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("killed.wav");
        let mut sink = WavSink::create(&path).unwrap();
        assert_eq!(read(&path).unwrap().len(), 0);
        let mut tone = ToneGenerator::new(440.0);
        let mut block = [0; BLOCK_SAMPLES];
        for _ in 0..130 {
            tone.fill(&mut block);
            sink.write(&block).unwrap();
        }
        let copy = folder.path().join("copy.wav");
        std::fs::copy(&path, &copy).unwrap();
        std::mem::forget(sink);
        let samples = read(&copy).unwrap();
        assert_eq!(samples.len(), 100 * BLOCK_SAMPLES);
        assert_eq!(analyze(&samples).slips(), [0]);
    }

    #[test]
    fn every_width_has_the_same_loudness() {
        for (encoding, half) in [
            (Encoding::Unsigned, &[192_u8][..]),
            (Encoding::Signed(2), &[0, 64]),
            (Encoding::Signed(3), &[0, 0, 64]),
            (Encoding::Signed(4), &[0, 0, 0, 64]),
            (Encoding::Single, &0.5_f32.to_le_bytes()),
            (Encoding::Double, &0.5_f64.to_le_bytes()),
        ] {
            assert!((level(encoding, half) - 0.5).abs() < 1e-6, "{encoding:?}");
        }
    }

    #[test]
    fn a_file_that_was_written_into_a_pipe_is_heard_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tone.wav");
        tone_file(&path, 48_000, 2);
        let whole = read(&path).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let at = bytes.windows(4).position(|four| four == b"data").unwrap() + 4;
        for told in [0, u32::MAX] {
            bytes[at..at + 4].copy_from_slice(&u32::to_le_bytes(told));
            bytes[4..8].copy_from_slice(&u32::to_le_bytes(told));
            assert_eq!(parse(&bytes).unwrap(), whole, "{told:#x}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut file = b"RIFF\xff\xff\0\0WAVEfmt \x10\0\0\0".to_vec();
            file.extend(&bytes);
            if let Ok(sound) = parse(&file) {
                prop_assert!(sound.len() <= 4 * file.len());
            }
        }
    }
}
