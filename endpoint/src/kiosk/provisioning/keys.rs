//! The keys of a provisioning file, as they are checked.

use serde::{Deserialize, Serialize};

use super::wifi::{Country, NetworkName, Password};
use super::zone::TimeZone;
use crate::config::text::optional;
use crate::config::{Account, Language, Relay, Room, Rotation, Theme};
use conclave_protocol::name::Pin;

/// Everything that a provisioning file can say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Keys {
    pub(super) relay: Relay,
    pub(super) account: Account,
    pub(super) room: Room,
    pub(super) screen: Screen,
    pub(super) wifi: Wifi,
    pub(super) clock: Clock,
    pub(super) secrets: Secrets,
}

/// What a fitter settles of the screen; the rest is the administrator's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Screen {
    #[serde(with = "optional")]
    pub(super) language: Option<Language>,
    pub(super) theme: Theme,
    pub(super) rotation: Rotation,
    #[serde(with = "optional")]
    pub(super) settings_pin: Option<Pin>,
}

/// The wireless network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wifi {
    #[serde(with = "optional")]
    pub(super) name: Option<NetworkName>,
    #[serde(with = "optional")]
    pub(super) password: Option<Password>,
    #[serde(with = "optional")]
    pub(super) country: Option<Country>,
}

/// The time of day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Clock {
    #[serde(with = "optional")]
    pub(super) time_zone: Option<TimeZone>,
}

/// What becomes of the secrets in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Secrets {
    pub(super) wipe: bool,
}
