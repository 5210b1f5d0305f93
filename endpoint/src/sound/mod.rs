//! Sound: blocks of 20 ms, 16 kHz, mono, from a microphone and to a speaker, each on a thread that survives lost
//! devices.
//!
//! The microphone thread hands each block to a sink with the time its first sample was heard; the speaker thread asks
//! for each block by the time its first sample will be heard, and keeps the device's queue short. A lost device is a
//! [`SoundState`] with a reason. Neither thread allocates or waits for readers once it runs.

mod alsa;
pub mod capture;
mod catalog;
mod channels;
mod controls;
pub mod level;
pub mod mixer;
mod pcm_name;
pub mod playback;
pub mod playout;
mod port;
mod queue;
mod resample;
mod spec;
mod supervise;
pub mod tone;
pub mod wav;

pub use catalog::{SoundDevice, devices, twins};
pub use controls::{Muted, Silenced, muted};
pub use pcm_name::PcmName;
pub use spec::{MicrophoneSpec, ParseSoundError, SpeakerSpec};
pub use supervise::{SoundCounts, SoundHandle, SoundState};

use crate::device::{DeviceLoss, LossReason};
use thiserror::Error;
use wav::WavError;

/// Why a sound device could not be opened.
#[derive(Debug, Error)]
pub enum OpenSoundError {
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
    /// The card has no such channel.
    #[error("{name} has {channels} channels, so #{channel} is none of them; they count from #0")]
    Channel {
        /// The device.
        name: String,
        /// What was asked for.
        channel: u8,
        /// How many it has.
        channels: u32,
    },
    /// Neither ALSA's default nor any card.
    #[error(
        "no {kind}: ALSA's default fails ({default}), and {}",
        .card.as_ref().map_or_else(|| "no card has one".to_owned(), |card| format!("so does {card}"))
    )]
    NoneWorks {
        /// Microphone or speaker.
        kind: &'static str,
        /// Why not ALSA's default.
        default: Box<OpenSoundError>,
        /// Why not the best card.
        card: Option<Box<OpenSoundError>>,
    },
}

impl OpenSoundError {
    /// Why there is no such device.
    #[must_use]
    pub fn reason(&self) -> LossReason {
        match self {
            Self::Absent(_) => LossReason::Absent,
            Self::Refused { error, .. } => LossReason::of_opening(Some(error.errno())),
            Self::File { error, .. } => match error {
                WavError::Io(error) | WavError::Write(hound::Error::IoError(error)) => {
                    LossReason::of_opening_file(error.raw_os_error())
                }
                _ => LossReason::Unusable,
            },
            Self::Channel { .. } => LossReason::Unusable,
            Self::NoneWorks {
                card: Some(error), ..
            }
            | Self::NoneWorks {
                default: error,
                card: None,
                ..
            } => error.reason(),
        }
    }
}

impl From<OpenSoundError> for DeviceLoss {
    fn from(error: OpenSoundError) -> Self {
        Self::new(error.reason(), error.to_string())
    }
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

impl From<SoundError> for DeviceLoss {
    fn from(error: SoundError) -> Self {
        let reason = match error {
            SoundError::Gone(_) => LossReason::Disconnected,
            SoundError::File(_) => LossReason::Failed,
        };
        Self::new(reason, error.to_string())
    }
}

/// The system's words, without the C function that ALSA's own text starts with.
fn in_words(error: &::alsa::Error) -> std::io::Error {
    std::io::Error::from_raw_os_error(error.errno())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(errno: i32) -> OpenSoundError {
        let error = ::alsa::Error::new("snd_pcm_open", errno);
        let name = "hw:0".to_owned();
        OpenSoundError::Refused { name, error }
    }

    #[test]
    fn a_busy_card_is_told_by_its_error_number() {
        assert_eq!(refused(libc::EBUSY).reason(), LossReason::InUse);
        assert_eq!(refused(libc::EACCES).reason(), LossReason::NotPermitted);
        assert_eq!(refused(libc::EIO).reason(), LossReason::Failed);
    }

    #[test]
    fn where_neither_the_default_nor_a_card_works_the_cards_reason_is_told() {
        let of = |card| OpenSoundError::NoneWorks {
            kind: "microphone",
            default: Box::new(OpenSoundError::Absent("default".into())),
            card,
        };
        assert_eq!(of(None).reason(), LossReason::Absent);
        let busy = Some(Box::new(refused(libc::EBUSY)));
        assert_eq!(of(busy).reason(), LossReason::InUse);
    }
}
