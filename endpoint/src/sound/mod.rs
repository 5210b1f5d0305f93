//! Sound: blocks of 20 ms, 16 kHz, mono, from a microphone and to a speaker, each on a thread that lives through lost devices.
//!
//! The microphone thread hands each block to a sink with the time its first sample was heard; the speaker thread asks for
//! each block by the time its first sample will be heard, and keeps the device's queue short. A lost device is a
//! [`SoundState`] with a reason. Neither thread allocates or waits for readers once it runs.

mod alsa;
pub mod capture;
mod catalog;
pub mod level;
pub mod mixer;
pub mod playback;
mod resample;
mod spec;
mod supervise;
pub mod tone;
pub mod wav;

pub use catalog::{SoundDevice, devices};
pub use spec::{MicrophoneSpec, ParseSoundError, SpeakerSpec};
pub use supervise::{SoundCounts, SoundHandle, SoundState};

use conclave_protocol::l16::SAMPLE_RATE_HZ;
use conclave_protocol::time::Micros;
use thiserror::Error;
use wav::WavError;

/// Why a sound device could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// There is no such device now.
    #[error("{0} not found")]
    Absent(String),
    /// ALSA refuses it.
    #[error("{name}: {}", in_words(error))]
    Refused {
        /// The device.
        name: String,
        /// ALSA's reason.
        error: ::alsa::Error,
    },
    /// A sound file cannot be used.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        error: WavError,
    },
}

/// Why a running device moves no more sound.
#[derive(Debug, Error)]
pub enum SoundError {
    /// The device was unplugged or its driver gave up.
    #[error("sound device disconnected ({})", in_words(.0))]
    Gone(#[from] ::alsa::Error),
    /// The file cannot be written.
    #[error("sound file: {0}")]
    File(#[from] hound::Error),
}

/// The system's words, without the C function that ALSA's own text starts with.
fn in_words(error: &::alsa::Error) -> std::io::Error {
    std::io::Error::from_raw_os_error(error.errno())
}

/// How long so many samples sound.
fn samples_time(samples: u64) -> Micros {
    Micros(samples * 1_000_000 / u64::from(SAMPLE_RATE_HZ))
}
