//! The relay as a process of its own, and its CPU time.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// The program, serving; killed when dropped.
pub(crate) struct RelayProcess {
    child: Child,
    _folder: tempfile::TempDir,
    pub(crate) control: SocketAddr,
    pub(crate) web: SocketAddr,
}

impl RelayProcess {
    pub(crate) fn start(plain_http: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_conclave-relay"))
            .args(["serve", "--listen", "127.0.0.1:0", "--admin", "off"])
            .args(["--web", "127.0.0.1:0", "--announce", "off"])
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .env("CONCLAVE_RELAY__LOG__FILTER", "warn")
            .env("CONCLAVE_RELAY__WEB__PLAIN_HTTP", plain_http.to_string())
            .env("CONCLAVE_RELAY__WEB__SOCKETS_PER_ADDRESS", "1000")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.as_mut().unwrap());
        output.read_line(&mut line).unwrap();
        let address = |name: &str| {
            let mut words = line.split_whitespace();
            let found = words.find_map(|word| word.strip_prefix(name));
            found.unwrap().parse().unwrap()
        };
        Self {
            control: address("control="),
            web: address("web="),
            child,
            _folder: folder,
        }
    }

    /// CPU time of all its threads so far (Documentation/scheduler/sched-stats.rst).
    pub(crate) fn cpu_ns(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        tasks
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
            .map(|stat| {
                stat.split_whitespace()
                    .next()
                    .unwrap()
                    .parse::<u64>()
                    .unwrap()
            })
            .sum()
    }
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
