//! The speaker's thread.

use super::alsa::AlsaSpeaker;
use super::supervise::{Context, Device, prefer_this_thread, run};
use super::wav::WavSpeaker;
use super::{OpenSoundError, SoundHandle, SoundState, SpeakerSpec};
use crate::device::Patience;
use conclave_protocol::l16::Block;
use conclave_protocol::time::Instant;

/// Starts the speaker's thread. Both callbacks run on it; `source` fills each block, given the time that its first
/// sample will be heard, and should return within a few milliseconds. While the speaker is off or lost it is not asked.
///
/// # Errors
/// When the system gives no thread or descriptor.
pub fn spawn(
    spec: SpeakerSpec,
    mut source: impl FnMut(&mut Block, Instant) + Send + 'static,
    mut on_state: impl FnMut(SoundState) + Send + 'static,
) -> std::io::Result<SoundHandle> {
    let context = Context::new()?;
    let given = context.clone();
    SoundHandle::start(given, "speaker", move || {
        if spec == SpeakerSpec::Off {
            on_state(SoundState::Off);
            return;
        }
        prefer_this_thread();
        // A closed device is dropped before the next one is opened, so that one at a time has the source.
        let source = std::cell::RefCell::new(&mut source);
        let fill = |block: &mut Block, heard| (source.borrow_mut())(block, heard);
        let open = || open(&spec, &context, fill);
        run(&context, Patience::default(), open, on_state);
    })
}

fn open<'a, F>(
    spec: &SpeakerSpec,
    context: &Context,
    fill: F,
) -> Result<Box<dyn Device + 'a>, OpenSoundError>
where
    F: FnMut(&mut Block, Instant) + 'a,
{
    let context = context.clone();
    match spec {
        SpeakerSpec::Off => Err(OpenSoundError::Absent("speaker".into())),
        SpeakerSpec::Auto => Ok(Box::new(AlsaSpeaker::open(None, context, fill)?)),
        SpeakerSpec::Alsa(name) => Ok(Box::new(AlsaSpeaker::open(Some(name), context, fill)?)),
        SpeakerSpec::File(path) => Ok(Box::new(WavSpeaker::open(path, context, fill)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::PcmName;
    use crate::sound::tone::{ToneGenerator, analyze};
    use crate::sound::wav;
    use conclave_protocol::l16::BLOCK_TIME;
    use conclave_protocol::time::Micros;
    use std::sync::mpsc;

    /// Plays the tone until so many blocks were asked for; the times they would be heard at.
    fn play(spec: SpeakerSpec, blocks: usize) -> Vec<Instant> {
        let (sender, asked) = mpsc::channel();
        let mut tone = ToneGenerator::new(440.0);
        let source = move |block: &mut Block, heard| {
            tone.fill(block);
            let _ = sender.send(heard);
        };
        let _speaker = spawn(spec, source, |_| {}).unwrap();
        asked.iter().take(blocks).collect()
    }

    #[test]
    fn a_file_holds_what_would_have_been_heard() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heard.wav");
        let times = play(SpeakerSpec::File(path.clone()), 55);
        assert!(times.windows(2).all(|t| t[1].since(t[0]) == BLOCK_TIME));
        let report = analyze(&wav::read(&path).unwrap());
        assert!((report.pitch_hz - 440.0).abs() < 1.0);
        assert_eq!((report.gaps, report.marks.len()), (vec![], 2));
    }

    #[test]
    fn a_pcm_without_hardware_is_fed_at_the_clocks_pace() {
        let times = play(SpeakerSpec::Alsa(PcmName::plain("null")), 12);
        assert!(times[11].since(times[1]) >= Micros(9 * BLOCK_TIME.0));
    }

    #[test]
    fn a_speaker_that_is_off_is_never_asked() {
        let (sender, states) = mpsc::channel();
        let on_state = move |state| {
            let _ = sender.send(state);
        };
        let speaker = spawn(SpeakerSpec::Off, |_, _| panic!("asked"), on_state).unwrap();
        assert_eq!(states.recv().unwrap(), SoundState::Off);
        assert!(states.recv().is_err());
        assert_eq!(speaker.counts().blocks, 0);
    }
}
