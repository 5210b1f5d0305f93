//! The keys of a provisioning file, as they are checked.

use serde::{Deserialize, Serialize};

use super::network::{Address, Gateway, Interface, NameServers};
use super::time_servers::TimeServers;
use super::wifi::{Country, NetworkName, Password, Security};
use super::zone::TimeZone;
use crate::config::{
    Account, KeyboardLayout, Language, Output, Relay, RoomConfig, Rotation, Theme,
};
use conclave_common::config::text::optional;
use conclave_protocol::name::Pin;

/// Everything that a provisioning file can say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Keys {
    pub(super) relay: Relay,
    pub(super) account: Account,
    pub(super) room: RoomConfig,
    pub(super) screen: Screen,
    pub(super) wifi: Wifi,
    pub(super) network: Network,
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
    #[serde(with = "optional")]
    pub(super) output: Option<Output>,
    #[serde(with = "optional")]
    pub(super) keyboard: Option<KeyboardLayout>,
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
    #[serde(with = "optional")]
    pub(super) security: Option<Security>,
}

/// The time of day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Clock {
    #[serde(with = "optional")]
    pub(super) time_zone: Option<TimeZone>,
    #[serde(with = "optional")]
    pub(super) servers: Option<TimeServers>,
}

/// The addresses of the network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Network {
    pub(super) interface: Interface,
    #[serde(with = "optional")]
    pub(super) address: Option<Address>,
    #[serde(with = "optional")]
    pub(super) gateway: Option<Gateway>,
    #[serde(with = "optional")]
    pub(super) dns: Option<NameServers>,
}

/// What becomes of the secrets in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Secrets {
    pub(super) wipe: bool,
}
