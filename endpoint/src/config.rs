//! The configuration: a TOML file, over it what a kiosk was provisioned with, then what a person chose on the screen,
//! then the environment, then flags.
//!
//! `endpoint.example.toml` documents every key; a test holds the two together. A text that is empty is as good
//! as none, so that every key can be written down.

mod choices;
mod hardware;
mod layers;
mod provisioned;
mod text;

use std::fmt;
use std::path::PathBuf;

use conclave_common::config::text::{folder, optional, plain};
use conclave_protocol::name::{DisplayName, Email, Pin, RoomName, Username};
use serde::{Deserialize, Serialize};

use crate::camera::CameraSpec;
use crate::data_dir::DataDir;
use crate::net::discovery::RelaySpec;
use crate::sound::{MicrophoneSpec, SpeakerSpec};

pub use choices::{AccountChoices, Choices, DeviceChoices, RelayChoices, ScreenChoices};
pub use conclave_common::config::ConfigError;
pub use hardware::{KeyboardLayout, KeyboardLayoutError, Output, OutputError};
pub use text::{Fingerprint, FingerprintError, Language, LanguageError};

/// Where the configuration is when nothing else is said.
pub const DEFAULT_FILE: &str = "/etc/conclave/endpoint.toml";

/// Everything that can be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to go.
    pub relay: Relay,
    /// Who this is there.
    pub account: Account,
    /// Which room to join by itself.
    pub room: RoomConfig,
    /// What it sees and hears with.
    pub devices: DeviceConfig,
    /// How the screen looks and behaves.
    pub screen: Screen,
    /// What is kept.
    pub data: Data,
}

/// Where to go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Relay {
    /// The relay; a person is asked when there is none.
    #[serde(with = "optional")]
    pub address: Option<RelaySpec>,
    /// What it must be known by. It belongs to the address: who names another address leaves it behind.
    #[serde(with = "optional")]
    pub fingerprint: Option<Fingerprint>,
}

/// Who this is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// The account's name.
    #[serde(with = "optional")]
    pub name: Option<Username>,
    /// What others see; the account's name when there is none. It belongs to the name: who names another account
    /// leaves it behind.
    #[serde(with = "optional")]
    pub display_name: Option<DisplayName>,
    /// The account's e-mail address.
    #[serde(with = "optional")]
    pub email: Option<Email>,
}

/// Which room to join by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoomConfig {
    /// The room.
    #[serde(with = "optional")]
    pub name: Option<RoomName>,
    /// Its PIN. It belongs to the name: who names another room leaves it behind.
    #[serde(with = "optional")]
    pub pin: Option<Pin>,
    /// Whether a kiosk's idle page shows a code by which browsers come into the room.
    pub idle_code: IdleCode,
}

/// Whether a kiosk's idle page shows a code by which browsers come into the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdleCode {
    /// Where the room has no PIN: the code opens it to everyone who passes by.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// What it sees and hears with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceConfig {
    /// The camera.
    #[serde(with = "plain")]
    pub camera: CameraSpec,
    /// The microphone.
    #[serde(with = "plain")]
    pub microphone: MicrophoneSpec,
    /// The speaker.
    #[serde(with = "plain")]
    pub speaker: SpeakerSpec,
    /// Whether rooms are entered with the microphone muted.
    pub join_muted: bool,
}

/// How the screen looks and behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Screen {
    /// The language of its texts; the system's when there is none.
    #[serde(with = "optional")]
    pub language: Option<Language>,
    /// Its colors.
    pub theme: Theme,
    /// Whether nothing slides or fades.
    pub reduce_motion: bool,
    /// Whether a keyboard is shown where one types.
    pub touch_keyboard: TouchKeyboard,
    /// After how many untouched seconds outside a call the screen goes dark; 0: never.
    pub blank_after_s: u32,
    /// After how many untouched seconds outside a call the idle page comes; 0: never.
    pub idle_after_s: u32,
    /// What opens the settings.
    #[serde(with = "optional")]
    pub settings_pin: Option<Pin>,
    /// How the screen is mounted.
    pub rotation: Rotation,
    /// The connector of the screen; the first one that has a screen when there is none.
    #[serde(with = "optional")]
    pub output: Option<Output>,
    /// The layout of a keyboard that is plugged in; US English when there is none.
    #[serde(with = "optional")]
    pub keyboard: Option<KeyboardLayout>,
}

/// The screen's colors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Light on dark.
    #[default]
    Dark,
    /// Dark on light.
    Light,
}

/// Whether a keyboard is shown on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TouchKeyboard {
    /// Where no other one is plugged in.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// By how many degrees pictures are turned clockwise before they are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum Rotation {
    /// Not at all.
    #[default]
    None,
    /// By 90 degrees.
    Quarter,
    /// By 180 degrees.
    Half,
    /// By 270 degrees.
    ThreeQuarters,
}

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// The folder of everything that the endpoint keeps; the user's data folder when there is none.
    #[serde(with = "folder")]
    pub dir: Option<PathBuf>,
}

impl Config {
    /// The folder of everything that the endpoint keeps.
    #[must_use]
    pub fn keep_folder(&self) -> PathBuf {
        self.data
            .dir
            .clone()
            .unwrap_or_else(DataDir::default_folder)
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            language: None,
            theme: Theme::default(),
            reduce_motion: false,
            touch_keyboard: TouchKeyboard::default(),
            blank_after_s: 600,
            idle_after_s: 120,
            settings_pin: None,
            rotation: Rotation::default(),
            output: None,
            keyboard: None,
        }
    }
}

impl Rotation {
    /// The degrees, clockwise.
    #[must_use]
    pub const fn degrees(self) -> u16 {
        match self {
            Self::None => 0,
            Self::Quarter => 90,
            Self::Half => 180,
            Self::ThreeQuarters => 270,
        }
    }
}

impl TryFrom<u16> for Rotation {
    type Error = RotationError;
    fn try_from(degrees: u16) -> Result<Self, RotationError> {
        match degrees {
            0 => Ok(Self::None),
            90 => Ok(Self::Quarter),
            180 => Ok(Self::Half),
            270 => Ok(Self::ThreeQuarters),
            _ => Err(RotationError(degrees)),
        }
    }
}

impl From<Rotation> for u16 {
    fn from(rotation: Rotation) -> Self {
        rotation.degrees()
    }
}

/// A screen cannot be mounted so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationError(u16);

impl fmt::Display for RotationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not 0, 90, 180 or 270", self.0)
    }
}
