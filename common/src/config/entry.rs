//! Single keys with their values, as a file or a variable sets them.

use std::fs;
use std::path::Path;

use toml::{Table, Value};

use super::ConfigError;

/// One key with its value, and the file or variable that sets it. Nothing of it has been checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The file or variable, for messages.
    pub origin: String,
    /// The section.
    pub section: String,
    /// The key within its section; empty when the section itself has a value.
    pub key: String,
    /// The value.
    pub value: Value,
}

/// Whether messages must not show a key's value.
#[must_use]
pub fn is_secret(key: &str) -> bool {
    key.ends_with("pin") || key == "password"
}

impl Entry {
    /// The key with its section, as messages name it.
    #[must_use]
    pub fn name(&self) -> String {
        match self.key.as_str() {
            "" => self.section.clone(),
            key => format!("{}.{key}", self.section),
        }
    }

    /// The error that refuses this value for a reason. It does not show the value of a secret.
    #[must_use]
    pub fn refused(&self, reason: impl Into<String>) -> ConfigError {
        ConfigError::Value {
            key: self.name(),
            value: match is_secret(&self.key) {
                true => "…".into(),
                false => self.value.to_string(),
            },
            origin: self.origin.clone(),
            reason: reason.into(),
        }
    }
}

/// The keys of a TOML file. A section without keys is one entry with an empty key.
///
/// # Errors
/// [`ConfigError::Read`] and [`ConfigError::Syntax`].
pub fn read(path: &Path) -> Result<Vec<Entry>, ConfigError> {
    let text = fs::read_to_string(path).map_err(|error| ConfigError::Read {
        path: path.into(),
        error,
    })?;
    let table: Table = text.parse().map_err(|error| ConfigError::Syntax {
        path: path.into(),
        error: Box::new(error),
    })?;
    let mut entries = Vec::new();
    let entry = |section: &str, key: &str, value| Entry {
        origin: path.display().to_string(),
        section: section.into(),
        key: key.into(),
        value,
    };
    for (section, value) in table {
        match value {
            Value::Table(keys) if !keys.is_empty() => {
                let keys = keys.into_iter();
                entries.extend(keys.map(|(key, value)| entry(&section, &key, value)));
            }
            value => entries.push(entry(&section, "", value)),
        }
    }
    Ok(entries)
}
