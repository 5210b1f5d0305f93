//! Layers over the defaults, of which later ones win.

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{ConfigError, Entry, Schema};

/// Two keys of a section of which one belongs to the value of the other, as a room's PIN to its name.
///
/// A layer that sets another `leader` without setting the `follower` leaves the follower of the layers before it
/// behind.
#[derive(Clone, Copy, Debug)]
pub struct Companion {
    /// The section of both.
    pub section: &'static str,
    /// The key that the other one belongs to.
    pub leader: &'static str,
    /// The key that means nothing beside another leader.
    pub follower: &'static str,
}

/// What was set so far. Each value in it was checked.
#[derive(Debug)]
pub struct Layers<'a, T> {
    schema: &'a Schema<T>,
    companions: &'static [Companion],
    set: Table,
}

impl<'a, T: Default + Serialize + DeserializeOwned> Layers<'a, T> {
    /// Nothing but the defaults.
    #[must_use]
    pub fn new(schema: &'a Schema<T>, companions: &'static [Companion]) -> Self {
        Self {
            schema,
            companions,
            set: Table::new(),
        }
    }

    /// Adds a layer over the others.
    ///
    /// # Errors
    /// [`ConfigError::UnknownKey`] and [`ConfigError::Value`]; then nothing of the layer is added.
    pub fn add(&mut self, entries: Vec<Entry>) -> Result<(), ConfigError> {
        entries
            .iter()
            .try_for_each(|entry| self.schema.check(entry))?;
        self.leave_behind(&entries);
        for entry in entries.into_iter().filter(|entry| !entry.key.is_empty()) {
            let section = self.set.entry(entry.section);
            if let Value::Table(keys) = section.or_insert_with(|| Value::Table(Table::new())) {
                keys.insert(entry.key, entry.value);
            }
        }
        Ok(())
    }

    /// Removes followers that belong to another leader than the one that the entries set.
    fn leave_behind(&mut self, entries: &[Entry]) {
        for companion in self.companions {
            let sets = |key| {
                let is = |entry: &&Entry| entry.section == companion.section && entry.key == key;
                entries.iter().find(is).map(|entry| &entry.value)
            };
            if let (Some(value), None) = (sets(companion.leader), sets(companion.follower))
                && let Some(Value::Table(before)) = self.set.get_mut(companion.section)
                && before.get(companion.leader) != Some(value)
            {
                before.remove(companion.follower);
            }
        }
    }

    /// The keys that were set, by section.
    #[must_use]
    pub const fn table(&self) -> &Table {
        &self.set
    }

    /// The configuration: what was set, and the defaults for the rest.
    ///
    /// # Panics
    /// When `T` cannot be built although each of its keys can.
    #[must_use]
    pub fn build(self) -> T {
        let built = self.set.try_into();
        built.expect("each of its values was checked")
    }
}

impl<T> Clone for Layers<'_, T> {
    fn clone(&self) -> Self {
        Self {
            schema: self.schema,
            companions: self.companions,
            set: self.set.clone(),
        }
    }
}
