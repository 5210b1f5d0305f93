use super::super::document::Document;
use super::super::state::State;
use super::FULL;
use super::disk::Disk;
use crate::config::Config;
use proptest::prelude::*;

/// What came of a text: if it is right, all that it becomes is right too.
fn take(text: &str) {
    let Ok(document) = Document::read(text) else {
        return;
    };
    let disk = Disk::default();
    let state = State::open(disk.clone()).unwrap();
    state.apply(&document, &["digest".into()], "mark").unwrap();
    let files = disk.content();
    if let Some(endpoint) = files.get("endpoint.toml") {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("endpoint.toml");
        std::fs::write(&file, endpoint).unwrap();
        Config::load_with(Some(&file), Some(folder.path()), []).unwrap();
    }
    if let Some(wifi) = files.get("wpa_supplicant.conf") {
        let lines = wifi.lines().count();
        assert!(
            (5..=20).contains(&lines) && wifi.ends_with("\n}\n"),
            "{wifi}"
        );
    }
    if let Some(environment) = files.get("environment") {
        assert_eq!(environment.lines().count(), 2, "{environment}");
    }
    if let Some(network) = files.get("conclave.network") {
        assert!((5..=14).contains(&network.lines().count()), "{network}");
    }
    for name in ["time-servers.conf", "time-fallback.conf"] {
        if let Some(time) = files.get(name) {
            assert_eq!(time.lines().count(), 3, "{time}");
        }
    }
    if let Some(wiped) = document.wiped() {
        let table: toml::Table = wiped.parse().unwrap();
        for (section, key) in [
            ("room", "pin"),
            ("screen", "settings_pin"),
            ("wifi", "password"),
        ] {
            let value = table.get(section).and_then(|keys| keys.get(key));
            assert!(
                value.is_none_or(|value| value.as_str() == Some("")),
                "{wiped}"
            );
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_taken_or_refused(text in "[a-z\\[\\]=\"'0-9.\n{}#, _\\\\]{0,200}") {
        take(&text);
    }

    #[test]
    fn a_damaged_file_is_taken_or_refused(at in 0..FULL.len(), byte in any::<u8>(), cut in 0..FULL.len()) {
        let mut bytes = FULL.as_bytes().to_vec();
        bytes[at] = byte;
        take(&String::from_utf8_lossy(&bytes));
        take(&String::from_utf8_lossy(&bytes[..cut]));
    }

    #[test]
    fn any_name_and_password_that_are_taken_stay_within_their_lines(name in "\\PC{1,32}|[\"\\\\\n#{}=a ]{1,32}", password in "[ -~]{8,63}", pin in "[0-9]{4,12}") {
        let text = format!(
            "[wifi]\nname = {}\npassword = {}\n[room]\nname = 'A'\npin = '{pin}'\n[secrets]\nwipe = true\n",
            toml::Value::String(name),
            toml::Value::String(password),
        );
        take(&text);
    }
}

#[test]
fn a_file_of_nothing_but_depth_or_keys_is_refused_in_good_time() {
    let deep = format!("a = {}", "[".repeat(60_000));
    assert!(Document::read(&deep).is_err());
    let dotted = format!("{}a = 1", "a.".repeat(30_000));
    assert!(Document::read(&dotted).is_err());
    let many: String = (0..8_000).map(|key| format!("k{key}=1\n")).collect();
    assert_eq!(Document::read(&many).unwrap_err().len(), 8_000);
    let long = format!("{} = 1", "k".repeat(60_000));
    assert!(Document::read(&long).is_err());
}
