//! Laying file and environment over the defaults, and naming what is wrong with them.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::Config;

/// What environment variables begin with; then `SECTION__KEY`.
const PREFIX: &str = "CONCLAVE_RELAY__";

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not TOML: {error}")]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Where and why.
        error: Box<toml::de::Error>,
    },
    /// A key that does not exist.
    #[error("unknown key {key:?} in {origin}: did you mean {nearest:?}?")]
    UnknownKey {
        /// The key, with its section.
        key: String,
        /// Where it stands.
        origin: String,
        /// The known key that is most like it.
        nearest: String,
    },
    /// A value that a key cannot have.
    #[error("in the configuration: {0}")]
    Value(Box<toml::de::Error>),
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
    /// [`ConfigError`] names the key or the place.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut layers = Table::new();
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Read {
                path: path.into(),
                error,
            })?;
            layers = Self::parse(&text, path)?;
        }
        for (name, value) in environment {
            let Some(key) = name.strip_prefix(PREFIX) else {
                continue;
            };
            let (section, key) = key.split_once("__").unwrap_or((key, ""));
            let (section, key) = (section.to_lowercase(), key.to_lowercase());
            check_key(&section, &key, &name)?;
            let into = layers
                .entry(section)
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(table) = into {
                table.insert(key, scalar(&value));
            }
        }
        let config: Self = Value::Table(layers)
            .try_into()
            .map_err(|error| ConfigError::Value(Box::new(error)))?;
        config.check()?;
        Ok(config)
    }

    fn parse(text: &str, path: &Path) -> Result<Table, ConfigError> {
        let table: Table = text.parse().map_err(|error| ConfigError::Syntax {
            path: path.into(),
            error: Box::new(error),
        })?;
        let origin = path.display().to_string();
        for (section, value) in &table {
            match value {
                Value::Table(keys) => {
                    check_key(section, "", &origin)?;
                    for key in keys.keys() {
                        check_key(section, key, &origin)?;
                    }
                }
                _ => check_key(section, "", &origin)?,
            }
        }
        Ok(table)
    }
}

/// Numbers and switches are what they look like, everything else is text.
fn scalar(text: &str) -> Value {
    if let Ok(number) = text.parse() {
        return Value::Integer(number);
    }
    match text {
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        _ => Value::String(text.into()),
    }
}

/// Every key that there is, as `section.key`.
fn known_keys() -> Vec<String> {
    let defaults = Table::try_from(Config::default()).unwrap_or_default();
    let keys = |(section, value): (&String, &Value)| {
        let keys = value.as_table().map(|table| {
            let keys = table.keys().map(|key| format!("{section}.{key}"));
            keys.collect::<Vec<_>>()
        });
        keys.unwrap_or_default()
    };
    defaults.iter().flat_map(keys).collect()
}

fn check_key(section: &str, key: &str, origin: &str) -> Result<(), ConfigError> {
    let known = known_keys();
    let full = format!("{section}.{key}");
    let is_known = if key.is_empty() {
        known.iter().any(|known| known.starts_with(&full))
    } else {
        known.contains(&full)
    };
    if is_known {
        return Ok(());
    }
    let alike = |name: &&String| (strsim::jaro_winkler(name, &full) * 1e6) as u64;
    let nearest = known.iter().max_by_key(alike).cloned().unwrap_or_default();
    Err(ConfigError::UnknownKey {
        key: if key.is_empty() { section.into() } else { full },
        origin: origin.into(),
        nearest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Listener;
    use proptest::prelude::*;

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
        for key in known_keys() {
            let (_, key) = key.split_once('.').unwrap();
            assert!(example.contains(&format!("\n{key} = ")), "{key} is missing");
        }
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        let Err(ConfigError::UnknownKey { key, nearest, .. }) =
            load("[limits]\nsesions = 3\n", &[])
        else {
            panic!("taken");
        };
        assert_eq!(
            (key.as_str(), nearest.as_str()),
            ("limits.sesions", "limits.sessions")
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
