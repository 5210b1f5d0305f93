//! Why there is no configuration.

use std::io;
use std::path::PathBuf;

/// Why a layer of the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not TOML: {error}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The place in the file, and what is wrong there.
        error: Box<toml::de::Error>,
    },
    /// A key that does not exist.
    #[error("unknown key {key:?} in {origin}: did you mean {nearest:?}?")]
    UnknownKey {
        /// The key, with its section.
        key: String,
        /// The file or variable that sets it.
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
        /// The file or variable that sets it.
        origin: String,
        /// What is wrong with the value, and which one would do.
        reason: String,
    },
}

impl ConfigError {
    /// What is wrong without the place, for a caller that names the place itself.
    #[must_use]
    pub fn reason(&self) -> String {
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
