//! How a relay is named on a command line or in a file.

use crate::net::control::with_default_port;
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

impl RelaySpec {
    /// What the relay's identity is kept under: what was said of it, not where it was found, as anyone on the network
    /// can be found.
    #[must_use]
    pub fn kept_as(&self) -> String {
        match self {
            Self::Auto => "auto".into(),
            Self::Named(name) => format!("auto:{}", name.to_lowercase()),
            Self::Address(address) => with_default_port(address),
        }
    }
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

/// No host name and no port makes a longer address.
const LONGEST_ADDRESS: usize = 260;

/// Whether a text can be a host, with a port or without.
pub(crate) fn is_address(text: &str) -> bool {
    if text.is_empty() || text.len() > LONGEST_ADDRESS {
        return false;
    }
    if text.parse::<std::net::IpAddr>().is_ok() || text.parse::<std::net::SocketAddr>().is_ok() {
        return true;
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "1"));
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    port.parse::<u16>().is_ok_and(|port| port > 0)
        && host.trim_end_matches('.').split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_kept_as_it_was_meant() {
        for (text, kept_as) in [
            ("auto", "auto"),
            ("auto:Cellar: Left", "auto:cellar: left"),
            ("relay.lan", "relay.lan:7470"),
            ("[::1]:9", "[::1]:9"),
        ] {
            assert_eq!(text.parse::<RelaySpec>().unwrap().kept_as(), kept_as);
        }
    }

    #[test]
    fn addresses_are_hosts_and_numbers_with_a_port_or_without() {
        for good in [
            "relay",
            "relay.lan",
            "relay.lan:7470",
            "192.0.2.1",
            "[2001:db8::1]:9",
            "2001:db8::1",
        ] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "relay lan",
            "relay:0",
            "relay:70000",
            "http://relay",
            "a..b",
            ":7470",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
