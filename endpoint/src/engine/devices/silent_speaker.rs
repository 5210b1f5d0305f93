//! What takes the speaker's place where there is none.

use crate::clock;
use crate::platform::metronome::{Beat, Metronome};
use crate::platform::stop::StopSignal;
use crate::sound::playout::Voices;
use conclave_protocol::l16::{BLOCK_SAMPLES, BLOCK_TIME};
use std::io;
use std::thread::JoinHandle;

/// Takes sound at a speaker's pace and plays it nowhere, so that it is counted and recorded without a speaker. Sleeps
/// while no participant sends sound.
pub(in crate::engine) struct SilentSpeaker {
    stop: StopSignal,
    thread: Option<JoinHandle<()>>,
}

impl SilentSpeaker {
    pub(super) fn start(mut voices: Voices) -> io::Result<Self> {
        let stop = StopSignal::new()?;
        let given = stop.clone();
        let thread = std::thread::Builder::new()
            .name("silent speaker".into())
            .spawn(move || {
                let mut block = [0; BLOCK_SAMPLES];
                while !given.is_raised() {
                    if voices.rest_without_talkers() {
                        continue;
                    }
                    let mut metronome = Metronome::new(clock::now(), BLOCK_TIME.0 * 1_000);
                    while voices.has_talkers() {
                        match metronome.wait(&given, clock::now() + BLOCK_TIME) {
                            Beat::Due(_, due) => voices.fill(&mut block, due),
                            Beat::NotYet => {}
                            Beat::Stopped => return,
                        }
                    }
                }
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for SilentSpeaker {
    fn drop(&mut self) {
        self.stop.raise();
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
