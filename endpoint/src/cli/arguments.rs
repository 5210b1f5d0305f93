//! The flags of `call`, laid over the configuration.

use crate::camera::CameraSpec;
use crate::cli::call::{ControlSource, Plan, StatsFormat};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::engine::{Room, Settings};
use crate::net::control::with_default_port;
use crate::net::discovery::{self, DiscoveryError, RelaySpec};
use crate::platform::processor;
use crate::sound::{MicrophoneSpec, SpeakerSpec};
use clap::Args;
use conclave_protocol::name::{ChatText, DisplayName, Email, Pin, RoomName, Username};
use conclave_protocol::time::Micros;
use conclave_protocol::wire::control::{MAX_ROOM_CAPACITY, Suite};
use std::path::PathBuf;
use std::time::Duration;

/// How long a relay is looked for. A relay that runs answers within 0.2 s, one that has just been started after 1 s.
const DISCOVERY_PATIENCE: Duration = Duration::from_secs(5);

/// What a call can be told on the command line. What it is not told comes from the configuration.
#[derive(Args)]
pub struct CallArguments {
    /// The relay: HOST, HOST:PORT, auto for the only one on the LAN, or auto:NAME.
    #[arg(long, value_name = "ADDR")]
    relay: Option<RelaySpec>,
    /// What `conclave-relay identity` prints: refuse any other relay at first contact.
    #[arg(long, value_name = "FINGERPRINT")]
    relay_fingerprint: Option<String>,
    /// The account's name: 2 to 32 letters, digits, "_", "." and "-".
    #[arg(long, value_name = "NAME")]
    user: Option<Username>,
    /// What others see, in any script and with spaces; the account's name when absent.
    #[arg(long, value_name = "NAME")]
    display_name: Option<DisplayName>,
    /// The account's e-mail address.
    #[arg(long, value_name = "MAIL")]
    email: Option<Email>,
    /// The room to join.
    #[arg(long)]
    room: Option<RoomName>,
    /// Make the room when it is not there.
    #[arg(long)]
    create: bool,
    /// The room's PIN, 4 to 12 digits.
    #[arg(long)]
    pin: Option<Pin>,
    /// auto, off, v4l2:/dev/video0[:WxH@FPS], pattern[:WxH@FPS], or file:PATH (MJPEG, AVI or a folder of JPEGs).
    #[arg(long, value_name = "SPEC")]
    camera: Option<CameraSpec>,
    /// auto, off, alsa:PCM[#CHANNEL], tone[:HZ], or file:PATH.wav.
    #[arg(long, value_name = "SPEC")]
    microphone: Option<MicrophoneSpec>,
    /// auto, off, alsa:PCM, or file:PATH.wav (what would have been heard).
    #[arg(long, value_name = "SPEC")]
    speaker: Option<SpeakerSpec>,
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
    /// Execute the commands on standard input during the call: camera on, say TEXT, leave and more; see
    /// docs/endpoint.md.
    #[arg(long, value_name = "SOURCE")]
    control: Option<ControlSource>,
    /// The cipher of what is sent; "auto" takes AES where the processor has instructions for it.
    #[arg(long, value_name = "CIPHER", default_value = "auto")]
    media_cipher: MediaCipher,
}

/// What flags and configuration leave open, as flag and key.
#[derive(Debug, thiserror::Error)]
#[error("a call needs more: {}; give it as a flag or in the configuration", .0.join(", "))]
pub struct Missing(Vec<&'static str>);

impl CallArguments {
    /// What the call does beside being in a room.
    pub fn plan(&self) -> Plan {
        Plan {
            record: self.record.clone(),
            say: self.say.clone(),
            duration: self.duration,
            stats: self.stats,
            control: self.control,
        }
    }

    /// The flags over the configuration.
    pub fn settings(self, config: Config, keep: &DataDir) -> anyhow::Result<Settings> {
        // What was given for another relay, account or room must not go to this one.
        let same_relay = [&None, &config.relay.address].contains(&&self.relay);
        let same_room = [&None, &config.room.name].contains(&&self.room);
        let fingerprint = config.relay.fingerprint.filter(|_| same_relay);
        let pin = config.room.pin.filter(|_| same_room);

        let same_user = [&None, &config.account.name].contains(&&self.user);
        let called = config.account.display_name.filter(|_| same_user);

        let relay = self.relay.or(config.relay.address);
        let user = self.user.or(config.account.name);
        let email = self.email.or(config.account.email);
        let room = self.room.or(config.room.name);
        let missing = [
            relay.is_none().then_some("--relay (relay.address)"),
            user.is_none().then_some("--user (account.name)"),
            email.is_none().then_some("--email (account.email)"),
            room.is_none().then_some("--room (room.name)"),
        ];
        let (Some(relay), Some(username), Some(email), Some(room)) = (relay, user, email, room)
        else {
            return Err(Missing(missing.into_iter().flatten().collect()).into());
        };
        let relay_fingerprint = self
            .relay_fingerprint
            .or(fingerprint.map(|fingerprint| fingerprint.to_string()));
        let relay_kept_as = relay.kept_as();
        Ok(Settings {
            relay: locate(relay, Some(keep), relay_fingerprint.as_deref())?,
            relay_kept_as,
            relay_fingerprint,
            display_name: (self.display_name.or(called))
                .unwrap_or_else(|| DisplayName::from(&username)),
            username,
            email,
            room: Some(Room {
                name: room,
                pin: self.pin.or(pin),
                create: self.create.then_some(MAX_ROOM_CAPACITY),
            }),
            suite: self.media_cipher.suite(),
            camera: self.camera.unwrap_or(config.devices.camera),
            microphone: self.microphone.unwrap_or(config.devices.microphone),
            speaker: self.speaker.unwrap_or(config.devices.speaker),
            devices_on_demand: false,
            patience: Micros::from_secs(5),
        })
    }
}

/// The address of the relay that is meant, looked for on the LAN where it must be: of several the one with this
/// fingerprint, or the one that was met before.
pub fn locate(
    relay: RelaySpec,
    keep: Option<&DataDir>,
    fingerprint: Option<&str>,
) -> Result<String, DiscoveryError> {
    let met = || keep?.relay(&relay.kept_as()).ok()?;
    let known = fingerprint.map(str::to_owned);
    let known = known.or_else(|| met().map(|key| key.fingerprint()));
    let found = match &relay {
        RelaySpec::Address(address) => return Ok(with_default_port(address)),
        RelaySpec::Auto => discovery::discover_one(known.as_deref(), DISCOVERY_PATIENCE)?,
        RelaySpec::Named(name) => {
            discovery::discover_named(name, known.as_deref(), DISCOVERY_PATIENCE)?
        }
    };
    eprintln!("relay: {found}");
    Ok(found.address)
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
            Self::Auto => processor::best_suite(),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::FromArgMatches as _;

    fn call(flags: &[&str], file: &str) -> anyhow::Result<Settings> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("endpoint.toml");
        std::fs::write(&path, file).unwrap();
        let config = Config::load_with(Some(&path), Some(folder.path()), []).unwrap();
        let command = CallArguments::augment_args(clap::Command::new("call"));
        let matches = command.try_get_matches_from(["call"].iter().chain(flags))?;
        let keep = DataDir::open(folder.path()).unwrap();
        CallArguments::from_arg_matches(&matches)?.settings(config, &keep)
    }

    const FILE: &str = "[relay]\naddress = \"relay.lan\"\nfingerprint = \"\
        456f-51ce-b50b-a474-fc84-828d-371b-b67a-ee9c-3824-b311-e42a-5e11-4014-bf0b-7d6c\"\n\
        [account]\nname = \"ana\"\nemail = \"ana@example.org\"\n\
        [room]\nname = \"Standup\"\npin = \"1234\"\n[devices]\ncamera = \"off\"\n";

    #[test]
    fn what_no_flag_says_comes_from_the_configuration() {
        let settings = call(&[], FILE).unwrap();
        assert_eq!(settings.relay, "relay.lan:7470");
        assert_eq!(settings.username.as_str(), "ana");
        assert!(settings.relay_fingerprint.is_some());
        assert_eq!(settings.camera, CameraSpec::Off);
        let flags = [
            "--user",
            "ben",
            "--camera",
            "pattern",
            "--relay",
            "relay.lan",
        ];
        let settings = call(&flags, FILE).unwrap();
        assert_eq!(settings.username.as_str(), "ben");
        assert_eq!(settings.email.as_str(), "ana@example.org");
        assert!(settings.relay_fingerprint.is_some());
        assert!(matches!(settings.camera, CameraSpec::Pattern(_)));
    }

    #[test]
    fn others_see_the_display_name_or_else_the_account_s_name() {
        let called = |flags: &[&str], file: &str| {
            let settings = call(flags, file).unwrap();
            (
                settings.username.to_string(),
                settings.display_name.to_string(),
            )
        };
        let pair = |username: &str, name: &str| (username.to_owned(), name.to_owned());
        assert_eq!(called(&[], FILE), pair("ana", "ana"));
        let flags = ["--display-name", " Ana Lima "];
        assert_eq!(called(&flags, FILE), pair("ana", "Ana Lima"));
        let file = FILE.replace("[room]", "display_name = \"Ana Lima\"\n[room]");
        assert_eq!(called(&[], &file), pair("ana", "Ana Lima"));
        assert_eq!(called(&["--user", "ben"], &file), pair("ben", "ben"));
        let error = call(&["--display-name", "a\u{200b}b"], FILE).unwrap_err();
        assert!(
            error.to_string().contains("a zero-width space (U+200B)"),
            "{error}"
        );
    }

    #[test]
    fn another_relay_or_room_gets_no_fingerprint_or_pin_that_was_not_meant_for_it() {
        let settings = call(&["--relay", "other.lan", "--room", "Other"], FILE).unwrap();
        assert_eq!(settings.relay_fingerprint, None);
        assert_eq!(settings.room.unwrap().pin, None);
    }

    #[test]
    fn what_is_missing_is_named_as_flag_and_as_key() {
        let error = call(&["--user", "ana"], "[room]\nname = \"A\"\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "a call needs more: --relay (relay.address), --email (account.email); \
             give it as a flag or in the configuration"
        );
        assert!(error.is::<Missing>());
    }
}
