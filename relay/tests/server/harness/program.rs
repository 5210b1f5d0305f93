//! The program in a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The program, serving; killed when dropped.
pub(crate) struct Serving {
    pub(crate) child: Child,
    pub(crate) control: SocketAddr,
}

impl Serving {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[], Stdio::inherit())
    }

    /// With more in its environment, and its log going there.
    pub(crate) fn start_with(folder: &Path, more: &[(&str, &str)], log: Stdio) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_conclave-relay"))
            .args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .args(["--web", "off"])
            .arg("--data-dir")
            .arg(folder.join("data"))
            .env("CONCLAVE_RELAY__LOG__FILTER", "warn")
            .env("CONCLAVE_RELAY__LISTEN__ANNOUNCE", "false")
            .env("CONCLAVE_RELAY__LIMITS__HANDSHAKES_AT_ONCE", "100000")
            .env("CONCLAVE_RELAY__LIMITS__CONNECTIONS_PER_ADDRESS", "100000")
            .env("CONCLAVE_RELAY__LIMITS__SIGN_UPS_AT_ONCE", "100000")
            .envs(more.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let control = line
            .split_whitespace()
            .find_map(|word| word.strip_prefix("control="))
            .unwrap_or_else(|| panic!("{line:?}"));
        Self {
            control: control.parse().unwrap(),
            child,
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
