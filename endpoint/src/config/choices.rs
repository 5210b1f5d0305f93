//! What a person chose on the screen: `settings.toml` in the keep's folder, over the file in `/etc`.

use conclave_common::config::text::optional;
use conclave_protocol::name::{DisplayName, Email, Pin, Username};
use serde::{Deserialize, Serialize};

use super::{Config, Fingerprint, Language, Rotation, Theme, TouchKeyboard};
use crate::camera::CameraSpec;
use crate::data_dir::{DataDir, DataDirError};
use crate::net::discovery::RelaySpec;
use crate::sound::{MicrophoneSpec, SpeakerSpec};

/// The file of choices, within the keep's folder.
pub(super) const FILE: &str = "settings.toml";

/// What was chosen. What was not is as the file in `/etc` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Choices {
    /// Where to go.
    pub relay: RelayChoices,
    /// Who this is there.
    pub account: AccountChoices,
    /// What it sees and hears with.
    pub devices: DeviceChoices,
    /// How the screen looks and behaves.
    pub screen: ScreenChoices,
}

/// Choices for [`super::Relay`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of `Relay`")]
pub struct RelayChoices {
    #[serde(with = "optional", skip_serializing_if = "Option::is_none")]
    pub address: Option<RelaySpec>,
    #[serde(with = "optional", skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
}

/// Choices for [`super::Account`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of `Account`")]
pub struct AccountChoices {
    #[serde(with = "optional", skip_serializing_if = "Option::is_none")]
    pub name: Option<Username>,
    #[serde(with = "optional", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<DisplayName>,
    #[serde(with = "optional", skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
}

/// Choices for [`super::DeviceConfig`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of `DeviceConfig`")]
pub struct DeviceChoices {
    #[serde(with = "optional", skip_serializing_if = "Option::is_none")]
    pub camera: Option<CameraSpec>,
    #[serde(with = "optional", skip_serializing_if = "Option::is_none")]
    pub microphone: Option<MicrophoneSpec>,
    #[serde(with = "optional", skip_serializing_if = "Option::is_none")]
    pub speaker: Option<SpeakerSpec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_muted: Option<bool>,
}

/// Choices for [`super::Screen`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of `Screen`")]
pub struct ScreenChoices {
    #[serde(with = "optional", skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theme: Option<Theme>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reduce_motion: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub touch_keyboard: Option<TouchKeyboard>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blank_after_s: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_after_s: Option<u32>,
    #[serde(with = "optional", skip_serializing_if = "Option::is_none")]
    pub settings_pin: Option<Pin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
}

impl Config {
    /// What was chosen so far; to be changed and given to [`Self::save_choices`].
    #[must_use]
    pub fn choices(&self) -> Choices {
        super::layers::choices(&self.keep_folder())
            .try_into()
            .unwrap_or_default()
    }

    /// Keeps what a person chose, all of it at once; it counts from the next [`Self::load`] on.
    ///
    /// # Errors
    /// [`DataDirError`] when it cannot be written; then the choices of before stand.
    pub fn save_choices(&self, choices: &Choices) -> Result<(), DataDirError> {
        let text = toml::to_string(choices).expect("choices are texts, numbers and switches");
        DataDir::open(&self.keep_folder())?.write(FILE, text.as_bytes())
    }
}
