//! The real programs as processes, and a relay's address to which only what a test allows gets through.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test binary uses a part; what fails here fails the test"
)]

pub(crate) mod proxy;

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Calls take much of two cores each: one test at a time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn endpoint_program() -> PathBuf {
    env!("CARGO_BIN_EXE_conclave-endpoint").into()
}

fn relay_program() -> PathBuf {
    let named = std::env::var_os("CONCLAVE_RELAY_BIN").map(PathBuf::from);
    let beside = endpoint_program().with_file_name("conclave-relay");
    let program = named.unwrap_or(beside);
    assert!(
        program.exists(),
        "{} is missing: cargo build -p conclave-relay",
        program.display()
    );
    program
}

/// A running relay; killed when dropped.
pub(crate) struct Relay {
    pub(crate) address: String,
    child: Child,
}

impl Relay {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_at(folder, "127.0.0.1:0")
    }

    /// Starts a relay on data that may be there already, at an address that may have been used before.
    pub(crate) fn start_at(folder: &Path, listen: &str) -> Self {
        Self::start_with(folder, listen, &["--announce", "off"], &[])
    }

    /// Starts a relay that announces itself on loopback.
    pub(crate) fn announced(folder: &Path, name: &str) -> Self {
        let name = ("CONCLAVE_RELAY__LISTEN__NAME", name);
        Self::start_with(folder, "127.0.0.1:0", &["--announce", "on"], &[name])
    }

    fn start_with(
        folder: &Path,
        listen: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut child = Command::new(relay_program())
            .envs(environment.iter().copied())
            .args([
                "serve",
                "--web",
                "off",
                "--admin",
                "off",
                "--listen",
                listen,
                "--data-dir",
            ])
            .arg(folder)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .split_whitespace()
            .find_map(|word| word.strip_prefix("control="));
        let address = address
            .unwrap_or_else(|| panic!("the relay said {line:?}"))
            .to_owned();
        Self { address, child }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// As `systemctl stop` does.
    pub(crate) fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    /// As a power cut would.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.address.clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running `conclave-endpoint call --stats json`; killed when dropped.
pub(crate) struct Call {
    child: Child,
    lines: Receiver<Value>,
    pub(crate) last: Value,
    /// Lines of standard error, and those that were read already.
    told: Receiver<String>,
    heard: Vec<String>,
    /// Where acts are written, with `--control stdin`.
    acts: Option<ChildStdin>,
}

impl Call {
    /// Joins the room "test", with everything off that the arguments do not switch on.
    pub(crate) fn join(folder: &Path, relay: &str, name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(endpoint_program());
        command
            .arg("--data-dir")
            .arg(folder.join(name))
            .args(["call", "--relay", relay, "--room", "test", "--create"]);
        command.args([
            "--user",
            name,
            "--email",
            &format!("{name}@example.org"),
            "--stats",
            "json",
        ]);
        for (device, off) in [
            ("--camera", "off"),
            ("--microphone", "off"),
            ("--speaker", "off"),
        ] {
            if !arguments.contains(&device) {
                command.args([device, off]);
            }
        }
        if arguments.contains(&"--control") {
            command.stdin(Stdio::piped());
        }
        let mut child = command
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender
                    .send(serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}")));
            }
        });
        let (sender, told) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let acts = child.stdin.take();
        Self {
            child,
            lines,
            last: Value::Null,
            told,
            heard: Vec::new(),
            acts,
        }
    }

    /// Tells a call with `--control stdin` to do something; gives its answer.
    pub(crate) fn act(&mut self, line: &str) -> String {
        self.write(line);
        let answers = ["ok ", "refused ", "unknown "];
        self.wait_told(line, |told| answers.iter().any(|a| told.starts_with(a)))
    }

    /// Writes a line to a call with `--control stdin`.
    pub(crate) fn write(&mut self, line: &str) {
        let acts = self.acts.as_mut().expect("--control stdin");
        writeln!(acts, "{line}").unwrap();
    }

    /// Ends what a call with `--control stdin` reads.
    pub(crate) fn end_input(&mut self) {
        self.acts = None;
    }

    /// Reads standard error until a line satisfies the condition, and gives it.
    pub(crate) fn wait_told(&mut self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let line = self
                .told
                .recv_timeout(left)
                .unwrap_or_else(|error| panic!("{what}: {error}; told was {:#?}", self.heard));
            self.heard.push(line.clone());
            if condition(&line) {
                return line;
            }
        }
    }

    /// Reads statistics until they satisfy the condition; gives how long that took.
    pub(crate) fn wait_until(
        &mut self,
        what: &str,
        condition: impl Fn(&Value) -> bool,
    ) -> Duration {
        let begun = Instant::now();
        loop {
            match self
                .lines
                .recv_timeout(PATIENCE.saturating_sub(begun.elapsed()))
            {
                Ok(stats) => {
                    self.last = stats;
                    if condition(&self.last) {
                        return begun.elapsed();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{what} has not come; last was {:#}", self.last)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let errors = self.errors();
                    panic!(
                        "the call ended before {what}; last was {:#}; {errors}",
                        self.last
                    )
                }
            }
        }
    }

    /// Reads to the last statistics of a call that ends by itself.
    pub(crate) fn finish(&mut self) -> ExitStatus {
        self.wait_until("the end", |stats| stats["final"] == true);
        self.child.wait().unwrap()
    }

    /// Asks the call to end, as a terminal does, and reads its last statistics.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        self.finish()
    }

    /// What a call that has ended wrote to standard error.
    pub(crate) fn errors(&mut self) -> String {
        self.heard.extend(self.told.iter());
        self.heard.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Waits for a call that is refused.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A participant's stream in statistics.
pub(crate) fn stream<'s>(stats: &'s Value, name: &str, kind: &str) -> Option<&'s Value> {
    let participants = stats["participants"].as_array()?;
    let streams = participants
        .iter()
        .find(|participant| participant["name"] == name)?["streams"]
        .as_array()?;
    streams.iter().find(|stream| stream["kind"] == kind)
}

/// A number of a participant's stream; 0 while there is none.
pub(crate) fn number(stats: &Value, name: &str, kind: &str, field: &str) -> f64 {
    stream(stats, name, kind)
        .and_then(|stream| stream[field].as_f64())
        .unwrap_or(0.0)
}
