//! What an endpoint keeps between calls: its own identity, and the relays that it has met.
//!
//! A relay is known by its address at first contact, or from provisioning, and by `auto` or `auto:NAME` if it was looked for
//! by that; from then on another identity is refused there until a person removes the entry.

use conclave_protocol::identity::{Identity, PublicKey};
use conclave_protocol::secret::Secret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The folder that holds an endpoint's keys and what it knows.
#[derive(Clone, Debug)]
pub struct Keep {
    folder: PathBuf,
}

/// Why the keep cannot be used.
#[derive(Debug, Error)]
pub enum KeepError {
    /// The file system refuses.
    #[error("cannot use {path}: {error}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file holds something else than it should.
    #[error("{path} is damaged: {reason}; restore it, or remove it to begin anew")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The system gives no random bytes.
    #[error("no random bytes: {0}")]
    Entropy(getrandom::Error),
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownRelays {
    /// Address, as it was given, or `auto`, or `auto:NAME` → public key in hexadecimal.
    relays: BTreeMap<String, String>,
}

impl Keep {
    /// The keep in this folder, which is made for its owner alone when it is missing.
    ///
    /// # Errors
    /// [`KeepError`] when the folder cannot be made.
    pub fn open(folder: &Path) -> Result<Self, KeepError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| KeepError::Io {
                path: folder.into(),
                error,
            })?;
        Ok(Self {
            folder: folder.into(),
        })
    }

    /// Where a keep lies when nothing else is said: the user's data folder.
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
    /// [`KeepError`] when it can neither be read nor made.
    pub fn identity(&self) -> Result<Identity, KeepError> {
        let path = self.folder.join("identity");
        match fs::read(&path) {
            Ok(bytes) => {
                let secret =
                    <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| KeepError::Damaged {
                        path,
                        reason: "it must have 32 bytes".into(),
                    })?;
                Ok(Identity::from_secret(Secret(secret)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.draw_identity(),
            Err(error) => Err(KeepError::Io { path, error }),
        }
    }

    /// Draws an identity, unless another process of this device was quicker.
    fn draw_identity(&self) -> Result<Identity, KeepError> {
        let path = self.folder.join("identity");
        let secret = crate::entropy::secret().map_err(KeepError::Entropy)?;
        let fresh = self.write_aside("identity", secret.expose())?;
        // A link, unlike a rename, does not replace what is there.
        let linked = fs::hard_link(&fresh, &path).and_then(|()| self.sync());
        let removed = fs::remove_file(&fresh);
        match linked.and(removed) {
            Ok(()) => Ok(Identity::from_secret(secret)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.identity(),
            Err(error) => Err(KeepError::Io { path, error }),
        }
    }

    /// The identity that was met at an address, if any.
    ///
    /// # Errors
    /// [`KeepError`] when the list cannot be read: then nothing is known, and nothing may be trusted.
    pub fn relay(&self, address: &str) -> Result<Option<PublicKey>, KeepError> {
        let known = self.known()?;
        let Some(text) = known.relays.get(address) else {
            return Ok(None);
        };
        let reason = || format!("the key of {address} is not 64 hexadecimal digits");
        let damaged = || KeepError::Damaged {
            path: self.relays_path(),
            reason: reason(),
        };
        parse_hex(text).map(PublicKey).map(Some).ok_or_else(damaged)
    }

    /// The identity that a relay must have: the one that was met by what it is kept as, else the one at its address.
    ///
    /// A relay that is looked for may come to an address that another one had before: only what it is kept as counts then.
    ///
    /// # Errors
    /// As [`Self::relay`].
    pub fn expected_relay(
        &self,
        kept_as: &str,
        address: &str,
    ) -> Result<Option<PublicKey>, KeepError> {
        match self.relay(kept_as)? {
            Some(key) => Ok(Some(key)),
            None => self.relay(address),
        }
    }

    /// Remembers the identity that an address has.
    ///
    /// # Errors
    /// [`KeepError`] when it cannot be written.
    pub fn remember_relay(&self, address: &str, key: &PublicKey) -> Result<(), KeepError> {
        let mut known = self.known()?;
        let hex: String = key.0.iter().map(|byte| format!("{byte:02x}")).collect();
        known.relays.insert(address.into(), hex);
        self.write_known(&known)
    }

    fn write_known(&self, known: &KnownRelays) -> Result<(), KeepError> {
        let text = toml::to_string(known).map_err(|error| KeepError::Damaged {
            path: self.relays_path(),
            reason: error.to_string(),
        })?;
        self.write("relays.toml", text.as_bytes())
    }

    /// Forgets the identity that an address has: the next contact is the first one again.
    ///
    /// # Errors
    /// [`KeepError`] when it cannot be written.
    pub fn forget_relay(&self, address: &str) -> Result<(), KeepError> {
        let mut known = self.known()?;
        known.relays.remove(address);
        self.write_known(&known)
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the known relays stand, for messages that say what to do.
    #[must_use]
    pub fn relays_path(&self) -> PathBuf {
        self.folder.join("relays.toml")
    }

    fn known(&self) -> Result<KnownRelays, KeepError> {
        let path = self.relays_path();
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| KeepError::Damaged {
                path,
                reason: error.to_string(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(KnownRelays::default()),
            Err(error) => Err(KeepError::Io { path, error }),
        }
    }

    /// Writes a file whole or not at all: a power cut leaves the old one or the new one.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), KeepError> {
        let path = self.folder.join(name);
        let fresh = self.write_aside(name, bytes)?;
        fs::rename(&fresh, &path)
            .and_then(|()| self.sync())
            .map_err(|error| KeepError::Io { path, error })
    }

    /// Writes a file beside the one that it is to become, under a name of this process alone.
    fn write_aside(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, KeepError> {
        let fresh = self
            .folder
            .join(format!("{name}.{}.new", std::process::id()));
        let write = || {
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&fresh)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        match write() {
            Ok(()) => Ok(fresh),
            Err(error) => Err(KeepError::Io { path: fresh, error }),
        }
    }

    fn sync(&self) -> io::Result<()> {
        fs::File::open(&self.folder)?.sync_all()
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
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_identity_stays_the_same_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::open(&folder.path().join("a/b")).unwrap();
        let first = keep.identity().unwrap().public();
        assert_eq!(keep.identity().unwrap().public(), first);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.path().join("a/b")), 0o700);
        assert_eq!(mode(&folder.path().join("a/b/identity")), 0o600);
    }

    #[test]
    fn a_damaged_identity_is_not_replaced_silently() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::open(folder.path()).unwrap();
        fs::write(folder.path().join("identity"), b"short").unwrap();
        assert!(matches!(keep.identity(), Err(KeepError::Damaged { .. })));
    }

    #[test]
    fn a_relay_is_known_after_it_was_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::open(folder.path()).unwrap();
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
