//! A folder in which files are replaced so that a power cut leaves the old one or the new one.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Write as _};

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, fchmod, fchown, fstat, fsync, openat, renameat, unlinkat,
};
use rustix::io::Errno;

/// No file that is read back is as large: it would not be ours.
const LARGEST: u64 = 1 << 20;

/// What is done to the files of a folder, step by step.
pub(super) trait Folder {
    /// A file's bytes, if there is such a file.
    fn read(&self, name: &OsStr) -> io::Result<Option<Vec<u8>>>;
    /// Makes a file with these bytes, in place of any other of that name.
    fn write(&self, name: &OsStr, bytes: &[u8], mode: u32) -> io::Result<()>;
    /// Waits until a file's bytes are on the disk.
    fn sync_file(&self, name: &OsStr) -> io::Result<()>;
    /// Gives a file another name, in place of any other of that name.
    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()>;
    /// Removes a file, if it is there.
    fn remove(&self, name: &OsStr) -> io::Result<()>;
    /// Waits until the names of files are on the disk.
    fn sync(&self) -> io::Result<()>;

    /// Replaces a file whole.
    fn replace(&self, name: &OsStr, bytes: &[u8], mode: u32) -> io::Result<()> {
        let fresh = fresh(name);
        self.write(&fresh, bytes, mode)?;
        self.sync_file(&fresh)?;
        self.rename(&fresh, name)?;
        self.sync()
    }
}

/// The name under which a file is written before it has its own.
pub(super) fn fresh(name: &OsStr) -> std::ffi::OsString {
    let mut fresh = name.to_owned();
    fresh.push(".new");
    fresh
}

/// Gives a file to a group. In a sandbox that forbids it, it is that group's already.
pub(super) fn give(file: impl AsFd, group: Option<Gid>) -> io::Result<()> {
    match group {
        Some(group) if fstat(&file)?.st_gid != group.as_raw() => {
            Ok(fchown(&file, None, Some(group))?)
        }
        _ => Ok(()),
    }
}

/// A folder on a disk, held open: what its path leads to later on does not matter.
#[derive(Debug)]
pub(super) struct OnDisk {
    pub(super) folder: OwnedFd,
    /// Who its files are for beside their owner.
    pub(super) group: Option<Gid>,
    /// Whether its file system knows modes and owners; that of a stick does not.
    pub(super) has_modes: bool,
}

impl OnDisk {
    fn open(&self, name: &OsStr, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = openat(&self.folder, name, flags, Mode::RUSR | Mode::WUSR)?;
        Ok(file.into())
    }
}

impl Folder for OnDisk {
    fn read(&self, name: &OsStr) -> io::Result<Option<Vec<u8>>> {
        match self.open(name, OFlags::RDONLY) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(file) => {
                let mut bytes = Vec::new();
                file.take(LARGEST).read_to_end(&mut bytes)?;
                Ok(Some(bytes))
            }
        }
    }

    fn write(&self, name: &OsStr, bytes: &[u8], mode: u32) -> io::Result<()> {
        self.remove(name)?;
        let mut file = self.open(name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?;
        if self.has_modes {
            if let Err(error) = give(&file, self.group) {
                tracing::warn!(%error, ?name, "the kiosk's group cannot be given this file");
            }
            fchmod(&file, Mode::from_raw_mode(mode))?;
        }
        file.write_all(bytes)
    }

    fn sync_file(&self, name: &OsStr) -> io::Result<()> {
        self.open(name, OFlags::RDONLY)?.sync_all()
    }

    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(renameat(&self.folder, from, &self.folder, to)?)
    }

    fn remove(&self, name: &OsStr) -> io::Result<()> {
        match unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        Ok(fsync(&self.folder)?)
    }
}
