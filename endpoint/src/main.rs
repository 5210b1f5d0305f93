//! `conclave-endpoint`: from the command line to a call, and from errors to exit codes.

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser, Subcommand};
use conclave_common::manual;
use conclave_endpoint::cli::arguments::{self, CallArguments, Missing};
use conclave_endpoint::cli::call::{self, CallError};
use conclave_endpoint::cli::provision::{KioskArguments, ProvisionArguments};
use conclave_endpoint::cli::{devices, doctor};
use conclave_endpoint::config::{Config, ConfigError};
use conclave_endpoint::data_dir::DataDir;
use conclave_endpoint::engine::EngineError;
use conclave_endpoint::kiosk::provisioning;
use conclave_endpoint::net::discovery::{DiscoveryError, RelaySpec};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

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
    ///
    /// It ends when something new was provisioned and there is no call, for its service to start it again.
    Kiosk(KioskArguments),
    /// A call without a screen; for appliances, bots and tests.
    Call(CallArguments),
    /// Lists cameras with their formats, sizes and rates, and sound devices.
    Devices {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Checks camera, sound, display and relay, and says what to do.
    Doctor {
        /// The relay to check: HOST, HOST:PORT, auto, or auto:NAME. Without any, those on the LAN are listed.
        #[arg(long, value_name = "ADDR")]
        relay: Option<RelaySpec>,
        /// Turn on microphones and speakers that are off or at their lowest volume in a sound card's mixer.
        #[arg(long)]
        fix: bool,
    },
    /// Takes in a conclave.toml from the boot partition or a USB stick: relay, account, room, Wi-Fi. As root.
    ///
    /// The first file that is found is checked whole and applied once. One that is wrong changes nothing: what is
    /// wrong with it is printed, and shown on the kiosk's screen. Exits with 0 when it was applied or there was
    /// nothing to do, with 1 when it was refused.
    Provision(ProvisionArguments),
    /// Writes man pages and shell completions.
    #[command(hide = true)]
    Manual {
        /// Where they go: a page for each verb, and a file for each shell
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_ansi(std::io::stderr().is_terminal())
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
    let Some(verb) = line.verb else {
        return window(line.config.as_deref(), line.data_dir.as_deref());
    };
    match verb {
        Verb::Kiosk(arguments) => {
            return kiosk(line.config.as_deref(), line.data_dir.as_deref(), arguments);
        }
        Verb::Call(arguments) => {
            let config = Config::load(line.config.as_deref(), line.data_dir.as_deref())?;
            let keep = DataDir::open(&config.keep_folder()).map_err(EngineError::from)?;
            let plan = arguments.plan();
            call::run(arguments.settings(config, &keep)?, keep, plan)?;
        }
        Verb::Manual { folder } => {
            manual::write(&CommandLine::command(), &folder).context("manual")?;
        }
        Verb::Provision(arguments) => return Ok(arguments.run()),
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
        Verb::Doctor { relay, fix } => {
            if fix {
                print!("{}", doctor::fix());
            }
            let config = Config::load_provisioned(
                line.config.as_deref(),
                Path::new(provisioning::STATE),
                line.data_dir.as_deref(),
            );
            let configured = config.as_ref().ok().and_then(|c| c.relay.address.clone());
            let folder = match &config {
                Ok(config) => config.keep_folder(),
                Err(_) => line.data_dir.unwrap_or_else(DataDir::default_folder),
            };
            let keep = DataDir::open(&folder).ok();
            let relay = relay.or(configured).map(|relay| doctor::MeantRelay {
                kept_as: relay.kept_as(),
                address: arguments::locate(relay, keep.as_ref(), None),
            });
            let findings = doctor::examine(config.err(), relay, &folder);
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

/// The touch screen in a window.
#[cfg(feature = "screen")]
fn window(file: Option<&Path>, folder: Option<&Path>) -> anyhow::Result<ExitCode> {
    let config = Config::load(file, folder)?;
    let keep = DataDir::open(&config.keep_folder()).map_err(EngineError::from)?;
    conclave_endpoint::ui::run(config, keep, None, |_| {})?;
    Ok(ExitCode::SUCCESS)
}

/// The touch screen of a meeting room.
#[cfg(feature = "screen")]
fn kiosk(
    file: Option<&Path>,
    folder: Option<&Path>,
    arguments: KioskArguments,
) -> anyhow::Result<ExitCode> {
    // Before anything is read: what is applied from now on is new.
    let watch = conclave_endpoint::kiosk::Watch::begin(arguments.state.clone(), arguments.report);
    let load = || Config::load_provisioned(file, &arguments.state, folder);
    let mut config = load()?;
    match config.take_provisioned(&arguments.state) {
        Ok(true) => config = load()?,
        Ok(false) => {}
        // A full disk is no reason for a dark screen.
        Err(error) => tracing::warn!(%error, "older choices are not forgotten"),
    }
    let keep = DataDir::open(&config.keep_folder()).map_err(EngineError::from)?;
    conclave_endpoint::ui::run(config, keep, Some(watch), |_| {})?;
    Ok(ExitCode::SUCCESS)
}

/// What a program without a touch screen says where it should show one.
#[cfg(not(feature = "screen"))]
const NO_SCREEN: &str = "this program was built without the touch screen. Build it with its default features \
     (`make run` does), or use `conclave-endpoint call`";

#[cfg(not(feature = "screen"))]
fn window(_: Option<&Path>, _: Option<&Path>) -> anyhow::Result<ExitCode> {
    anyhow::bail!(NO_SCREEN)
}

#[cfg(not(feature = "screen"))]
fn kiosk(_: Option<&Path>, _: Option<&Path>, _: KioskArguments) -> anyhow::Result<ExitCode> {
    anyhow::bail!(NO_SCREEN)
}

/// 2 usage (clap's own) or configuration; 3 relay not found, unreachable or refused; 4 identity changed; 5 device
/// missing and required.
fn exit_code(error: &anyhow::Error) -> u8 {
    let call = error.downcast_ref::<CallError>();
    let engine = match call {
        Some(CallError::Engine(engine)) => Some(engine),
        _ => error.downcast_ref::<EngineError>(),
    };
    match (call, engine) {
        _ if error.is::<ConfigError>() || error.is::<Missing>() => 2,
        _ if error.is::<DiscoveryError>() => 3,
        (Some(CallError::DeviceMissing { .. }), _) => 5,
        (_, Some(EngineError::IdentityChanged { .. } | EngineError::WrongFingerprint { .. })) => 4,
        (
            _,
            Some(
                EngineError::Unreachable { .. }
                | EngineError::Refused { .. }
                | EngineError::Replaced { .. },
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
        CommandLine::command().debug_assert();
    }
}
