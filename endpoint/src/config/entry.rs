//! Single keys: where they are written, what they may be called, and which values they may have.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::Config;

/// What environment variables begin with; then `SECTION__KEY`.
const PREFIX: &str = "CONCLAVE_ENDPOINT__";
/// A variable that the command line takes itself.
const DATA_DIR: &str = "CONCLAVE_ENDPOINT__DATA_DIR";
/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not TOML: {error}")]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Where and why.
        error: Box<toml::de::Error>,
    },
    /// A key that does not exist.
    #[error("unknown key {key:?} in {origin}: did you mean {nearest:?}?")]
    UnknownKey {
        /// The key, with its section.
        key: String,
        /// The file or variable in which it stands.
        origin: String,
        /// The known key that is most like it.
        nearest: String,
    },
    /// A value that a key cannot have.
    #[error("{key} = {value} in {origin}: {reason}")]
    Value {
        /// The key, with its section.
        key: String,
        /// The value, unless it is a secret.
        value: String,
        /// The file or variable in which it stands.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ConfigError {
    /// What is wrong, for whoever says by themselves where it stands.
    #[must_use]
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Read { error, .. } => error.to_string(),
            Self::Syntax { error, .. } => error.message().to_owned(),
            Self::UnknownKey { key, nearest, .. } => {
                format!("unknown key {key:?}: did you mean {nearest:?}?")
            }
            #[rustfmt::skip]
            Self::Value { key, value, reason, .. } => format!("{key} = {value}: {reason}"),
        }
    }
}

/// One key with its value, and the file or variable that says so.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) origin: String,
    pub(crate) section: String,
    pub(crate) key: String,
    pub(crate) value: Value,
}

/// Whether a key's value is for nobody's eyes.
pub(crate) fn is_secret(key: &str) -> bool {
    key.ends_with("pin") || key == "password"
}

impl Entry {
    fn name(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    pub(crate) fn refused(&self, reason: impl Into<String>) -> ConfigError {
        ConfigError::Value {
            key: self.name(),
            value: if is_secret(&self.key) {
                "…".into()
            } else {
                self.value.to_string()
            },
            origin: self.origin.clone(),
            reason: reason.into(),
        }
    }
}

/// The keys of a file.
pub(super) fn read(path: &Path) -> Result<Vec<Entry>, ConfigError> {
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
            Value::Table(keys) if keys.is_empty() => {
                entries.push(entry(&section, "", Value::Table(keys)));
            }
            Value::Table(keys) => {
                let keys = keys.into_iter();
                entries.extend(keys.map(|(key, value)| entry(&section, &key, value)));
            }
            value => entries.push(entry(&section, "", value)),
        }
    }
    Ok(entries)
}

/// The keys of an environment; its other variables are none of ours.
pub(super) fn variables(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Vec<Entry> {
    let defaults = defaults();
    let entry = |(name, value): (OsString, OsString)| {
        let name = name.into_string().ok().filter(|name| name != DATA_DIR)?;
        let key = name.strip_prefix(PREFIX)?.to_lowercase();
        let (section, key) = key.split_once("__").unwrap_or((&key, ""));
        let value = value.to_string_lossy().into_owned();
        let like = defaults.get(section).and_then(|section| section.get(key));
        Some(Entry {
            section: section.into(),
            key: key.into(),
            value: typed(value, like),
            origin: name,
        })
    };
    environment.into_iter().filter_map(entry).collect()
}

/// A variable's text as the kind of value that its key has.
fn typed(text: String, like: Option<&Value>) -> Value {
    let parsed = match like {
        Some(Value::Integer(_)) => text.parse().ok().map(Value::Integer),
        Some(Value::Boolean(_)) => text.parse().ok().map(Value::Boolean),
        _ => None,
    };
    parsed.unwrap_or(Value::String(text))
}

/// Whether there is such a key, and it may have that value.
pub(super) fn check(entry: &Entry) -> Result<(), ConfigError> {
    check_as::<Config>(entry, &defaults())
}

/// The same for another set of keys, and what they are when nothing is said.
pub(crate) fn check_as<T: DeserializeOwned>(
    entry: &Entry,
    defaults: &Table,
) -> Result<(), ConfigError> {
    let section = defaults.get(&entry.section).and_then(Value::as_table);
    let like = section.and_then(|section| section.get(&entry.key));
    match (section, like, &entry.value) {
        // An empty section says nothing.
        (Some(_), None, Value::Table(keys)) if entry.key.is_empty() && keys.is_empty() => Ok(()),
        (Some(_), None, _) if entry.key.is_empty() => Err(ConfigError::Value {
            key: entry.section.clone(),
            value: entry.value.to_string(),
            origin: entry.origin.clone(),
            reason: "it is a section with keys of its own".into(),
        }),
        (_, None, _) => Err(unknown(entry, defaults)),
        (_, Some(Value::String(_)), value) if !value.is_str() => {
            Err(entry.refused("it must be a text, in quotes"))
        }
        _ => {
            let keys = Table::from_iter([(entry.key.clone(), entry.value.clone())]);
            let alone = Table::from_iter([(entry.section.clone(), Value::Table(keys))]);
            let taken: Result<T, _> = alone.try_into();
            let refused = |error: toml::de::Error| entry.refused(error.message());
            taken.map(drop).map_err(refused)
        }
    }
}

fn unknown(entry: &Entry, defaults: &Table) -> ConfigError {
    let name = match entry.key.as_str() {
        "" => entry.section.clone(),
        _ => entry.name(),
    };
    let keys = |(section, keys): (&String, &Value)| {
        let keys = keys.as_table().into_iter().flat_map(Table::keys);
        keys.map(|key| format!("{section}.{key}"))
            .collect::<Vec<_>>()
    };
    let known = defaults.iter().flat_map(keys);
    let alike = |known: &String| (strsim::jaro_winkler(known, &name) * 1e6) as u64;
    ConfigError::UnknownKey {
        nearest: known.max_by_key(alike).unwrap_or_default(),
        origin: entry.origin.clone(),
        key: name,
    }
}

/// Every key that there is, with its default.
pub(super) fn defaults() -> Table {
    Table::try_from(Config::default()).expect("the defaults are texts, numbers and switches")
}
