//! What a running call can be told to do: a line an act.

use crate::camera::CameraSpec;
use crate::sound::{MicrophoneSpec, SpeakerSpec};
use conclave_protocol::name::ChatText;

/// Acts on which scripts may count in later versions, and which nothing here does yet.
const NOT_AVAILABLE: [&str; 9] = [
    "share",
    "hand",
    "mute",
    "ask-unmute",
    "stop-camera",
    "remove",
    "lock",
    "admit",
    "want",
];

/// One act.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Switches the camera that is chosen.
    Camera(bool),
    /// Takes another camera, and switches it on.
    UseCamera(CameraSpec),
    /// Switches the microphone that is chosen.
    Microphone(bool),
    /// Takes another microphone, and switches it on.
    UseMicrophone(MicrophoneSpec),
    /// Takes another speaker, or none.
    UseSpeaker(SpeakerSpec),
    /// Writes to everyone.
    Say(Box<ChatText>),
    /// Writes to one: a name and a text. Where the name ends depends on who is here.
    Tell(String),
    /// Leaves, which ends the call.
    Leave,
}

/// Why a line is no act.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ActError {
    /// No act of that name.
    Unknown,
    /// An act that cannot be done, and why.
    Refused(String),
}

fn refused(reason: impl ToString) -> ActError {
    ActError::Refused(reason.to_string())
}

impl Act {
    /// Reads a line.
    ///
    /// # Errors
    /// [`ActError`] says what the line is instead.
    pub(super) fn parse(line: &str) -> Result<Self, ActError> {
        let line = line.trim();
        let (act, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim_start();
        match (act, rest) {
            ("camera", "on") => Ok(Self::Camera(true)),
            ("camera", "off") => Ok(Self::Camera(false)),
            ("camera", spec) => spec.parse().map(Self::UseCamera).map_err(refused),
            ("microphone", "on") => Ok(Self::Microphone(true)),
            ("microphone", "off") => Ok(Self::Microphone(false)),
            ("microphone", spec) => spec.parse().map(Self::UseMicrophone).map_err(refused),
            ("speaker", spec) => spec.parse().map(Self::UseSpeaker).map_err(refused),
            ("say", text) => ChatText::parse(text)
                .map(|text| Self::Say(Box::new(text)))
                .map_err(|error| refused(format_args!("the text: {error}"))),
            ("tell", "") => Err(refused("a name and a text are needed")),
            ("tell", rest) => Ok(Self::Tell(rest.to_owned())),
            ("leave", "") => Ok(Self::Leave),
            ("leave", _) => Err(refused("nothing may follow it")),
            (act, _) if NOT_AVAILABLE.contains(&act) => {
                Err(refused("not available in this version"))
            }
            _ => Err(ActError::Unknown),
        }
    }
}

/// Splits what follows `tell` into one of these keys and a text; of several names that fit, the longest.
///
/// Gives where in the list the name is, and the text. Names may have spaces.
pub(super) fn addressee<'l>(
    line: &'l str,
    key: impl Fn(&str) -> String,
    keys: &[String],
) -> Result<(usize, &'l str), String> {
    let ends = line.match_indices(char::is_whitespace).map(|(end, _)| end);
    for end in ends.collect::<Vec<_>>().into_iter().rev() {
        let (name, text) = line.split_at(end);
        let wanted = key(name.trim_end());
        let mut found = keys.iter().enumerate().filter(|(_, key)| **key == wanted);
        match (found.next(), found.next()) {
            (None, _) => {}
            (Some((at, _)), None) => return Ok((at, text.trim_start())),
            (Some(_), Some(_)) => return Err("several of that name are here".into()),
        }
    }
    Err("nobody of that name is here".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_of_the_manual_is_understood() {
        let text = |text| Box::new(ChatText::parse(text).unwrap());
        for (line, act) in [
            ("camera on", Act::Camera(true)),
            ("camera off", Act::Camera(false)),
            ("camera auto", Act::UseCamera(CameraSpec::Auto)),
            ("microphone on", Act::Microphone(true)),
            ("  microphone   off\r", Act::Microphone(false)),
            (
                "microphone tone:660",
                Act::UseMicrophone(MicrophoneSpec::Tone(660)),
            ),
            ("speaker off", Act::UseSpeaker(SpeakerSpec::Off)),
            (
                "speaker file:/a b.wav",
                Act::UseSpeaker(SpeakerSpec::File("/a b.wav".into())),
            ),
            ("say Hello,  all", Act::Say(text("Hello,  all"))),
            ("tell Ana Lima hello", Act::Tell("Ana Lima hello".into())),
            ("leave", Act::Leave),
        ] {
            assert_eq!(Act::parse(line), Ok(act), "{line}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_the_reason_and_what_is_no_act_is_unknown() {
        for line in [
            "camera",
            "camera usb",
            "microphone",
            "speaker on",
            "say",
            "tell",
            "leave now",
            "hand up",
            "share off",
        ] {
            assert!(
                matches!(Act::parse(line), Err(ActError::Refused(reason)) if !reason.is_empty()),
                "{line}"
            );
        }
        for line in ["dance", "Camera on", "cameraon", "speakers off"] {
            assert_eq!(Act::parse(line), Err(ActError::Unknown), "{line}");
        }
    }

    #[test]
    fn a_name_with_spaces_is_told_from_the_text_behind_it() {
        let keys = ["ana", "ana lima", "ben", "eve", "eve"].map(str::to_owned);
        let find = |line| addressee(line, str::to_lowercase, &keys);
        assert_eq!(find("Ben hello there"), Ok((2, "hello there")));
        assert_eq!(find("Ana Lima hello"), Ok((1, "hello")));
        assert_eq!(find("ana hello Lima"), Ok((0, "hello Lima")));
        assert!(find("cai hello").is_err());
        assert!(find("ben").is_err(), "no text");
        assert!(find("eve hello").unwrap_err().contains("several"));
    }
}
