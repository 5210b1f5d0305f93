//! What cameras and sound devices this board has: values for `conclave-endpoint devices`, and their text.

use crate::camera::v4l2::{self, CameraDescription};
use crate::sound::{self, SoundDevice};
use serde::Serialize;
use std::fmt;

/// Everything that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FoundDevices {
    /// Cameras, in the order of their nodes.
    pub cameras: Vec<CameraDescription>,
    /// FoundDevices of sound cards, in the order of the cards.
    pub sound: Vec<SoundDevice>,
}

/// Looks at all devices now.
#[must_use]
pub fn enumerate() -> FoundDevices {
    FoundDevices {
        cameras: v4l2::camera_nodes()
            .into_iter()
            .filter_map(v4l2::describe)
            .collect(),
        sound: sound::devices(),
    }
}

impl fmt::Display for FoundDevices {
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
            for format in camera.formats.iter().filter(|format| format.usable) {
                writeln!(f, "  {}  {}", format.fourcc, format.description)?;
                for mode in &format.modes {
                    writeln!(f, "    {} @ {}", mode.size, rates(&mode.fps))?;
                }
            }
            if camera.module {
                writeln!(
                    f,
                    "  part of a camera module ({}): needs libcamera, see `doctor`",
                    camera.driver
                )?;
            }
            if camera.gray_only {
                writeln!(
                    f,
                    "  gray pictures alone: `auto` takes it only where there is no other"
                )?;
            }
            let others = camera.formats.iter().filter(|format| !format.usable);
            let others: Vec<_> = others.map(|format| format.fourcc.as_str()).collect();
            if !others.is_empty() {
                writeln!(f, "  not used: {}", others.join(", "))?;
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

/// Rates without needless digits: `30, 12.5`.
fn rates(fps: &[f64]) -> String {
    let rate = |fps: &f64| {
        format!("{fps:.3}")
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned()
    };
    fps.iter().map(rate).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::v4l2::{CameraFormat, CameraMode};
    use crate::picture::frame::PictureSize;

    fn format(fourcc: &str, usable: bool) -> CameraFormat {
        CameraFormat {
            fourcc: fourcc.into(),
            description: "Motion-JPEG".into(),
            usable,
            modes: vec![CameraMode {
                size: PictureSize::new(1280, 720),
                fps: vec![30.0, 12.5],
            }],
        }
    }

    #[test]
    fn the_list_names_what_to_write_into_a_spec() {
        let devices = FoundDevices {
            cameras: vec![CameraDescription {
                path: "/dev/video2".into(),
                name: "Webcam".into(),
                driver: "uvcvideo".into(),
                bus: "usb-1".into(),
                module: false,
                gray_only: false,
                formats: vec![format("MJPG", true), format("H264", false)],
            }],
            sound: vec![SoundDevice {
                pcm: "plughw:CARD=Webcam,DEV=0".into(),
                name: "Webcam, USB Audio".into(),
                captures: true,
                plays: false,
            }],
        };
        let expected = "\
camera v4l2:/dev/video2  Webcam  (usb-1)
  MJPG  Motion-JPEG
    1280x720 @ 30, 12.5
  not used: H264
microphone alsa:plughw:CARD=Webcam,DEV=0  Webcam, USB Audio
";
        assert_eq!(devices.to_string(), expected);
        let json = serde_json::to_value(&devices).unwrap();
        assert_eq!(
            json["cameras"][0]["formats"][0]["modes"][0]["size"]["width"],
            1280
        );
    }

    #[test]
    fn a_board_without_devices_says_so() {
        let none = FoundDevices {
            cameras: vec![],
            sound: vec![],
        };
        assert_eq!(none.to_string(), "no camera\nno sound card\n");
    }
}
