//! What a kiosk was provisioned with: between the administrator's file and what was chosen on the screen.
//!
//! What is given again counts before what was chosen until then: those choices are forgotten. What is chosen afterwards
//! counts again. Each section has a mark of when it was given; those that were seen are kept beside the choices.

use std::fs;
use std::io;
use std::path::Path;

use conclave_common::config::Entry;
use toml::Table;

use super::layers::sensible;
use super::{AccountChoices, Choices, Config, RelayChoices};
use crate::data_dir::{DataDir, DataDirError};
use crate::kiosk::provisioning::{ENDPOINT, GIVEN};
use crate::net::discovery::RelaySpec;

/// Marks of what was seen, within the keep's folder.
const SEEN: &str = "provisioned.toml";
/// Sections that provisioning may say something in.
const PROVISIONED: [&str; 4] = ["relay", "account", "room", "screen"];

pub(super) fn entries(state: &Path) -> Vec<Entry> {
    sensible(&state.join(ENDPOINT), &PROVISIONED, "it is not provisioned")
}

impl Config {
    /// Forgets choices that were made before something else was provisioned in their place; whether there was any such
    /// thing. The configuration is to be loaded again then.
    ///
    /// # Errors
    /// [`DataDirError`] when it cannot be written; then it is done the next time.
    pub fn take_provisioned(&self, state: &Path) -> Result<bool, DataDirError> {
        let keep = DataDir::open(&self.keep_folder())?;
        let (given, seen) = (marks(&state.join(GIVEN)), marks(&keep.folder().join(SEEN)));
        let is_new = |section: &&&str| {
            given
                .get(**section)
                .is_some_and(|mark| seen.get(**section) != Some(mark))
        };
        let new: Vec<&str> = PROVISIONED.iter().filter(is_new).copied().collect();
        if new.is_empty() {
            return Ok(false);
        }
        let mut choices = self.choices();
        let said = entries(state);
        for section in &new {
            overtake(&mut choices, section, &said);
        }
        self.save_choices(&choices)?;
        if new.contains(&"relay") {
            self.trust_again(&keep, &said)?;
        }
        keep.write(SEEN, given.to_string().as_bytes())?;
        tracing::info!(sections = ?new, "provisioned again");
        Ok(true)
    }

    /// Forgets a relay that was met at the address, if another fingerprint is given for it now: that one is known
    /// better.
    fn trust_again(&self, keep: &DataDir, said: &[Entry]) -> Result<(), DataDirError> {
        let text = |key| {
            let mut keys = said.iter().filter(|entry| entry.section == "relay");
            keys.find(|entry| entry.key == key)?.value.as_str()
        };
        let (Some(address), Some(fingerprint)) = (text("address"), text("fingerprint")) else {
            return Ok(());
        };
        let Ok(spec) = address.parse::<RelaySpec>();
        let kept_as = spec.kept_as();
        match keep.relay(&kept_as)? {
            Some(met) if !met.has_fingerprint(fingerprint) => keep.forget_relay(&kept_as),
            _ => Ok(()),
        }
    }
}

fn overtake(choices: &mut Choices, section: &str, said: &[Entry]) {
    match section {
        // Both keys of each belong together.
        "relay" => choices.relay = RelayChoices::default(),
        "account" => choices.account = AccountChoices::default(),
        "screen" => {
            let screen = &mut choices.screen;
            for entry in said.iter().filter(|entry| entry.section == section) {
                match entry.key.as_str() {
                    "language" => screen.language = None,
                    "theme" => screen.theme = None,
                    "rotation" => screen.rotation = None,
                    "settings_pin" => screen.settings_pin = None,
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// The marks of a file; without one, or of a damaged one, none.
fn marks(path: &Path) -> Table {
    let text = fs::read_to_string(path).unwrap_or_else(|error| {
        if error.kind() != io::ErrorKind::NotFound {
            tracing::warn!(%error, path = %path.display(), "what was provisioned cannot be read");
        }
        String::new()
    });
    text.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Theme;
    use conclave_protocol::identity::PublicKey;

    const OLD: &str =
        "[relay]\naddress = 'relay.lan'\n[account]\nname = 'file'\nemail = 'file@example.org'\n";

    /// An administrator's file, a state and a keep.
    struct Kiosk {
        folder: tempfile::TempDir,
    }

    impl Kiosk {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("etc.toml"), OLD).unwrap();
            Self { folder }
        }

        fn keep(&self) -> DataDir {
            DataDir::open(&self.folder.path().join("keep")).unwrap()
        }

        fn provision(&self, text: &str, given: &str) {
            fs::write(self.folder.path().join(ENDPOINT), text).unwrap();
            fs::write(self.folder.path().join(GIVEN), given).unwrap();
        }

        fn load(&self) -> Config {
            let file = self.folder.path().join("etc.toml");
            let folder = self.folder.path().join("keep");
            Config::load_layers(Some(&file), Some(self.folder.path()), Some(&folder), []).unwrap()
        }

        /// As at a start.
        fn start(&self) -> Config {
            let config = self.load();
            match config.take_provisioned(self.folder.path()).unwrap() {
                true => self.load(),
                false => config,
            }
        }

        fn choose(&self, change: impl FnOnce(&mut Choices)) {
            let config = self.load();
            let mut choices = config.choices();
            change(&mut choices);
            config.save_choices(&choices).unwrap();
        }
    }

    fn relay(config: &Config) -> String {
        config.relay.address.as_ref().unwrap().to_string()
    }

    #[test]
    fn provisioning_goes_before_the_file_and_choices_made_later_before_provisioning() {
        let kiosk = Kiosk::new();
        assert_eq!(relay(&kiosk.start()), "relay.lan");
        kiosk.provision("[relay]\naddress = 'stick.lan'\n", "relay = 'a'\n");
        let config = kiosk.start();
        assert_eq!(relay(&config), "stick.lan");
        assert_eq!(config.account.name.unwrap().as_str(), "file");
        kiosk.choose(|choices| choices.relay.address = Some("chosen.lan".parse().unwrap()));
        assert_eq!(relay(&kiosk.start()), "chosen.lan");
    }

    #[test]
    fn a_new_stick_wins_over_older_choices_even_where_it_says_the_same_as_before() {
        let kiosk = Kiosk::new();
        let (text, given) = (
            "[relay]\naddress = 'stick.lan'\n[account]\nname = 'stick'\nemail = 's@example.org'\n[screen]\ntheme = 'light'\n",
            |mark: &str| format!("relay = '{mark}'\naccount = '{mark}'\nscreen = '{mark}'\n"),
        );
        kiosk.provision(text, &given("a"));
        kiosk.start();
        kiosk.choose(|choices| {
            choices.relay.address = Some("chosen.lan".parse().unwrap());
            choices.account.name = Some("chosen".parse().unwrap());
            choices.screen.theme = Some(Theme::Dark);
            choices.screen.reduce_motion = Some(true);
        });
        kiosk.provision(text, &given("b"));
        for _ in 0..2 {
            let config = kiosk.start();
            assert_eq!(relay(&config), "stick.lan");
            assert_eq!(config.account.name.unwrap().as_str(), "stick");
            assert_eq!(config.screen.theme, Theme::Light);
            assert!(config.screen.reduce_motion, "no stick said anything of it");
        }
    }

    #[test]
    fn a_stick_of_another_section_leaves_choices_alone() {
        let kiosk = Kiosk::new();
        kiosk.provision("[relay]\naddress = 'stick.lan'\n", "relay = 'a'\n");
        kiosk.start();
        kiosk.choose(|choices| choices.relay.address = Some("chosen.lan".parse().unwrap()));
        kiosk.provision(
            "[relay]\naddress = 'stick.lan'\n[room]\nname = 'Oak'\n",
            "relay = 'a'\nroom = 'b'\n",
        );
        let config = kiosk.start();
        assert_eq!(relay(&config), "chosen.lan");
        assert_eq!(config.room.name.unwrap().as_str(), "Oak");
    }

    #[test]
    fn a_fingerprint_that_is_given_is_known_better_than_what_was_met() {
        let kiosk = Kiosk::new();
        let (met, other) = (PublicKey([7; 32]), PublicKey([8; 32]));
        let provision = |key: &PublicKey, mark: &str| {
            let fingerprint = key.fingerprint();
            kiosk.provision(
                &format!("[relay]\naddress = 'stick.lan'\nfingerprint = '{fingerprint}'\n"),
                &format!("relay = '{mark}'\n"),
            );
            kiosk.start()
        };
        kiosk.keep().remember_relay("stick.lan:7470", &met).unwrap();
        kiosk.keep().remember_relay("else.lan:7470", &met).unwrap();
        let config = provision(&met, "a");
        let given = config.relay.fingerprint.unwrap();
        assert!(met.has_fingerprint(given.as_str()));
        assert_eq!(kiosk.keep().relay("stick.lan:7470").unwrap(), Some(met));
        provision(&other, "b");
        assert_eq!(kiosk.keep().relay("stick.lan:7470").unwrap(), None);
        assert!(kiosk.keep().relay("else.lan:7470").unwrap().is_some());
    }

    #[test]
    fn a_fingerprint_for_a_relay_that_is_looked_for_goes_before_the_one_that_was_met() {
        let kiosk = Kiosk::new();
        kiosk
            .keep()
            .remember_relay("auto", &PublicKey([7; 32]))
            .unwrap();
        let other = PublicKey([8; 32]).fingerprint();
        kiosk.provision(
            &format!("[relay]\naddress = 'auto'\nfingerprint = '{other}'\n"),
            "relay = 'a'\n",
        );
        kiosk.start();
        assert_eq!(kiosk.keep().relay("auto").unwrap(), None);
    }

    #[test]
    fn a_kiosk_starts_whatever_stands_in_its_state() {
        let kiosk = Kiosk::new();
        for (text, given) in [
            ("[relay", "relay"),
            (
                "[relay]\naddress = 7\n[data]\ndir = '/x'\n[x]\ny = 1\n",
                "relay = 7\n",
            ),
            ("", ""),
        ] {
            kiosk.provision(text, given);
            let config = kiosk.start();
            assert_eq!(relay(&config), "relay.lan");
            assert!(config.data.dir.unwrap().ends_with("keep"));
        }
    }
}
