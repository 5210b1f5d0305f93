//! How a relay is named on a command line or in a file.

use std::fmt;
use std::str::FromStr;

/// Which relay is meant: `auto`, `auto:NAME`, or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelaySpec {
    /// The only one on the LAN.
    Auto,
    /// The one on the LAN that has this name, without regard to case.
    Named(String),
    /// The one at HOST or HOST:PORT.
    Address(String),
}

impl FromStr for RelaySpec {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once(':') {
            None if text == "auto" => Self::Auto,
            Some(("auto", name)) => Self::Named(name.into()),
            _ => Self::Address(text.into()),
        })
    }
}

impl fmt::Display for RelaySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Named(name) => write!(f, "auto:{name}"),
            Self::Address(address) => f.write_str(address),
        }
    }
}
