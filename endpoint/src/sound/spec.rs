//! Which microphone and speaker to use, as written on the command line and in the configuration.

use super::PcmName;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use thiserror::Error;

/// `auto`, `off`, `alsa:PCM[#CHANNEL]`, `tone[:HZ]` or `file:PATH.wav`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MicrophoneSpec {
    /// ALSA's default, else the first card that records.
    #[default]
    Auto,
    /// No microphone.
    Off,
    /// An ALSA PCM by its name.
    Alsa(PcmName),
    /// A sine of so many Hz, with a mark every second ([`super::tone`]).
    Tone(u32),
    /// A WAV file, once, then silence.
    File(PathBuf),
}

/// `auto`, `off`, `alsa:PCM` or `file:PATH.wav`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SpeakerSpec {
    /// ALSA's default, else the first card that plays.
    #[default]
    Auto,
    /// No speaker.
    Off,
    /// An ALSA PCM by its name.
    Alsa(PcmName),
    /// A WAV file that is written in real time with what would have been heard.
    File(PathBuf),
}

/// Why a text names no sound device.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseSoundError {
    /// No known microphone.
    #[error(
        "unknown microphone {0:?}; known: auto, off, alsa:PCM[#CHANNEL], tone[:HZ], file:PATH.wav"
    )]
    Microphone(String),
    /// No known speaker.
    #[error("unknown speaker {0:?}; known: auto, off, alsa:PCM, file:PATH.wav")]
    Speaker(String),
    /// A pitch that cannot be made at 16 kHz.
    #[error("{0:?} is no pitch from 40 to 4000 Hz")]
    Pitch(String),
}

/// Pitch of `tone` without a number.
const DEFAULT_HZ: u32 = 440;

impl FromStr for MicrophoneSpec {
    type Err = ParseSoundError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match split(text) {
            ("auto", None) => Ok(Self::Auto),
            ("off", None) => Ok(Self::Off),
            ("tone", None) => Ok(Self::Tone(DEFAULT_HZ)),
            ("tone", Some(hz)) => match hz.parse() {
                Ok(pitch) if (40..=4000).contains(&pitch) => Ok(Self::Tone(pitch)),
                _ => Err(ParseSoundError::Pitch(hz.to_owned())),
            },
            ("alsa", Some(pcm)) => match pcm.parse() {
                Ok(name) => Ok(Self::Alsa(name)),
                Err(()) => Err(ParseSoundError::Microphone(text.to_owned())),
            },
            ("file", Some(path)) if usable(path) => Ok(Self::File(path.into())),
            _ => Err(ParseSoundError::Microphone(text.to_owned())),
        }
    }
}

impl FromStr for SpeakerSpec {
    type Err = ParseSoundError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match split(text) {
            ("auto", None) => Ok(Self::Auto),
            ("off", None) => Ok(Self::Off),
            ("alsa", Some(pcm)) => match pcm.parse() {
                // A speaker is all channels of its card.
                Ok(name @ PcmName { channel: None, .. }) => Ok(Self::Alsa(name)),
                _ => Err(ParseSoundError::Speaker(text.to_owned())),
            },
            ("file", Some(path)) if usable(path) => Ok(Self::File(path.into())),
            _ => Err(ParseSoundError::Speaker(text.to_owned())),
        }
    }
}

fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((kind, rest)) => (kind, Some(rest)),
        None => (text, None),
    }
}

/// Names go to C libraries, which end at a zero.
fn usable(name: &str) -> bool {
    !name.is_empty() && !name.contains('\0')
}

impl fmt::Display for MicrophoneSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Off => f.write_str("off"),
            Self::Alsa(pcm) => write!(f, "alsa:{pcm}"),
            Self::Tone(hz) => write!(f, "tone:{hz}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl fmt::Display for SpeakerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Off => f.write_str("off"),
            Self::Alsa(pcm) => write!(f, "alsa:{pcm}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_of_the_manual_is_understood() {
        for (text, spec) in [
            ("auto", MicrophoneSpec::Auto),
            ("off", MicrophoneSpec::Off),
            (
                "alsa:hw:Loopback,1,0",
                MicrophoneSpec::Alsa(PcmName::plain("hw:Loopback,1,0")),
            ),
            (
                "alsa:plughw:CARD=Array,DEV=0@usb-0000:00:14.0-3:1.0#1",
                MicrophoneSpec::Alsa(PcmName {
                    pcm: "plughw:CARD=Array,DEV=0".into(),
                    port: Some("usb-0000:00:14.0-3:1.0".into()),
                    channel: Some(1),
                }),
            ),
            ("tone", MicrophoneSpec::Tone(440)),
            ("tone:1000", MicrophoneSpec::Tone(1000)),
            ("file:/a/b.wav", MicrophoneSpec::File("/a/b.wav".into())),
        ] {
            assert_eq!(text.parse(), Ok(spec.clone()), "{text}");
            assert_eq!(spec.to_string().parse(), Ok(spec), "{text} again");
        }
        assert_eq!(
            "alsa:default".parse(),
            Ok(SpeakerSpec::Alsa(PcmName::plain("default")))
        );
        assert_eq!("file:x.wav".parse(), Ok(SpeakerSpec::File("x.wav".into())));
    }

    #[test]
    fn nonsense_is_refused_with_the_reason() {
        for text in [
            "",
            "alsa",
            "alsa:",
            "tone:",
            "tone:39",
            "tone:4001",
            "tone:1e3",
            "file:",
            "auto:x",
            "alsa:a\0b",
            "alsa:a#",
            "alsa:a#300",
        ] {
            assert!(text.parse::<MicrophoneSpec>().is_err(), "{text:?}");
        }
        for text in ["tone", "pattern", "file:", "off:1", "alsa:a#0"] {
            assert!(text.parse::<SpeakerSpec>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_may_be_tried(text in ".{0,40}") {
            if let Ok(spec) = text.parse::<MicrophoneSpec>() {
                prop_assert_eq!(spec.to_string().parse(), Ok(spec));
            }
            if let Ok(spec) = text.parse::<SpeakerSpec>() {
                prop_assert_eq!(spec.to_string().parse(), Ok(spec));
            }
        }
    }
}
