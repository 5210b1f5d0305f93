//! What was configured, and what a person chooses on the screen: a choice counts at once, and is kept.

use crate::camera::CameraSpec;
use crate::config::{Choices, Config, IdleCode, Language, Theme, TouchKeyboard};
use crate::data_dir::DataDirError;
use crate::net::discovery::RelaySpec;
use crate::sound::{MicrophoneSpec, SpeakerSpec};
use crate::ui::form::Fields;
use conclave_protocol::name::{DisplayName, Email, NameError, Pin, RoomName, Username};
use conclave_protocol::time::Micros;
use std::path::Path;

/// Who is signed in where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) relay: RelaySpec,
    pub(super) name: Username,
    pub(super) display_name: DisplayName,
    pub(super) email: Email,
}

/// The configuration with the choices upon it.
pub(super) struct Preferences {
    config: Config,
    choices: Choices,
}

impl Preferences {
    pub(super) fn new(config: Config) -> Self {
        let choices = config.choices();
        Self { config, choices }
    }

    /// Keeps the choices.
    pub(super) fn save(&self) -> Result<(), DataDirError> {
        self.config.save_choices(&self.choices)
    }

    /// Whom to sign in as without asking, if that is known.
    pub(super) fn account(&self) -> Option<Account> {
        let account = &self.config.account;
        let name = account.name.clone()?;
        Some(Account {
            relay: self.config.relay.address.clone()?,
            display_name: account
                .display_name
                .clone()
                .unwrap_or_else(|| DisplayName::from(&name)),
            name,
            email: account.email.clone()?,
        })
    }

    /// What is known of it, for the form.
    pub(super) fn fields(&self) -> Fields {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let account = &self.config.account;
        let relay = match &self.config.relay.address {
            Some(RelaySpec::Address(address)) => address.clone(),
            _ => String::new(),
        };
        Fields {
            name: text(account.display_name.as_ref().map_or_else(
                || account.name.as_ref().map(Username::as_str),
                |name| Some(name.as_str()),
            )),
            email: text(account.email.as_ref().map(Email::as_str)),
            relay,
        }
    }

    /// The username for this display name: the configured account's, or the nearest one to it.
    pub(super) fn username_of(&self, called: &DisplayName) -> Result<Username, NameError> {
        let account = &self.config.account;
        match &account.name {
            Some(name) if account.display_name.as_ref() == Some(called) => Ok(name.clone()),
            _ => called.username(),
        }
    }

    pub(super) fn choose_account(&mut self, account: Account) {
        if self.config.relay.address.as_ref() != Some(&account.relay) {
            self.config.relay.fingerprint = None;
        }
        self.choices.relay.address = Some(account.relay.clone());
        self.choices.account.name = Some(account.name.clone());
        self.choices.account.display_name = Some(account.display_name.clone());
        self.choices.account.email = Some(account.email.clone());
        self.config.relay.address = Some(account.relay);
        self.config.account.name = Some(account.name);
        self.config.account.display_name = Some(account.display_name);
        self.config.account.email = Some(account.email);
    }

    /// The form stays filled in, but the next start does not sign in by itself.
    pub(super) fn forget_account(&mut self) {
        self.choices.account = Default::default();
    }

    /// What the relay must be known by, where that was said.
    pub(super) fn relay_fingerprint(&self) -> Option<String> {
        self.config
            .relay
            .fingerprint
            .as_ref()
            .map(|text| text.as_str().to_owned())
    }

    pub(super) fn room_name(&self) -> Option<RoomName> {
        self.config.room.name.clone()
    }

    pub(super) fn room_pin(&self) -> Option<Pin> {
        self.config.room.pin.clone()
    }

    /// Whether the idle page shows a code.
    pub(super) const fn idle_code(&self) -> IdleCode {
        self.config.room.idle_code
    }

    pub(super) fn camera(&self) -> CameraSpec {
        self.config.devices.camera.clone()
    }

    pub(super) fn choose_camera(&mut self, spec: CameraSpec) {
        self.choices.devices.camera = Some(spec.clone());
        self.config.devices.camera = spec;
    }

    pub(super) fn microphone(&self) -> MicrophoneSpec {
        self.config.devices.microphone.clone()
    }

    pub(super) fn choose_microphone(&mut self, spec: MicrophoneSpec) {
        self.choices.devices.microphone = Some(spec.clone());
        self.config.devices.microphone = spec;
    }

    pub(super) fn speaker(&self) -> SpeakerSpec {
        self.config.devices.speaker.clone()
    }

    pub(super) fn choose_speaker(&mut self, spec: SpeakerSpec) {
        self.choices.devices.speaker = Some(spec.clone());
        self.config.devices.speaker = spec;
    }

    pub(super) const fn join_muted(&self) -> bool {
        self.config.devices.join_muted
    }

    pub(super) const fn choose_join_muted(&mut self, muted: bool) {
        self.choices.devices.join_muted = Some(muted);
        self.config.devices.join_muted = muted;
    }

    /// The language that was set, or the system's where there is a translation.
    pub(super) fn language(&self) -> String {
        let system = || {
            ["LC_ALL", "LC_MESSAGES", "LANG"]
                .iter()
                .find_map(|name| std::env::var(name).ok())
        };
        let chosen = self
            .config
            .screen
            .language
            .as_ref()
            .map(|language| language.as_str().to_owned());
        let wanted = chosen.or_else(system).unwrap_or_default();
        super::language::named_by(&wanted).to_owned()
    }

    pub(super) fn choose_language(&mut self, language: &str) {
        let language: Option<Language> = language.parse().ok();
        self.choices.screen.language.clone_from(&language);
        self.config.screen.language = language;
    }

    pub(super) fn dark(&self) -> bool {
        self.config.screen.theme == Theme::Dark
    }

    pub(super) const fn choose_dark(&mut self, dark: bool) {
        let theme = if dark { Theme::Dark } else { Theme::Light };
        self.choices.screen.theme = Some(theme);
        self.config.screen.theme = theme;
    }

    pub(super) const fn reduce_motion(&self) -> bool {
        self.config.screen.reduce_motion
    }

    pub(super) const fn choose_reduce_motion(&mut self, reduce: bool) {
        self.choices.screen.reduce_motion = Some(reduce);
        self.config.screen.reduce_motion = reduce;
    }

    /// Whether a keyboard is to be shown where one types.
    pub(super) fn touch_keyboard(&self) -> bool {
        match self.config.screen.touch_keyboard {
            TouchKeyboard::On => true,
            TouchKeyboard::Off => false,
            TouchKeyboard::Auto => !has_keyboard(Path::new("/dev/input/by-path")),
        }
    }

    pub(super) const fn choose_touch_keyboard(&mut self, on: bool) {
        let wanted = if on {
            TouchKeyboard::On
        } else {
            TouchKeyboard::Off
        };
        self.choices.screen.touch_keyboard = Some(wanted);
        self.config.screen.touch_keyboard = wanted;
    }

    pub(super) const fn settings_pin(&self) -> Option<&Pin> {
        self.config.screen.settings_pin.as_ref()
    }

    /// Without a touch for so long a kiosk is idle again.
    pub(super) fn idle_after(&self) -> Option<Micros> {
        seconds(self.config.screen.idle_after_s)
    }

    /// Without a touch for so long the screen goes dark.
    pub(super) fn dark_after(&self) -> Option<Micros> {
        seconds(self.config.screen.blank_after_s)
    }
}

fn seconds(seconds: u32) -> Option<Micros> {
    (seconds > 0).then(|| Micros::from_secs(seconds.into()))
}

/// Whether a keyboard is plugged in, as udev names them.
fn has_keyboard(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().ends_with("-event-kbd"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyboard_is_told_from_a_touch_panel() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("platform-panel-event"), "").unwrap();
        assert!(!has_keyboard(folder.path()));
        std::fs::write(folder.path().join("pci-usb-0:1:1.0-event-kbd"), "").unwrap();
        assert!(has_keyboard(folder.path()));
    }
}
