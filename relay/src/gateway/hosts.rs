//! Which names are the relay's: a request for any other is not answered, as a page of another site may have made it.
//!
//! A site can have its own name lead to the relay's address (DNS rebinding), and its page is then of the same origin
//! as what it asks for. Addresses are taken as they are: no other site's name is one.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};

/// The names by which browsers may ask.
#[derive(Debug)]
pub(super) struct KnownHosts {
    /// In lower case, without a final dot; none when the certificate says who the relay is.
    names: Option<HashSet<String>>,
}

impl KnownHosts {
    /// These names, or any where `is_vouched_for`: browsers then compare the name with a certificate that others gave.
    pub(super) fn new(names: &[String], is_vouched_for: bool) -> Self {
        let names = names.iter().map(|name| plain(name));
        Self {
            names: (!is_vouched_for).then(|| names.collect()),
        }
    }

    /// Whether `host`, with or without a port, is the relay.
    pub(super) fn knows(&self, host: &str) -> bool {
        let Some(names) = &self.names else {
            return true;
        };
        let name = without_port(host);
        let is_address = match name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
        {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => name.parse::<IpAddr>().is_ok(),
        };
        is_address || names.contains(&plain(name))
    }
}

fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => {
            // An IPv6 address without brackets is no host of a request.
            if name.contains(':') && !name.ends_with(']') {
                host
            } else {
                name
            }
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_are_unknown_and_addresses_are_taken() {
        let names = ["relay.lan", "localhost", "calls.example"].map(String::from);
        let hosts = KnownHosts::new(&names, false);
        for known in [
            "relay.lan",
            "Relay.LAN:7480",
            "relay.lan.",
            "relay.lan.:7480",
            "localhost:1",
            "calls.example",
            "192.0.2.7:7480",
            "[2001:db8::1]:7480",
            "[::1]",
        ] {
            assert!(hosts.knows(known), "{known}");
        }
        for unknown in [
            "evil:7480",
            "evil.example",
            "relay.lan.evil.example",
            "evil.relay.lan",
            "",
            ":7480",
            "[relay.lan]",
            "1.2.3.4.evil.example",
            "0x7f000001",
            "2130706433",
        ] {
            assert!(!hosts.knows(unknown), "{unknown}");
        }
        assert!(KnownHosts::new(&[], true).knows("evil.example"));
    }
}
