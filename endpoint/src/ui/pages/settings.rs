//! The settings: devices to choose and to try, the screen's looks, the relay, and facts for whoever looks for a cause.

pub(in crate::ui) mod lock;

use crate::camera::CameraSpec;
use crate::devices::Devices;
use crate::engine::Intent;
use crate::frame::PictureSize;
use crate::outbound::Path;
use crate::sound::PcmName;
use crate::ui::app::{App, Handle};
use crate::ui::pages::models::sync;
use crate::ui::problem::{Trouble, of_camera, of_sound};
use conclave_protocol::units::AudioLevel;
use conclave_ui::{AppWindow, Choice, Fact, Page, Problem, Settings, SettingsTab};
use slint::{ComponentHandle, Image, VecModel};
use std::path::PathBuf;
use std::rc::Rc;

/// What the preview is painted for.
pub(in crate::ui) const PREVIEW: PictureSize = PictureSize::new(640, 360);
/// Quieter than this the meter shows nothing, in dB below overload.
const METER_FLOOR_DB: f32 = 60.0;
/// The languages that the screen speaks, by their own names.
const LANGUAGES: [(&str, &str); 3] = [("en", "English"), ("vi", "Tiếng Việt"), ("de", "Deutsch")];
/// The pictures' sizes that can be chosen.
const SIZES: [(&str, &str); 3] = [
    ("640x360@30", "640 × 360"),
    ("1280x720@30", "1280 × 720"),
    ("1920x1080@30", "1920 × 1080"),
];
const LICENCES: &str = include_str!("settings/licences.txt");

/// What the page is about to show.
pub(in crate::ui) struct State {
    pub(in crate::ui) tab: SettingsTab,
    /// A PIN stands before the settings, and has not been entered.
    pub(in crate::ui) locked: bool,
    pub(in crate::ui) pin_problem: Problem,
    pub(in crate::ui) level: f32,
    pub(in crate::ui) preview: Option<Image>,
    bundle: String,
    bundle_problem: Problem,
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
    languages: Rc<VecModel<Choice>>,
    facts: Rc<VecModel<Fact>>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            tab: SettingsTab::Camera,
            locked: false,
            pin_problem: Problem::None,
            level: 0.0,
            preview: None,
            bundle: String::new(),
            bundle_problem: Problem::None,
            cameras: always(),
            microphones: always(),
            speakers: always(),
            rows: Rows::default(),
        }
    }
}

fn choice((id, label): (&str, &str)) -> Choice {
    Choice {
        id: id.into(),
        label: label.into(),
    }
}

/// What can be chosen whatever there is.
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

fn position_of(choices: &[Choice], id: &str) -> Option<usize> {
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

/// For the page; the first one where there is none.
fn index(position: Option<usize>) -> i32 {
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

impl State {
    pub(in crate::ui) fn shows_preview(&self) -> bool {
        !self.locked && self.tab == SettingsTab::Camera
    }

    fn tries_devices(&self) -> bool {
        !self.locked && matches!(self.tab, SettingsTab::Camera | SettingsTab::Sound)
    }

    /// The devices of the machine have been looked at.
    pub(in crate::ui) fn found(&mut self, devices: &Devices) {
        let usable = devices.cameras.iter().filter(|camera| !camera.module);
        let cameras = usable.map(|camera| {
            (
                format!("v4l2:{}", camera.path.display()),
                camera.name.clone(),
            )
        });
        self.cameras = with_devices(cameras);
        let sound = |device: &crate::sound::SoundDevice| {
            (format!("alsa:{}", device.pcm), device.name.clone())
        };
        self.microphones = with_devices(
            devices
                .sound
                .iter()
                .filter(|device| device.captures)
                .map(sound),
        );
        self.speakers = with_devices(
            devices
                .sound
                .iter()
                .filter(|device| device.plays)
                .map(sound),
        );
    }
}

pub(in crate::ui) fn show(app: &mut App, window: &AppWindow) {
    let page = window.global::<Settings>();
    let (camera, size) = split(&app.config.camera());
    let listed = &mut app.settings;
    let chosen_camera = list(&mut listed.cameras, position_of, &camera);
    let microphone = app.config.microphone().to_string();
    let microphone = list(&mut listed.microphones, position_of_sound, &microphone);
    let speaker = app.config.speaker().to_string();
    let speaker = list(&mut listed.speakers, position_of_sound, &speaker);
    let state = &app.settings;
    page.set_tab(state.tab);
    page.set_locked(state.locked);
    let (problem, detail) = app.pin_trouble();
    page.set_pin_problem(problem);
    page.set_pin_detail(detail.into());
    sync(&state.rows.cameras, state.cameras.clone());
    page.set_cameras(Rc::clone(&state.rows.cameras).into());
    page.set_camera(chosen_camera);
    let sizes = sizes_of(&camera);
    page.set_size(index(position_of(&sizes, &size)));
    sync(&state.rows.sizes, sizes);
    page.set_sizes(Rc::clone(&state.rows.sizes).into());
    page.set_has_preview(state.preview.is_some());
    page.set_preview(state.preview.clone().unwrap_or_default());
    let (_, trouble) = of_camera(&app.devices.camera);
    page.set_camera_problem(trouble.problem);
    page.set_camera_detail(trouble.detail.into());
    sync(&state.rows.microphones, state.microphones.clone());
    page.set_microphones(Rc::clone(&state.rows.microphones).into());
    page.set_microphone(microphone);
    page.set_level(state.level);
    let (_, trouble) = of_sound(&app.devices.microphone, Problem::MicrophoneLost);
    page.set_microphone_problem(trouble.problem);
    page.set_microphone_detail(trouble.detail.into());
    sync(&state.rows.speakers, state.speakers.clone());
    page.set_speakers(Rc::clone(&state.rows.speakers).into());
    page.set_speaker(speaker);
    let (_, trouble) = of_sound(&app.devices.speaker, Problem::SpeakerLost);
    page.set_speaker_problem(trouble.problem);
    page.set_speaker_detail(trouble.detail.into());
    page.set_join_muted(app.config.join_muted());
    let languages: Vec<_> = LANGUAGES.map(choice).into();
    page.set_language(index(position_of(&languages, &app.config.language())));
    sync(&state.rows.languages, languages);
    page.set_languages(Rc::clone(&state.rows.languages).into());
    page.set_relay(app.relay_address.as_str().into());
    page.set_relay_words(app.relay_words().into());
    sync(&state.rows.facts, facts(app));
    page.set_facts(Rc::clone(&state.rows.facts).into());
    page.set_licences(LICENCES.into());
    page.set_bundle(state.bundle.as_str().into());
    page.set_problem(state.bundle_problem);
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

fn facts(app: &App) -> Vec<Fact> {
    let mut facts = vec![fact("version", env!("CARGO_PKG_VERSION").into())];
    if let Some(address) = own_address() {
        facts.push(fact("address", address));
    }
    if let Some(stats) = &app.last_stats {
        let path = match stats.path {
            Path::None => "–",
            Path::Udp => "UDP",
            Path::Tcp => "TCP",
        };
        facts.push(fact("path", path.into()));
        facts.push(fact("memory", format!("{} MiB", stats.own.rss_kib / 1_024)));
    }
    if let Ok(identity) = app.keep.identity() {
        facts.push(fact("device", identity.public().fingerprint()));
    }
    facts
}

fn fact(name: &str, value: String) -> Fact {
    Fact {
        name: name.into(),
        value: value.into(),
    }
}

/// The address that this machine would speak to its network from; nothing is sent to find out.
fn own_address() -> Option<String> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip().to_string())
}

impl App {
    pub(in crate::ui) fn open_settings(&mut self) {
        self.settings.locked = self.kiosk && self.config.settings_pin().is_some();
        self.settings.pin_problem = Problem::None;
        self.go(Page::Settings);
        self.unlocked();
    }

    fn unlocked(&mut self) {
        if !self.settings.locked {
            self.forget_pin_tries(crate::clock::now());
            self.look_for_devices();
            self.try_devices();
        }
    }

    fn try_devices(&mut self) {
        let trying = self.page == Page::Settings && self.settings.tries_devices();
        self.host.intend(Intent::TryDevices(trying));
        if !trying {
            self.settings.preview = None;
        }
    }

    pub(in crate::ui) fn leave_settings(&mut self) {
        self.host.intend(Intent::TryDevices(false));
        self.settings.preview = None;
        self.save_choices();
    }

    /// The right PIN was entered.
    pub(in crate::ui) fn open_locked_settings(&mut self) {
        self.settings.locked = false;
        self.settings.pin_problem = Problem::None;
        self.unlocked();
    }

    fn choose_camera(&mut self, camera: Option<i32>, size: Option<i32>) {
        let (named, sized) = split(&self.config.camera());
        let chosen = |index: Option<i32>| usize::try_from(index?).ok();
        let camera = chosen(camera).and_then(|index| self.settings.cameras.get(index));
        let camera = camera.map_or(named, |choice| choice.id.to_string());
        let size = chosen(size).and_then(|index| SIZES.get(index));
        let size = size.map_or(sized, |(id, _)| (*id).to_owned());
        if let Some(spec) = join(&camera, &size) {
            self.settings.preview = None;
            self.config.choose_camera(spec.clone());
            self.host.intend(Intent::UseCamera(spec));
        }
    }

    fn choose_microphone(&mut self, index: i32) {
        let choice = usize::try_from(index)
            .ok()
            .and_then(|index| self.settings.microphones.get(index));
        if let Some(spec) =
            choice.and_then(|choice| choice.id.parse::<crate::sound::MicrophoneSpec>().ok())
        {
            self.config.choose_microphone(spec.clone());
            self.host.intend(Intent::UseMicrophone(spec));
        }
    }

    fn choose_speaker(&mut self, index: i32) {
        let choice = usize::try_from(index)
            .ok()
            .and_then(|index| self.settings.speakers.get(index));
        if let Some(spec) =
            choice.and_then(|choice| choice.id.parse::<crate::sound::SpeakerSpec>().ok())
        {
            self.config.choose_speaker(spec.clone());
            self.host.intend(Intent::UseSpeaker(spec));
        }
    }

    fn choose_language(&mut self, index: i32) {
        let chosen = usize::try_from(index)
            .ok()
            .and_then(|index| LANGUAGES.get(index));
        if let Some((id, _)) = chosen {
            self.config.choose_language(id);
            crate::ui::speak(id);
        }
    }

    fn relay_words(&self) -> String {
        let address = &self.relay_address;
        let kept_as = self.account.as_ref().map(|account| account.relay.kept_as());
        let known = self
            .keep
            .expected_relay(kept_as.as_ref().unwrap_or(address), address);
        let known = known.ok().flatten();
        known.map_or_else(String::new, |key| key.words())
    }

    /// Looking at devices opens each of them, which takes a while: on a thread of its own.
    fn look_for_devices(&self) {
        self.inbox.fetch("devices", || {
            crate::ui::inbox::News::Devices(crate::devices::enumerate())
        });
    }

    fn write_bundle(&mut self) {
        self.settings.bundle_problem = Problem::None;
        let relay = self.account.is_some().then(|| self.relay_address.clone());
        let (folder, stats) = (self.keep.folder().to_path_buf(), self.last_stats.clone());
        self.inbox.fetch("bundle", move || {
            crate::ui::inbox::News::Bundle(crate::ui::bundle::write(
                &folder,
                relay.as_deref(),
                stats.as_deref(),
            ))
        });
    }

    pub(in crate::ui) fn bundle_written(&mut self, written: std::io::Result<PathBuf>) {
        match written {
            Ok(path) => self.settings.bundle = path.display().to_string(),
            Err(error) => {
                self.settings.bundle_problem = Problem::BundleNotWritten;
                self.toasts
                    .add(Trouble::with(Problem::BundleNotWritten, error.to_string()));
            }
        }
    }
}

/// Answers the page's callbacks.
pub(in crate::ui) fn connect(window: &AppWindow, handle: &Handle) {
    let page = window.global::<Settings>();
    macro_rules! answer {
        ($on:ident, |$app:ident $(, $argument:ident)?| $body:expr) => {
            let handle = handle.clone();
            page.$on(move |$($argument)?| handle.act(|$app| $body));
        };
    }
    answer!(on_close, |app| app.go_home());
    answer!(on_set_tab, |app, tab| {
        app.settings.tab = tab;
        app.try_devices();
    });
    answer!(on_unlock, |app, digits| app.unlock(&digits));
    answer!(on_choose_camera, |app, index| app
        .choose_camera(Some(index), None));
    answer!(on_choose_size, |app, index| app
        .choose_camera(None, Some(index)));
    answer!(on_choose_microphone, |app, index| app
        .choose_microphone(index));
    answer!(on_choose_speaker, |app, index| app.choose_speaker(index));
    answer!(on_test_speaker, |app| app.host.intend(Intent::TestTone));
    answer!(on_set_join_muted, |app, muted| app
        .config
        .choose_join_muted(muted));
    answer!(on_choose_language, |app, index| app.choose_language(index));
    answer!(on_set_dark, |app, dark| app.config.choose_dark(dark));
    answer!(on_set_reduce_motion, |app, reduce| app
        .config
        .choose_reduce_motion(reduce));
    answer!(on_set_touch_keyboard, |app, on| app
        .config
        .choose_touch_keyboard(on));
    answer!(on_sign_out, |app| app.sign_out());
    answer!(on_write_bundle, |app| app.write_bundle());
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
