//! The cameras, microphones and speakers to choose from.

use crate::camera::CameraSpec;
use crate::cli::devices::FoundDevices;
use crate::sound::{MicrophoneSpec, PcmName, SoundDevice, SpeakerSpec};
use crate::ui::device_states::DeviceStates;
use crate::ui::pages::models::sync;
use crate::ui::preferences::Preferences;
use conclave_protocol::units::AudioLevel;
use conclave_ui::{Choice, Settings};
use slint::VecModel;
use std::rc::Rc;

/// Quieter than this the meter shows nothing, in dB below overload.
const METER_FLOOR_DB: f32 = 60.0;
/// The pictures' sizes that can be chosen.
const SIZES: [(&str, &str); 3] = [
    ("640x360@30", "640 × 360"),
    ("1280x720@30", "1280 × 720"),
    ("1920x1080@30", "1920 × 1080"),
];

/// The lists of the page, with the device in use in each.
pub(in crate::ui) struct DeviceLists {
    cameras: Vec<Choice>,
    microphones: Vec<Choice>,
    speakers: Vec<Choice>,
    rows: Rows,
}

#[derive(Default)]
struct Rows {
    cameras: Rc<VecModel<Choice>>,
    sizes: Rc<VecModel<Choice>>,
    microphones: Rc<VecModel<Choice>>,
    speakers: Rc<VecModel<Choice>>,
}

impl Default for DeviceLists {
    fn default() -> Self {
        Self {
            cameras: always(),
            microphones: always(),
            speakers: always(),
            rows: Rows::default(),
        }
    }
}

impl DeviceLists {
    /// The devices of the machine have been looked at.
    pub(in crate::ui) fn found(&mut self, devices: &FoundDevices) {
        let usable = devices.cameras.iter().filter(|camera| !camera.module);
        let cameras = usable.map(|camera| {
            (
                format!("v4l2:{}", camera.path.display()),
                camera.name.clone(),
            )
        });
        self.cameras = with_devices(cameras);
        let sound = |device: &SoundDevice| (format!("alsa:{}", device.pcm), device.name.clone());
        let microphones = devices.sound.iter().filter(|device| device.captures);
        self.microphones = with_devices(microphones.map(sound));
        let speakers = devices.sound.iter().filter(|device| device.plays);
        self.speakers = with_devices(speakers.map(sound));
    }

    /// The camera at this place of the list, with the size of the one in use.
    pub(in crate::ui) fn camera_at(&self, index: i32, in_use: &CameraSpec) -> Option<CameraSpec> {
        let (_, size) = split(in_use);
        join(&at(&self.cameras, index)?.id, &size)
    }

    /// The camera in use, with the size at this place of the list.
    pub(in crate::ui) fn sized_at(index: i32, in_use: &CameraSpec) -> Option<CameraSpec> {
        let (camera, _) = split(in_use);
        let (size, _) = at(&SIZES, index)?;
        join(&camera, size)
    }

    pub(in crate::ui) fn microphone_at(&self, index: i32) -> Option<MicrophoneSpec> {
        at(&self.microphones, index)?.id.parse().ok()
    }

    pub(in crate::ui) fn speaker_at(&self, index: i32) -> Option<SpeakerSpec> {
        at(&self.speakers, index)?.id.parse().ok()
    }

    pub(super) fn show(
        &mut self,
        page: &Settings<'_>,
        config: &Preferences,
        states: &DeviceStates,
    ) {
        self.show_cameras(page, config, states);
        self.show_sound(page, config, states);
    }

    fn show_cameras(&mut self, page: &Settings<'_>, config: &Preferences, states: &DeviceStates) {
        let (camera, size) = split(&config.camera());
        page.set_camera(list(&mut self.cameras, position_of, &camera));
        sync(&self.rows.cameras, self.cameras.clone());
        page.set_cameras(Rc::clone(&self.rows.cameras).into());
        let sizes = sizes_of(&camera);
        page.set_size(index(position_of(&sizes, &size)));
        sync(&self.rows.sizes, sizes);
        page.set_sizes(Rc::clone(&self.rows.sizes).into());
        let (_, trouble) = states.of_camera();
        page.set_camera_problem(trouble.problem);
        page.set_camera_detail(trouble.detail.into());
    }

    fn show_sound(&mut self, page: &Settings<'_>, config: &Preferences, states: &DeviceStates) {
        let microphone = config.microphone().to_string();
        page.set_microphone(list(&mut self.microphones, position_of_sound, &microphone));
        sync(&self.rows.microphones, self.microphones.clone());
        page.set_microphones(Rc::clone(&self.rows.microphones).into());
        let (_, trouble) = states.of_microphone();
        page.set_microphone_problem(trouble.problem);
        page.set_microphone_detail(trouble.detail.into());
        let speaker = config.speaker().to_string();
        page.set_speaker(list(&mut self.speakers, position_of_sound, &speaker));
        sync(&self.rows.speakers, self.speakers.clone());
        page.set_speakers(Rc::clone(&self.rows.speakers).into());
        let (_, trouble) = states.of_speaker();
        page.set_speaker_problem(trouble.problem);
        page.set_speaker_detail(trouble.detail.into());
    }
}

fn at<T>(choices: &[T], index: i32) -> Option<&T> {
    choices.get(usize::try_from(index).ok()?)
}

pub(super) fn choice((id, label): (&str, &str)) -> Choice {
    Choice {
        id: id.into(),
        label: label.into(),
    }
}

/// What can be chosen on every machine.
fn always() -> Vec<Choice> {
    vec![choice(("auto", "")), choice(("off", ""))]
}

fn with_devices(devices: impl IntoIterator<Item = (String, String)>) -> Vec<Choice> {
    let mut choices = always();
    for (id, label) in devices {
        choices.insert(choices.len() - 1, choice((&id, &label)));
    }
    choices
}

pub(super) fn position_of(choices: &[Choice], id: &str) -> Option<usize> {
    choices.iter().position(|choice| choice.id == id)
}

/// As [`position_of`], but a USB card is known by its port, as its name may have changed since it was chosen.
fn position_of_sound(choices: &[Choice], id: &str) -> Option<usize> {
    let pcm = |id: &str| id.strip_prefix("alsa:")?.parse::<PcmName>().ok();
    let Some(chosen) = pcm(id) else {
        return position_of(choices, id);
    };
    choices
        .iter()
        .position(|choice| pcm(&choice.id).is_some_and(|listed| listed.is_same(&chosen)))
}

/// The place for the page; the first one where there is none.
pub(super) fn index(position: Option<usize>) -> i32 {
    position
        .and_then(|position| i32::try_from(position).ok())
        .unwrap_or(0)
}

/// The device in use, by a way to find it among these: it can be chosen again even if it is none that was found,
/// as it is unplugged, a file, or named in another way.
fn list(choices: &mut Vec<Choice>, find: fn(&[Choice], &str) -> Option<usize>, id: &str) -> i32 {
    if find(choices, id).is_none() {
        let before_off = choices.len().saturating_sub(1);
        choices.insert(before_off, choice((id, "")));
    }
    index(find(choices, id))
}

/// 0 to 1 for a meter, even to the ear.
pub(in crate::ui) fn meter(level: AudioLevel) -> f32 {
    let below = f32::from(level.loudness.as_below_overload());
    (1.0 - below / METER_FLOOR_DB).clamp(0.0, 1.0)
}

/// A camera's name among the choices, and its size.
fn split(spec: &CameraSpec) -> (String, String) {
    let text = spec.to_string();
    let is_size = |part: &str| part.contains('x') && part.contains('@');
    match text.rsplit_once(':') {
        Some((camera, size)) if is_size(size) => (camera.into(), size.into()),
        _ => (text, SIZES[1].0.into()),
    }
}

/// Whether a camera of this name can be told a size.
fn has_size(camera: &str) -> bool {
    camera.starts_with("v4l2:") || camera == "pattern"
}

/// What sizes can be chosen for a camera of this name: none where a choice would change nothing.
fn sizes_of(camera: &str) -> Vec<Choice> {
    let sizes = SIZES.map(choice);
    sizes.into_iter().filter(|_| has_size(camera)).collect()
}

/// A camera of this name at this size; a name alone has no size to it.
fn join(camera: &str, size: &str) -> Option<CameraSpec> {
    let with_size = if has_size(camera) {
        format!("{camera}:{size}")
    } else {
        camera.into()
    };
    with_size.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use conclave_protocol::units::Dbov;

    #[test]
    fn a_camera_and_its_size_are_chosen_apart() {
        let spec = "v4l2:/dev/video2:640x360@30".parse().unwrap();
        assert_eq!(
            split(&spec),
            ("v4l2:/dev/video2".into(), "640x360@30".into())
        );
        let joined = join("v4l2:/dev/video2", "1280x720@30").unwrap();
        assert_eq!(split(&joined).1, "1280x720@30");
        assert_eq!(join("auto", "1280x720@30"), Some(CameraSpec::Auto));
    }

    #[test]
    fn a_device_that_is_not_found_stays_the_chosen_one() {
        let camera = "v4l2:/dev/v4l/by-path/usb-0:1:1.0-index0";
        let mut cameras = with_devices([("v4l2:/dev/video0".to_owned(), "Webcam".to_owned())]);
        for _ in 0..2 {
            assert_eq!(list(&mut cameras, position_of, camera), 2);
        }
        let ids: Vec<_> = cameras.iter().map(|choice| &*choice.id).collect();
        assert_eq!(ids, ["auto", "v4l2:/dev/video0", camera, "off"]);

        let card = "alsa:plughw:CARD=Webcam,DEV=0";
        let mut microphones = with_devices([(card.to_owned(), "Webcam".to_owned())]);
        let mut listed = |id| list(&mut microphones, position_of_sound, id);
        assert_eq!((listed(card), listed("auto")), (1, 0));
        assert_eq!(listed("alsa:plughw:CARD=Array,DEV=0"), 2);
        assert_eq!((listed("tone:440"), listed("off")), (3, 4));
    }

    #[test]
    fn sizes_are_offered_where_they_change_something() {
        let offered = |camera| sizes_of(camera).len();
        assert_eq!((offered("v4l2:/dev/video0"), offered("pattern")), (3, 3));
        assert_eq!(
            (offered("auto"), offered("off"), offered("file:/a")),
            (0, 0, 0)
        );
    }

    #[test]
    fn the_meter_is_empty_in_silence_and_full_at_the_top() {
        let level = |below| {
            meter(AudioLevel {
                loudness: Dbov::below_overload(below),
                voice: false,
            })
        };
        assert_eq!((level(127), level(0)), (0.0, 1.0));
        assert!(level(20) > level(40));
    }
}
