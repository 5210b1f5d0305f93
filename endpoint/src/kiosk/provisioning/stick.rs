//! The file on a stick or a boot partition: found, read with bounds, and rid of its secrets.
//!
//! The person who plugged the stick in may mean harm. Nothing outside its folder is opened, whatever links it has.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, fstat, open, openat};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::folder::{Folder, OnDisk, fresh};

/// What the file is called.
pub(super) const NAME: &str = "conclave.toml";
/// What it is called by editors that hide the end of a name.
const HIDDEN: &str = "conclave.toml.txt";
/// The largest file that is read: a hundred times of what all keys need.
pub(super) const LARGEST: usize = 64 * 1024;

/// A file that was found.
#[derive(Debug)]
pub(super) struct Stick {
    pub(super) path: PathBuf,
    folder: OnDisk,
    name: OsString,
    bytes: Vec<u8>,
}

/// Why a file that is there is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum StickError {
    #[error("it is larger than {} KiB", LARGEST / 1024)]
    TooLarge,
    #[error("it is called {HIDDEN}: take the .txt away, which your system may not show")]
    Name,
    #[error("it is no plain file")]
    NoFile,
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl Stick {
    /// The file at a path, or the one of the right name in a folder; none is no error.
    pub(super) fn find(place: &Path) -> Result<Option<Self>, StickError> {
        let (folder, name) = match (place.is_dir(), place.file_name()) {
            (true, _) => (place, OsStr::new(NAME)),
            (false, Some(name)) => (place.parent().unwrap_or_else(|| Path::new("/")), name),
            (false, None) => return Ok(None),
        };
        // The parent of a bare name.
        let here = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let folder = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = match open(here, folder, Mode::empty()) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            opened => opened.map_err(io::Error::from)?,
        };
        let Some(bytes) = read(&opened, name)? else {
            let hidden = openat(
                &opened,
                HIDDEN,
                OFlags::PATH | OFlags::CLOEXEC,
                Mode::empty(),
            );
            return match hidden {
                Ok(_) if place.is_dir() => Err(StickError::Name),
                _ => Ok(None),
            };
        };
        let path = match place.is_dir() {
            true => place.join(name),
            false => place.to_owned(),
        };
        Ok(Some(Self {
            path,
            folder: OnDisk {
                folder: opened,
                group: None,
                has_modes: false,
            },
            name: name.to_owned(),
            bytes,
        }))
    }

    /// The text, without the mark that some editors begin with; or the line at which it is none.
    pub(super) fn text(&self) -> Result<&str, usize> {
        let text = std::str::from_utf8(&self.bytes).map_err(|error| {
            let before = &self.bytes[..error.valid_up_to()];
            1 + before.iter().filter(|byte| **byte == b'\n').count()
        })?;
        Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
    }

    /// What the file is known by.
    pub(super) fn digest(&self) -> String {
        digest(&self.bytes)
    }

    /// What it will be known by with this text.
    pub(super) fn digest_with(&self, text: &str) -> String {
        digest(&self.bytes_of(text))
    }

    /// Replaces the text, and writes over the old one where it lay.
    pub(super) fn replace(&self, text: &str) -> io::Result<()> {
        // A rename alone leaves the old bytes on the medium for a person who reads it raw.
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let old = openat(&self.folder.folder, &*self.name, flags, Mode::empty())?;
        let is_file = FileType::from_raw_mode(fstat(&old)?.st_mode) == FileType::RegularFile;
        let replaced = self.folder.replace(&self.name, &self.bytes_of(text), 0o644);
        if replaced.is_err() {
            let _ = self.folder.remove(&fresh(&self.name));
        }
        replaced?;
        let mut old = File::from(old);
        if is_file {
            old.rewind()?;
            old.write_all(&vec![0; self.bytes.len()])?;
            old.sync_all()?;
        }
        Ok(())
    }

    fn bytes_of(&self, text: &str) -> Vec<u8> {
        let mark = if self.bytes.starts_with("\u{feff}".as_bytes()) {
            "\u{feff}"
        } else {
            ""
        };
        [mark.as_bytes(), text.as_bytes()].concat()
    }
}

fn read(folder: &rustix::fd::OwnedFd, name: &OsStr) -> Result<Option<Vec<u8>>, StickError> {
    // Without waiting for who would write into a pipe.
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match openat(folder, name, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP | Errno::NXIO) => return Err(StickError::NoFile),
        file => file.map_err(io::Error::from)?,
    };
    let facts = fstat(&file).map_err(io::Error::from)?;
    if FileType::from_raw_mode(facts.st_mode) != FileType::RegularFile {
        return Err(StickError::NoFile);
    }
    let mut bytes = Vec::new();
    File::from(file)
        .take(LARGEST as u64 + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() > LARGEST {
        return Err(StickError::TooLarge);
    }
    Ok(Some(bytes))
}

fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
