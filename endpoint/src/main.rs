//! `conclave-endpoint`: from the command line to a call, and from errors to exit codes.

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use conclave_endpoint::call::{self, CallError, Plan, StatsFormat};
use conclave_endpoint::camera::CameraSpec;
use conclave_endpoint::config::Config;
use conclave_endpoint::control::with_default_port;
use conclave_endpoint::engine::{EngineError, Room, Settings};
use conclave_endpoint::keep::Keep;
use conclave_endpoint::sound::{MicrophoneSpec, SpeakerSpec};
use conclave_endpoint::{devices, doctor, ui};
use conclave_protocol::name::{ChatText, Email, Pin, RoomName, Username};
use conclave_protocol::time::Micros;
use conclave_protocol::wire::control::{MAX_ROOM_CAPACITY, Suite};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Camera, microphone, speaker and screen of a meeting room.
///
/// Without a command: the touch screen, in a window where there is a display server.
#[derive(Parser)]
#[command(version, about)]
struct CommandLine {
    /// The configuration; /etc/conclave/endpoint.toml where it exists.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where this device's identity and the relays that it has met are kept.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "CONCLAVE_ENDPOINT__DATA_DIR"
    )]
    data_dir: Option<PathBuf>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "made once a process")]
enum Verb {
    /// The touch screen of a meeting room: full screen, signed in by itself, idle between calls.
    Kiosk,
    /// A call without a screen; for appliances, bots and tests.
    Call(CallArguments),
    /// Lists cameras with their formats, sizes and rates, and sound devices.
    Devices {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Checks camera, sound and relay, and says what to do.
    Doctor {
        /// A relay to check too, HOST or HOST:PORT.
        #[arg(long, value_name = "ADDR")]
        relay: Option<String>,
    },
}

#[derive(clap::Args)]
struct CallArguments {
    /// The relay, HOST or HOST:PORT.
    #[arg(long, value_name = "ADDR")]
    relay: String,
    /// What `conclave-relay identity` prints: refuse any other relay at first contact.
    #[arg(long, value_name = "FINGERPRINT")]
    relay_fingerprint: Option<String>,
    /// The account's name: 2 to 32 letters, digits, "_", "." and "-".
    #[arg(long, value_name = "NAME")]
    user: Username,
    /// The account's e-mail address.
    #[arg(long, value_name = "MAIL")]
    email: Email,
    /// The room to join.
    #[arg(long)]
    room: RoomName,
    /// Make the room when it is not there.
    #[arg(long)]
    create: bool,
    /// The room's PIN, 4 to 12 digits.
    #[arg(long)]
    pin: Option<Pin>,
    /// auto, off, v4l2:/dev/video0[:WxH@FPS], pattern[:WxH@FPS], or file:PATH (MJPEG, AVI or a folder of JPEGs).
    #[arg(long, value_name = "SPEC", default_value = "auto")]
    camera: CameraSpec,
    /// auto, off, alsa:PCM, tone[:HZ], or file:PATH.wav.
    #[arg(long, value_name = "SPEC", default_value = "auto")]
    microphone: MicrophoneSpec,
    /// auto, off, alsa:PCM, or file:PATH.wav (what would have been heard).
    #[arg(long, value_name = "SPEC", default_value = "auto")]
    speaker: SpeakerSpec,
    /// Keep what is received: pictures and sound of each participant, and the chat.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Say a line once in the room; may be given more than once.
    #[arg(long, value_name = "TEXT")]
    say: Vec<ChatText>,
    /// Stay so long; until interrupted when absent.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    duration: Option<Duration>,
    /// How to print statistics, a line a second.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    stats: StatsFormat,
    /// The cipher of what is sent; "auto" takes AES where the processor has instructions for it.
    #[arg(long, value_name = "CIPHER", default_value = "auto")]
    media_cipher: MediaCipher,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum MediaCipher {
    Auto,
    Aes,
    Chacha,
}

impl MediaCipher {
    fn suite(self) -> Suite {
        match self {
            Self::Aes => Suite::Aes256Gcm,
            Self::Chacha => Suite::ChaCha20Poly1305,
            Self::Auto => conclave_endpoint::processor::best_suite(),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("CONCLAVE_LOG")
                .unwrap_or_else(|_| "warn".into()),
        )
        .init();
    match run(CommandLine::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("conclave-endpoint: {error:#}");
            ExitCode::from(exit_code(&error))
        }
    }
}

fn run(line: CommandLine) -> anyhow::Result<ExitCode> {
    let folder = line.data_dir.clone().unwrap_or_else(Keep::default_folder);
    let Some(verb) = line.verb else {
        return show(line.config.as_deref(), line.data_dir.as_deref(), false);
    };
    match verb {
        Verb::Kiosk => return show(line.config.as_deref(), line.data_dir.as_deref(), true),
        Verb::Call(arguments) => {
            let plan = Plan {
                record: arguments.record.clone(),
                say: arguments.say.clone(),
                duration: arguments.duration,
                stats: arguments.stats,
            };
            let keep = Keep::open(&folder).map_err(EngineError::from)?;
            call::run(settings(arguments), keep, plan)?;
        }
        Verb::Devices { json } => {
            let found = devices::enumerate();
            if json {
                println!(
                    "{}",
                    serde_json::to_string_pretty(&found).context("devices as JSON")?
                );
            } else {
                print!("{found}");
            }
        }
        Verb::Doctor { relay } => {
            let findings =
                doctor::examine(relay.as_deref().map(with_default_port).as_deref(), &folder);
            print!("{findings}");
            return Ok(if findings.all_well() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The touch screen.
fn show(file: Option<&Path>, folder: Option<&Path>, kiosk: bool) -> anyhow::Result<ExitCode> {
    let config = Config::load(file, folder)?;
    let keep = Keep::open(&config.keep_folder()).map_err(EngineError::from)?;
    ui::run(config, keep, kiosk, |_| {})?;
    Ok(ExitCode::SUCCESS)
}

fn settings(arguments: CallArguments) -> Settings {
    Settings {
        relay: with_default_port(&arguments.relay),
        relay_fingerprint: arguments.relay_fingerprint,
        username: arguments.user,
        email: arguments.email,
        room: Some(Room {
            name: arguments.room,
            pin: arguments.pin,
            create: arguments.create.then_some(MAX_ROOM_CAPACITY),
        }),
        suite: arguments.media_cipher.suite(),
        camera: arguments.camera,
        microphone: arguments.microphone,
        speaker: arguments.speaker,
        devices_on_demand: false,
        patience: Micros::from_secs(5),
    }
}

/// 2 usage (clap's own); 3 relay unreachable or refused; 4 identity changed; 5 device missing and required.
fn exit_code(error: &anyhow::Error) -> u8 {
    let call = error.downcast_ref::<CallError>();
    let engine = match call {
        Some(CallError::Engine(engine)) => Some(engine),
        _ => error.downcast_ref::<EngineError>(),
    };
    match (call, engine) {
        (Some(CallError::DeviceMissing { .. }), _) => 5,
        (_, Some(EngineError::IdentityChanged { .. } | EngineError::WrongFingerprint { .. })) => 4,
        (
            _,
            Some(
                EngineError::Unreachable { .. }
                | EngineError::Refused { .. }
                | EngineError::Replaced,
            ),
        ) => 3,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        CommandLine::command().debug_assert();
    }
}
