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
        if text.split_once('"').is_some_and(|(_, rest)| rest.contains('#')) {
            return Err(WifiError::PasswordComment);
        }
        match text.len() {
            8..=63 => Ok(Self::Phrase(text.into())),
            length => Err(WifiError::PasswordLength(length)),
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

/// The configuration of `wpa_supplicant`, if there is a network.
pub(super) fn configuration(wifi: &Wifi, header: &str) -> Option<String> {
    let name = wifi.name.as_ref()?;
    let mut text = format!("{header}ctrl_interface=/run/wpa_supplicant\n");
    if let Some(country) = &wifi.country {
        writeln!(text, "country={country}").expect("a string takes everything");
    }
    let hex: String = name.0.bytes().map(|byte| format!("{byte:02x}")).collect();
    // A network that does not tell its name is found by asking for it.
    write!(text, "network={{\n\tssid={hex}\n\tscan_ssid=1\n").expect("a string takes everything");
    text.push_str(&match &wifi.password {
        None => "\tkey_mgmt=NONE\n".into(),
        // WPA3 proves the characters themselves.
        Some(Password::Key(key)) => {
            format!("\tpsk={key}\n\tkey_mgmt=WPA-PSK WPA-PSK-SHA256\n\tieee80211w=1\n")
        }
        Some(Password::Phrase(phrase)) => {
            format!("\tpsk=\"{phrase}\"\n\tkey_mgmt=WPA-PSK WPA-PSK-SHA256 SAE\n\tieee80211w=1\n")
        }
    });
    text.push_str("}\n");
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
        };
        configuration(&wifi, "").unwrap()
    }

    #[test]
    fn a_network_without_a_password_is_open() {
        assert_eq!(
            network("Café", None, Some("DE")),
            "ctrl_interface=/run/wpa_supplicant\ncountry=DE\nnetwork={\n\tssid=436166c3a9\n\tscan_ssid=1\n\
             \tkey_mgmt=NONE\n}\n"
        );
        assert_eq!(configuration(&Wifi::default(), ""), None);
    }

    #[test]
    fn no_name_and_no_password_can_write_a_line_of_its_own() {
        let hostile = network("x\"\n}\nnetwork={", Some("a#\"}network={\\\""), None);
        assert_eq!(
            hostile,
            "ctrl_interface=/run/wpa_supplicant\nnetwork={\n\tssid=78220a7d0a6e6574776f726b3d7b\n\tscan_ssid=1\n\
             \tpsk=\"a#\"}network={\\\"\"\n\tkey_mgmt=WPA-PSK WPA-PSK-SHA256 SAE\n\tieee80211w=1\n}\n"
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
