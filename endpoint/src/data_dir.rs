//! What an endpoint keeps between calls: its own identity, and the relays that it has met.
//!
//! A relay is known by its address at first contact, or from provisioning, and by `auto` or `auto:NAME` if it was
//! looked for by that; from then on another identity is refused there until a person removes the entry.

use conclave_common::entropy::NoEntropy;
use conclave_common::private_dir::{PrivateDir, PrivateDirError};
use conclave_protocol::identity::{Identity, PublicKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The file of known relays, within the folder.
const RELAYS: &str = "relays.toml";

/// The folder that holds an endpoint's keys and what it knows.
#[derive(Clone, Debug)]
pub struct DataDir {
    folder: PrivateDir,
}

/// Why the data folder cannot be used.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// The folder or a file in it cannot be used.
    #[error(transparent)]
    Folder(#[from] PrivateDirError),
    /// A file holds something else than it should.
    #[error(
        "{path} is damaged: {reason}; restore it from a backup, or remove it to forget what it held"
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The system gives no random bytes.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownRelays {
    /// Address, as it was given, or `auto`, or `auto:NAME` → public key in hexadecimal.
    relays: BTreeMap<String, String>,
}

impl DataDir {
    /// The data folder at this path, which is made for its owner alone when it is missing.
    ///
    /// # Errors
    /// [`DataDirError`] when the folder cannot be made.
    pub fn open(folder: &Path) -> Result<Self, DataDirError> {
        let folder = PrivateDir::open(folder)?;
        Ok(Self { folder })
    }

    /// Where the data folder is when nothing else is said: the user's data folder.
    #[must_use]
    pub fn default_folder() -> PathBuf {
        let data = std::env::var_os("XDG_DATA_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share"));
        data.or_else(home)
            .unwrap_or_else(|| "/var/lib".into())
            .join("conclave")
    }

    /// This device's identity; drawn and kept at the first call.
    ///
    /// # Errors
    /// [`DataDirError`] when it can neither be read nor made.
    pub fn identity(&self) -> Result<Identity, DataDirError> {
        Ok(Identity::from_secret(self.folder.secret("identity")?))
    }

    /// The identity that was met at an address, if any.
    ///
    /// # Errors
    /// [`DataDirError`] when the list cannot be read: then nothing is known, and nothing may be trusted.
    pub fn relay(&self, address: &str) -> Result<Option<PublicKey>, DataDirError> {
        let known = self.known()?;
        let Some(text) = known.relays.get(address) else {
            return Ok(None);
        };
        let reason = || format!("the key of {address} is not 64 hexadecimal digits");
        let damaged = || DataDirError::Damaged {
            path: self.relays_path(),
            reason: reason(),
        };
        parse_hex(text).map(PublicKey).map(Some).ok_or_else(damaged)
    }

    /// The identity that a relay must have: the one that was met by what it is kept as, else the one at its address.
    ///
    /// A relay that is looked for may come to an address that another one had before: only what it is kept as counts
    /// then.
    ///
    /// # Errors
    /// As [`Self::relay`].
    pub fn expected_relay(
        &self,
        kept_as: &str,
        address: &str,
    ) -> Result<Option<PublicKey>, DataDirError> {
        match self.relay(kept_as)? {
            Some(key) => Ok(Some(key)),
            None => self.relay(address),
        }
    }

    /// Remembers the identity that an address has.
    ///
    /// # Errors
    /// [`DataDirError`] when it cannot be written.
    pub fn remember_relay(&self, address: &str, key: &PublicKey) -> Result<(), DataDirError> {
        let mut known = self.known()?;
        let hex: String = key.0.iter().map(|byte| format!("{byte:02x}")).collect();
        known.relays.insert(address.into(), hex);
        self.write_known(&known)
    }

    fn write_known(&self, known: &KnownRelays) -> Result<(), DataDirError> {
        let text = toml::to_string(known).map_err(|error| DataDirError::Damaged {
            path: self.relays_path(),
            reason: error.to_string(),
        })?;
        self.write(RELAYS, text.as_bytes())
    }

    /// Forgets the identity that an address has: the next contact is the first one again.
    ///
    /// # Errors
    /// [`DataDirError`] when it cannot be written.
    pub fn forget_relay(&self, address: &str) -> Result<(), DataDirError> {
        let mut known = self.known()?;
        known.relays.remove(address);
        self.write_known(&known)
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the known relays stand, for messages that say what to do.
    #[must_use]
    pub fn relays_path(&self) -> PathBuf {
        self.folder.path().join(RELAYS)
    }

    fn known(&self) -> Result<KnownRelays, DataDirError> {
        let damaged = |reason: String| DataDirError::Damaged {
            path: self.relays_path(),
            reason,
        };
        let Some(bytes) = self.folder.read(RELAYS)? else {
            return Ok(KnownRelays::default());
        };
        toml::from_slice(&bytes).map_err(|error| damaged(error.to_string()))
    }

    /// Writes a file whole or not at all: a power cut leaves the old one or the new one.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), DataDirError> {
        Ok(self.folder.write(name, bytes)?)
    }
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn an_identity_stays_and_a_damaged_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let keep = DataDir::open(folder.path()).unwrap();
        let first = keep.identity().unwrap().public();
        assert_eq!(keep.identity().unwrap().public(), first);
        fs::write(folder.path().join("identity"), b"short").unwrap();
        let error = keep.identity().unwrap_err().to_string();
        assert!(error.contains("/identity is damaged"), "{error}");
    }

    #[test]
    fn an_identity_that_others_could_read_is_narrowed_when_it_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let keep = DataDir::open(folder.path()).unwrap();
        let path = folder.path().join("identity");
        fs::write(&path, [7; 32]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        keep.identity().unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_relay_is_known_after_it_was_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let keep = DataDir::open(folder.path()).unwrap();
        assert_eq!(keep.relay("a:1").unwrap(), None);
        keep.remember_relay("a:1", &PublicKey([7; 32])).unwrap();
        keep.remember_relay("b:1", &PublicKey([8; 32])).unwrap();
        assert_eq!(keep.relay("a:1").unwrap(), Some(PublicKey([7; 32])));
        let expected = |kept_as| keep.expected_relay(kept_as, "a:1").unwrap();
        assert_eq!(expected("auto"), Some(PublicKey([7; 32])));
        keep.remember_relay("auto", &PublicKey([9; 32])).unwrap();
        assert_eq!(expected("auto"), Some(PublicKey([9; 32])));
        fs::write(keep.relays_path(), "relays = { \"a:1\" = \"zz\" }").unwrap();
        assert!(keep.relay("a:1").is_err());
    }
}
