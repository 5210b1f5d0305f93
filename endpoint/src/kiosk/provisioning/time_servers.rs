//! Where the time of day comes from, and how systemd-timesyncd is told of it.
//!
//! The relay is asked where neither the file nor the network names a server, so that a room without the internet has
//! the relay's time as soon as the relay's machine serves it. Servers of the internet come after it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::net::discovery::RelaySpec;

/// More servers make the time no better.
const MOST: usize = 4;
/// What is asked when the relay does not answer: the public pool, as Debian names it.
const PUBLIC: &str = "0.debian.pool.ntp.org 1.debian.pool.ntp.org";

/// Servers that know the time, by names or addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TimeServers(Vec<String>);

/// Why a text is no list of time servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TimeServersError {
    #[error("it takes names or addresses as \"ntp.lan 192.168.1.1\", with spaces between them")]
    Form,
    #[error("it takes at most {MOST} servers")]
    TooMany,
}

/// Whether a text is an address, or a name that DNS can have.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_name = text.len() <= 253 && text.split('.').all(is_label);
    // Only digits and dots: a mistyped address.
    let is_number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse::<IpAddr>().is_ok() || (is_name && !is_number)
}

impl FromStr for TimeServers {
    type Err = TimeServersError;
    fn from_str(text: &str) -> Result<Self, TimeServersError> {
        let servers: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
        if servers.is_empty() || !servers.iter().all(|server| is_host(server)) {
            return Err(TimeServersError::Form);
        }
        match servers.len() <= MOST {
            true => Ok(Self(servers)),
            false => Err(TimeServersError::TooMany),
        }
    }
}

impl fmt::Display for TimeServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl TimeServers {
    /// The configuration of systemd-timesyncd.
    pub(super) fn configuration(&self, header: &str) -> String {
        format!("{header}[Time]\nNTP={self}\n")
    }
}

/// What systemd-timesyncd asks when neither file nor network names a server: the relay, if its host is known, and the
/// public pool.
pub(super) fn fallback(relay: &RelaySpec, header: &str) -> Option<String> {
    let RelaySpec::Address(address) = relay else {
        return None;
    };
    let host = host(address);
    is_host(host).then(|| format!("{header}[Time]\nFallbackNTP={host} {PUBLIC}\n"))
}

/// The host of `HOST`, `HOST:PORT`, or `[IPV6]:PORT`.
fn host(address: &str) -> &str {
    if let Some(rest) = address.strip_prefix('[') {
        return rest.split_once(']').map_or(rest, |(host, _)| host);
    }
    match address.split_once(':') {
        Some((host, port)) if !port.contains(':') => host,
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_servers_are_a_few_names_and_addresses() {
        let servers: TimeServers = " ntp.lan  192.168.1.1 fd00::1".parse().unwrap();
        assert_eq!(
            servers.configuration("# X\n"),
            "# X\n[Time]\nNTP=ntp.lan 192.168.1.1 fd00::1\n"
        );
        for bad in [
            "",
            "a,b",
            "ntp.lan:123",
            "-x",
            "a..b",
            "192.168.1",
            "a\u{e9}",
            "x_y",
        ] {
            assert_eq!(
                bad.parse::<TimeServers>(),
                Err(TimeServersError::Form),
                "{bad}"
            );
        }
        let many = "a b c d e".parse::<TimeServers>();
        assert_eq!(many, Err(TimeServersError::TooMany));
    }

    #[test]
    fn the_relay_is_asked_for_the_time_where_nobody_names_a_server() {
        let asked = |relay: &str| {
            let text = fallback(&relay.parse().unwrap(), "")?;
            let line = text.strip_prefix("[Time]\nFallbackNTP=")?.to_owned();
            line.split(' ').next().map(str::to_owned)
        };
        for (relay, host) in [
            ("relay.lan", "relay.lan"),
            ("relay.lan:7470", "relay.lan"),
            ("192.168.1.10:7470", "192.168.1.10"),
            ("[fd00::1]:7470", "fd00::1"),
            ("[fd00::1]", "fd00::1"),
        ] {
            assert_eq!(asked(relay).as_deref(), Some(host));
        }
        assert_eq!(asked("auto"), None);
        assert_eq!(asked("auto:Office"), None);
    }
}
