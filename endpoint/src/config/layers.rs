//! Laying file, choices and environment over the defaults.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use toml::{Table, Value};

use super::entry::{ConfigError, Entry, check, read, variables};
use super::{Config, DEFAULT_FILE, choices, provisioned};

/// Sections that a person may choose in; the others are the administrator's.
const CHOSEN: [&str; 4] = ["relay", "account", "devices", "screen"];
/// Keys that say something about another key's value, and mean nothing beside another value.
const COMPANIONS: [(&str, &str, &str); 3] = [
    ("relay", "address", "fingerprint"),
    ("account", "name", "display_name"),
    ("room", "name", "pin"),
];

impl Config {
    /// The defaults, and over them this file, or [`DEFAULT_FILE`] where it exists, what was chosen on the screen,
    /// and the environment.
    ///
    /// `folder` is where choices are kept, and then `data.dir`, whatever the others say.
    ///
    /// # Errors
    /// [`ConfigError`] names file, key, value and reason. What is wrong with choices is no error: it is logged
    /// and left out, as nobody could repair it on a board without a keyboard.
    pub fn load(file: Option<&Path>, folder: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load_layers(or_default(file), None, folder, std::env::vars_os())
    }

    /// The same for a kiosk, with what was provisioned in the folder `state` between the file and the choices.
    ///
    /// # Errors
    /// As [`Self::load`]; what is wrong with what was provisioned is left out like a choice.
    pub fn load_provisioned(
        file: Option<&Path>,
        state: &Path,
        folder: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        Self::load_layers(or_default(file), Some(state), folder, std::env::vars_os())
    }

    /// The same with the caller's environment, and without [`DEFAULT_FILE`].
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_with(
        file: Option<&Path>,
        folder: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        Self::load_layers(file, None, folder, environment)
    }

    pub(super) fn load_layers(
        file: Option<&Path>,
        state: Option<&Path>,
        folder: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let file = file.map(read).transpose()?.unwrap_or_default();
        let environment = variables(environment);
        for entry in file.iter().chain(&environment) {
            check(entry)?;
        }
        let mut merged = Table::new();
        lay_over(&mut merged, file);
        if let Some(state) = state {
            lay_over(&mut merged, provisioned::entries(state));
        }
        let folder = folder.map(Path::to_owned).or_else(|| {
            let mut both = merged.clone();
            lay_over(&mut both, environment.clone());
            finish(both).data.dir
        });
        let keep = folder
            .clone()
            .unwrap_or_else(crate::keep::Keep::default_folder);
        lay_over(&mut merged, chosen(&keep));
        lay_over(&mut merged, environment);
        let mut config = finish(merged);
        config.data.dir = folder;
        Ok(config)
    }
}

/// The choices in a keep's folder that make sense.
pub(super) fn choices(keep: &Path) -> Table {
    let mut table = Table::new();
    lay_over(&mut table, chosen(keep));
    table
}

fn or_default(file: Option<&Path>) -> Option<&Path> {
    let default = Path::new(DEFAULT_FILE);
    file.or_else(|| default.exists().then_some(default))
}

fn chosen(keep: &Path) -> Vec<Entry> {
    let file = keep.join(choices::FILE);
    sensible(&file, &CHOSEN, "it cannot be chosen on the screen")
}

/// What makes sense of a file that the program has written, in sections that it may have; of others it says `why_not`.
pub(super) fn sensible(path: &Path, sections: &[&str], why_not: &str) -> Vec<Entry> {
    let warn = |error: &ConfigError| tracing::warn!(%error, "a key is left out");
    let entries = match read(path) {
        Err(ConfigError::Read { error, .. }) if error.kind() == io::ErrorKind::NotFound => vec![],
        Err(error) => {
            warn(&error);
            vec![]
        }
        Ok(entries) => entries,
    };
    let makes_sense = |entry: &Entry| {
        let known = check(entry).and_then(|()| match sections.contains(&entry.section.as_str()) {
            true => Ok(()),
            false => Err(entry.refused(why_not)),
        });
        known.inspect_err(warn).is_ok()
    };
    entries.into_iter().filter(makes_sense).collect()
}

fn lay_over(merged: &mut Table, entries: Vec<Entry>) {
    for (section, leader, follower) in COMPANIONS {
        let says = |key| {
            let entry = |entry: &&Entry| entry.section == section && entry.key == key;
            entries.iter().find(entry).map(|entry| &entry.value)
        };
        if let (Some(value), None) = (says(leader), says(follower))
            && let Some(Value::Table(before)) = merged.get_mut(section)
            && before.get(leader) != Some(value)
        {
            before.remove(follower);
        }
    }
    for entry in entries.into_iter().filter(|entry| !entry.key.is_empty()) {
        let section = merged.entry(entry.section);
        if let Value::Table(keys) = section.or_insert_with(|| Value::Table(Table::new())) {
            keys.insert(entry.key, entry.value);
        }
    }
}

fn finish(merged: Table) -> Config {
    merged.try_into().expect("each of its values was checked")
}

#[cfg(test)]
mod tests;
