//! The diagnostic bundle: one text file with what support needs to find a fault from elsewhere.
//!
//! It has no key, no e-mail address, no PIN and nothing that was said.

use crate::cli::{devices, doctor};
use crate::engine::Stats;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Writes the bundle into the folder, in place of the one before.
///
/// # Errors
/// What the file system says.
pub(super) fn write(
    folder: &Path,
    relay: Option<&str>,
    stats: Option<&Stats>,
) -> io::Result<PathBuf> {
    let path = folder.join("diagnostics.txt");
    let mut text = format!("conclave-endpoint {}\n\n", env!("CARGO_PKG_VERSION"));
    if let Ok(release) = fs::read_to_string("/proc/version") {
        text.push_str(&release);
    }
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "\n{}\n{}\n",
        doctor::examine(None, relay.map(doctor::MeantRelay::at), folder),
        devices::enumerate()
    );
    if let Some(Ok(stats)) = stats.map(serde_json::to_string_pretty) {
        let _ = writeln!(text, "\n{stats}");
    }
    fs::write(&path, text)?;
    Ok(path)
}
