//! The relay as a process of its own, as it is installed but for where it listens, and its memory.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::browser::fetch;
use crate::harness::resident_kib_of;

/// The program, serving with its default limits; killed when dropped.
pub(crate) struct RelayProcess {
    child: Child,
    _folder: tempfile::TempDir,
    /// Where it is on loopback; it listens on all addresses.
    pub(crate) control: SocketAddr,
    pub(crate) web: SocketAddr,
    admin: SocketAddr,
}

impl RelayProcess {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_conclave-relay"))
            .args(["serve", "--listen", "[::]:0", "--admin", "127.0.0.1:0"])
            .args(["--announce", "off"])
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .env("CONCLAVE_RELAY__LOG__FILTER", "error")
            // What TLS adds has tests of its own.
            .env("CONCLAVE_RELAY__LISTEN__WEB", "127.0.0.1:0")
            .env("CONCLAVE_RELAY__WEB__PLAIN_HTTP", "true")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.as_mut().unwrap());
        output.read_line(&mut line).unwrap();
        let address = |name: &str| -> SocketAddr {
            let mut words = line.split_whitespace();
            let found = words.find_map(|word| word.strip_prefix(name));
            found.unwrap_or_else(|| panic!("{line:?}")).parse().unwrap()
        };
        let control = (Ipv4Addr::LOCALHOST, address("control=").port()).into();
        Self {
            control,
            web: address("web="),
            admin: address("admin="),
            child,
            _folder: folder,
        }
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        resident_kib_of(&PathBuf::from(format!("/proc/{}/status", self.child.id())))
    }

    /// Its counters that are not zero.
    pub(crate) fn counters(&self) -> Vec<String> {
        let answer = fetch(self.admin, "/metrics");
        let counts = answer.lines().filter(|line| line.contains("_total"));
        let counts = counts.filter(|line| !line.starts_with('#') && !line.ends_with(" 0"));
        counts.map(str::to_owned).collect()
    }
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
