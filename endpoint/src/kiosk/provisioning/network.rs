//! The network's addresses, and how systemd-networkd is told of them.
//!
//! Nothing that was typed is written as it is: addresses are, which have one form each.

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::keys::Network;

/// More are of no use to a resolver.
const MOST_SERVERS: usize = 3;

/// By which way the kiosk is connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Interface {
    /// By a cable.
    #[default]
    Cable,
    /// By Wi-Fi.
    Wifi,
}

/// Where the kiosk's own address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// The network says it.
    Dhcp,
    /// It has this one, in a network of so many leading bits.
    Static(IpAddr, u8),
}

/// The router to other networks, by its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gateway(IpAddr);

/// Servers that know names, by their addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NameServers(Vec<IpAddr>);

/// Why a text is nothing of a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NetworkError {
    #[error("an address is \"dhcp\", or one with the bits of its network as \"192.168.1.20/24\"")]
    Address,
    #[error("this network has 1 to {0} bits")]
    Bits(u8),
    #[error("no device can have this address: take one that the network's administrator gives")]
    NotForDevices,
    #[error("a gateway is an address as \"192.168.1.1\"")]
    Gateway,
    #[error("it takes addresses as \"192.168.1.1\", with spaces between them")]
    NameServers,
    #[error("it takes at most {MOST_SERVERS} addresses")]
    TooManyNameServers,
}

const fn bits_of(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// An address as a number.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// The network that an address is in.
fn network_of(address: IpAddr, bits: u8) -> u128 {
    let own = u32::from(bits_of(address) - bits);
    number(address).checked_shr(own).unwrap_or(0)
}

/// Whether a device in this network can have this address: not the network's own, and not the one of everyone in it.
fn is_for_devices(address: IpAddr, bits: u8) -> bool {
    if address.is_unspecified() || address.is_multicast() || address.is_loopback() {
        return false;
    }
    let own = u32::from(bits_of(address) - bits);
    match address {
        IpAddr::V4(address) if own >= 2 => {
            let mask = (1_u32 << own) - 1;
            let own = u32::from(address) & mask;
            own != 0 && own != mask
        }
        _ => true,
    }
}

impl FromStr for Address {
    type Err = NetworkError;
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        if text == "dhcp" {
            return Ok(Self::Dhcp);
        }
        let (address, bits) = text.split_once('/').ok_or(NetworkError::Address)?;
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Address)?;
        let bits: u8 = bits.parse().map_err(|_| NetworkError::Address)?;
        let most = bits_of(address);
        if !(1..=most).contains(&bits) {
            return Err(NetworkError::Bits(most));
        }
        match is_for_devices(address, bits) {
            true => Ok(Self::Static(address, bits)),
            false => Err(NetworkError::NotForDevices),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dhcp => f.write_str("dhcp"),
            Self::Static(address, bits) => write!(f, "{address}/{bits}"),
        }
    }
}

impl FromStr for Gateway {
    type Err = NetworkError;
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        text.parse().map(Self).map_err(|_| NetworkError::Gateway)
    }
}

impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for NameServers {
    type Err = NetworkError;
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let servers: Result<Vec<IpAddr>, _> = text.split_whitespace().map(str::parse).collect();
        let servers = servers.map_err(|_| NetworkError::NameServers)?;
        match servers.len() {
            0 => Err(NetworkError::NameServers),
            1..=MOST_SERVERS => Ok(Self(servers)),
            _ => Err(NetworkError::TooManyNameServers),
        }
    }
}

impl fmt::Display for NameServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<_> = self.0.iter().map(IpAddr::to_string).collect();
        f.write_str(&servers.join(" "))
    }
}

/// What two keys of the section cannot say together: the key that is to be changed, and why.
pub(super) fn contradiction(network: &Network) -> Option<(&'static str, String)> {
    let Gateway(gateway) = network.gateway?;
    let reason = match network.address {
        None | Some(Address::Dhcp) => "the network says it by DHCP: leave it out".into(),
        Some(Address::Static(address, _)) if address.is_ipv4() != gateway.is_ipv4() => {
            "it must be of the same kind as network.address: both IPv4, or both IPv6".into()
        }
        Some(Address::Static(address, _)) if address == gateway => {
            "it is the kiosk's own address: take the router's".into()
        }
        Some(Address::Static(address, bits)) => {
            // Routers of IPv6 are named by an address that counts on their own cable alone.
            let is_local =
                matches!(gateway, IpAddr::V6(address) if address.is_unicast_link_local());
            if is_local || network_of(address, bits) == network_of(gateway, bits) {
                return None;
            }
            format!("it is not in the network of {address}/{bits}: correct one of them")
        }
    };
    Some((
        "gateway",
        format!("network.gateway = \"{gateway}\": {reason}"),
    ))
}

/// The configuration of systemd-networkd, if the section says anything.
pub(super) fn configuration(network: &Network, header: &str) -> Option<String> {
    if *network == Network::default() {
        return None;
    }
    let matching = match network.interface {
        Interface::Cable => "Type=ether\nKind=!*",
        Interface::Wifi => "Type=wlan",
    };
    let mut text = format!("{header}[Match]\n{matching}\n\n[Network]\n");
    let mut line = |key: &str, value: &dyn fmt::Display| {
        writeln!(text, "{key}={value}").expect("a string takes everything");
    };
    let address = network.address.unwrap_or(Address::Dhcp);
    match address {
        Address::Dhcp => line("DHCP", &"yes"),
        Address::Static(..) => line("Address", &address),
    }
    if let Some(gateway) = network.gateway {
        line("Gateway", &gateway);
    }
    for server in network.dns.iter().flat_map(|servers| &servers.0) {
        line("DNS", server);
    }
    if address == Address::Dhcp {
        text.push_str("\n[DHCPv4]\nClientIdentifier=mac\n");
        if network.dns.is_some() {
            text.push_str("UseDNS=no\n");
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str, gateway: Option<&str>, dns: Option<&str>) -> Network {
        Network {
            interface: Interface::Cable,
            address: Some(address.parse().unwrap()),
            gateway: gateway.map(|text| text.parse().unwrap()),
            dns: dns.map(|text| text.parse().unwrap()),
        }
    }

    #[test]
    fn an_address_is_one_that_a_device_can_have() {
        for good in [
            "dhcp",
            "192.168.1.20/24",
            "10.0.0.0/31",
            "10.0.0.1/32",
            "10.1.0.0/8",
            "fd00::20/64",
        ] {
            assert_eq!(good.parse::<Address>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "192.168.1.20",
            "192.168.1/24",
            "a/24",
            "10.0.0.1/",
            "10.0.0.1/x",
            "DHCP",
            "10.0.0.1/24\n",
        ] {
            assert_eq!(
                bad.parse::<Address>(),
                Err(NetworkError::Address),
                "{bad:?}"
            );
        }
        assert_eq!(
            "10.0.0.1/33".parse::<Address>(),
            Err(NetworkError::Bits(32))
        );
        assert_eq!("10.0.0.1/0".parse::<Address>(), Err(NetworkError::Bits(32)));
        assert_eq!(
            "fd00::1/129".parse::<Address>(),
            Err(NetworkError::Bits(128))
        );
        for nobodys in [
            "192.168.1.0/24",
            "192.168.1.255/24",
            "0.0.0.0/24",
            "127.0.0.1/8",
            "224.0.0.1/24",
            "::1/64",
            "ff02::1/64",
            "128.0.0.0/1",
        ] {
            let parsed = nobodys.parse::<Address>();
            assert_eq!(parsed, Err(NetworkError::NotForDevices), "{nobodys}");
        }
    }

    #[test]
    fn a_gateway_is_in_the_network_of_the_address() {
        let wrong = |address: &str, gateway: &str| {
            let found = contradiction(&network(address, Some(gateway), None));
            found.map(|(key, reason)| {
                assert_eq!(key, "gateway");
                reason
            })
        };
        assert_eq!(wrong("192.168.1.20/24", "192.168.1.1"), None);
        assert_eq!(wrong("fd00::20/64", "fd00::1"), None);
        assert_eq!(wrong("fd00::20/64", "fe80::1"), None);
        assert_eq!("router".parse::<Gateway>(), Err(NetworkError::Gateway));
        for (address, gateway, reason) in [
            (
                "192.168.1.20/24",
                "192.168.2.1",
                "not in the network of 192.168.1.20/24",
            ),
            ("192.168.1.20/24", "192.168.1.20", "the kiosk's own address"),
            ("192.168.1.20/24", "fe80::1", "both IPv4, or both IPv6"),
            ("dhcp", "192.168.1.1", "by DHCP: leave it out"),
        ] {
            let said = wrong(address, gateway).unwrap();
            assert!(
                said.contains(reason) && said.contains("network.gateway"),
                "{said}"
            );
        }
    }

    #[test]
    fn name_servers_are_a_few_addresses() {
        let servers: NameServers = " 192.168.1.1  fd00::1 ".parse().unwrap();
        assert_eq!(servers.to_string(), "192.168.1.1 fd00::1");
        for bad in ["dns.lan", "192.168.1.1,1.1.1.1", " "] {
            assert_eq!(
                bad.parse::<NameServers>(),
                Err(NetworkError::NameServers),
                "{bad}"
            );
        }
        let many = "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4".parse::<NameServers>();
        assert_eq!(many, Err(NetworkError::TooManyNameServers));
    }

    #[test]
    fn systemd_is_told_of_an_address_or_of_dhcp() {
        assert_eq!(configuration(&Network::default(), ""), None);
        let given = network(
            "192.168.1.20/24",
            Some("192.168.1.1"),
            Some("192.168.1.1 9.9.9.9"),
        );
        assert_eq!(
            configuration(&given, "# X\n").unwrap(),
            "# X\n[Match]\nType=ether\nKind=!*\n\n[Network]\nAddress=192.168.1.20/24\nGateway=192.168.1.1\n\
             DNS=192.168.1.1\nDNS=9.9.9.9\n"
        );
        let mut back = network("dhcp", None, Some("192.168.1.1"));
        back.interface = Interface::Wifi;
        assert_eq!(
            configuration(&back, "").unwrap(),
            "[Match]\nType=wlan\n\n[Network]\nDHCP=yes\nDNS=192.168.1.1\n\n[DHCPv4]\nClientIdentifier=mac\nUseDNS=no\n"
        );
    }
}
