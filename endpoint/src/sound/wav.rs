//! WAV files as microphone and speaker.

use super::supervise::{Context, Device};
use super::{OpenError, SoundError};
use crate::clock;
use crate::metronome::{Beat, Metronome};
use conclave_protocol::l16::{BLOCK_SAMPLES, BLOCK_TIME, Block, SAMPLE_RATE_HZ};
use conclave_protocol::time::{Instant, Micros};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use std::fs::File;
use std::io::{BufWriter, Read};
use std::path::Path;

/// Longest file that is taken into memory, in samples of all channels (35 minutes of 16 kHz mono).
const MOST_SAMPLES: usize = 1 << 25;

/// Blocks from one flush of a written file to the next: what is lost when the process is killed.
const FLUSH_BLOCKS: u64 = 50;

/// How long a file's turn waits.
const TURN: Micros = Micros::from_millis(100);

/// Reads a WAV file of any rate, width and number of channels as 16 kHz mono.
///
/// # Errors
/// When it is no WAV file, or longer than what is taken into memory.
pub fn read(path: &Path) -> Result<Vec<i16>, hound::Error> {
    from_reader(WavReader::open(path)?)
}

fn from_reader<R: Read>(mut reader: WavReader<R>) -> Result<Vec<i16>, hound::Error> {
    let WavSpec {
        channels,
        sample_rate,
        bits_per_sample,
        sample_format,
    } = reader.spec();
    if reader.len() as usize > MOST_SAMPLES || channels == 0 || sample_rate == 0 {
        return Err(hound::Error::Unsupported);
    }
    let interleaved: Result<Vec<f32>, _> = match sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect(),
        SampleFormat::Int => {
            let full_scale = (1_i64 << (bits_per_sample.max(1) - 1)) as f32;
            reader
                .samples::<i32>()
                .map(|s| s.map(|s| s as f32 / full_scale))
                .collect()
        }
    };
    let channels = usize::from(channels);
    let mono: Vec<f32> = interleaved?
        .chunks_exact(channels)
        .map(|frame| frame.iter().sum::<f32>() / channels as f32)
        .collect();
    Ok(resample(&mono, sample_rate)
        .into_iter()
        .map(|s| (s * 32_768.0).round() as i16)
        .collect())
}

/// By averaging over each new sample's time when there are more, and by lines between them when there are fewer.
fn resample(samples: &[f32], rate_hz: u32) -> Vec<f32> {
    if rate_hz == SAMPLE_RATE_HZ {
        return samples.to_vec();
    }
    let step = f64::from(rate_hz) / f64::from(SAMPLE_RATE_HZ);
    let count = (samples.len() as f64 / step).floor() as usize;
    let at = |n: usize| samples.get(n).copied().unwrap_or(0.0);
    let line = |position: f64| {
        let n = position.floor() as usize;
        let part = position.fract() as f32;
        at(n) * (1.0 - part) + at(n + 1) * part
    };
    let taps = step.ceil().max(1.0) as usize;
    (0..count)
        .map(|n| {
            let sum: f32 = (0..taps)
                .map(|tap| line(n as f64 * step + step * tap as f64 / taps as f64))
                .sum();
            sum / taps as f32
        })
        .collect()
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
    pub(super) fn open(path: &Path, context: Context, take: T) -> Result<Self, OpenError> {
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
    pub(super) fn open(path: &Path, context: Context, fill: F) -> Result<Self, OpenError> {
        let name = path.display().to_string();
        Ok(Self {
            sink: WavSink::create(path).map_err(|error| refusal(&name, error))?,
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

fn refusal(name: &str, error: hound::Error) -> OpenError {
    match error {
        hound::Error::IoError(error) if error.kind() == std::io::ErrorKind::NotFound => {
            OpenError::Absent(name.to_owned())
        }
        error => OpenError::File {
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

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut file = b"RIFF\xff\xff\0\0WAVEfmt \x10\0\0\0".to_vec();
            file.extend(&bytes);
            if let Ok(reader) = WavReader::new(file.as_slice()) {
                let _ = from_reader(reader);
            }
        }
    }
}
