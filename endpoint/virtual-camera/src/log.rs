//! The record of what was sent, so that a test can tell that it received exactly that.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

use crate::frames::checksum;

/// One line a frame: `INDEX LENGTH CHECKSUM whole|torn|marked`, of the bytes that went out. The checksum is FNV-1a of 64 bits, in hex.
/// A frame during which the host stopped the stream is not logged.
#[derive(Debug)]
pub(crate) struct FrameLog {
    file: Option<Mutex<File>>,
}

impl FrameLog {
    /// Creates the file, or a log that forgets.
    pub(crate) fn create(path: Option<&Path>) -> io::Result<Self> {
        let create = |path: &Path| {
            File::create(path).map_err(|error| {
                io::Error::new(
                    error.kind(),
                    format!("{} can not be written: {error}", path.display()),
                )
            })
        };
        Ok(Self {
            file: path.map(create).transpose()?.map(Mutex::new),
        })
    }

    /// Adds a frame that went out. One write a line, so that a reader sees whole lines.
    pub(crate) fn sent(&self, index: u64, bytes: &[u8], what: &str) {
        let Some(file) = &self.file else { return };
        let line = format!("{index} {} {:016x} {what}\n", bytes.len(), checksum(bytes));
        let mut file = file.lock().expect("no holder of the log panics");
        if let Err(error) = file.write_all(line.as_bytes()) {
            eprintln!("conclave-virtual-camera: a line of the log is lost: {error}");
        }
    }
}
