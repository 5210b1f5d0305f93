//! How the camera, the microphone and the speaker are, as the engine reported them last.

use super::problem::{Trouble, of_camera, of_sound};
use crate::camera::CameraState;
use crate::sound::SoundState;
use conclave_ui::{Health, Problem};

/// The devices that a call uses.
#[derive(Debug)]
pub(super) struct DeviceStates {
    pub(super) camera: CameraState,
    pub(super) microphone: SoundState,
    pub(super) speaker: SoundState,
}

impl DeviceStates {
    /// Before the engine has opened any.
    pub(super) const fn off() -> Self {
        Self {
            camera: CameraState::Off,
            microphone: SoundState::Off,
            speaker: SoundState::Off,
        }
    }

    pub(super) const fn camera_runs(&self) -> bool {
        matches!(self.camera, CameraState::Running(_))
    }

    pub(super) const fn microphone_runs(&self) -> bool {
        matches!(
            self.microphone,
            SoundState::Running { .. } | SoundState::Silent { .. }
        )
    }

    pub(super) fn of_camera(&self) -> (Health, Trouble) {
        of_camera(&self.camera)
    }

    pub(super) fn of_microphone(&self) -> (Health, Trouble) {
        of_sound(&self.microphone, Problem::MicrophoneLost)
    }

    pub(super) fn of_speaker(&self) -> (Health, Trouble) {
        of_sound(&self.speaker, Problem::SpeakerLost)
    }

    /// The first device that is switched on and does not work.
    pub(super) fn worst(&self) -> Trouble {
        [self.of_camera(), self.of_microphone(), self.of_speaker()]
            .into_iter()
            .map(|(_, trouble)| trouble)
            .find(Trouble::is_some)
            .unwrap_or_default()
    }
}
