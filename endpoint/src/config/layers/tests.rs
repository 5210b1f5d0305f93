use super::*;
use crate::camera::CameraSpec;
use crate::config::{
    AccountChoices, Choices, DeviceChoices, IdleCode, Language, RelayChoices, Rotation,
    ScreenChoices, Theme, TouchKeyboard,
};
use crate::sound::MicrophoneSpec;
use proptest::prelude::*;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;

const FINGERPRINT: &str =
    "456f-51ce-b50b-a474-fc84-828d-371b-b67a-ee9c-3824-b311-e42a-5e11-4014-bf0b-7d6c";

/// A file, a folder of choices and an environment.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn load(&self, text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let path = self.folder.path().join("endpoint.toml");
        fs::write(&path, text).unwrap();
        let pairs = environment.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        Config::load_with(Some(&path), Some(self.folder.path()), pairs)
    }

    fn choose(&self, text: &str) {
        fs::write(self.folder.path().join(choices::FILE), text).unwrap();
    }

    fn refusal(&self, text: &str, environment: &[(&str, &str)]) -> String {
        self.load(text, environment).unwrap_err().to_string()
    }
}

#[test]
fn the_shipped_example_is_the_default_and_names_every_key() {
    let example = include_str!("../../../endpoint.example.toml");
    let place = Place::new();
    let mut config = place.load(example, &[]).unwrap();
    config.data.dir = None;
    assert_eq!(config, Config::default());
    for (section, key) in Schema::<Config>::new().keys() {
        assert!(
            example.contains(&format!("\n[{section}]\n")),
            "{section} is missing"
        );
        assert!(example.contains(&format!("\n{key} = ")), "{key} is missing");
    }
}

#[test]
fn every_key_is_taken() {
    let text = format!(
        "[relay]\naddress = \"relay.lan\"\nfingerprint = \"{FINGERPRINT}\"\n\
         [account]\nname = \"ana\"\nemail = \"ana@example.org\"\n\
         [room]\nname = \"Standup\"\npin = \"1234\"\nidle_code = \"off\"\n\
         [devices]\ncamera = \"off\"\nmicrophone = \"tone:660\"\nspeaker = \"off\"\njoin_muted = true\n\
         [screen]\nlanguage = \"pt_BR\"\ntheme = \"light\"\nreduce_motion = true\ntouch_keyboard = \"on\"\n\
         blank_after_s = 1\nidle_after_s = 2\nsettings_pin = \"987654\"\nrotation = 270\noutput = \"DSI-1\"\nkeyboard = \"de(nodeadkeys)\"\n"
    );
    let config = Place::new().load(&text, &[]).unwrap();
    assert_eq!(config.relay.address.unwrap().to_string(), "relay.lan");
    assert_eq!(config.relay.fingerprint.unwrap().as_str(), FINGERPRINT);
    assert_eq!(config.account.name.unwrap().as_str(), "ana");
    assert_eq!(config.account.email.unwrap().as_str(), "ana@example.org");
    assert_eq!(config.room.name.unwrap().as_str(), "Standup");
    assert_eq!(config.room.pin.unwrap().as_str(), "1234");
    assert_eq!(config.room.idle_code, IdleCode::Off);
    assert_eq!(config.devices.camera, CameraSpec::Off);
    assert_eq!(config.devices.microphone, MicrophoneSpec::Tone(660));
    assert!(config.devices.join_muted && config.screen.reduce_motion);
    assert_eq!(config.screen.language.unwrap().as_str(), "pt-BR");
    assert_eq!(config.screen.theme, Theme::Light);
    assert_eq!(config.screen.touch_keyboard, TouchKeyboard::On);
    assert_eq!(
        (config.screen.blank_after_s, config.screen.idle_after_s),
        (1, 2)
    );
    assert_eq!(config.screen.settings_pin.unwrap().as_str(), "987654");
    assert_eq!(config.screen.rotation, Rotation::ThreeQuarters);
    assert_eq!(config.screen.output.unwrap().as_str(), "DSI-1");
    assert_eq!(
        config.screen.keyboard.unwrap().to_string(),
        "de(nodeadkeys)"
    );
}

#[test]
fn an_unknown_key_names_the_nearest_known_one() {
    let place = Place::new();
    let error = place.refusal("[account]\nmail = \"a@b\"\n", &[]);
    assert!(error.contains("unknown key \"account.mail\""), "{error}");
    assert!(
        error.contains("endpoint.toml: did you mean \"account.email\"?"),
        "{error}"
    );
    let error = place.refusal("[accounts]\nname = \"ana\"\n", &[]);
    assert!(error.contains("did you mean \"account.name\"?"), "{error}");
    let error = place.refusal("relay_address = \"relay.lan\"\n", &[]);
    assert!(error.contains("did you mean \"relay.address\"?"), "{error}");
    let error = place.refusal("", &[("CONCLAVE_ENDPOINT__SCREEN__ROTATE", "90")]);
    assert!(
        error.contains("in CONCLAVE_ENDPOINT__SCREEN__ROTATE"),
        "{error}"
    );
    assert!(
        error.contains("did you mean \"screen.rotation\"?"),
        "{error}"
    );
}

#[test]
fn a_wrong_value_is_refused_with_file_key_value_and_reason() {
    let place = Place::new();
    for (text, parts) in [
        (
            "[account]\nname = \"a\"",
            &["account.name = \"a\" in /", "endpoint.toml", "at least 2"][..],
        ),
        (
            "[account]\nemail = \"nobody\"",
            &["\"nobody\"", "name@example.org"],
        ),
        ("[account]\nname = 7", &["account.name = 7", "in quotes"]),
        (
            "[devices]\ncamera = \"webcam\"",
            &["devices.camera", "known: auto, off"],
        ),
        (
            "[devices]\njoin_muted = \"yes\"",
            &["devices.join_muted", "true or false"],
        ),
        (
            "[screen]\ntheme = \"blue\"",
            &["screen.theme", "dark", "light"],
        ),
        (
            "[screen]\nrotation = 45",
            &["screen.rotation = 45", "0, 90, 180 or 270"],
        ),
        (
            "[screen]\nblank_after_s = -1",
            &["screen.blank_after_s = -1"],
        ),
        (
            "[screen]\nlanguage = \"Deutsch\"",
            &["screen.language", "pt-BR"],
        ),
        (
            "[relay]\nfingerprint = \"456f\"",
            &["relay.fingerprint", "64 hexadecimal"],
        ),
        ("[data]\ndir = \"here\"", &["data.dir", "must begin with"]),
        ("screen = 3", &["screen = 3", "a section"]),
        ("[screen", &["is not TOML"]),
    ] {
        let error = place.refusal(text, &[]);
        for part in parts {
            assert!(error.contains(part), "{part:?} is not in {error}");
        }
    }
    let error = place.refusal("", &[("CONCLAVE_ENDPOINT__SCREEN__BLANK_AFTER_S", "soon")]);
    assert!(
        error.contains("\"soon\" in CONCLAVE_ENDPOINT__SCREEN__BLANK_AFTER_S"),
        "{error}"
    );
    let missing = Config::load_with(Some(Path::new("/nowhere")), None, []).unwrap_err();
    assert!(
        missing.to_string().contains("cannot read /nowhere"),
        "{missing}"
    );
}

#[test]
fn a_pin_is_not_shown_when_it_is_refused() {
    let place = Place::new();
    for text in [
        "[room]\npin = \"12345678901234\"",
        "[room]\npin = 31415",
        "[screen]\nsettings_pin = 31415",
    ] {
        let error = place.refusal(text, &[]);
        assert!(error.contains("pin = …"), "{error}");
        assert!(
            !error.contains("31415") && !error.contains("1234567"),
            "{error}"
        );
    }
}

#[test]
fn choices_go_before_the_file_and_the_environment_before_both() {
    let place = Place::new();
    let file = "[screen]\ntheme = \"light\"\nidle_after_s = 3\nblank_after_s = 3\n";
    place.choose("[screen]\nidle_after_s = 4\nblank_after_s = 4\n");
    let config = place.load(
        file,
        &[
            ("CONCLAVE_ENDPOINT__SCREEN__BLANK_AFTER_S", "5"),
            ("OTHER", "1"),
        ],
    );
    let screen = config.unwrap().screen;
    assert_eq!(screen.theme, Theme::Light);
    assert_eq!((screen.idle_after_s, screen.blank_after_s), (4, 5));
}

#[test]
fn a_variable_that_looks_like_a_number_is_a_text_where_a_text_is_wanted() {
    let variables = [
        ("CONCLAVE_ENDPOINT__ROOM__NAME", "101"),
        ("CONCLAVE_ENDPOINT__ROOM__PIN", "0123"),
        ("CONCLAVE_ENDPOINT__DEVICES__JOIN_MUTED", "true"),
        ("CONCLAVE_ENDPOINT__DATA_DIR", "/not/a/key"),
    ];
    let config = Place::new().load("", &variables).unwrap();
    assert_eq!(config.room.name.unwrap().as_str(), "101");
    assert_eq!(config.room.pin.unwrap().as_str(), "0123");
    assert!(config.devices.join_muted);
}

#[test]
fn a_wrong_variable_is_named_with_the_reason_and_what_would_do() {
    let place = Place::new();
    for (name, value, reason) in [
        (
            "SCREEN__BLANK_AFTER_S",
            "soon",
            "a whole number, such as 600",
        ),
        ("SCREEN__BLANK_AFTER_S", "-1", "must not be negative"),
        ("SCREEN__REDUCE_MOTION", "yes", "true or false"),
        ("SCREEN__ROTATION", "45", "45 is not 0, 90, 180 or 270"),
    ] {
        let name = format!("CONCLAVE_ENDPOINT__{name}");
        let error = place.refusal("", &[(&name, value)]);
        assert!(error.contains(&name) && error.contains(reason), "{error}");
    }
}

#[test]
fn a_variable_that_is_not_text_is_refused_and_another_programs_is_left_alone() {
    let bytes = OsString::from_vec(b"Caf\xe9".to_vec());
    let place = Place::new();
    let load = |name: &str| {
        let variable = [(name.into(), bytes.clone())];
        Config::load_with(None, Some(place.folder.path()), variable)
    };
    assert!(load("OTHER").is_ok());
    assert!(load("CONCLAVE_ENDPOINT__DATA_DIR").is_ok());
    let name = "CONCLAVE_ENDPOINT__ROOM__NAME";
    let error = load(name).unwrap_err().to_string();
    assert!(
        error.contains(name) && error.contains("not UTF-8"),
        "{error}"
    );
}

#[test]
fn a_fingerprint_and_a_pin_stay_with_what_they_were_given_for() {
    let place = Place::new();
    let file = format!(
        "[relay]\naddress = \"relay.lan\"\nfingerprint = \"{FINGERPRINT}\"\n[room]\nname = \"A\"\npin = \"1234\"\n"
    );
    let same = [("CONCLAVE_ENDPOINT__RELAY__ADDRESS", "relay.lan")];
    assert!(
        place
            .load(&file, &same)
            .unwrap()
            .relay
            .fingerprint
            .is_some()
    );
    let other = [
        ("CONCLAVE_ENDPOINT__RELAY__ADDRESS", "other.lan"),
        ("CONCLAVE_ENDPOINT__ROOM__NAME", "B"),
    ];
    let config = place.load(&file, &other).unwrap();
    assert_eq!((config.relay.fingerprint, config.room.pin), (None, None));
    place.choose("[relay]\naddress = \"auto\"\n");
    assert_eq!(place.load(&file, &[]).unwrap().relay.fingerprint, None);
}

#[test]
fn choices_are_kept_whole_and_read_again() {
    let place = Place::new();
    let config = place.load("", &[]).unwrap();
    assert_eq!(config.choices(), Choices::default());
    let chosen = Choices {
        relay: RelayChoices {
            address: Some("192.0.2.7:7470".parse().unwrap()),
            fingerprint: Some(FINGERPRINT.parse().unwrap()),
        },
        account: AccountChoices {
            name: Some("ana".parse().unwrap()),
            display_name: Some("Ana Lima".parse().unwrap()),
            email: None,
        },
        devices: DeviceChoices {
            camera: Some("v4l2:/dev/video2".parse().unwrap()),
            join_muted: Some(true),
            ..DeviceChoices::default()
        },
        screen: ScreenChoices {
            language: Some("de".parse().unwrap()),
            theme: Some(Theme::Light),
            settings_pin: Some("1234".parse().unwrap()),
            rotation: Some(Rotation::Quarter),
            ..ScreenChoices::default()
        },
    };
    config.save_choices(&chosen).unwrap();
    let path = place.folder.path().join(choices::FILE);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let config = place
        .load("[account]\nemail = \"ana@example.org\"\n", &[])
        .unwrap();
    assert_eq!(config.choices(), chosen);
    assert_eq!(config.account.name.unwrap().as_str(), "ana");
    assert_eq!(config.account.email.unwrap().as_str(), "ana@example.org");
    assert_eq!(
        config.screen.language,
        Some("de".parse::<Language>().unwrap())
    );
    assert_eq!(config.screen.rotation.degrees(), 90);
}

#[test]
fn a_board_starts_whatever_stands_in_its_choices() {
    let place = Place::new();
    place.choose(
        "[screen]\ntheme = \"light\"\nrotation = 45\nnew = 1\n[room]\nname = \"A\"\n[data]\ndir = \"/x\"\n",
    );
    let config = place.load("", &[]).unwrap();
    assert_eq!(config.screen.theme, Theme::Light);
    assert_eq!(config.screen.rotation, Rotation::None);
    assert_eq!(config.room.name, None);
    assert_eq!(config.keep_folder(), place.folder.path());
    for damaged in ["[screen", "screen = 1", "\u{0}"] {
        place.choose(damaged);
        assert_eq!(
            place.load("", &[]).unwrap().screen,
            Config::default().screen
        );
    }
}

#[test]
fn choices_lie_in_the_folder_that_the_file_or_the_environment_names() {
    let place = Place::new();
    let keep = place.folder.path().join("keep");
    fs::create_dir(&keep).unwrap();
    fs::write(keep.join(choices::FILE), "[screen]\ntheme = \"light\"\n").unwrap();
    let file = place.folder.path().join("endpoint.toml");
    fs::write(&file, format!("[data]\ndir = {keep:?}\n")).unwrap();
    let config = Config::load_with(Some(&file), None, []).unwrap();
    assert_eq!(config.screen.theme, Theme::Light);
    assert_eq!(config.keep_folder(), keep);
    let variable = ("CONCLAVE_ENDPOINT__DATA__DIR".into(), keep.clone().into());
    let config = Config::load_with(None, None, [variable]).unwrap();
    assert_eq!(
        (config.screen.theme, config.keep_folder()),
        (Theme::Light, keep)
    );
}

proptest! {
    #[test]
    fn any_text_is_a_configuration_or_an_error(text in "[a-z\\[\\]=\"0-9.\n{}, _]{0,200}") {
        let place = Place::new();
        place.choose(&text);
        let _ = place.load(&text, &[]);
    }

    #[test]
    fn a_damaged_example_is_a_configuration_or_an_error(at in 0usize..4000, byte in any::<u8>()) {
        let mut bytes = include_bytes!("../../../endpoint.example.toml").to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = Place::new().load(&String::from_utf8_lossy(&bytes), &[]);
    }
}
