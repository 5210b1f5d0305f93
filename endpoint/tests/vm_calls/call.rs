//! A relay and the endpoints in one room, each a process.

use crate::program::{Program, built};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// A relay of its own for each test.
pub(crate) struct Relay {
    program: Option<Program>,
    address: String,
    folder: TempDir,
}

impl Relay {
    pub(crate) fn start() -> Self {
        let mut relay = Self {
            program: None,
            address: "127.0.0.1:0".into(),
            folder: tempfile::tempdir().unwrap(),
        };
        relay.start_again();
        relay
    }

    /// Starts it on what data there is, at the address that it had.
    pub(crate) fn start_again(&mut self) {
        let mut command = Command::new(built("conclave-relay", "CONCLAVE_RELAY_BIN"));
        command
            .args(["serve", "--listen", &self.address, "--announce", "off"])
            .args(["--web", "off", "--admin", "off", "--data-dir"])
            .arg(self.folder.path().join("relay"));
        let program = Program::start("relay", &mut command);
        let ready = program
            .prints("ready", |line| line.starts_with("ready "))
            .text;
        let address = ready
            .split(' ')
            .find_map(|word| word.strip_prefix("control="))
            .expect("the control address");
        address.clone_into(&mut self.address);
        self.program = Some(program);
    }

    /// As a power cut does.
    pub(crate) fn kill(&mut self) {
        self.program = None;
    }

    /// Leaves nothing of what it knew, itself included.
    pub(crate) fn lose_its_data(&self) {
        std::fs::remove_dir_all(self.folder.path().join("relay")).unwrap();
    }

    /// An endpoint that has joined the room "test", with nothing but these devices.
    pub(crate) fn call(&self, user: &str, devices: &[&str]) -> Call {
        self.call_in("test", user, devices)
    }

    /// The same in a room of another name.
    pub(crate) fn call_in(&self, room: &str, user: &str, devices: &[&str]) -> Call {
        let call = self.dial(room, user, devices);
        call.joins();
        call
    }

    /// One that is about to join.
    pub(crate) fn dial(&self, room: &str, user: &str, devices: &[&str]) -> Call {
        let record = self.folder.path().join(format!("{user}-record"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_conclave-endpoint"));
        command
            .arg("--data-dir")
            .arg(self.folder.path().join(user))
            .args(["call", "--relay", &self.address, "--user", user])
            .args(["--email", &format!("{user}@example.org")])
            .args(["--room", room, "--create", "--stats", "json", "--record"])
            .arg(&record);
        for device in ["camera", "microphone", "speaker"] {
            let flag = format!("--{device}");
            if !devices.contains(&flag.as_str()) {
                command.args([&flag, "off"]);
            }
        }
        let program = Program::start(user, command.args(devices));
        Call { program, record }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Where a test may put its files.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// One endpoint in the room.
pub(crate) struct Call {
    pub(crate) program: Program,
    record: PathBuf,
}

impl Call {
    /// Waits until it has joined.
    pub(crate) fn joins(&self) {
        self.program.reports("joined");
    }

    /// The first statistics of which this is true.
    pub(crate) fn stats(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let line = self
            .program
            .prints(what, |line| wanted(&serde_json::from_str(line).unwrap()));
        serde_json::from_str(&line.text).unwrap()
    }

    /// The file in which it records what comes from a participant.
    pub(crate) fn recording(&self, file: &str) -> PathBuf {
        self.record.join(file)
    }

    /// Ends the call, and gives its last statistics.
    pub(crate) fn end(self) -> Value {
        self.program.terminate();
        self.ended()
    }

    /// Waits until it has ended as it was asked to, and gives its last statistics.
    pub(crate) fn ended(mut self) -> Value {
        let rest = self.program.rest();
        assert!(self.program.wait().success());
        let last = serde_json::from_str(rest.last().expect("last statistics")).unwrap();
        let last: Value = last;
        assert_eq!(last["final"], true, "{last}");
        last
    }
}

/// A participant's stream in statistics; `Null` while there is none.
pub(crate) fn stream<'a>(stats: &'a Value, user: &str, kind: &str) -> &'a Value {
    let found = |list: &'a Value, key: &str, wanted: &str| {
        list.as_array()
            .and_then(|list| list.iter().find(|entry| entry[key] == wanted))
            .unwrap_or(&Value::Null)
    };
    found(
        &found(&stats["participants"], "name", user)["streams"],
        "kind",
        kind,
    )
}

/// A number in statistics, 0 while it is not there.
pub(crate) fn count(stats: &Value, key: &str) -> u64 {
    stats[key].as_u64().unwrap_or(0)
}
