//! What is switched on, and what of it works.

use super::{DeviceEvent, Devices};
use crate::camera::{CameraSpec, CameraState, PreferredMode};
use crate::picture::frame::PictureSize;
use crate::sound::{MicrophoneSpec, SoundState};
use conclave_protocol::wire::control::Devices as SwitchedOn;
use std::sync::atomic::Ordering::Relaxed;

impl Devices {
    /// What is switched on.
    pub(in crate::engine) fn switched_on(&self) -> SwitchedOn {
        SwitchedOn {
            microphone: self.has_microphone() && self.microphone_on.load(Relaxed),
            camera: self.picture().is_some(),
        }
    }

    /// What is switched on and not lost.
    pub(in crate::engine) fn working(&self) -> SwitchedOn {
        let on = self.switched_on();
        SwitchedOn {
            microphone: on.microphone && !self.lost.microphone,
            camera: on.camera && !self.lost.camera,
        }
    }

    /// A device thread told its state.
    pub(in crate::engine) fn follow(&mut self, event: &DeviceEvent) {
        match event {
            DeviceEvent::Camera(state) => {
                self.lost.camera = matches!(state, CameraState::Lost(_));
            }
            DeviceEvent::Microphone(state) => {
                self.lost.microphone = matches!(state, SoundState::Lost(_));
            }
            DeviceEvent::Speaker(_) => {}
        }
    }

    /// Whether there is a microphone at all.
    pub(in crate::engine) fn has_microphone(&self) -> bool {
        self.microphone_spec != MicrophoneSpec::Off
    }

    /// The size and rate that the camera aims at, if it is on.
    pub(in crate::engine) fn picture(&self) -> Option<(PictureSize, u32)> {
        let wish = match &self.camera_spec {
            CameraSpec::Off => return None,
            CameraSpec::V4l2 { wish, .. } => wish.unwrap_or_default(),
            CameraSpec::Pattern(wish) => *wish,
            CameraSpec::Auto | CameraSpec::File(_) => PreferredMode::default(),
        };
        self.camera_on.then_some((wish.size, wish.fps))
    }
}
