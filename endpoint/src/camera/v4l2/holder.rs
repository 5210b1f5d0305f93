//! Which program holds a device, for a message: as far as this user may see other programs.

use std::fs;
use std::path::Path;

/// Processes that are looked at: more than a board has. The search is for a message alone.
const MOST_PROCESSES: usize = 4096;
/// Open files of a process that are looked at.
const MOST_FILES: usize = 512;

/// Name and number of another program that has the device at `path` open.
pub(super) fn of(path: &Path) -> Option<String> {
    let device = path.canonicalize().ok()?;
    let own = std::process::id().to_string();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    for process in processes.take(MOST_PROCESSES) {
        let number = process.file_name().into_string().unwrap_or_default();
        if number == own || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let Ok(files) = fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        let holds =
            |file: fs::DirEntry| fs::read_link(file.path()).is_ok_and(|target| target == device);
        if files.flatten().take(MOST_FILES).any(holds) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("{}, process {number}", name.trim()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_program_that_has_a_file_open_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device");
        fs::write(&path, "").unwrap();
        assert_eq!(of(&path), None);
        let mut program = Command::new("sleep")
            .arg("60")
            .stdin(fs::File::open(&path).unwrap())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let expected = format!("sleep, process {}", program.id());
        // Until it has become `sleep` it has another name.
        let named = (0..1000).any(|_| {
            std::thread::yield_now();
            of(&path).as_ref() == Some(&expected)
        });
        program.kill().unwrap();
        program.wait().unwrap();
        assert!(named);
    }
}
