//! The settings: devices to choose and to try, the screen, the relay, and facts.

pub(in crate::ui) mod devices;
pub(in crate::ui) mod facts;
pub(in crate::ui) mod lock;

use self::devices::{DeviceLists, choice, index, position_of};
use self::lock::Lock;
use super::models::sync;
use crate::picture::frame::PictureSize;
use crate::ui::device_states::DeviceStates;
use crate::ui::language::LANGUAGES;
use crate::ui::preferences::Preferences;
use conclave_protocol::time::Instant;
use conclave_ui::{AppWindow, Choice, Fact, Problem, Settings, SettingsTab};
use slint::{ComponentHandle, Image, VecModel};
use std::rc::Rc;

/// What the preview is painted for.
pub(in crate::ui) const PREVIEW: PictureSize = PictureSize::new(640, 360);
const LICENCES: &str = include_str!("settings/licences.txt");

/// What the page is about to show.
pub(in crate::ui) struct State {
    pub(in crate::ui) tab: SettingsTab,
    pub(in crate::ui) lock: Lock,
    pub(in crate::ui) devices: DeviceLists,
    /// How loud the microphone is, from 0 to 1.
    pub(in crate::ui) level: f32,
    pub(in crate::ui) preview: Option<Image>,
    /// Where the diagnostic bundle was written to.
    pub(in crate::ui) bundle: String,
    pub(in crate::ui) bundle_problem: Problem,
    languages: Rc<VecModel<Choice>>,
    facts: Rc<VecModel<Fact>>,
}

/// What the page shows of the rest of the program.
pub(in crate::ui) struct Surroundings<'a> {
    pub(in crate::ui) config: &'a Preferences,
    pub(in crate::ui) devices: &'a DeviceStates,
    pub(in crate::ui) relay_address: &'a str,
    pub(in crate::ui) relay_words: String,
    pub(in crate::ui) facts: Vec<Fact>,
}

impl State {
    pub(in crate::ui) fn new(lock: Lock) -> Self {
        Self {
            tab: SettingsTab::Camera,
            lock,
            devices: DeviceLists::default(),
            level: 0.0,
            preview: None,
            bundle: String::new(),
            bundle_problem: Problem::None,
            languages: Rc::default(),
            facts: Rc::default(),
        }
    }

    pub(in crate::ui) fn shows_preview(&self) -> bool {
        !self.lock.is_closed() && self.tab == SettingsTab::Camera
    }

    /// Whether the camera and the microphone run for this page.
    pub(in crate::ui) const fn tries_devices(&self) -> bool {
        !self.lock.is_closed() && matches!(self.tab, SettingsTab::Camera | SettingsTab::Sound)
    }

    pub(in crate::ui) fn show(
        &mut self,
        window: &AppWindow,
        around: Surroundings<'_>,
        now: Instant,
    ) {
        let page = window.global::<Settings>();
        page.set_tab(self.tab);
        page.set_locked(self.lock.is_closed());
        let (problem, detail) = self.lock.trouble(now);
        page.set_pin_problem(problem);
        page.set_pin_detail(detail.into());
        self.devices.show(&page, around.config, around.devices);
        page.set_has_preview(self.preview.is_some());
        page.set_preview(self.preview.clone().unwrap_or_default());
        page.set_level(self.level);
        page.set_join_muted(around.config.join_muted());
        let languages: Vec<_> = LANGUAGES.map(choice).into();
        let spoken = position_of(&languages, &around.config.language());
        page.set_language(index(spoken));
        sync(&self.languages, languages);
        page.set_languages(Rc::clone(&self.languages).into());
        page.set_relay(around.relay_address.into());
        page.set_relay_words(around.relay_words.into());
        sync(&self.facts, around.facts);
        page.set_facts(Rc::clone(&self.facts).into());
        page.set_licences(LICENCES.into());
        page.set_bundle(self.bundle.as_str().into());
        page.set_problem(self.bundle_problem);
    }
}
