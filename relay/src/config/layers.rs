//! Laying file and environment over the defaults, and naming what is wrong with them.

use std::ffi::OsString;
use std::path::Path;

use conclave_common::config::{self, Layers, Schema};

use super::Config;

/// What environment variables begin with; then `SECTION__KEY`.
const PREFIX: &str = "CONCLAVE_RELAY__";

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read, or a key or its value is wrong.
    #[error(transparent)]
    Key(#[from] config::ConfigError),
    /// A certificate without its key, or the other way round.
    #[error("web.certificate and web.key are given both or not at all")]
    HalfACertificate,
    /// A certificate for plain HTTP.
    #[error("web.certificate is of no use with web.plain_http: leave one of them out")]
    CertificateWithoutTls,
    /// Plain HTTP for other machines.
    #[error(
        "web.plain_http would serve other machines without TLS, as listen.web is {0}: listen on 127.0.0.1 for a proxy \
         on this machine, or set web.plain_http_anywhere if a proxy elsewhere speaks TLS"
    )]
    PlainHttpForAll(std::net::SocketAddr),
}

impl Config {
    /// The defaults with the file's and then the environment's values over them.
    ///
    /// # Errors
    /// [`ConfigError`] names the key, and the file or variable that sets it.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        Self::load_below(file, environment, |_| {})
    }

    /// As [`Self::load`], with values that count more than both: whether the keys go together is checked with them.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_below(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        above: impl FnOnce(&mut Self),
    ) -> Result<Self, ConfigError> {
        let schema = Schema::<Self>::new();
        let mut layers = Layers::new(&schema, &[]);
        layers.add(file.map(config::read).transpose()?.unwrap_or_default())?;
        layers.add(schema.variables(PREFIX, environment)?)?;
        let mut config = layers.build();
        above(&mut config);
        config.check()?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Listener;
    use proptest::prelude::*;
    use std::os::unix::ffi::OsStringExt as _;

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay.toml");
        std::fs::write(&path, text).unwrap();
        let pairs = environment.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        Config::load(Some(&path), pairs)
    }

    #[test]
    fn the_shipped_example_is_the_default_and_names_every_key() {
        let example = include_str!("../../relay.example.toml");
        assert_eq!(load(example, &[]).unwrap(), Config::default());
        for (_, key) in Schema::<Config>::new().keys() {
            assert!(example.contains(&format!("\n{key} = ")), "{key} is missing");
        }
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        let error = load("[limits]\nsesions = 3\n", &[]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("did you mean \"limits.sessions\""),
            "{error}"
        );
        let error = load("[limit]\nsessions = 3\n", &[]).unwrap_err();
        assert!(
            error.to_string().contains("did you mean \"limits."),
            "{error}"
        );
        let error = load("", &[("CONCLAVE_RELAY__MEDIA__PACKETS", "3")]).unwrap_err();
        assert!(
            error.to_string().contains("media.packets_per_second"),
            "{error}"
        );
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let config = load(
            "[limits]\nsessions = 3\nrooms = 4\n",
            &[
                ("CONCLAVE_RELAY__LIMITS__SESSIONS", "5"),
                ("CONCLAVE_RELAY__LISTEN__ADMIN", "off"),
                ("OTHER", "1"),
            ],
        )
        .unwrap();
        assert_eq!((config.limits.sessions, config.limits.rooms), (5, 4));
        assert_eq!(config.listen.admin, Listener::Off);
    }

    #[test]
    fn a_variable_that_looks_like_a_number_or_a_switch_is_a_text_where_a_text_is_wanted() {
        let config = load(
            "",
            &[
                ("CONCLAVE_RELAY__LISTEN__NAME", "101"),
                ("CONCLAVE_RELAY__DATA__DIR", "7"),
                ("CONCLAVE_RELAY__LOG__FILTER", "true"),
                ("CONCLAVE_RELAY__LISTEN__ANNOUNCE", "false"),
            ],
        )
        .unwrap();
        assert_eq!(config.listen.name.or_host(), "101");
        assert_eq!(config.data.dir, Path::new("7"));
        assert_eq!(config.log.filter, "true");
        assert!(!config.listen.announce);
    }

    #[test]
    fn a_wrong_variable_is_named_with_the_reason_and_what_would_do() {
        for (name, value, reason) in [
            ("LIMITS__SESSIONS", "many", "a whole number, such as 10000"),
            ("LIMITS__SESSIONS", "-1", "must not be negative"),
            ("LIMITS__HALF_OPEN", "", "a whole number"),
            ("MEDIA__BYTES_PER_SECOND", "5000000000", "too large"),
            ("LISTEN__ANNOUNCE", "off", "true or false"),
            ("LISTEN__WEB", "7480", "nor \"off\""),
        ] {
            let name = format!("CONCLAVE_RELAY__{name}");
            let error = load("", &[(&name, value)]).unwrap_err().to_string();
            assert!(error.contains(&name) && error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_variable_that_is_not_text_matters_only_when_it_is_the_relays() {
        let bytes = OsString::from_vec(b"/srv/\xff".to_vec());
        let load = |name: &str| Config::load(None, [(name.into(), bytes.clone())]);
        assert_eq!(load("OTHER").unwrap(), Config::default());
        let error = load("CONCLAVE_RELAY__DATA__DIR").unwrap_err().to_string();
        let named = error.contains("data.dir") && error.contains("CONCLAVE_RELAY__DATA__DIR");
        assert!(named && error.contains("not UTF-8"), "{error}");
    }

    #[test]
    fn wrong_values_are_refused() {
        for text in [
            "limits = 3",
            "[limits]\nsessions = -1",
            "[limits]\nsessions = \"many\"",
            "[listen]\ncontrol = \"nowhere\"",
            "[listen]\nadmin = \"on\"",
            "[listen",
            "[web]\ncertificate = \"a.pem\"",
            "[web]\nkey = \"a.pem\"",
            "[web]\nplain_http = true\ncertificate = \"a.pem\"\nkey = \"a.pem\"",
            "[web]\npublic_url = \"relay.example\"",
            "[web]\nplain_http = true",
            "[web]\nnames = \"https://relay.lan\"",
        ] {
            assert!(load(text, &[]).is_err(), "{text}");
        }
    }

    #[test]
    fn plain_http_is_for_a_proxy_on_this_machine_unless_forced() {
        let taken = |text: &str| load(text, &[]).is_ok();
        assert!(!taken(
            "[web]\nplain_http = true\n[listen]\nweb = \"[::]:80\""
        ));
        assert!(taken(
            "[web]\nplain_http = true\n[listen]\nweb = \"127.0.0.1:80\""
        ));
        assert!(taken(
            "[web]\nplain_http = true\n[listen]\nweb = \"[::1]:80\""
        ));
        assert!(taken(
            "[web]\nplain_http = true\nplain_http_anywhere = true"
        ));
        assert!(taken("[web]\nplain_http = true\n[listen]\nweb = \"off\""));
    }

    #[test]
    fn the_relay_knows_its_names() {
        let config = load(
            "[web]\nnames = \"Relay.lan meet.example\"\npublic_url = \"https://calls.example:8443\"",
            &[],
        );
        let names = config.unwrap().gateway_settings().names;
        for name in ["localhost", "relay.lan", "meet.example", "calls.example"] {
            assert!(
                names.iter().any(|known| known == name),
                "{name} of {names:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_configuration_or_an_error(text in "[a-z\\[\\]=\"0-9.\n{}, _]{0,200}") {
            let _ = load(&text, &[]);
        }

        #[test]
        fn a_damaged_example_is_a_configuration_or_an_error(at in 0usize..2000, byte in any::<u8>()) {
            let mut bytes = include_bytes!("../../relay.example.toml").to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = load(&String::from_utf8_lossy(&bytes), &[]);
        }
    }
}
