//! Whose an address is: limits by address count what one party has, and not what one interface is called.
//!
//! A host with IPv6 has 2^64 addresses of its own, and a site usually 2^16 such networks. So an IPv4 address counts
//! for itself, an IPv6 address as its /64, and all of a /48 together as [`SITE_SHARE`] of those.

use std::net::{IpAddr, Ipv6Addr};

/// How many networks' share all networks of one IPv6 site have together. Higher lets one site take more places;
/// lower makes a large site's offices wait for each other.
pub const SITE_SHARE: u32 = 16;

/// What counts as one party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

impl Network {
    /// An IPv4 address, also one that is written as IPv6, or the /64 of an IPv6 address.
    pub const fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self {
                first: IpAddr::V4(address),
                bits: 32,
            },
            IpAddr::V6(address) => Self::prefix(address, 64),
        }
    }

    /// The /48 of an IPv6 address.
    pub const fn site(address: IpAddr) -> Option<Self> {
        match address.to_canonical() {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(Self::prefix(address, 48)),
        }
    }

    const fn prefix(address: Ipv6Addr, bits: u8) -> Self {
        let mask = u128::MAX << (128 - bits);
        let first = Ipv6Addr::from_bits(address.to_bits() & mask);
        Self {
            first: IpAddr::V6(first),
            bits,
        }
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.first {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(address) => write!(f, "{address}/{}", self.bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_is_one_network_whatever_its_addresses() {
        let network = |text: &str| Network::of(text.parse().unwrap()).to_string();
        let site = |text: &str| Network::site(text.parse().unwrap()).map(|site| site.to_string());
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"),
            ("fe80::1", "fe80::/64"),
        ] {
            assert_eq!(network(address), expected);
        }
        assert_eq!(site("2001:db8:1:2::9").as_deref(), Some("2001:db8:1::/48"));
        assert_eq!(site("::ffff:192.0.2.7"), None);
    }
}
