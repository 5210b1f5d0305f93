//! The microphone's thread.

use super::alsa::AlsaMicrophone;
use super::supervise::{Context, Device, prefer_this_thread, run};
use super::tone::ToneGenerator;
use super::wav::{WavMicrophone, block_metronome};
use super::{MicrophoneSpec, OpenSoundError, SoundError, SoundHandle, SoundState};
use crate::clock;
use crate::device::Patience;
use crate::platform::metronome::{Beat, Metronome};
use conclave_protocol::l16::{BLOCK_SAMPLES, BLOCK_TIME, Block};
use conclave_protocol::time::{Instant, Micros};

/// Starts the microphone's thread. Both callbacks run on it; `sink` gets each block with the time that its first sample
/// was heard, and should return within a few milliseconds.
///
/// # Errors
/// When the system gives no thread or descriptor.
pub fn spawn(
    spec: MicrophoneSpec,
    mut sink: impl FnMut(&Block, Instant) + Send + 'static,
    mut on_state: impl FnMut(SoundState) + Send + 'static,
) -> std::io::Result<SoundHandle> {
    let context = Context::new()?;
    let given = context.clone();
    SoundHandle::start(given, "microphone", move || {
        if spec == MicrophoneSpec::Off {
            on_state(SoundState::Off);
            return;
        }
        prefer_this_thread();
        // A closed device is dropped before the next one is opened, so that one at a time has the sink.
        let sink = std::cell::RefCell::new(&mut sink);
        let take = |block: &Block, heard| (sink.borrow_mut())(block, heard);
        let open = || open(&spec, &context, take);
        run(&context, Patience::default(), open, on_state);
    })
}

fn open<'a, T>(
    spec: &MicrophoneSpec,
    context: &Context,
    take: T,
) -> Result<Box<dyn Device + 'a>, OpenSoundError>
where
    T: FnMut(&Block, Instant) + 'a,
{
    let context = context.clone();
    match spec {
        MicrophoneSpec::Off => Err(OpenSoundError::Absent("microphone".into())),
        MicrophoneSpec::Auto => Ok(Box::new(AlsaMicrophone::open(None, context, take)?)),
        MicrophoneSpec::Alsa(name) => {
            Ok(Box::new(AlsaMicrophone::open(Some(name), context, take)?))
        }
        MicrophoneSpec::Tone(hz) => Ok(Box::new(ToneMicrophone::new(*hz, context, take))),
        MicrophoneSpec::File(path) => Ok(Box::new(WavMicrophone::open(path, context, take)?)),
    }
}

/// The tone as a microphone, in real time.
struct ToneMicrophone<T> {
    hz: u32,
    tone: ToneGenerator,
    metronome: Metronome,
    context: Context,
    take: T,
}

impl<T> ToneMicrophone<T> {
    fn new(hz: u32, context: Context, take: T) -> Self {
        Self {
            hz,
            tone: ToneGenerator::new(f64::from(hz)),
            metronome: block_metronome(clock::now() + BLOCK_TIME),
            context,
            take,
        }
    }
}

impl<T: FnMut(&Block, Instant)> Device for ToneMicrophone<T> {
    fn name(&self) -> String {
        format!("tone of {} Hz", self.hz)
    }

    fn turn(&mut self) -> Result<bool, SoundError> {
        let until = clock::now() + Micros::from_millis(100);
        let Beat::Due(_, due) = self.metronome.wait(&self.context.stop, until) else {
            return Ok(false);
        };
        let mut block = [0; BLOCK_SAMPLES];
        self.tone.fill(&mut block);
        // A microphone's block is complete when its last sample was heard.
        (self.take)(&block, Instant::from_micros(due.as_micros() - BLOCK_TIME.0));
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::LossReason;
    use crate::sound::PcmName;
    use crate::sound::tone::analyze;
    use std::sync::mpsc;

    fn record(spec: MicrophoneSpec, blocks: usize) -> (Vec<i16>, Vec<Instant>) {
        let (sender, heard) = mpsc::channel();
        let sink = move |block: &Block, at| {
            let _ = sender.send((*block, at));
        };
        let _microphone = spawn(spec, sink, |_| {}).unwrap();
        let blocks: Vec<_> = heard.iter().take(blocks).collect();
        (
            blocks.iter().flat_map(|(block, _)| *block).collect(),
            blocks.iter().map(|(_, at)| *at).collect(),
        )
    }

    #[test]
    fn the_tone_comes_without_a_gap_and_says_when_it_was_heard() {
        let (samples, times) = record(MicrophoneSpec::Tone(440), 55);
        let report = analyze(&samples);
        assert!((report.pitch_hz - 440.0).abs() < 1.0);
        assert_eq!((report.gaps, report.marks.len()), (vec![], 2));
        assert!(times.windows(2).all(|t| t[1].since(t[0]) == BLOCK_TIME));
    }

    #[test]
    fn a_wav_file_is_heard_once_and_then_silence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("short.wav");
        let mut sink = crate::sound::wav::WavSink::create(&path).unwrap();
        sink.write(&[1_000; BLOCK_SAMPLES]).unwrap();
        drop(sink);
        let (samples, _) = record(MicrophoneSpec::File(path), 3);
        assert_eq!(samples[..BLOCK_SAMPLES], [1_000; BLOCK_SAMPLES]);
        assert_eq!(samples[BLOCK_SAMPLES..], [0; 2 * BLOCK_SAMPLES]);
    }

    #[test]
    fn a_pcm_without_hardware_gives_silence_at_the_clocks_pace() {
        let (samples, times) = record(MicrophoneSpec::Alsa(PcmName::plain("null")), 10);
        assert_eq!(samples, [0; 10 * BLOCK_SAMPLES]);
        // The clock's pace is the shortest that 10 blocks can take.
        assert!(times[9].since(times[0]) >= Micros(9 * BLOCK_TIME.0 - 20_000));
    }

    #[test]
    fn a_missing_pcm_is_a_lost_device_with_its_name() {
        let (sender, states) = mpsc::channel();
        let on_state = move |state| {
            let _ = sender.send(state);
        };
        let spec = MicrophoneSpec::Alsa(PcmName::plain("hw:NoSuchCard"));
        let _microphone = spawn(spec, |_, _| {}, on_state).unwrap();
        assert_eq!(states.recv().unwrap(), SoundState::Starting);
        let SoundState::Lost(loss) = states.recv().unwrap() else {
            panic!("not lost")
        };
        assert_eq!(loss.reason, LossReason::Absent);
        assert!(loss.detail.contains("hw:NoSuchCard"), "{loss}");
    }
}
