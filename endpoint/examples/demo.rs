//! `make demo`: a relay and two endpoints in one room, and whether each saw and heard the other.
//!
//! Ana has this machine's camera and sound card where it has them; Ben always has the pattern and the tone. The
//! three are the real programs, started as anybody would start them.

use anyhow::{Context as _, bail, ensure};
use conclave_endpoint::sound::tone;
use conclave_endpoint::{devices, marker, sound};
use serde_json::Value;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const ROOM: &str = "Demo";
/// How long both are in the room together.
const SECONDS: u64 = 10;
/// Rates at which a picture is seen and a voice is heard without doubt.
const LEAST_FPS: f64 = 29.0;

struct Person {
    name: &'static str,
    other: &'static str,
    camera: String,
    microphone: String,
    speaker: String,
    says: &'static str,
    /// The pitch that the other one plays, where that is known.
    hears_hz: Option<f64>,
}

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
    let programs = std::env::current_exe()?
        .parent()
        .and_then(Path::parent)
        .map(Path::to_path_buf);
    let programs = programs.context("the demo lies in no build folder")?;
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

fn people(folder: &Path) -> (Person, Person) {
    let cameras = devices::enumerate().cameras;
    let camera = cameras
        .into_iter()
        .find(|camera| camera.formats.iter().any(|format| format.usable));
    let cards = sound::devices();
    let microphone = cards
        .iter()
        .find(|card| card.captures)
        .map(|card| format!("alsa:{}", card.pcm));
    let speaker = cards
        .iter()
        .find(|card| card.plays)
        .map(|card| format!("alsa:{}", card.pcm));
    let file = |name: &str| format!("file:{}", folder.join(name).display());
    let ana = Person {
        name: "ana",
        other: "ben",
        camera: camera.map_or("pattern".into(), |camera| {
            format!("v4l2:{}:1280x720@30", camera.path.display())
        }),
        microphone: microphone.clone().unwrap_or_else(|| "tone:440".into()),
        speaker: speaker.unwrap_or_else(|| file("ana-heard.wav")),
        says: "Hello Ben, can you see me?",
        hears_hz: Some(660.0),
    };
    let ben = Person {
        name: "ben",
        other: "ana",
        camera: "pattern".into(),
        microphone: "tone:660".into(),
        speaker: file("ben-heard.wav"),
        says: "Yes, and I hear you, Ana.",
        hears_hz: microphone.is_none().then_some(440.0),
    };
    (ana, ben)
}

fn start_relay(programs: &Path, folder: &Path) -> anyhow::Result<Child> {
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
async fn ready(relay: &mut Child) -> anyhow::Result<String> {
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

fn join(
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

fn lines(child: &mut Child) -> anyhow::Result<Lines<BufReader<ChildStdout>>> {
    Ok(BufReader::new(child.stdout.take().context("no output to read")?).lines())
}

fn interrupt(child: &Child) {
    let pid = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
    }
}

fn is_final(stats: &Option<Value>) -> bool {
    stats.as_ref().is_some_and(|stats| stats["final"] == true)
}

fn stream<'s>(stats: &'s Value, name: &str, kind: &str) -> Option<&'s Value> {
    let streams = stats["participants"]
        .as_array()?
        .iter()
        .find(|p| p["name"] == name)?["streams"]
        .as_array()?;
    streams.iter().find(|stream| stream["kind"] == kind)
}

/// Prints a line of what a person sees and hears now.
fn show(person: &Person, line: &str) -> anyhow::Result<Value> {
    let stats: Value = serde_json::from_str(line).context("statistics that are no JSON")?;
    if stats["final"] == true {
        return Ok(stats);
    }
    let seen = stream(&stats, person.other, "video").map(|video| {
        format!(
            "sees {}: {:5} pictures, {:4.1}/s, {:4.1} ms, {} lost",
            person.other,
            video["frames_complete"],
            video["fps"].as_f64().unwrap_or(0.0),
            video["latency_ms"]["p50"].as_f64().unwrap_or(0.0),
            video["frames_lost"]
        )
    });
    let heard = stream(&stats, person.other, "audio").map(|audio| {
        format!(
            "hears: {:4.1} ms, {} gaps, {} lost",
            audio["latency_ms"]["p50"].as_f64().unwrap_or(0.0),
            audio["audio_gaps"],
            audio["packets_lost"]
        )
    });
    println!(
        "{:3.0} s  {}  {}  path {}",
        stats["seconds"].as_f64().unwrap_or(0.0),
        person.name,
        [seen, heard]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("; "),
        stats["path"].as_str().unwrap_or("?")
    );
    Ok(stats)
}

/// Whether a person saw and heard the other, by numbers and by what was recorded.
fn judge(
    person: &Person,
    other: &Person,
    stats: Option<&Value>,
    folder: &Path,
) -> anyhow::Result<bool> {
    let stats = stats.filter(|stats| stats["final"] == true);
    let stats = stats.with_context(|| format!("{} gave no last statistics", person.name))?;
    let (video, audio) = (
        stream(stats, other.name, "video"),
        stream(stats, other.name, "audio"),
    );
    let received = folder.join(person.name).join("received");
    let (fps, lost) = video.map_or((0.0, 0), |v| {
        (
            v["fps"].as_f64().unwrap_or(0.0),
            v["frames_lost"].as_u64().unwrap_or(0),
        )
    });
    let saw = fps >= LEAST_FPS && lost == 0;
    let pictures = pictures_in_order(&received.join(format!("{}.mjpeg", other.name))).unwrap_or(0);
    let gaps = audio.map_or(u64::MAX, |audio| {
        audio["audio_gaps"].as_u64().unwrap_or(u64::MAX)
    });
    let tone = sound::wav::read(&received.join(format!("{}.wav", other.name)))
        .ok()
        .map(|samples| tone::analyze(&samples));
    let pitch = tone.map_or(0.0, |tone| tone.pitch_hz);
    let right_pitch = person
        .hears_hz
        .is_none_or(|hz| (pitch - hz).abs() < hz * 0.005);
    let heard = gaps == 0 && right_pitch;
    let chat = std::fs::read_to_string(received.join("chat.jsonl")).unwrap_or_default();
    let read = chat.contains(other.says);
    println!(
        "{} saw {} {}: {fps:.1} pictures a second at 1280x720, {lost} lost, {pictures} in a row by their numbers, {:.1} ms from capture to decoded picture",
        person.name,
        other.name,
        yes(saw),
        video.map_or(0.0, |v| v["latency_ms"]["p50"].as_f64().unwrap_or(0.0)),
    );
    println!(
        "{} heard {} {}: {pitch:.1} Hz, {} gaps, {:.1} ms from microphone to speaker",
        person.name,
        other.name,
        yes(heard),
        if gaps == u64::MAX {
            "no sound but".into()
        } else {
            gaps.to_string()
        },
        audio.map_or(0.0, |a| a["latency_ms"]["p50"].as_f64().unwrap_or(0.0)),
    );
    println!(
        "{} read {} {}: {:?}",
        person.name,
        other.name,
        yes(read),
        other.says
    );
    println!(
        "{} path {}, {} ms of CPU, {} KiB of memory",
        person.name,
        stats["path"].as_str().unwrap_or("?"),
        stats["self"]["cpu_ms"],
        stats["self"]["rss_kib"]
    );
    Ok(saw && heard && read && stats["path"] == "udp")
}

const fn yes(well: bool) -> &'static str {
    if well { "well" } else { "BADLY" }
}

/// The longest run of pictures whose drawn numbers follow each other; pictures of a camera have none.
fn pictures_in_order(path: &Path) -> anyhow::Result<usize> {
    let bytes = std::fs::read(path)?;
    let mut decoder = conclave_endpoint::jpeg::Decoder::new()?;
    let mut picture = conclave_endpoint::jpeg::decode::Picture::default();
    let (mut from, mut last, mut run, mut longest) = (0, None::<u32>, 0, 0);
    while let Some(range) = conclave_endpoint::jpeg::segments::next_picture(&bytes, from) {
        from = range.end;
        decoder.luma(
            &bytes[range],
            conclave_endpoint::jpeg::Scale::Half,
            &mut picture,
        )?;
        let number = marker::read(&picture.pixels, picture.size).map(|marker| marker.frame);
        run = if number.is_some()
            && last.is_some()
            && number == last.map(|last| last.wrapping_add(1))
        {
            run + 1
        } else {
            1
        };
        run = if number.is_some() { run } else { 0 };
        (last, longest) = (number, longest.max(run));
    }
    Ok(longest)
}
