//! The virtual webcam: what it is told, what it says, and what it has sent.

use crate::program::{Line, Program, built};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const NAME: &str = "Virtual Camera";

/// A plugged-in webcam.
pub(crate) struct Webcam {
    program: Program,
    folder: TempDir,
}

/// A frame that went out.
pub(crate) struct Sent {
    pub(crate) checksum: u64,
    pub(crate) whole: bool,
}

impl Webcam {
    pub(crate) fn plug(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(built("conclave-virtual-camera", "CONCLAVE_VIRTUAL_CAMERA"));
        command
            .args(options)
            .arg("--log")
            .arg(folder.path().join("sent.log"));
        let program = Program::start("webcam", &mut command);
        let webcam = Self { program, folder };
        webcam.says("plugged");
        wait_for_node();
        webcam
    }

    pub(crate) fn tell(&mut self, command: &str) {
        self.program.tell(command);
    }

    pub(crate) fn says(&self, what: &str) -> Line {
        self.program.prints(what, |line| line.starts_with(what))
    }

    /// What went out since it was plugged in first.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        let log = fs::read_to_string(self.folder.path().join("sent.log")).unwrap();
        let entry = |line: &str| {
            let mut words = line.split(' ').skip(2);
            Sent {
                checksum: u64::from_str_radix(words.next().unwrap(), 16).unwrap(),
                whole: words.next() == Some("whole"),
            }
        };
        log.lines().map(entry).collect()
    }

    /// Takes it away, and waits until the kernel knows.
    pub(crate) fn remove(mut self) -> Vec<Sent> {
        let sent = self.sent();
        self.tell("quit");
        self.program.wait();
        while node().is_some() {
            std::thread::sleep(Duration::from_millis(5));
        }
        sent
    }
}

pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// The webcam's node, once the kernel has made it; a webcam has a second one without pictures.
fn node() -> Option<String> {
    let entry = |entry: std::io::Result<fs::DirEntry>| {
        let folder = entry.ok()?.path();
        let read = |name| fs::read_to_string(folder.join(name)).ok();
        let node = format!("/dev/{}", folder.file_name()?.to_str()?);
        let ours = read("name")?.starts_with(NAME) && read("index")?.trim() == "0";
        (ours && Path::new(&node).exists()).then_some(node)
    };
    fs::read_dir("/sys/class/video4linux").ok()?.find_map(entry)
}

/// Waits for the node: plugging in ends before the driver has looked at the device.
pub(crate) fn wait_for_node() -> String {
    loop {
        if let Some(node) = node() {
            return node;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
