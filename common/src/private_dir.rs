//! A folder of files for its owner alone: a program's keys, and what it remembers.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use conclave_protocol::secret::Secret;

use crate::entropy::{self, NoEntropy};

/// Why the folder or a file in it cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateDirError {
    /// The file system refuses.
    #[error("cannot use {path}: {error}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file that must hold a secret has another length.
    #[error(
        "{0} is damaged: it must have 32 bytes; restore it from a backup, or remove it to get a new one"
    )]
    NotASecret(PathBuf),
    /// A secret cannot be drawn.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

/// A folder that exists, in which each file is readable and writable for its owner alone.
///
/// A file that was readable for others is narrowed when it is read. A file is written whole or not at all: after a
/// power cut it is the old one or the new one. Names are those of files within the folder, without a slash.
#[derive(Clone, Debug)]
pub struct PrivateDir(PathBuf);

impl PrivateDir {
    /// The folder at this path. One that is missing is made with mode 0700, its parents, too.
    ///
    /// A folder that exists keeps its mode, as it may hold what others need; a warning is logged when others may look
    /// into it.
    ///
    /// # Errors
    /// [`PrivateDirError::Io`] when it cannot be made or is no folder.
    pub fn open(path: &Path) -> Result<Self, PrivateDirError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        let mode = made.and_then(|()| path.metadata());
        let mode = mode.map_err(|error| io_error(path, error))?.permissions();
        if others_may(&mode) {
            // A program may open its folder often.
            static WARNED: Once = Once::new();
            WARNED.call_once(|| {
                tracing::warn!(
                    path = %path.display(),
                    "others may look into this folder: take their access away with chmod go-rwx; its files are for \
                     their owner alone"
                );
            });
        }
        Ok(Self(path.into()))
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What a file holds, if there is one.
    ///
    /// # Errors
    /// [`PrivateDirError::Io`] when it cannot be read or narrowed.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, PrivateDirError> {
        let path = self.0.join(name);
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&path)?;
            narrow(&file)?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error(&path, error)),
        }
    }

    /// Writes a file, over an older one if there is one.
    ///
    /// # Errors
    /// [`PrivateDirError::Io`] when it cannot be written; an older file is still there then.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), PrivateDirError> {
        let path = self.0.join(name);
        let fresh = self.write_aside(name, bytes)?;
        let renamed = fs::rename(&fresh, &path);
        if renamed.is_err() {
            // The error that matters is that of the rename.
            let _ = fs::remove_file(&fresh);
        }
        renamed
            .and_then(|()| self.sync())
            .map_err(|error| io_error(&path, error))
    }

    /// Makes sure that a file exists, an empty one at first, for a program that writes it by itself as a database does.
    ///
    /// # Errors
    /// [`PrivateDirError::Io`] when it cannot be made or narrowed.
    pub fn touch(&self, name: &str) -> Result<PathBuf, PrivateDirError> {
        let path = self.0.join(name);
        let made = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path);
        match made.and_then(|file| narrow(&file)) {
            Ok(()) => Ok(path),
            Err(error) => Err(io_error(&path, error)),
        }
    }

    /// The secret in a file. It is drawn at the first call; of processes that draw at once, one wins and all get its
    /// secret.
    ///
    /// # Errors
    /// [`PrivateDirError`] when it can neither be read nor drawn. A damaged one is never replaced.
    pub fn secret(&self, name: &str) -> Result<Secret<32>, PrivateDirError> {
        if let Some(secret) = self.read_secret(name)? {
            return Ok(secret);
        }
        let secret = entropy::secret()?;
        let (path, fresh) = (self.0.join(name), self.write_aside(name, secret.expose())?);
        // A link, unlike a rename, does not replace what is there.
        let linked = fs::hard_link(&fresh, &path).and_then(|()| self.sync());
        let removed = fs::remove_file(&fresh);
        match linked.and(removed) {
            Ok(()) => Ok(secret),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let secret = self.read_secret(name)?;
                secret.ok_or_else(|| io_error(&path, error))
            }
            Err(error) => Err(io_error(&path, error)),
        }
    }

    fn read_secret(&self, name: &str) -> Result<Option<Secret<32>>, PrivateDirError> {
        let Some(bytes) = self.read(name)? else {
            return Ok(None);
        };
        match <[u8; 32]>::try_from(bytes.as_slice()) {
            Ok(secret) => Ok(Some(Secret(secret))),
            Err(_) => Err(PrivateDirError::NotASecret(self.0.join(name))),
        }
    }

    /// Writes a file beside the one that it is to become, under a name that nothing else uses.
    fn write_aside(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, PrivateDirError> {
        static WRITTEN: AtomicU64 = AtomicU64::new(0);
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let fresh = format!("{name}.{}-{number}.new", process::id());
        let fresh = self.0.join(fresh);
        // A process with the same number may have left one behind.
        let _ = fs::remove_file(&fresh);
        let write = || {
            // A new file is no link to another one, and nobody else has opened it.
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&fresh)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map(|()| fresh.clone()).map_err(|error| {
            let _ = fs::remove_file(&fresh);
            io_error(&fresh, error)
        })
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

fn io_error(path: &Path, error: io::Error) -> PrivateDirError {
    PrivateDirError::Io {
        path: path.into(),
        error,
    }
}

/// Leaves a file to its owner alone.
fn narrow(file: &File) -> io::Result<()> {
    if others_may(&file.metadata()?.permissions()) {
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn others_may(permissions: &fs::Permissions) -> bool {
    permissions.mode() & 0o077 != 0
}

#[cfg(test)]
mod tests;
