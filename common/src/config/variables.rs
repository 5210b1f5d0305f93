//! Environment variables as keys: `PREFIX` `SECTION` `__` `KEY`.

use std::ffi::OsString;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Value;

use super::{ConfigError, Entry, Schema};

impl<T: Default + Serialize + DeserializeOwned> Schema<T> {
    /// The keys that variables with this prefix set. Variables without it are left alone, whatever they hold.
    ///
    /// A variable has no type of its own: its key decides. A key that takes a text takes it as it is, also one that
    /// looks like a number; one that takes a number or true and false takes what the text says, and [`Schema::check`]
    /// refuses any other text.
    ///
    /// # Errors
    /// [`ConfigError::Value`] when a variable with the prefix is not UTF-8.
    pub fn variables(
        &self,
        prefix: &str,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Vec<Entry>, ConfigError> {
        let entry = |(name, value): (OsString, OsString)| {
            let name = name.to_string_lossy();
            let key = name.strip_prefix(prefix)?.to_lowercase();
            let (section, key) = key.split_once("__").unwrap_or((&key, ""));
            let entry = |value| Entry {
                origin: name.clone().into_owned(),
                section: section.into(),
                key: key.into(),
                value,
            };
            let default = self.default_of(section, key);
            Some(match value.into_string() {
                Ok(text) => Ok(entry(typed(text, default))),
                Err(bytes) => {
                    let shown = Value::String(bytes.to_string_lossy().into_owned());
                    Err(entry(shown).refused("it is not UTF-8: set the variable again"))
                }
            })
        };
        environment.into_iter().filter_map(entry).collect()
    }
}

/// A variable's text as the kind of value that its key takes; as a text where it is no such value.
fn typed(text: String, default: Option<&Value>) -> Value {
    let parsed = match default {
        Some(Value::Integer(_)) => text.parse().ok().map(Value::Integer),
        Some(Value::Boolean(_)) => text.parse().ok().map(Value::Boolean),
        _ => None,
    };
    parsed.unwrap_or(Value::String(text))
}
