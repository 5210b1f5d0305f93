//! Values of the configuration that are checked where they are read.

use std::net::{IpAddr, SocketAddr};

use conclave_protocol::name::PublicUrl;
use serde::{Deserialize, Serialize};

/// An address, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Listener {
    /// Not at all.
    Off,
    /// It listens at this address.
    On(SocketAddr),
}

impl std::fmt::Display for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::On(address) => address.fmt(f),
        }
    }
}

impl std::str::FromStr for Listener {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let address = text.parse().map(Self::On);
        address.map_err(|_| format!("{text:?} is neither an address and port nor \"off\""))
    }
}

impl TryFrom<String> for Listener {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Listener> for String {
    fn from(listener: Listener) -> Self {
        listener.to_string()
    }
}

/// A public address, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicAddress(pub Option<PublicUrl>);

impl TryFrom<String> for PublicAddress {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let url = PublicUrl::parse(&text).map(|url| Self(Some(url)));
        url.map_err(|error| format!("{text:?} is no public address: {error}"))
    }
}

impl From<PublicAddress> for String {
    fn from(address: PublicAddress) -> Self {
        address.0.map_or_else(Self::new, |url| url.as_str().into())
    }
}

/// Names of hosts, with spaces between them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostNames(pub Vec<String>);

impl TryFrom<String> for HostNames {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let is_name = |name: &str| {
            let labels = || name.split('.');
            let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '-';
            labels().all(|label| !label.is_empty() && label.chars().all(is_letter))
        };
        let names = text.split_whitespace();
        match names.clone().find(|name| !is_name(name)) {
            None => Ok(Self(names.map(str::to_lowercase).collect())),
            Some(wrong) => Err(format!(
                "{wrong:?} is no name of a host, as \"relay.lan\" is one"
            )),
        }
    }
}

impl From<HostNames> for String {
    fn from(names: HostNames) -> Self {
        names.0.join(" ")
    }
}

/// A proxy's address, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrustedProxy(pub Option<IpAddr>);

impl TryFrom<String> for TrustedProxy {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let address = text.parse().map(|address| Self(Some(address)));
        address.map_err(|_| format!("{text:?} is no address, which a trusted proxy must be"))
    }
}

impl From<TrustedProxy> for String {
    fn from(proxy: TrustedProxy) -> Self {
        proxy
            .0
            .map_or_else(Self::new, |address| address.to_string())
    }
}
