//! `make demo`: a relay and two endpoints in one room, and whether each saw and heard the other.
//!
//! Ana has this machine's camera and sound card where it has them; Ben always has the pattern and the tone. The
//! three are the real programs, started as a person would start them. They are built without the touch screen,
//! which the demonstration does not show and which takes longer to build than everything else.

mod judge;
mod people;
mod programs;
mod statistics;

use anyhow::{Context as _, bail, ensure};
use judge::judge;
use people::people;
use programs::{interrupt, join, lines, ready, start_relay};
use statistics::{is_final, show};
use std::path::Path;
use std::process::ExitCode;

/// How long both are in the room together.
const SECONDS: u64 = 10;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match demo().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn demo() -> anyhow::Result<bool> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let result = call(folder.path()).await;
    if result.is_err() {
        for log in ["relay.log", "ana.log", "ben.log"] {
            eprint!(
                "{}",
                std::fs::read_to_string(folder.path().join(log)).unwrap_or_default()
            );
        }
    }
    result
}

async fn call(folder: &Path) -> anyhow::Result<bool> {
    let programs = std::env::current_exe()?.parent().map(Path::to_path_buf);
    let programs = programs.context("the demonstration is in no build folder")?;
    let mut relay = start_relay(&programs, folder)?;
    let relay_at = ready(&mut relay).await?;
    println!("relay at {relay_at}, its data in {}", folder.display());
    let (ana, ben) = people(folder);
    for person in [&ana, &ben] {
        println!(
            "{}: camera {}, microphone {}, speaker {}",
            person.name, person.camera, person.microphone, person.speaker
        );
    }
    let mut first = join(&programs, folder, &relay_at, &ana, SECONDS + 2)?;
    let mut second = join(&programs, folder, &relay_at, &ben, SECONDS + 1)?;
    let (mut ana_lines, mut ben_lines) = (lines(&mut first)?, lines(&mut second)?);
    let (mut ana_last, mut ben_last) = (None, None);
    let mut interrupted = false;
    loop {
        tokio::select! {
            line = ana_lines.next_line() => match line? {
                Some(line) => ana_last = Some(show(&ana, &line)?),
                None => break,
            },
            line = ben_lines.next_line(), if !is_final(&ben_last) => match line? {
                Some(line) => ben_last = Some(show(&ben, &line)?),
                None => bail!("{} ended too early", ben.name),
            },
            // A terminal interrupts the endpoints too: they leave, and their last lines are still read.
            _ = tokio::signal::ctrl_c() => {
                ensure!(!std::mem::replace(&mut interrupted, true), "interrupted twice");
                for child in [&first, &second] {
                    interrupt(child);
                }
            }
        }
    }
    let (first, second) = (first.wait().await?, second.wait().await?);
    ensure!(
        first.success() && second.success(),
        "an endpoint failed: ana {first}, ben {second}"
    );
    interrupt(&relay);
    ensure!(relay.wait().await?.success(), "the relay did not end well");
    println!();
    let ana_well = judge(&ana, &ben, ana_last.as_ref(), folder)?;
    let ben_well = judge(&ben, &ana, ben_last.as_ref(), folder)?;
    println!(
        "{}",
        if ana_well && ben_well {
            "Each saw and heard the other."
        } else {
            "Something is missing, see above."
        }
    );
    Ok(ana_well && ben_well)
}
