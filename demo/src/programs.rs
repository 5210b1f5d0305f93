//! The three programs of the demonstration: started, read and interrupted.

use crate::people::Person;
use anyhow::Context as _;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const ROOM: &str = "Demo";

pub(crate) fn start_relay(programs: &Path, folder: &Path) -> anyhow::Result<Child> {
    let program = programs.join("conclave-relay");
    Command::new(&program)
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--web",
            "off",
            "--admin",
            "off",
            "--data-dir",
        ])
        .arg(folder.join("relay"))
        .stderr(std::fs::File::create(folder.join("relay.log"))?)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| {
            format!(
                "{} does not start; build it first: make demo does",
                program.display()
            )
        })
}

/// Waits for the relay's `ready` line and gives the address in it.
pub(crate) async fn ready(relay: &mut Child) -> anyhow::Result<String> {
    let mut lines = lines(relay)?;
    let line = lines
        .next_line()
        .await?
        .context("the relay ended before it was ready")?;
    let control = line
        .split_whitespace()
        .find_map(|word| word.strip_prefix("control="));
    Ok(control
        .with_context(|| format!("the relay said {line:?} instead of ready"))?
        .to_owned())
}

pub(crate) fn join(
    programs: &Path,
    folder: &Path,
    relay: &str,
    person: &Person,
    seconds: u64,
) -> anyhow::Result<Child> {
    let own = folder.join(person.name);
    Command::new(programs.join("conclave-endpoint"))
        .arg("--data-dir")
        .arg(&own)
        .args([
            "call", "--relay", relay, "--room", ROOM, "--create", "--stats", "json",
        ])
        .args([
            "--user",
            person.name,
            "--email",
            &format!("{}@example.org", person.name),
        ])
        .args([
            "--camera",
            &person.camera,
            "--microphone",
            &person.microphone,
            "--speaker",
            &person.speaker,
        ])
        .args([
            "--say",
            person.says,
            "--duration",
            &seconds.to_string(),
            "--record",
        ])
        .arg(own.join("received"))
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(
            folder.join(format!("{}.log", person.name)),
        )?)
        .kill_on_drop(true)
        .spawn()
        .context("conclave-endpoint does not start")
}

pub(crate) fn lines(child: &mut Child) -> anyhow::Result<Lines<BufReader<ChildStdout>>> {
    Ok(BufReader::new(child.stdout.take().context("no output to read")?).lines())
}

pub(crate) fn interrupt(child: &Child) {
    let pid = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
    }
}
