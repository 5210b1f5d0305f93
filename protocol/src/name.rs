//! Validated names and texts: parsed once, at the edge, and right from then on.
//!
//! Each type holds its text inline and bounded. Decoding from the wire goes through the same rule as
//! parsing what a person typed, so a value that exists is a value that fits.

use alloc::string::{String as OwnedString, ToString};
use core::fmt;
use heapless::String;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is not the name it was meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Fewer characters than the least allowed.
    #[error("too short: at least {least} characters are needed")]
    TooShort {
        /// The least allowed.
        least: usize,
    },
    /// More characters or bytes than the most allowed.
    #[error("too long: at most {most} {unit} fit")]
    TooLong {
        /// The most allowed.
        most: usize,
        /// What is counted: "characters" or "bytes".
        unit: &'static str,
    },
    /// A character that the rule does not allow.
    #[error("the character {0:?} is not allowed here")]
    Character(char),
    /// The first character breaks the rule.
    #[error("it must start with a letter or a digit")]
    Start,
    /// No address of a web page.
    #[error("an address looks like https://example.org")]
    NotAUrl,
    /// Not `local@domain`.
    #[error("an e-mail address looks like name@example.org")]
    NotAnEmail,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $parse:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String<$bytes>);

        impl $name {
            /// Takes the text if it follows the rule.
            ///
            /// # Errors
            /// [`NameError`] says which part of the rule it breaks.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let rule: fn(&str) -> Result<&str, NameError> = $parse;
                let text = rule(text)?;
                String::try_from(text)
                    .map(Self)
                    .map_err(|_| NameError::TooLong { most: $bytes, unit: "bytes" })
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text in the form in which two are compared: without case.
            #[must_use]
            pub fn key(&self) -> OwnedString {
                self.0.to_lowercase()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.0.as_str(), f)
            }
        }

        impl core::str::FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <&str>::deserialize(deserializer)?;
                let name = Self::parse(text).map_err(|e| de::Error::custom(e.to_string()))?;
                // One value has one encoding: what the rule would trim is refused on the wire.
                if name.as_str() == text { Ok(name) } else { Err(de::Error::custom("not in canonical form")) }
            }
        }
    };
}

fn count(text: &str, least: usize, most: usize) -> Result<(), NameError> {
    let chars = text.chars().take(most + 1).count();
    if chars < least {
        return Err(NameError::TooShort { least });
    }
    if chars > most {
        return Err(NameError::TooLong {
            most,
            unit: "characters",
        });
    }
    Ok(())
}

fn forbid(text: &str, mut forbidden: impl FnMut(char) -> bool) -> Result<(), NameError> {
    text.chars()
        .find(|&c| forbidden(c))
        .map_or(Ok(()), |c| Err(NameError::Character(c)))
}

/// Invisible characters that could make one name look like another: bidirectional controls and joiners.
fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

name! {
    /// An account's name: 2–32 letters, digits, `_`, `.`, `-`, starting with a letter or a digit;
    /// compared without case. Letters and digits are Unicode's, so 128 bytes hold any.
    Username, 128, |text| {
        count(text, 2, 32)?;
        if !text.starts_with(char::is_alphanumeric) {
            return Err(NameError::Start);
        }
        forbid(text, |c| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-')))?;
        Ok(text)
    }
}

name! {
    /// An e-mail address: at most 254 bytes (RFC 5321 §4.5.3.1.3), `local@domain`, ASCII.
    ///
    /// The rule: a dot-atom local part of at most 64 bytes (RFC 5322 §3.2.3, no quoted strings, no
    /// comments) and a domain of letter-digit-hyphen labels of 1–63 bytes (RFC 1035 §2.3.1). A single
    /// label is allowed: LANs have such hosts.
    Email, 254, |text| {
        if text.len() > 254 {
            return Err(NameError::TooLong { most: 254, unit: "bytes" });
        }
        let (local, domain) = text.rsplit_once('@').ok_or(NameError::NotAnEmail)?;
        let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
        let label = |l: &str| {
            (1..=63).contains(&l.len())
                && !l.starts_with('-')
                && !l.ends_with('-')
                && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        let fits = local.len() <= 64
            && local.split('.').all(|part| !part.is_empty() && part.chars().all(atom))
            && domain.split('.').all(label);
        if fits { Ok(text) } else { Err(NameError::NotAnEmail) }
    }
}

name! {
    /// A room's name: 1–48 characters of any script, trimmed, no control characters; unique without case.
    RoomName, 192, |text| {
        let text = text.trim();
        count(text, 1, 48)?;
        forbid(text, |c| c.is_control() || is_deceptive(c))?;
        Ok(text)
    }
}

name! {
    /// A line of chat: 1–2000 bytes, no control characters but `\n` and `\t`.
    ChatText, 2000, |text| {
        if text.is_empty() {
            return Err(NameError::TooShort { least: 1 });
        }
        if text.len() > 2000 {
            return Err(NameError::TooLong { most: 2000, unit: "bytes" });
        }
        forbid(text, |c| c.is_control() && c != '\n' && c != '\t')?;
        Ok(text)
    }
}

name! {
    /// A room's PIN: 4–12 digits.
    Pin, 12, |text| {
        count(text, 4, 12)?;
        forbid(text, |c| !c.is_ascii_digit())?;
        Ok(text)
    }
}

name! {
    /// Where browsers find a relay: `https://` or `http://`, a host, perhaps a port and a path, at most 200 bytes
    /// of ASCII, without a query or a fragment.
    PublicUrl, 200, |text| {
        if text.len() > 200 {
            return Err(NameError::TooLong { most: 200, unit: "bytes" });
        }
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.ok_or(NameError::NotAUrl)?.split('/').next().unwrap_or_default();
        if host.is_empty() {
            return Err(NameError::NotAUrl);
        }
        forbid(text, |c| !c.is_ascii_graphic() || "\"#<>?@\\^`{|}".contains(c))?;
        Ok(text)
    }
}

name! {
    /// What a link to a room proves its worth by, opaque to all but the relay that made it: 1–64 characters of
    /// base64url (RFC 4648 §5).
    LinkToken, 64, |text| {
        count(text, 1, 64)?;
        forbid(text, |c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))?;
        Ok(text)
    }
}

impl PublicUrl {
    /// The host, and the port where one is given.
    #[must_use]
    pub fn host(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_follow_their_rule() {
        for good in ["an", "Ana", "9lives", "a_b.c-d", "Đức", &"x".repeat(32)] {
            assert_eq!(
                Username::parse(good).map(|n| n.as_str() == good),
                Ok(true),
                "{good}"
            );
        }
        for bad in [
            "",
            "a",
            "-ab",
            ".ab",
            "a b",
            "a\u{0}b",
            "a@b",
            "a\u{202e}b",
            &"x".repeat(33),
        ] {
            assert!(Username::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_that_differ_in_case_alone_have_one_key() {
        let (a, b) = (
            Username::parse("Đức").unwrap(),
            Username::parse("đỨC").unwrap(),
        );
        assert_ne!(a, b);
        assert_eq!(a.key(), b.key());
    }

    #[test]
    fn emails_follow_their_rule() {
        for good in [
            "a@b",
            "ana@example.org",
            "a.b+c@x-y.example",
            "o'neil@example.org",
        ] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        let long = "a".repeat(65) + "@b";
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a@b@",
            "a..b@c",
            ".a@b",
            "a@-b",
            "a@b..c",
            "a b@c",
            "é@b",
            long.as_str(),
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Email::parse(&("a@".to_string() + &"b".repeat(300))).is_err());
    }

    #[test]
    fn room_names_are_trimmed_when_typed_and_refused_untrimmed_on_the_wire() {
        let room = RoomName::parse("  Phòng họp 1 ").unwrap();
        assert_eq!(room.as_str(), "Phòng họp 1");
        let bytes = postcard::to_allocvec(" x ").unwrap();
        assert!(postcard::from_bytes::<RoomName>(&bytes).is_err());
    }

    #[test]
    fn chat_allows_lines_and_tabs_but_no_other_control() {
        assert!(ChatText::parse("a\n\tb").is_ok());
        assert!(ChatText::parse("").is_err());
        assert!(ChatText::parse("a\u{1b}[31m").is_err());
        assert!(ChatText::parse(&"é".repeat(1000)).is_ok());
        assert!(ChatText::parse(&"é".repeat(1001)).is_err());
    }

    #[test]
    fn pins_are_digits() {
        assert!(Pin::parse("0042").is_ok());
        assert!(Pin::parse("123").is_err());
        assert!(Pin::parse("12a4").is_err());
        assert!(Pin::parse("1234567890123").is_err());
    }

    #[test]
    fn public_addresses_have_a_host_and_nothing_after_their_path() {
        for (good, host) in [
            ("https://calls.example.org", "calls.example.org"),
            ("http://[::1]:7480/", "[::1]:7480"),
            ("https://example.org/calls", "example.org"),
        ] {
            assert_eq!(
                PublicUrl::parse(good).map(|url| url.host() == host),
                Ok(true),
                "{good}"
            );
        }
        for bad in [
            "",
            "example.org",
            "ftp://example.org",
            "https://",
            "https:///calls",
            "https://a@b",
            "https://a/#b",
            "https://a/?b",
            "https://a b",
            "https://é",
            &("https://".to_string() + &"a".repeat(200)),
        ] {
            assert!(PublicUrl::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn link_tokens_are_base64url() {
        assert!(LinkToken::parse("aZ09-_").is_ok());
        for bad in ["", "a=", "a/b", "a+b", &"a".repeat(65)] {
            assert!(LinkToken::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert!(postcard::from_bytes::<Username>(&[3, 0xed, 0xa0, 0x80]).is_err());
        assert!(postcard::from_bytes::<Username>(&[0xff, 0xff, 0xff, 0xff, 0x0f, b'a']).is_err());
    }
}
