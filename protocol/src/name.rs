//! Validated names and texts: parsed once, at the edge, and valid from then on.
//!
//! Each type holds its text inline and bounded. Decoding from the wire applies the same rule as parsing typed text,
//! so every value that exists is valid. Names that people choose are kept in Unicode's composed form (NFC), and are
//! compared by their [`key`](Username::key).

mod account;
mod address;
mod room;
mod text;
mod unicode;
mod unseen;

use alloc::borrow::Cow;
use alloc::string::String;

pub use account::{Email, Username};
pub use address::{LinkToken, PublicUrl};
pub use room::{DisplayName, RoomName};
pub use text::{ChatText, Pin};
pub use unicode::is_mark;
pub use unseen::Unseen;

/// Why a text is not a valid name of the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Too few characters.
    #[error("too short: at least {least} characters are needed")]
    TooShort {
        /// The minimum.
        least: usize,
    },
    /// Too many characters or bytes.
    #[error("too long: at most {most} {unit} fit")]
    TooLong {
        /// The maximum.
        most: usize,
        /// The unit: "characters" or "bytes".
        unit: &'static str,
    },
    /// Only spaces.
    #[error("it is blank: a name needs more than spaces")]
    Blank,
    /// A character that the rule does not allow.
    #[error("the character {0:?} is not allowed here")]
    Character(char),
    /// An invisible character, with which one name could imitate another.
    #[error("it holds {what} (U+{:04X}), which is not allowed in a name; remove it", u32::from(*.character))]
    Unseen {
        /// The kind of the character.
        what: Unseen,
        /// The character.
        character: char,
    },
    /// A mark, such as an accent, that follows no letter.
    #[error("the mark U+{:04X} must follow a letter, and at most {most} marks fit on one", u32::from(*.mark))]
    Mark {
        /// The mark.
        mark: char,
        /// The most marks on one letter.
        most: usize,
    },
    /// The first character violates the rule.
    #[error("it must start with a letter or a digit")]
    Start,
    /// Not the address of a web page.
    #[error("an address looks like https://example.org")]
    NotAUrl,
    /// Not `local@domain`.
    #[error("an e-mail address looks like name@example.org")]
    NotAnEmail,
}

/// Returns a text as it is stored, or the part of the rule that it violates.
type Rule = fn(&str) -> Result<Cow<'_, str>, NameError>;

/// Defines the type of a [`Rule`].
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $parse:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(heapless::String<$bytes>);

        impl $name {
            /// Accepts the text if it follows the rule.
            ///
            /// # Errors
            /// [`NameError`] says which part of the rule the text violates.
            pub fn parse(text: &str) -> Result<Self, $crate::name::NameError> {
                let rule: $crate::name::Rule = $parse;
                let text = rule(text)?;
                heapless::String::try_from(text.as_ref())
                    .map(Self)
                    .map_err(|_| $crate::name::NameError::TooLong { most: $bytes, unit: "bytes" })
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Debug::fmt(self.0.as_str(), f)
            }
        }

        impl core::str::FromStr for $name {
            type Err = $crate::name::NameError;
            fn from_str(text: &str) -> Result<Self, $crate::name::NameError> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <&str as serde::Deserialize>::deserialize(deserializer)?;
                let name = Self::parse(text).map_err(serde::de::Error::custom)?;
                // Each value has one encoding: a text that the rule would change is refused on the wire.
                if name.as_str() == text { Ok(name) } else { Err(serde::de::Error::custom("not in canonical form")) }
            }
        }
    };
}
use name;

/// Gives types a form in which two values are compared.
macro_rules! keyed {
    ($($name:ident),*) => {$(
        impl $name {
            /// The text in the form for comparison: without case, compatibility forms and joiners (NFKC_Casefold).
            #[must_use]
            pub fn key(&self) -> String {
                unicode::key(self.as_str())
            }
        }
    )*};
}

keyed!(Username, Email, RoomName, DisplayName);

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

#[cfg(test)]
mod tests;
