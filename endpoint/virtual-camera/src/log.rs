//! The record of the sent frames, with which a test checks that it received exactly these.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

use crate::frames::checksum;

/// One line for each frame: `INDEX LENGTH CHECKSUM whole|torn|marked`, of the bytes that were sent. The checksum is
/// FNV-1a of 64 bits, in hex. A frame during which the host stopped the stream is not logged.
#[derive(Debug)]
pub(crate) struct FrameLog {
    file: Option<Mutex<File>>,
}

impl FrameLog {
    /// Creates the file, or a log that discards everything.
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

    /// Adds a frame that was sent. One write for each line, so that a reader sees whole lines.
    pub(crate) fn sent(&self, index: u64, bytes: &[u8], what: &str) {
        let Some(file) = &self.file else { return };
        let line = format!("{index} {} {:016x} {what}\n", bytes.len(), checksum(bytes));
        let mut file = file.lock().expect("no holder of the log panics");
        if let Err(error) = file.write_all(line.as_bytes()) {
            eprintln!("conclave-virtual-camera: a line of the log is lost: {error}");
        }
    }
}
