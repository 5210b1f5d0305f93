//! What a person does in the settings.

use crate::camera::CameraSpec;
use crate::cli::devices;
use crate::clock;
use crate::engine::Intent;
use crate::ui::app::App;
use crate::ui::bundle;
use crate::ui::inbox::News;
use crate::ui::language::{LANGUAGES, speak};
use crate::ui::pages::settings::Surroundings;
use crate::ui::pages::settings::devices::DeviceLists;
use crate::ui::pages::settings::facts::facts;
use crate::ui::problem::Trouble;
use conclave_ui::{AppWindow, Page, Problem, SettingsTab};
use std::io;
use std::path::PathBuf;

impl App {
    pub(in crate::ui) fn open_settings(&mut self) {
        let has_pin = self.kiosk && self.config.settings_pin().is_some();
        self.settings.lock.close_if(has_pin);
        self.go(Page::Settings);
        self.use_open_settings();
    }

    pub(in crate::ui) fn unlock_settings(&mut self, digits: &str) {
        let (pin, now) = (self.config.settings_pin(), clock::now());
        if self.settings.lock.opens(digits, pin, &self.keep, now) {
            self.use_open_settings();
        }
    }

    fn use_open_settings(&mut self) {
        if !self.settings.lock.is_closed() {
            self.settings.lock.forget_tries(&self.keep, clock::now());
            self.look_for_devices();
            self.try_devices();
        }
    }

    pub(in crate::ui) fn set_settings_tab(&mut self, tab: SettingsTab) {
        self.settings.tab = tab;
        self.try_devices();
    }

    pub(super) fn try_devices(&mut self) {
        let trying = self.page == Page::Settings && self.settings.tries_devices();
        self.host.want(Intent::TryDevices(trying));
        if !trying {
            self.settings.preview = None;
        }
    }

    pub(super) fn leave_settings(&mut self) {
        self.host.want(Intent::TryDevices(false));
        self.settings.preview = None;
        self.save_choices();
    }

    pub(in crate::ui) fn save_choices(&mut self) {
        if let Err(error) = self.config.save() {
            tracing::warn!(%error, "choices are not saved");
            self.toasts
                .add(Trouble::with(Problem::SettingsNotSaved, error.to_string()));
        }
    }

    pub(in crate::ui) fn choose_camera(&mut self, index: i32) {
        let in_use = self.config.camera();
        self.use_camera(self.settings.devices.camera_at(index, &in_use));
    }

    pub(in crate::ui) fn choose_size(&mut self, index: i32) {
        self.use_camera(DeviceLists::sized_at(index, &self.config.camera()));
    }

    fn use_camera(&mut self, chosen: Option<CameraSpec>) {
        if let Some(spec) = chosen {
            self.settings.preview = None;
            self.config.choose_camera(spec.clone());
            self.host.want(Intent::UseCamera(spec));
        }
    }

    pub(in crate::ui) fn choose_microphone(&mut self, index: i32) {
        if let Some(spec) = self.settings.devices.microphone_at(index) {
            self.config.choose_microphone(spec.clone());
            self.host.want(Intent::UseMicrophone(spec));
        }
    }

    pub(in crate::ui) fn choose_speaker(&mut self, index: i32) {
        if let Some(spec) = self.settings.devices.speaker_at(index) {
            self.config.choose_speaker(spec.clone());
            self.host.want(Intent::UseSpeaker(spec));
        }
    }

    pub(in crate::ui) fn test_speaker(&mut self) {
        if !self.host.ask(Intent::TestTone) {
            self.toasts.add(Trouble::of(Problem::NotDone));
        }
    }

    pub(in crate::ui) fn choose_language(&mut self, index: i32) {
        let chosen = usize::try_from(index)
            .ok()
            .and_then(|index| LANGUAGES.get(index));
        if let Some((code, _)) = chosen {
            self.config.choose_language(code);
            speak(code);
        }
    }

    /// Looking at devices opens each of them, which takes a while: on a thread of its own.
    fn look_for_devices(&self) {
        self.inbox
            .fetch("devices", || News::Devices(devices::enumerate()));
    }

    pub(in crate::ui) fn write_bundle(&mut self) {
        self.settings.bundle_problem = Problem::None;
        let relay = self.account.is_some().then(|| self.relay_address.clone());
        let (folder, stats) = (self.keep.folder().to_path_buf(), self.last_stats.clone());
        self.inbox.fetch("bundle", move || {
            News::Bundle(bundle::write(&folder, relay.as_deref(), stats.as_deref()))
        });
    }

    pub(super) fn bundle_written(&mut self, written: io::Result<PathBuf>) {
        match written {
            Ok(path) => self.settings.bundle = path.display().to_string(),
            Err(error) => {
                self.settings.bundle_problem = Problem::BundleNotWritten;
                self.toasts
                    .add(Trouble::with(Problem::BundleNotWritten, error.to_string()));
            }
        }
    }

    pub(super) fn show_settings(&mut self, window: &AppWindow) {
        let around = Surroundings {
            relay_words: self.relay_words(),
            facts: facts(self.last_stats.as_deref(), &self.keep),
            config: &self.config,
            devices: &self.devices,
            relay_address: &self.relay_address,
        };
        self.settings.show(window, around, clock::now());
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
}
