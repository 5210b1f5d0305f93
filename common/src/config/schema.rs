//! Which keys a configuration has, and which values each may have.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{ConfigError, Entry};

/// The keys of the configuration `T`, each with its default.
///
/// The default says what kind of value a key takes: a text, a whole number, or true and false.
#[derive(Clone, Debug)]
pub struct Schema<T> {
    defaults: Table,
    of: PhantomData<fn() -> T>,
}

impl<T: Default + Serialize + DeserializeOwned> Schema<T> {
    /// The keys that the default of `T` has.
    ///
    /// # Panics
    /// When the default is not a struct of structs, or has values that TOML cannot hold, as `None`.
    #[must_use]
    pub fn new() -> Self {
        let defaults = Table::try_from(T::default());
        Self {
            defaults: defaults.expect("the defaults are texts, numbers and switches"),
            of: PhantomData,
        }
    }

    /// Every key with its section.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &str)> {
        self.defaults.iter().flat_map(|(section, keys)| {
            let keys = keys.as_table().into_iter().flat_map(Table::keys);
            keys.map(move |key| (section.as_str(), key.as_str()))
        })
    }

    /// The default of a key, if there is such a key.
    pub(super) fn default_of(&self, section: &str, key: &str) -> Option<&Value> {
        self.defaults.get(section)?.get(key)
    }

    /// Whether there is such a key, and it may have this value.
    ///
    /// # Errors
    /// [`ConfigError::UnknownKey`] and [`ConfigError::Value`].
    pub fn check(&self, entry: &Entry) -> Result<(), ConfigError> {
        let is_section = self
            .defaults
            .get(&entry.section)
            .is_some_and(Value::is_table);
        match (self.default_of(&entry.section, &entry.key), &entry.value) {
            // An empty section says nothing.
            (None, Value::Table(keys)) if is_section && entry.key.is_empty() && keys.is_empty() => {
                Ok(())
            }
            (None, _) if is_section && entry.key.is_empty() => {
                Err(entry.refused("it is a section with keys of its own"))
            }
            (None, _) => Err(self.unknown(entry)),
            (Some(default), value) => match wrong_kind(default, value) {
                Some(reason) => Err(entry.refused(reason)),
                None => Self::try_alone(entry),
            },
        }
    }

    /// Whether `T` can be built from this key alone.
    fn try_alone(entry: &Entry) -> Result<(), ConfigError> {
        let keys = Table::from_iter([(entry.key.clone(), entry.value.clone())]);
        let alone = Table::from_iter([(entry.section.clone(), Value::Table(keys))]);
        let built: Result<T, _> = alone.try_into();
        let refused = |error: toml::de::Error| match (&entry.value, error.message()) {
            (Value::Integer(number), message) if message.starts_with("invalid value: integer") => {
                entry.refused(match number.is_negative() {
                    true => "it must not be negative",
                    false => "it is too large",
                })
            }
            (_, message) => entry.refused(message),
        };
        built.map(drop).map_err(refused)
    }

    fn unknown(&self, entry: &Entry) -> ConfigError {
        let name = entry.name();
        let known = self.keys().map(|(section, key)| format!("{section}.{key}"));
        let likeness = |known: &String| (strsim::jaro_winkler(known, &name) * 1e6) as u64;
        ConfigError::UnknownKey {
            nearest: known.max_by_key(likeness).unwrap_or_default(),
            origin: entry.origin.clone(),
            key: name,
        }
    }
}

impl<T: Default + Serialize + DeserializeOwned> Default for Schema<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a value is not of the default's kind, if it is not.
fn wrong_kind(default: &Value, value: &Value) -> Option<String> {
    let text = value.as_str().unwrap_or_default();
    match default {
        Value::String(_) if !value.is_str() => Some("it must be a text, in quotes".into()),
        Value::Integer(_) if text.parse::<i64>().is_ok() => {
            Some("it must be a number without quotes".into())
        }
        Value::Integer(such) if !value.is_integer() => {
            Some(format!("it must be a whole number, such as {such}"))
        }
        Value::Boolean(_) if text.parse::<bool>().is_ok() => {
            Some("it must be true or false without quotes".into())
        }
        Value::Boolean(_) if !value.is_bool() => Some("it must be true or false".into()),
        _ => None,
    }
}
