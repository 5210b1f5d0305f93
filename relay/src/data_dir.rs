//! The folder of everything that the relay writes, for its user alone.

use std::path::{Path, PathBuf};

use conclave_common::private_dir::{PrivateDir, PrivateDirError};
use conclave_protocol::identity::Identity;
use conclave_protocol::secret::Secret;

/// The relay's data folder.
#[derive(Clone, Debug)]
pub struct DataDir(PrivateDir);

impl DataDir {
    /// The folder at this path, which is made when it is missing.
    ///
    /// # Errors
    /// As [`PrivateDir::open`].
    pub fn open(path: &Path) -> Result<Self, PrivateDirError> {
        PrivateDir::open(path).map(Self)
    }

    /// Where the database is; an empty file at first. SQLite gives what it puts beside it the same mode.
    ///
    /// # Errors
    /// As [`PrivateDir::touch`].
    pub fn database(&self) -> Result<PathBuf, PrivateDirError> {
        self.0.touch("relay.sqlite")
    }

    /// The relay's identity; drawn on first use.
    ///
    /// # Errors
    /// As [`PrivateDir::secret`].
    pub fn identity(&self) -> Result<Identity, PrivateDirError> {
        self.0.secret("identity").map(Identity::from_secret)
    }

    /// What browsers' identities and links are derived from; drawn on first use.
    ///
    /// # Errors
    /// As [`PrivateDir::secret`].
    pub fn gateway_secret(&self) -> Result<Secret<32>, PrivateDirError> {
        self.0.secret("gateway")
    }

    /// What a file holds, if there is one.
    ///
    /// # Errors
    /// As [`PrivateDir::read`].
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, PrivateDirError> {
        self.0.read(name)
    }

    /// Writes a file whole or not at all.
    ///
    /// # Errors
    /// As [`PrivateDir::write`].
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), PrivateDirError> {
        self.0.write(name, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Database, StoreLimits};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_identity_stays_and_a_damaged_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(&folder.path().join("data")).unwrap();
        let first = data.identity().unwrap().public();
        assert_eq!(data.identity().unwrap().public(), first);
        data.write("identity", b"short").unwrap();
        let damaged = data.identity();
        assert!(matches!(damaged, Err(PrivateDirError::NotASecret(_))));
    }

    #[test]
    fn what_sqlite_puts_beside_the_database_is_private_in_a_folder_that_others_may_look_into() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
        let database = DataDir::open(path).unwrap().database().unwrap();
        let _opened = Database::open(&database, StoreLimits { max_bytes: 0 }).unwrap();
        for file in ["relay.sqlite", "relay.sqlite-wal"] {
            let mode = path.join(file).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }
}
