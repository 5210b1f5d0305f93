//! A wireless network, and how `wpa_supplicant` is told of it.
//!
//! Nothing that was typed is written as it is but a password of printable ASCII in quotes, the one form that
//! `wpa_supplicant` takes everything up to the last quote of a line in; a name goes as hexadecimal digits.

use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;
use std::str::FromStr;

use super::keys::Wifi;

/// The countries that there are, by their codes, where the system has a list.
const COUNTRIES: &str = "/usr/share/zoneinfo/iso3166.tab";

/// What a network calls itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NetworkName(String);

/// What opens a network.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Password {
    /// 8 to 63 characters.
    Phrase(String),
    /// What the characters were turned into before: 64 hexadecimal digits.
    Key(String),
}

/// How a network with a password is joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Security {
    /// By WPA3 where the network has it; by plain WPA2 when that fails.
    #[default]
    Auto,
    /// By WPA2 alone.
    Wpa2,
    /// By WPA3 alone.
    Wpa3,
}

/// Where the radio stands, whose rules it must keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Country(String);

/// Why a text is nothing of a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WifiError {
    #[error("the name of a network has at most 32 bytes, this one has {0}")]
    NameTooLong(usize),
    #[error("a password has 8 to 63 characters, this one has {0}")]
    PasswordLength(usize),
    #[error("only letters, digits, signs and spaces of ASCII can be in a password")]
    PasswordCharacter,
    #[error("wpa_supplicant takes no password with a # after a quotation mark")]
    PasswordComment,
    #[error("a country is two capital letters, as \"DE\"")]
    NoCountry,
    #[error("there is no such country in {COUNTRIES}")]
    UnknownCountry,
    #[error("it must be \"auto\", \"wpa2\" or \"wpa3\"")]
    Security,
}

impl FromStr for NetworkName {
    type Err = WifiError;
    fn from_str(text: &str) -> Result<Self, WifiError> {
        match text.len() {
            ..=32 => Ok(Self(text.into())),
            bytes => Err(WifiError::NameTooLong(bytes)),
        }
    }
}

impl FromStr for Password {
    type Err = WifiError;
    fn from_str(text: &str) -> Result<Self, WifiError> {
        if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Self::Key(text.to_ascii_lowercase()));
        }
        if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(WifiError::PasswordCharacter);
        }
        // It takes the rest of the line for a comment then.
        if text
            .split_once('"')
            .is_some_and(|(_, rest)| rest.contains('#'))
        {
            return Err(WifiError::PasswordComment);
        }
        match text.len() {
            8..=63 => Ok(Self::Phrase(text.into())),
            length => Err(WifiError::PasswordLength(length)),
        }
    }
}

impl FromStr for Security {
    type Err = WifiError;
    fn from_str(text: &str) -> Result<Self, WifiError> {
        match text {
            "auto" => Ok(Self::Auto),
            "wpa2" => Ok(Self::Wpa2),
            "wpa3" => Ok(Self::Wpa3),
            _ => Err(WifiError::Security),
        }
    }
}

impl FromStr for Country {
    type Err = WifiError;
    fn from_str(text: &str) -> Result<Self, WifiError> {
        if text.len() != 2 || !text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(WifiError::NoCountry);
        }
        match fs::read_to_string(Path::new(COUNTRIES)) {
            Ok(list) if !lists(&list, text) => Err(WifiError::UnknownCountry),
            _ => Ok(Self(text.into())),
        }
    }
}

fn lists(countries: &str, code: &str) -> bool {
    let code_of = |line: &str| line.split('\t').next().map(str::to_owned);
    countries
        .lines()
        .any(|line| code_of(line).as_deref() == Some(code))
}

impl fmt::Display for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Wpa2 => "wpa2",
            Self::Wpa3 => "wpa3",
        })
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Phrase(text) | Self::Key(text)) = self;
        f.write_str(text)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// WPA3 where the network has it, else WPA2; management frames protected where the network can.
const EITHER: &str = "key_mgmt=WPA-PSK WPA-PSK-SHA256 SAE\n\tieee80211w=1";
/// The same for a key, which WPA3 cannot use: it proves the characters themselves.
const BY_KEY: &str = "key_mgmt=WPA-PSK WPA-PSK-SHA256\n\tieee80211w=1";
/// The oldest way of WPA2. Firmware of some radios (Raspberry Pi 3, 4, Zero 2) joins a network that has both WPA2 and
/// WPA3 only when nothing else is offered.
const PLAIN: &str = "key_mgmt=WPA-PSK\n\tieee80211w=0";
const WPA2: &str = "proto=RSN\n\tkey_mgmt=WPA-PSK\n\tieee80211w=0";
const WPA3: &str = "key_mgmt=SAE\n\tieee80211w=2";

/// What two keys of the section cannot say together: the key that is to be changed, and why.
pub(super) fn contradiction(wifi: &Wifi) -> Option<(&'static str, String)> {
    let reason = match (wifi.security?, &wifi.password) {
        (Security::Wpa3, Some(Password::Key(_))) => {
            "WPA3 needs the password itself, not the key of 64 digits that was made of it"
        }
        (security @ (Security::Wpa2 | Security::Wpa3), None) => {
            let reason =
                format!("wifi.security = \"{security}\": it needs wifi.password, which is missing");
            return Some(("security", reason));
        }
        _ => return None,
    };
    Some(("security", format!("wifi.security = \"wpa3\": {reason}")))
}

/// The configuration of `wpa_supplicant`, if there is a network. Of several ways to join it the first one is preferred;
/// `conclave-wifi-fallback` goes on to the next one.
pub(super) fn configuration(wifi: &Wifi, header: &str) -> Option<String> {
    let name = wifi.name.as_ref()?;
    let mut text = format!("{header}ctrl_interface=/run/wpa_supplicant\n");
    if let Some(country) = &wifi.country {
        writeln!(text, "country={country}").expect("a string takes everything");
    }
    let hex: String = name.0.bytes().map(|byte| format!("{byte:02x}")).collect();
    let security = wifi.security.unwrap_or_default();
    let ways: &[&str] = match (security, &wifi.password) {
        (_, None) => &["key_mgmt=NONE"],
        (Security::Auto, Some(Password::Phrase(_))) => &[EITHER, PLAIN],
        (Security::Auto, Some(Password::Key(_))) => &[BY_KEY, PLAIN],
        (Security::Wpa2, Some(_)) => &[WPA2],
        (Security::Wpa3, Some(_)) => &[WPA3],
    };
    let psk = match &wifi.password {
        None => String::new(),
        Some(Password::Key(key)) => format!("\tpsk={key}\n"),
        Some(Password::Phrase(phrase)) => format!("\tpsk=\"{phrase}\"\n"),
    };
    for (way, priority) in ways.iter().zip((0..ways.len()).rev()) {
        // A network that does not tell its name is found by asking for it.
        write!(
            text,
            "network={{\n\tssid={hex}\n\tscan_ssid=1\n{psk}\t{way}\n\tpriority={priority}\n}}\n"
        )
        .expect("a string takes everything");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(name: &str, password: Option<&str>, country: Option<&str>) -> String {
        let wifi = Wifi {
            name: Some(name.parse().unwrap()),
            password: password.map(|text| text.parse().unwrap()),
            country: country.map(|text| text.parse().unwrap()),
            security: None,
        };
        configuration(&wifi, "").unwrap()
    }

    #[test]
    fn a_network_without_a_password_is_open() {
        assert_eq!(
            network("Café", None, Some("DE")),
            "ctrl_interface=/run/wpa_supplicant\ncountry=DE\nnetwork={\n\tssid=436166c3a9\n\tscan_ssid=1\n\
             \tkey_mgmt=NONE\n\tpriority=0\n}\n"
        );
        assert_eq!(configuration(&Wifi::default(), ""), None);
    }

    #[test]
    fn no_name_and_no_password_can_write_a_line_of_its_own() {
        let hostile = network("x\"\n}\nnetwork={", Some("a#\"}network={\\\""), None);
        assert_eq!(
            hostile,
            "ctrl_interface=/run/wpa_supplicant\nnetwork={\n\tssid=78220a7d0a6e6574776f726b3d7b\n\tscan_ssid=1\n\
             \tpsk=\"a#\"}network={\\\"\"\n\tkey_mgmt=WPA-PSK WPA-PSK-SHA256 SAE\n\tieee80211w=1\n\tpriority=1\n}\n\
             network={\n\tssid=78220a7d0a6e6574776f726b3d7b\n\tscan_ssid=1\n\
             \tpsk=\"a#\"}network={\\\"\"\n\tkey_mgmt=WPA-PSK\n\tieee80211w=0\n\tpriority=0\n}\n"
        );
        for bad in ["line\nbreak", "tab\tulator", "Paßwort1", "\u{7f}1234567"] {
            assert_eq!(bad.parse::<Password>(), Err(WifiError::PasswordCharacter));
        }
        let comment = "a \"quoted\" # sign".parse::<Password>();
        assert_eq!(comment, Err(WifiError::PasswordComment));
    }

    #[test]
    fn a_password_has_a_length_that_networks_take() {
        let parse = |length: usize| "x".repeat(length).parse::<Password>();
        assert_eq!(parse(7), Err(WifiError::PasswordLength(7)));
        assert!(parse(8).is_ok() && parse(63).is_ok());
        assert_eq!(parse(64), Err(WifiError::PasswordLength(64)));
        let key = network("a", Some(&"A0".repeat(32)), None);
        assert!(key.contains(&format!("\tpsk={}\n", "a0".repeat(32))) && !key.contains("SAE"));
        assert_eq!(
            "x".repeat(33).parse::<NetworkName>(),
            Err(WifiError::NameTooLong(33))
        );
    }

    #[test]
    fn security_says_by_which_ways_a_network_is_joined_and_in_which_order() {
        let ways = |security: &str, password: &str| {
            let wifi = Wifi {
                name: Some("Maple".parse().unwrap()),
                password: Some(password.parse().unwrap()),
                country: None,
                security: Some(security.parse().unwrap()),
            };
            assert_eq!(contradiction(&wifi), None, "{security} {password}");
            let text = configuration(&wifi, "").unwrap();
            let ways = text.split("network={").skip(1);
            let line = |way: &str, key: &str| {
                let mut lines = way.lines().map(str::trim);
                let found = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
                found.map(str::to_owned)
            };
            let way = |way| {
                [
                    line(way, "key_mgmt"),
                    line(way, "ieee80211w"),
                    line(way, "priority"),
                ]
            };
            ways.map(way)
                .map(|way| way.map(Option::unwrap).join(" "))
                .collect::<Vec<_>>()
        };
        let (phrase, key) = ("correct horse", "a0".repeat(32));
        assert_eq!(
            ways("auto", phrase),
            ["WPA-PSK WPA-PSK-SHA256 SAE 1 1", "WPA-PSK 0 0"]
        );
        assert_eq!(
            ways("auto", &key),
            ["WPA-PSK WPA-PSK-SHA256 1 1", "WPA-PSK 0 0"]
        );
        assert_eq!(ways("wpa2", phrase), ["WPA-PSK 0 0"]);
        assert_eq!(ways("wpa2", &key), ["WPA-PSK 0 0"]);
        assert_eq!(ways("wpa3", phrase), ["SAE 2 0"]);
        for bad in ["", "WPA2", "wpa", "wep", "open"] {
            assert_eq!(bad.parse::<Security>(), Err(WifiError::Security), "{bad}");
        }
    }

    #[test]
    fn a_country_is_one_that_there_is() {
        for bad in ["de", "D", "DEU", "D1", "ÄÖ"] {
            assert_eq!(bad.parse::<Country>(), Err(WifiError::NoCountry), "{bad}");
        }
        assert!(lists("# codes\nDE\tGermany\n", "DE") && !lists("DE\tGermany\n", "ZZ"));
        if Path::new(COUNTRIES).exists() {
            assert_eq!("ZZ".parse::<Country>(), Err(WifiError::UnknownCountry));
        }
    }
}
