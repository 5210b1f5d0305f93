//! Laying file, choices and environment over the defaults.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use conclave_common::config::{self, Companion, ConfigError, Entry, Layers, Schema};
use toml::Table;

use super::{Config, DEFAULT_FILE, choices, provisioned};

/// What environment variables begin with; then `SECTION__KEY`.
const PREFIX: &str = "CONCLAVE_ENDPOINT__";
/// A variable that the command line takes itself.
const DATA_DIR: &str = "CONCLAVE_ENDPOINT__DATA_DIR";
/// Sections that a person may choose in; the others are the administrator's.
const CHOSEN: [&str; 4] = ["relay", "account", "devices", "screen"];
/// Keys that say something about another key's value, and mean nothing beside another value.
const COMPANIONS: &[Companion] = &[
    companion("relay", "address", "fingerprint"),
    companion("account", "name", "display_name"),
    companion("room", "name", "pin"),
];

const fn companion(
    section: &'static str,
    leader: &'static str,
    follower: &'static str,
) -> Companion {
    Companion {
        section,
        leader,
        follower,
    }
}

impl Config {
    /// The defaults, and over them this file, or [`DEFAULT_FILE`] where it exists, what was chosen on the screen,
    /// and the environment.
    ///
    /// `folder` is where choices are kept, and then `data.dir`, whatever the others say.
    ///
    /// # Errors
    /// [`ConfigError`] names file, key, value and reason. What is wrong with choices is no error: it is logged
    /// and left out, as it could not be repaired on a board without a keyboard.
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
        let schema = Schema::<Self>::new();
        let environment = environment.into_iter().filter(|(name, _)| name != DATA_DIR);
        let environment = schema.variables(PREFIX, environment)?;
        let mut layers = Layers::new(&schema, COMPANIONS);
        layers.add(file.map(config::read).transpose()?.unwrap_or_default())?;
        if let Some(state) = state {
            layers.add(provisioned::entries(state))?;
        }
        let folder = match folder {
            Some(folder) => Some(folder.to_owned()),
            None => {
                let mut both = layers.clone();
                both.add(environment.clone())?;
                both.build().data.dir
            }
        };
        let keep = folder
            .clone()
            .unwrap_or_else(crate::data_dir::DataDir::default_folder);
        layers.add(chosen(&keep))?;
        layers.add(environment)?;
        let mut config = layers.build();
        config.data.dir = folder;
        Ok(config)
    }
}

/// The choices in a keep's folder that make sense.
pub(super) fn choices(keep: &Path) -> Table {
    let schema = Schema::<Config>::new();
    let mut layers = Layers::new(&schema, COMPANIONS);
    let added = layers.add(chosen(keep));
    added.expect("what makes no sense was left out");
    layers.table().clone()
}

fn or_default(file: Option<&Path>) -> Option<&Path> {
    config::file_or(file, Path::new(DEFAULT_FILE))
}

fn chosen(keep: &Path) -> Vec<Entry> {
    let file = keep.join(choices::FILE);
    sensible(&file, &CHOSEN, "it cannot be chosen on the screen")
}

/// What makes sense of a file that the program has written, in sections that it may have; of others it says `why_not`.
pub(super) fn sensible(path: &Path, sections: &[&str], why_not: &str) -> Vec<Entry> {
    let warn = |error: &ConfigError| tracing::warn!(%error, "a key is left out");
    let schema = Schema::<Config>::new();
    let entries = match config::read(path) {
        Err(ConfigError::Read { error, .. }) if error.kind() == io::ErrorKind::NotFound => vec![],
        Err(error) => {
            warn(&error);
            vec![]
        }
        Ok(entries) => entries,
    };
    let makes_sense = |entry: &Entry| {
        let known =
            schema
                .check(entry)
                .and_then(|()| match sections.contains(&entry.section.as_str()) {
                    true => Ok(()),
                    false => Err(entry.refused(why_not)),
                });
        known.inspect_err(warn).is_ok()
    };
    entries.into_iter().filter(makes_sense).collect()
}

#[cfg(test)]
mod tests;
