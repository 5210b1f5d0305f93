//! The folder of everything that the relay writes, for its user alone.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use conclave_protocol::identity::Identity;
use conclave_protocol::secret::Secret;

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The system says no.
    #[error("{path}: {error}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// An identity or another secret is not 32 bytes.
    #[error(
        "{0} is not an identity: restore it from a backup, or remove it to become another relay"
    )]
    NotASecret(PathBuf),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

/// An existing folder.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// Makes the folder when it is missing, with access for its owner alone.
    ///
    /// One that is there keeps its mode: it may hold what others need.
    ///
    /// # Errors
    /// [`DataError::Io`] when it cannot be made or looked at.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let io = |error| DataError::Io {
            path: path.into(),
            error,
        };
        if !path.is_dir() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .map_err(io)?;
        }
        let mode = path.metadata().map_err(io)?.permissions().mode();
        if mode & 0o077 != 0 {
            tracing::warn!(
                path = %path.display(),
                "others may look into the data folder; its files are for its owner alone"
            );
        }
        Ok(Self(path.into()))
    }

    /// Where the database is; an empty file at first. Readable for its owner alone, as is what
    /// SQLite puts beside it with the same mode.
    ///
    /// # Errors
    /// [`DataError::Io`] when it cannot be made or narrowed.
    pub fn database(&self) -> Result<PathBuf, DataError> {
        let path = self.0.join("relay.sqlite");
        let made = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .and_then(|file| narrow(&file));
        match made {
            Ok(()) => Ok(path),
            Err(error) => Err(DataError::Io { path, error }),
        }
    }

    /// The relay's identity; drawn on first use.
    ///
    /// # Errors
    /// [`DataError`] when it cannot be read, made or understood. A damaged one is never replaced.
    pub fn identity(&self) -> Result<Identity, DataError> {
        self.secret("identity").map(Identity::from_secret)
    }

    /// What browsers' identities and links are derived from; drawn on first use.
    ///
    /// # Errors
    /// [`DataError`] when it cannot be read, made or understood. A damaged one is never replaced.
    pub fn gateway_secret(&self) -> Result<Secret<32>, DataError> {
        self.secret("gateway")
    }

    fn secret(&self, name: &str) -> Result<Secret<32>, DataError> {
        if let Some(bytes) = self.read(name)? {
            let bytes = <[u8; 32]>::try_from(bytes.as_slice());
            return bytes
                .map(Secret)
                .map_err(|_| DataError::NotASecret(self.0.join(name)));
        }
        let mut secret = Secret([0; 32]);
        getrandom::fill(&mut secret.0).map_err(DataError::Random)?;
        self.write(name, secret.expose())?;
        Ok(secret)
    }

    /// The file of this name, if there is one; from then on for its owner alone.
    ///
    /// # Errors
    /// [`DataError::Io`] when it cannot be read or narrowed.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, DataError> {
        let path = self.0.join(name);
        let read = || -> std::io::Result<Vec<u8>> {
            let mut file = File::open(&path)?;
            narrow(&file)?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(DataError::Io { path, error }),
        }
    }

    /// Writes the file of this name, for its owner alone.
    ///
    /// # Errors
    /// [`DataError::Io`] when it cannot be written.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), DataError> {
        let path = self.0.join(name);
        // Whole or not at all: a power cut must not leave half of it.
        let new = self.0.join(format!("{name}.new"));
        let write = || {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&new)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&new, &path)?;
            File::open(&self.0)?.sync_all()
        };
        write().map_err(|error| DataError::Io {
            path: path.clone(),
            error,
        })
    }
}

/// Leaves a file to its owner alone.
fn narrow(file: &File) -> std::io::Result<()> {
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(PermissionsExt::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Database, StoreLimits};

    #[test]
    fn an_identity_stays_and_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let data = DataDir::open(&path).unwrap();
        let first = data.identity().unwrap().public();
        assert_eq!(data.identity().unwrap().public(), first);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&path.join("identity")), 0o600);
    }

    #[test]
    fn a_folder_that_was_there_keeps_its_mode_and_what_is_put_there_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        let all = |path: &Path, mode| {
            std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        };
        all(path, 0o755);
        let data = DataDir::open(path).unwrap();
        data.identity().unwrap();
        let database = data.database().unwrap();
        let opened = Database::open(&database, StoreLimits { max_bytes: 0 }).unwrap();
        assert_eq!(mode(path), 0o755);
        for file in ["identity", "relay.sqlite", "relay.sqlite-wal"] {
            assert_eq!(mode(&path.join(file)), 0o600, "{file}");
        }
        drop(opened);
        for file in ["identity", "relay.sqlite"] {
            all(&path.join(file), 0o644);
        }
        data.identity().unwrap();
        data.database().unwrap();
        for file in ["identity", "relay.sqlite"] {
            assert_eq!(mode(&path.join(file)), 0o600, "{file}");
        }
    }

    #[test]
    fn a_damaged_identity_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        std::fs::write(folder.path().join("identity"), b"short").unwrap();
        assert!(matches!(data.identity(), Err(DataError::NotASecret(_))));
        assert_eq!(
            std::fs::read(folder.path().join("identity")).unwrap(),
            b"short"
        );
    }
}
