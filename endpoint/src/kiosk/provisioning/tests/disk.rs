//! A folder in memory that loses its power after so many steps, and on which what was not synced may be lost.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::rc::Rc;

use super::super::folder::Folder;

/// What a disk makes of what was not synced when the power went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// It had been written all the same.
    Nothing,
    /// Only what was synced is there.
    All,
    /// Names had been written, and bytes not: files are there and empty.
    Bytes,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct File {
    bytes: Vec<u8>,
    synced: Option<Vec<u8>>,
}

type Names = BTreeMap<String, usize>;

#[derive(Clone, Debug, Default)]
struct Inner {
    files: Vec<File>,
    names: Names,
    synced_names: Names,
    steps: usize,
    cut_after: Option<usize>,
}

/// The folder; clones are the same folder.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(Rc<RefCell<Inner>>);

impl Disk {
    /// Another disk that is as this one is.
    pub(super) fn copy(&self) -> Self {
        Self(Rc::new(RefCell::new(self.0.borrow().clone())))
    }

    pub(super) fn cut_after(&self, steps: usize) {
        let mut inner = self.0.borrow_mut();
        (inner.steps, inner.cut_after) = (0, Some(steps));
    }

    pub(super) fn steps(&self) -> usize {
        self.0.borrow().steps
    }

    /// The power went and is back.
    pub(super) fn lose(&self, loss: Loss) {
        let mut inner = self.0.borrow_mut();
        inner.cut_after = None;
        if loss == Loss::All {
            inner.names = inner.synced_names.clone();
        }
        if loss != Loss::Nothing {
            for file in &mut inner.files {
                file.bytes = file.synced.clone().unwrap_or_default();
            }
        }
        for file in &mut inner.files {
            file.synced = Some(file.bytes.clone());
        }
        inner.synced_names = inner.names.clone();
    }

    /// All files with what is in them.
    pub(super) fn content(&self) -> BTreeMap<String, String> {
        let inner = self.0.borrow();
        let text = |at: usize| String::from_utf8(inner.files[at].bytes.clone()).unwrap();
        let names = inner.names.iter();
        names.map(|(name, at)| (name.clone(), text(*at))).collect()
    }

    fn step(&self) -> io::Result<()> {
        let mut inner = self.0.borrow_mut();
        if inner.cut_after.is_some_and(|cut| inner.steps >= cut) {
            return Err(io::Error::other("the power is gone"));
        }
        inner.steps += 1;
        Ok(())
    }
}

fn key(name: &OsStr) -> String {
    name.to_str().unwrap().to_owned()
}

impl Folder for Disk {
    fn read(&self, name: &OsStr) -> io::Result<Option<Vec<u8>>> {
        let inner = self.0.borrow();
        let found = inner.names.get(&key(name));
        Ok(found.map(|at| inner.files[*at].bytes.clone()))
    }

    fn write(&self, name: &OsStr, bytes: &[u8], _: u32) -> io::Result<()> {
        // The file, half of its bytes, and the rest.
        self.step()?;
        let at = {
            let mut inner = self.0.borrow_mut();
            inner.files.push(File::default());
            let at = inner.files.len() - 1;
            inner.names.insert(key(name), at);
            at
        };
        for part in [&bytes[..bytes.len() / 2], bytes] {
            self.step()?;
            self.0.borrow_mut().files[at].bytes = part.to_vec();
        }
        Ok(())
    }

    fn sync_file(&self, name: &OsStr) -> io::Result<()> {
        self.step()?;
        let mut inner = self.0.borrow_mut();
        let at = inner.names[&key(name)];
        inner.files[at].synced = Some(inner.files[at].bytes.clone());
        Ok(())
    }

    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        self.step()?;
        let mut inner = self.0.borrow_mut();
        let at = inner.names.remove(&key(from)).unwrap();
        inner.names.insert(key(to), at);
        Ok(())
    }

    fn remove(&self, name: &OsStr) -> io::Result<()> {
        self.step()?;
        self.0.borrow_mut().names.remove(&key(name));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.step()?;
        let mut inner = self.0.borrow_mut();
        inner.synced_names = inner.names.clone();
        Ok(())
    }
}
