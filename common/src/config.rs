//! Layered configuration: the defaults, over them a TOML file, over that environment variables.
//!
//! A program describes its keys by a type: a struct whose fields are sections, each a struct of keys, with `Default`,
//! `Serialize` and `Deserialize` for all of them. [`Schema`] knows which keys that type has and what kind of value each
//! takes; [`Layers`] holds what was set so far and builds the type from it. Each key is checked when its layer is
//! added, so an error names the file or the variable, the key, the value and the reason.

mod entry;
mod error;
mod layers;
mod schema;
pub mod text;
mod variables;

pub use entry::{Entry, is_secret, read};
pub use error::ConfigError;
pub use layers::{Companion, Layers};
pub use schema::Schema;

use std::path::Path;

/// The file to read: the one that the caller names, else the default one where it exists.
#[must_use]
pub fn file_or<'a>(named: Option<&'a Path>, default: &'a Path) -> Option<&'a Path> {
    named.or_else(|| default.exists().then_some(default))
}

#[cfg(test)]
mod tests;
