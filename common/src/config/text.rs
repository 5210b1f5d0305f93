//! Keys that a file writes as text and that have a type of their own here, for `#[serde(with = …)]`.

/// A value that every text must be able to become.
pub mod plain {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use std::fmt::Display;
    use std::str::FromStr;

    /// Writes the value as text.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    /// Reads the value from text.
    ///
    /// # Errors
    /// The deserializer's own, and what is wrong with the text.
    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// A value that may be missing, which an empty text says.
pub mod optional {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use std::fmt::Display;
    use std::str::FromStr;

    /// Writes the value as text.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_str(""),
        }
    }

    /// Reads the value from text; `None` from an empty one.
    ///
    /// # Errors
    /// The deserializer's own, and what is wrong with the text.
    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        let value = (!text.is_empty()).then(|| text.parse()).transpose();
        value.map_err(D::Error::custom)
    }
}

/// An absolute folder that may be missing, which an empty text says.
pub mod folder {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};
    use std::path::{Path, PathBuf};

    /// Writes the value as text.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(
        value: &Option<PathBuf>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let path = value.as_deref().unwrap_or_else(|| Path::new(""));
        path.serialize(serializer)
    }

    /// Reads the folder; `None` from an empty text.
    ///
    /// # Errors
    /// The deserializer's own, and a folder that is not absolute.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        let path = PathBuf::deserialize(deserializer)?;
        if path.as_os_str().is_empty() {
            return Ok(None);
        }
        // Services and people start the program from different folders.
        match path.is_absolute() {
            true => Ok(Some(path)),
            false => Err(D::Error::custom("it must begin with \"/\"")),
        }
    }
}
