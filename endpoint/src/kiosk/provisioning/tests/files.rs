use super::super::document::Document;
use super::super::keys::Keys;
use super::super::{Outcome, ProvisionError, check, provision, refusal};
use super::FULL;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::PathBuf;

/// A stick, a state and a report.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("stick")).unwrap();
        Self { folder }
    }

    fn with(text: &str) -> Self {
        let place = Self::new();
        place.write(text);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, text: &str) {
        fs::write(self.path("stick/conclave.toml"), text).unwrap();
    }

    fn stick(&self) -> String {
        fs::read_to_string(self.path("stick/conclave.toml")).unwrap()
    }

    fn provision(&self) -> Result<Outcome, ProvisionError> {
        let from = [self.path("nowhere"), self.path("stick")];
        provision(&from, &self.path("state"), &self.path("report"))
    }

    fn refusal(&self) -> String {
        self.provision().unwrap_err().to_string()
    }

    fn shown(&self) -> Option<String> {
        refusal(&self.path("report"))
    }

    fn state(&self, name: &str) -> String {
        fs::read_to_string(self.path("state").join(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o777
    }
}

#[test]
fn a_file_becomes_what_kiosk_and_network_take_once() {
    let place = Place::with(&FULL.replace("wipe = true", "wipe = false"));
    let sections = [
        "account", "clock", "network", "relay", "room", "screen", "wifi",
    ];
    let sections = sections.map(str::to_owned).to_vec();
    let path = place.path("stick/conclave.toml");
    assert_eq!(
        check(std::slice::from_ref(&path)).unwrap(),
        Outcome::Right(path.clone(), sections.clone())
    );
    assert!(!place.path("state").exists());
    assert_eq!(
        place.provision().unwrap(),
        Outcome::Applied(path.clone(), sections)
    );
    assert!(place.state("endpoint.toml").contains("pin = \"271828\""));
    assert!(
        place
            .state("wpa_supplicant.conf")
            .contains("psk=\"correct \"horse\"\"\n")
    );
    assert!(place.state("environment").ends_with("\nTZ=:Etc/GMT+5\n"));
    for (name, mode) in [
        ("state", 0o750),
        ("state/endpoint.toml", 0o640),
        ("state/wpa_supplicant.conf", 0o600),
        ("state/environment", 0o644),
        ("state/conclave.network", 0o644),
        ("state/time-servers.conf", 0o644),
        ("state/time-fallback.conf", 0o644),
        ("state/applied", 0o600),
    ] {
        assert_eq!(place.mode(name), mode, "{name}");
    }
    let inode = || {
        fs::metadata(place.path("state/endpoint.toml"))
            .unwrap()
            .ino()
    };
    let before = inode();
    assert_eq!(place.provision().unwrap(), Outcome::AppliedBefore(path));
    assert_eq!(inode(), before, "nothing was written a second time");
    let files = fs::read_dir(place.path("state")).unwrap().count();
    assert_eq!(files, 8, "nothing else is left");
}

#[test]
fn without_a_file_nothing_happens() {
    let place = Place::new();
    assert_eq!(place.provision().unwrap(), Outcome::NoFile);
    assert!(!place.path("state").exists() && !place.path("report").exists());
}

#[test]
fn everything_that_is_wrong_is_told_with_its_line_and_no_secret() {
    let place = Place::with(
        "[relay]\naddress = 'a b'\n\n[acount]\nname = 'x'\n[room]\nname = 'A'\npin = '12x4'\n\
         [wifi]\npassword = 'secret'\n[clock]\ntime_zone = 'Mars'\n[screen]\nrotation = 45\nsettings_pin = 31415\n",
    );
    let text = place.refusal();
    let lines: Vec<_> = text.lines().skip(1).collect();
    assert_eq!(
        text.lines().next(),
        place.path("stick/conclave.toml").to_str()
    );
    for (line, begin) in lines.iter().zip([
        "line 2: relay.address = \"a b\": a relay is HOST",
        "line 5: unknown key \"acount.name\": did you mean \"account.name\"?",
        "line 8: room.pin = …: the character 'x'",
        "line 10: wifi.password = …: a password has 8 to 63 characters",
        "line 12: clock.time_zone = \"Mars\": there is no such time zone",
        "line 14: screen.rotation = 45: 45 is not 0, 90, 180 or 270",
        "line 15: screen.settings_pin = …: it must be a text",
    ]) {
        assert!(line.starts_with(begin), "{line:?} is not {begin:?}");
    }
    assert_eq!(lines.len(), 7);
    assert!(!text.contains("31415") && !text.contains("secret'"));
    assert_eq!(place.shown().unwrap(), text);
    assert!(
        !place.path("state/endpoint.toml").exists(),
        "a part of it was applied"
    );
    place.write("[room\nname = 'A'\n[relay]\n[relay]\n");
    let text = place.refusal();
    assert!(
        text.contains("\nline 1: ") && text.contains("\nline 4: duplicate key"),
        "{text}"
    );
}

#[test]
fn a_key_that_belongs_to_a_missing_one_is_refused() {
    for (text, reason) in [
        (
            "[room]\npin = '1234'",
            "line 2: room.pin belongs to room.name, which is missing",
        ),
        (
            "[wifi]\nname = ''\npassword = '12345678'",
            "line 3: wifi.password belongs to wifi.name",
        ),
        (
            "[wifi]\ncountry = 'DE'",
            "line 2: wifi.country belongs to wifi.name",
        ),
        (
            "[wifi]\nsecurity = 'wpa2'",
            "line 2: wifi.security belongs to wifi.name",
        ),
        (
            "[network]\ngateway = '192.168.1.1'",
            "line 2: network.gateway belongs to network.address",
        ),
    ] {
        let refusal = Place::with(text).refusal();
        assert!(refusal.contains(reason), "{refusal}");
    }
}

#[test]
fn a_value_that_a_key_cannot_have_is_told_with_what_to_write_instead() {
    for (section, line, reason) in [
        (
            "screen",
            "output = 'list'",
            "screen.output = \"list\": a connector looks like \"HDMI-A-1\"",
        ),
        (
            "screen",
            "keyboard = 'de,us'",
            "screen.keyboard = \"de,us\": a keyboard's layout looks like \"de\"",
        ),
        (
            "room",
            "idle_code = 'yes'",
            "room.idle_code = \"yes\": unknown variant `yes`, expected one of `auto`, `on`, `off`",
        ),
        (
            "wifi",
            "security = 'wep'",
            "wifi.security = \"wep\": it must be \"auto\", \"wpa2\" or \"wpa3\"",
        ),
        (
            "network",
            "interface = 'eth0'",
            "network.interface = \"eth0\": unknown variant `eth0`, expected `cable` or `wifi`",
        ),
        (
            "network",
            "address = '192.168.1.20'",
            "network.address = \"192.168.1.20\": an address is \"dhcp\", or one with the bits",
        ),
        (
            "network",
            "gateway = 'router'",
            "network.gateway = \"router\": a gateway is an address as \"192.168.1.1\"",
        ),
        (
            "network",
            "dns = 'dns.lan'",
            "network.dns = \"dns.lan\": it takes addresses as \"192.168.1.1\"",
        ),
        (
            "clock",
            "servers = 'a,b'",
            "clock.servers = \"a,b\": it takes names or addresses as \"ntp.lan 192.168.1.1\"",
        ),
    ] {
        let refusal = Place::with(&format!("[{section}]\n{line}\n")).refusal();
        assert!(
            refusal.contains(&format!("\nline 2: {reason}")),
            "{refusal}"
        );
    }
}

#[test]
fn two_keys_that_contradict_each_other_are_refused() {
    let key = "a0".repeat(32);
    let by_key = format!("[wifi]\nname = 'a'\npassword = '{key}'\nsecurity = 'wpa3'\n");
    for (text, reason) in [
        (
            by_key.as_str(),
            "line 4: wifi.security = \"wpa3\": WPA3 needs the password itself",
        ),
        (
            "[wifi]\nname = 'a'\nsecurity = 'wpa2'\n",
            "line 3: wifi.security = \"wpa2\": it needs wifi.password",
        ),
        (
            "[network]\naddress = '10.0.0.2/24'\ngateway = '10.0.1.1'\n",
            "line 3: network.gateway = \"10.0.1.1\": it is not in the network of 10.0.0.2/24",
        ),
    ] {
        let refusal = Place::with(text).refusal();
        assert!(refusal.contains(reason), "{refusal}");
        assert!(!refusal.contains(&key));
    }
}

#[test]
fn a_refusal_is_gone_once_a_good_file_comes_and_stays_without_one() {
    let place = Place::with("[room]\nname = 7\n");
    place.refusal();
    fs::remove_file(place.path("stick/conclave.toml")).unwrap();
    assert_eq!(place.provision().unwrap(), Outcome::NoFile);
    assert!(place.shown().unwrap().contains("line 2: room.name = 7"));
    place.write("[room]\nname = 'Oak'\n");
    place.provision().unwrap();
    assert_eq!(place.shown(), None);
}

#[test]
fn secrets_are_wiped_from_the_stick_and_from_where_they_lay() {
    let place = Place::with(FULL);
    // As who reads the medium raw would see the old bytes.
    fs::hard_link(place.path("stick/conclave.toml"), place.path("medium")).unwrap();
    assert!(matches!(place.provision(), Ok(Outcome::Applied(..))));
    let wiped = FULL
        .replace("\"271828\"", "\"\"  # wiped")
        .replace("\"314159\"", "\"\"  # wiped")
        .replace("\"correct \\\"horse\\\"\"", "\"\"  # wiped");
    assert_eq!(place.stick(), wiped);
    assert!(
        fs::read(place.path("medium"))
            .unwrap()
            .iter()
            .all(|byte| *byte == 0)
    );
    assert_eq!(fs::read_dir(place.path("stick")).unwrap().count(), 1);
    assert!(place.state("endpoint.toml").contains("271828"));
    assert!(matches!(place.provision(), Ok(Outcome::AppliedBefore(_))));
    assert_eq!(place.shown(), None);
    // Another copy of the same file, as after a cut before the wiping.
    place.write(FULL);
    assert!(matches!(place.provision(), Ok(Outcome::AppliedBefore(_))));
    assert_eq!(place.stick(), wiped);
}

#[test]
fn a_wiped_file_that_was_changed_is_not_taken_for_an_open_network() {
    let place = Place::with(FULL);
    place.provision().unwrap();
    place.write(&place.stick().replace("Maple", "Oak"));
    let refusal = place.refusal();
    for line in [
        "line 9: room.pin was wiped",
        "line 15: screen.settings_pin was wiped",
        "line 20: wifi.password was wiped",
    ] {
        assert!(refusal.contains(line), "{refusal}");
    }
    assert!(place.state("wpa_supplicant.conf").contains("psk="));
}

#[test]
fn any_way_of_writing_a_secret_can_be_wiped() {
    for (text, wiped) in [
        (
            "wifi = { name = 'a', password = '12345678' }\r\n[secrets]\r\nwipe = true",
            "wifi = { name = 'a', password = \"\" }  # wiped\r\n[secrets]\r\nwipe = true",
        ),
        (
            "secrets.wipe = true\nroom = { name = 'A', pin = '1234' }",
            "secrets.wipe = true\nroom = { name = 'A', pin = \"\" }  # wiped",
        ),
        (
            "\u{feff}[secrets]\nwipe = true\n[room]\nname = 'A'\npin = '''\n1234'''\n",
            "\u{feff}[secrets]\nwipe = true\n[room]\nname = 'A'\npin = \"\"  # wiped\n",
        ),
        // The end of the line is in the next value.
        (
            "secrets.wipe = true\nroom = { pin = '1234', name = \"\"\"A\\\n \"\"\" }",
            "secrets.wipe = true\nroom = { pin = \"\", name = \"\"\"A\\\n \"\"\" }",
        ),
    ] {
        let place = Place::with(text);
        place.provision().unwrap();
        assert_eq!(place.stick(), wiped);
        assert!(matches!(place.provision(), Ok(Outcome::AppliedBefore(_))));
    }
}

#[test]
fn a_stick_that_cannot_be_written_is_told_of_and_has_been_applied() {
    let place = Place::with(FULL);
    // What the wiped file would be written to first.
    fs::create_dir(place.path("stick/conclave.toml.new")).unwrap();
    assert!(matches!(
        place.provision(),
        Err(ProvisionError::NotWiped { .. })
    ));
    assert_eq!(place.stick(), FULL);
    assert!(
        place
            .shown()
            .unwrap()
            .contains("its secrets are still there")
    );
    assert!(place.state("endpoint.toml").contains("Maple"));
    fs::remove_dir(place.path("stick/conclave.toml.new")).unwrap();
    assert!(matches!(place.provision(), Ok(Outcome::AppliedBefore(_))));
    assert!(place.stick().contains("# wiped") && place.shown().is_none());
}

#[test]
fn a_link_a_folder_a_pipe_and_a_large_file_are_refused() {
    let place = Place::new();
    let file = place.path("stick/conclave.toml");
    let refused = |what: &str| {
        let text = place.refusal();
        assert!(text.ends_with(what), "{text}");
    };
    fs::write(place.path("outside.toml"), FULL).unwrap();
    symlink(place.path("outside.toml"), &file).unwrap();
    refused("it is no plain file");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    refused("it is no plain file");
    fs::remove_dir(&file).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &file,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    refused("it is no plain file");
    fs::remove_file(&file).unwrap();
    let fits = format!("{}#{}", "[room]\nname = 'A'\n", "x".repeat(64 * 1024 - 19));
    assert_eq!(fits.len(), 64 * 1024);
    place.write(&format!("{fits}x"));
    refused("it is larger than 64 KiB");
    place.write(&fits);
    assert!(matches!(place.provision(), Ok(Outcome::Applied(..))));
    fs::write(&file, b"[room]\nname = '\xff'").unwrap();
    refused("line 2: it is not UTF-8: save it as such");
}

#[test]
fn a_name_with_a_hidden_end_is_told_of() {
    let place = Place::new();
    fs::write(place.path("stick/conclave.toml.txt"), FULL).unwrap();
    let refusal = place.refusal();
    assert!(refusal.contains("take the .txt away"), "{refusal}");
    place.write(FULL);
    assert!(matches!(place.provision(), Ok(Outcome::Applied(..))));
}

#[test]
fn the_shipped_example_is_right_and_names_every_key() {
    let example = include_str!("../../../../conclave.example.toml");
    let document = Document::read(example).unwrap();
    assert_eq!(document.keys, Keys::default());
    for (section, keys) in toml::Table::try_from(Keys::default()).unwrap() {
        let (_, rest) = example.split_once(&format!("\n[{section}]\n")).unwrap();
        let lines = rest.lines().take_while(|line| !line.starts_with('['));
        let mut keys: Vec<_> = keys.as_table().unwrap().keys().cloned().collect();
        let mut named: Vec<_> = lines
            .filter_map(|line| Some(line.split_once(" = ")?.0.to_owned()))
            .collect();
        keys.sort();
        named.retain(|name| !name.starts_with('#'));
        named.sort();
        assert_eq!(named, keys, "of [{section}]");
    }
}

#[test]
fn the_example_of_the_manual_is_applied() {
    let manual = include_str!("../../../../../docs/provisioning.md");
    let lines = manual.lines().skip_while(|line| *line != "    [relay]");
    let lines = lines.take_while(|line| line.starts_with("    "));
    let text: String = lines.map(|line| format!("{}\n", &line[4..])).collect();
    let place = Place::with(&text);
    let Ok(Outcome::Applied(_, sections)) = place.provision() else {
        panic!("{text}");
    };
    assert_eq!(sections.len(), 6);
    assert!(place.stick().matches("# wiped").count() == 3);
}

#[test]
fn a_link_in_place_of_the_fresh_file_leads_nowhere() {
    let place = Place::with(FULL);
    fs::write(place.path("victim"), "whole").unwrap();
    symlink(place.path("victim"), place.path("stick/conclave.toml.new")).unwrap();
    place.provision().unwrap();
    assert!(place.stick().contains("# wiped"));
    assert_eq!(fs::read_to_string(place.path("victim")).unwrap(), "whole");
}
