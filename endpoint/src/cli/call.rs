//! A call without a screen: for appliances, bots and tests.

mod act;
mod control;

use crate::camera::{CameraSpec, CameraState};
use crate::data_dir::DataDir;
use crate::device::DeviceLoss;
use crate::engine::{Engine, EngineError, Intent, LineState, Person, Report, Settings, Stats};
use crate::record;
use crate::sound::{MicrophoneSpec, SoundState, SpeakerSpec};
use conclave_protocol::id::ParticipantId;
use conclave_protocol::name::ChatText;
use conclave_protocol::wire::control::Devices;
use control::{Control, People};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Chat lines given on the command line that may wait.
const INTENTS: usize = 64;

/// How statistics are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum StatsFormat {
    /// A line a second for people, and chat as it comes.
    #[default]
    Text,
    /// One JSON object a second, and nothing else on standard output.
    Json,
}

/// Where a running call is told what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ControlSource {
    /// Standard input: a line an act, each answered on standard error.
    Stdin,
}

/// What the call does beside being in a room.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Where to keep what is received.
    pub record: Option<PathBuf>,
    /// Lines to say once in the room.
    pub say: Vec<ChatText>,
    /// How long to stay; until told to stop when absent.
    pub duration: Option<Duration>,
    /// How to print statistics.
    pub stats: StatsFormat,
    /// Where to be told what to do while the call runs.
    pub control: Option<ControlSource>,
}

/// Why a call ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The engine's.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The folder for recordings cannot be used.
    #[error("cannot record into {folder}: {error}")]
    Record {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A device that was named, and so is required, is not there.
    #[error("{what} is missing: {loss}")]
    DeviceMissing {
        /// The camera, the microphone or the speaker.
        what: &'static str,
        /// Why it is lost.
        loss: DeviceLoss,
    },
    /// The runtime or a signal handler cannot be set up.
    #[error("the system refuses: {0}")]
    System(#[from] io::Error),
}

/// Holds a call until its time is up, a signal comes, or it is refused.
///
/// # Errors
/// [`CallError`] says what was refused, unreachable or missing.
pub fn run(settings: Settings, keep: DataDir, plan: Plan) -> Result<(), CallError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(hold(settings, keep, plan))
}

async fn hold(settings: Settings, keep: DataDir, plan: Plan) -> Result<(), CallError> {
    let recorded = plan.record.map(|folder| {
        record::start(&folder).map_err(|error| CallError::Record {
            folder: folder.clone(),
            error,
        })
    });
    let (recorder, recording) = recorded.transpose()?.unzip();
    let (intents, taken) = mpsc::channel(INTENTS);
    let (missing, mut is_missing) = mpsc::channel(1);
    let mut screen = Printer {
        format: plan.stats,
        required: Required::of(&settings),
        missing,
        devices: BTreeMap::new(),
        people: People::default(),
    };
    let control = plan.control.map(|ControlSource::Stdin| {
        Control::of_stdin(&settings, intents.clone(), People::clone(&screen.people))
    });
    let control = control.transpose()?;
    let engine = Engine::new(settings, keep, recorder, None, move |report| {
        screen.show(report)
    })?;
    for text in plan.say {
        let _ = intents.try_send(Intent::Say(Box::new(text)));
    }
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let until = async {
        let time_is_up = async {
            match plan.duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => std::future::pending().await,
            }
        };
        let leave = async {
            match control {
                Some(control) => control.until_leave().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = time_is_up => {}
            () = leave => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        let _ = intents.send(Intent::Stop).await;
        // The engine ends by itself now.
        std::future::pending::<()>().await;
    };
    let result = tokio::select! {
        result = engine.run(taken) => result.map_err(CallError::from),
        () = until => Ok(()),
        Some(missing) = is_missing.recv() => Err(missing),
    };
    drop(recording);
    result
}

/// Devices that were named: a call cannot begin without them. One that is lost later is waited for.
struct Required {
    camera: bool,
    microphone: bool,
    speaker: bool,
}

impl Required {
    fn of(settings: &Settings) -> Self {
        Self {
            camera: matches!(
                settings.camera,
                CameraSpec::V4l2 { .. } | CameraSpec::File(_)
            ),
            microphone: matches!(
                settings.microphone,
                MicrophoneSpec::Alsa(_) | MicrophoneSpec::File(_)
            ),
            speaker: matches!(
                settings.speaker,
                SpeakerSpec::Alsa(_) | SpeakerSpec::File(_)
            ),
        }
    }

    /// Whether the report says that one of them is not there to begin with.
    fn missing(&mut self, report: &Report) -> Option<CallError> {
        let (required, what, lost) = match report {
            Report::Camera(CameraState::Lost(loss)) => (&mut self.camera, "the camera", Some(loss)),
            Report::Camera(CameraState::Running(_)) => (&mut self.camera, "", None),
            Report::Microphone(SoundState::Lost(loss)) => {
                (&mut self.microphone, "the microphone", Some(loss))
            }
            Report::Microphone(SoundState::Running { .. } | SoundState::Silent { .. }) => {
                (&mut self.microphone, "", None)
            }
            Report::Speaker(SoundState::Lost(loss)) => {
                (&mut self.speaker, "the speaker", Some(loss))
            }
            Report::Speaker(SoundState::Running { .. }) => (&mut self.speaker, "", None),
            _ => return None,
        };
        let was_required = std::mem::replace(required, false);
        lost.filter(|_| was_required)
            .map(|loss| CallError::DeviceMissing {
                what,
                loss: loss.clone(),
            })
    }
}

struct Printer {
    format: StatsFormat,
    required: Required,
    missing: mpsc::Sender<CallError>,
    /// What the others had switched on when it was told last.
    devices: BTreeMap<ParticipantId, Devices>,
    /// Everyone in the room, for acts that name a participant.
    people: People,
}

impl Printer {
    fn show(&mut self, report: Report) {
        if let Some(error) = self.required.missing(&report) {
            let _ = self.missing.try_send(error);
        }
        match (self.format, report) {
            (StatsFormat::Json, Report::Stats(stats)) => match serde_json::to_string(&stats) {
                Ok(line) => print(&line),
                Err(error) => tracing::error!(%error, "statistics cannot be written"),
            },
            (StatsFormat::Text, Report::Stats(stats)) => print(&summary(&stats)),
            (
                StatsFormat::Text,
                Report::Chat {
                    line, own: false, ..
                },
            ) => {
                // A line of several rows is indented, so that none looks like another person's.
                let kind = if line.to.is_some() { "direct" } else { "chat" };
                print(&format!(
                    "{kind} {}: {}",
                    line.from_name,
                    line.text.as_str().replace('\n', "\n    ")
                ));
            }
            (_, Report::Chat { .. }) => {}
            (_, Report::People(people)) => {
                self.tell_switched(&people);
                *self.people.borrow_mut() = people;
            }
            (_, Report::LeftRoom) => self.people.borrow_mut().clear(),
            // What is no statistics goes where it disturbs no reader of them.
            (_, report) => eprint_line(&report),
        }
    }
}

impl Printer {
    /// Tells what a participant who was here already has switched on or off.
    fn tell_switched(&mut self, people: &[Person]) {
        let others = people.iter().filter(|person| !person.own);
        let now: BTreeMap<_, _> = others.map(|person| (person.id, person.devices)).collect();
        for person in people {
            let Some(before) = self.devices.get(&person.id) else {
                continue;
            };
            for (what, before, now) in [
                ("microphone", before.microphone, person.devices.microphone),
                ("camera", before.camera, person.devices.camera),
            ] {
                if before != now {
                    let switched = if now { "on" } else { "off" };
                    let _ = writeln!(io::stderr(), "{}: {what} {switched}", person.display_name);
                }
            }
        }
        self.devices = now;
    }
}

fn eprint_line(report: &Report) {
    let line = match report {
        Report::FirstContact(relay) => format!(
            "first contact: the relay is {} ({}); compare with `conclave-relay identity` there",
            relay.words(),
            relay.fingerprint()
        ),
        Report::SignedIn => "signed in".into(),
        Report::Joined { back: true, .. } => "back in the room".into(),
        Report::Joined { others, .. } if others.is_empty() => "joined; nobody else is here".into(),
        Report::Joined { others, .. } => {
            let names: Vec<_> = others.iter().map(ToString::to_string).collect();
            format!("joined; here: {}", names.join(", "))
        }
        Report::Came(name) => format!("{name} came"),
        Report::Left(name, Some(reason)) => format!("{name} left ({reason:?})"),
        Report::Left(name, None) => format!("{name} left"),
        Report::SafetyNumber(number) => format!("safety number: {number}"),
        Report::OwnLine {
            state: LineState::Failed(refusal),
            ..
        } => format!("chat was not sent: {refusal}"),
        Report::Path(path) => format!("media path: {path:?}").to_lowercase(),
        Report::Interrupted(loss) => format!("connection lost ({loss}); trying again"),
        Report::Camera(CameraState::Running(format)) => {
            format!(
                "camera: {} {} {}@{}",
                format.name, format.format, format.size, format.fps
            )
        }
        Report::Camera(CameraState::Lost(loss)) => {
            format!("camera lost: {loss}; trying again")
        }
        Report::Microphone(SoundState::Running { name }) => format!("microphone: {name}"),
        Report::Microphone(SoundState::Lost(loss)) => {
            format!("microphone lost: {loss}; trying again")
        }
        Report::Microphone(SoundState::Silent { name }) => format!(
            "microphone gives exact silence: {name} is muted on itself or in its mixer; `doctor` looks at the mixer"
        ),
        Report::Speaker(SoundState::Running { name }) => format!("speaker: {name}"),
        Report::Speaker(SoundState::Lost(loss)) => {
            format!("speaker lost: {loss}; trying again")
        }
        Report::Camera(_)
        | Report::Microphone(_)
        | Report::Speaker(_)
        | Report::NotConnected(_)
        | Report::Rooms(_)
        | Report::Link(_)
        | Report::NotEntered { .. }
        | Report::WaitsForPlace
        | Report::OwnLine { .. }
        | Report::LineGone(_)
        | Report::LeftRoom
        | Report::People(_)
        | Report::Levels(_)
        | Report::History { .. }
        | Report::Chat { .. }
        | Report::Stats(_) => {
            return;
        }
    };
    // The reader may be gone; that is no reason to end a call.
    let _ = writeln!(io::stderr(), "{line}");
}

fn print(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// A line for people: what goes out, and what comes from each.
fn summary(stats: &Stats) -> String {
    let own = &stats.own;
    let path = format!("{:?}", stats.path).to_lowercase();
    let mut line = format!(
        "{:5.0} s  path {path}  sent {} pictures, {} blocks",
        stats.seconds, own.frames_sent, own.blocks_sent
    );
    for participant in &stats.participants {
        let _ = write!(line, "  |  {}:", participant.display_name);
        for stream in &participant.streams {
            let _ = match stream.kind {
                "audio" => write!(
                    line,
                    "  sound {:.0} ms, {} gaps, {} lost",
                    stream.latency_ms.p50, stream.audio_gaps, stream.packets_lost
                ),
                _ => write!(
                    line,
                    "  {:.1} fps, {:.1} ms, {} lost",
                    stream.fps, stream.latency_ms.p50, stream.frames_lost
                ),
            };
        }
    }
    line
}
