//! What cameras and sound devices this board has: values for `conclave-endpoint devices`, and their text.

use crate::camera::v4l2::{self, CameraDescription};
use crate::sound::{self, SoundDevice};
use serde::Serialize;
use std::fmt;

/// Everything that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Devices {
    /// Cameras, in the order of their nodes.
    pub cameras: Vec<CameraDescription>,
    /// Devices of sound cards, in the order of the cards.
    pub sound: Vec<SoundDevice>,
}

/// Looks at all devices now.
#[must_use]
pub fn enumerate() -> Devices {
    Devices {
        cameras: v4l2::camera_nodes()
            .into_iter()
            .filter_map(v4l2::describe)
            .collect(),
        sound: sound::devices(),
    }
}

impl fmt::Display for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cameras.is_empty() {
            writeln!(f, "no camera")?;
        }
        for camera in &self.cameras {
            writeln!(
                f,
                "camera v4l2:{}  {}  ({})",
                camera.path.display(),
                camera.name,
                camera.bus
            )?;
            for format in &camera.formats {
                let used = if format.usable { "" } else { "  not used" };
                writeln!(f, "  {}  {}{used}", format.fourcc, format.description)?;
                for mode in format.modes.iter().filter(|_| format.usable) {
                    let rates: Vec<_> = mode.fps.iter().map(|fps| format!("{fps:.4}")).collect();
                    let rates: Vec<_> = rates
                        .iter()
                        .map(|rate| rate.trim_end_matches('0').trim_end_matches('.'))
                        .collect();
                    writeln!(f, "    {} @ {}", mode.size, rates.join(", "))?;
                }
            }
        }
        if self.sound.is_empty() {
            writeln!(f, "no sound card")?;
        }
        for device in &self.sound {
            let uses = match (device.captures, device.plays) {
                (true, true) => "microphone and speaker",
                (true, false) => "microphone",
                (false, _) => "speaker",
            };
            writeln!(f, "{uses} alsa:{}  {}", device.pcm, device.name)?;
        }
        Ok(())
    }
}
