//! What a screen tells of a file that was refused: a small file, there as long as it counts.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The file's name, within the folder of reports.
const FILE: &str = "refused";
/// More than what fits on a screen.
const LARGEST: u64 = 4096;

/// Where it is, if it is there.
#[must_use]
pub fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// Writes what is wrong.
pub(super) fn write(folder: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let fresh = folder.join(format!("{FILE}.new"));
    fs::write(&fresh, text)?;
    fs::rename(&fresh, path(folder))
}

/// Takes it away, if it is there.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_file(path(folder)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What is wrong, if anything is, as a screen can show it.
#[must_use]
pub fn read(folder: &Path) -> Option<String> {
    let file = fs::File::open(path(folder)).ok()?;
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let shown = |c: char| c == '\n' || !c.is_control();
    let text: String = text.chars().filter(|c| shown(*c)).collect();
    Some(text.trim_end().to_owned())
}
