//! From errors and refusals to what the screen words.

use crate::camera::CameraState;
use crate::device::LossReason;
use crate::engine::{ConnectionLoss, EngineError};
use crate::net::control::ConnectionFailure;
use crate::sound::SoundState;
use conclave_protocol::name::{NameError, Unseen};
use conclave_protocol::wire::control::{ClosingReason, Refusal};
use conclave_ui::{Health, Problem};

/// A problem and what the wording needs of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trouble {
    pub(super) problem: Problem,
    pub(super) detail: String,
}

impl Default for Trouble {
    fn default() -> Self {
        Self::of(Problem::None)
    }
}

impl Trouble {
    pub(super) const fn of(problem: Problem) -> Self {
        Self {
            problem,
            detail: String::new(),
        }
    }

    pub(super) fn with(problem: Problem, detail: impl Into<String>) -> Self {
        Self {
            problem,
            detail: detail.into(),
        }
    }

    /// As it is worded at the sign-in form, which does not try again by itself.
    pub(super) fn at_the_form(self) -> Self {
        match self.problem {
            Problem::RelayUnreachable => Self {
                problem: Problem::AddressUnreachable,
                ..self
            },
            _ => self,
        }
    }

    pub(super) fn is_some(&self) -> bool {
        self.problem != Problem::None
    }
}

/// What is wrong with a name, or `else_` where its rule says it as a whole.
pub(super) const fn flaw(error: NameError, else_: Problem) -> Problem {
    match error {
        NameError::Blank => Problem::NameBlank,
        NameError::Mark { .. } => Problem::NameMark,
        NameError::Unseen { what, .. } => match what {
            Unseen::Tab => Problem::NameTab,
            Unseen::LineBreak => Problem::NameLineBreak,
            Unseen::ZeroWidthSpace => Problem::NameZeroWidth,
            Unseen::DirectionMark | Unseen::DirectionOverride | Unseen::DirectionIsolate => {
                Problem::NameDirection
            }
            Unseen::Joiner | Unseen::Control | Unseen::VariationSelector | Unseen::Invisible => {
                Problem::NameUnseen
            }
        },
        NameError::TooShort { .. }
        | NameError::TooLong { .. }
        | NameError::Character(_)
        | NameError::Start
        | NameError::NotAUrl
        | NameError::NotAnEmail => else_,
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        let problem = match refusal {
            Refusal::NameTaken => Problem::NameTaken,
            Refusal::EmailDiffers => Problem::EmailDiffers,
            Refusal::Blocked => Problem::Blocked,
            Refusal::NoSuchRoom => Problem::NoSuchRoom,
            Refusal::RoomExists => Problem::RoomExists,
            Refusal::RoomFull => Problem::RoomFull,
            Refusal::WrongPin => Problem::WrongPin,
            Refusal::RelayFull => Problem::RelayFull,
            Refusal::StorageFailed => Problem::StorageFailed,
            Refusal::RateLimited { retry_after_ms } => {
                let seconds = retry_after_ms.div_ceil(1_000);
                return Self::with(Problem::TooOften, seconds.to_string());
            }
            Refusal::NotSignedIn
            | Refusal::AlreadySignedIn
            | Refusal::SessionOver
            | Refusal::NotInRoom
            | Refusal::AlreadyInRoom
            | Refusal::NoSuchParticipant
            | Refusal::NoSuchStream
            | Refusal::TooMany
            | Refusal::OutOfRange
            // No page asks for what these answer.
            | Refusal::LinkInvalid
            | Refusal::BrowsersRefused
            | Refusal::NotAllowed
            | Refusal::NoGateway => return Self::with(Problem::Refused, refusal.to_string()),
        };
        Self::of(problem)
    }
}

impl From<&EngineError> for Trouble {
    fn from(error: &EngineError) -> Self {
        use crate::net::control::ConnectionError;
        use conclave_protocol::channel::ChannelError;
        match error {
            EngineError::Unreachable {
                error: ConnectionError::Channel(ChannelError::RelayVersion { .. }),
                relay,
            } => Self::with(Problem::VersionDiffers, relay),
            EngineError::Unreachable { relay, error } => {
                of_failure(error.failure(), relay, Problem::RelayUnreachable)
            }
            EngineError::IdentityChanged { relay, .. } => {
                Self::with(Problem::IdentityChanged, relay)
            }
            EngineError::WrongFingerprint { relay, .. } => {
                Self::with(Problem::WrongFingerprint, relay)
            }
            EngineError::Replaced { by } => {
                let by = by.map_or_else(String::new, |by| by.to_string());
                Self::with(Problem::Replaced, by)
            }
            EngineError::Refused { refusal, .. } => (*refusal).into(),
            EngineError::DataDir(_) | EngineError::System { .. } => {
                Self::with(Problem::Internal, error.to_string())
            }
        }
    }
}

/// How a camera is, and what is wrong with it.
pub(super) fn of_camera(state: &CameraState) -> (Health, Trouble) {
    match state {
        CameraState::Off => (Health::Off, Trouble::default()),
        CameraState::Starting => (Health::Waiting, Trouble::default()),
        CameraState::Running(_) => (Health::Good, Trouble::default()),
        CameraState::Lost(loss) => (Health::Bad, Trouble::of(camera_problem(loss.reason))),
    }
}

const fn camera_problem(reason: LossReason) -> Problem {
    match reason {
        LossReason::Absent
        | LossReason::Disconnected
        | LossReason::Stalled
        | LossReason::Failed => Problem::CameraLost,
        LossReason::InUse => Problem::CameraInUse,
        LossReason::NotPermitted => Problem::CameraNotPermitted,
        LossReason::NoBandwidth => Problem::CameraNoBandwidth,
        LossReason::Damaged => Problem::CameraDamaged,
        LossReason::Unusable => Problem::CameraUnusable,
    }
}

/// How a microphone or a speaker is; `lost` is the problem when it is gone.
pub(super) fn of_sound(state: &SoundState, lost: Problem) -> (Health, Trouble) {
    match state {
        SoundState::Off => (Health::Off, Trouble::default()),
        SoundState::Starting => (Health::Waiting, Trouble::default()),
        SoundState::Running { .. } => (Health::Good, Trouble::default()),
        // Only a microphone is ever silent.
        SoundState::Silent { name } => {
            (Health::Bad, Trouble::with(Problem::MicrophoneSilent, name))
        }
        SoundState::Lost(loss) => (Health::Bad, Trouble::of(sound_problem(loss.reason, lost))),
    }
}

fn sound_problem(reason: LossReason, lost: Problem) -> Problem {
    match reason {
        LossReason::InUse if lost == Problem::SpeakerLost => Problem::SpeakerInUse,
        LossReason::InUse => Problem::MicrophoneInUse,
        LossReason::NotPermitted => Problem::SoundNotPermitted,
        LossReason::Absent
        | LossReason::Disconnected
        | LossReason::Stalled
        | LossReason::NoBandwidth
        | LossReason::Damaged
        | LossReason::Unusable
        | LossReason::Failed => lost,
    }
}

/// Why there is no connection to the relay; `unreachable` is the problem where nothing more is known.
pub(super) fn of_connection(loss: &ConnectionLoss, relay: &str, unreachable: Problem) -> Trouble {
    match loss {
        ConnectionLoss::Closing(ClosingReason::RelayStops) => Trouble::of(Problem::RelayStops),
        ConnectionLoss::CopiedCard(address) => {
            Trouble::with(Problem::CopiedCard, address.to_string())
        }
        ConnectionLoss::Failed { failure, .. } => of_failure(*failure, relay, unreachable),
        ConnectionLoss::Silent
        | ConnectionLoss::Stuck
        | ConnectionLoss::Closing(_)
        | ConnectionLoss::OtherJoin
        | ConnectionLoss::AskedToWait => Trouble::with(unreachable, relay),
    }
}

fn of_failure(failure: ConnectionFailure, relay: &str, unreachable: Problem) -> Trouble {
    match failure {
        ConnectionFailure::NoNetwork => Trouble::of(Problem::NoNetwork),
        ConnectionFailure::NameUnknown => Trouble::with(Problem::RelayNameUnknown, relay),
        ConnectionFailure::NoAnswer | ConnectionFailure::Broken => {
            Trouble::with(unreachable, relay)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceLoss;

    #[test]
    fn a_wait_is_told_in_whole_seconds_that_are_long_enough() {
        let trouble = Trouble::from(Refusal::RateLimited {
            retry_after_ms: 1_001,
        });
        assert_eq!(trouble, Trouble::with(Problem::TooOften, "2"));
    }

    #[test]
    fn a_microphone_that_hears_nothing_is_told_from_one_that_is_gone() {
        let name = "Speak".to_owned();
        let (health, trouble) = of_sound(&SoundState::Silent { name }, Problem::MicrophoneLost);
        assert_eq!(
            (health, trouble.problem),
            (Health::Bad, Problem::MicrophoneSilent)
        );
    }

    #[test]
    fn a_camera_that_another_program_uses_is_told_from_one_that_is_gone() {
        let lost = |reason| {
            let loss = DeviceLoss::new(reason, "Device or resource busy");
            of_camera(&CameraState::Lost(loss)).1.problem
        };
        assert_eq!(lost(LossReason::InUse), Problem::CameraInUse);
        assert_eq!(lost(LossReason::Disconnected), Problem::CameraLost);
    }
}
