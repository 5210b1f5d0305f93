//! A time zone, as the system's own list names it.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::str::FromStr;

/// The system's time zones.
const ZONES: &str = "/usr/share/zoneinfo";
/// The longest names have half of that.
const LONGEST: usize = 64;

/// Where the clock stands: `Europe/Berlin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TimeZone(String);

/// Why a text is no time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TimeZoneError {
    #[error("a time zone looks like \"Europe/Berlin\"")]
    Form,
    #[error("there is no such time zone in {ZONES}")]
    Unknown,
}

impl FromStr for TimeZone {
    type Err = TimeZoneError;
    fn from_str(text: &str) -> Result<Self, TimeZoneError> {
        let part = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
        };
        if text.len() > LONGEST || !text.split('/').all(part) {
            return Err(TimeZoneError::Form);
        }
        match is_listed(Path::new(ZONES), text) {
            false => Err(TimeZoneError::Unknown),
            true => Ok(Self(text.into())),
        }
    }
}

/// Whether the folder has that zone; one that is not there has them all.
fn is_listed(zones: &Path, name: &str) -> bool {
    if !zones.is_dir() {
        return true;
    }
    let mut magic = [0; 4];
    let read = File::open(zones.join(name)).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && &magic == b"TZif"
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        for bad in [
            "/etc/passwd",
            "../x",
            "Europe/../x",
            "Europe//Berlin",
            "a b",
            "a\nb",
            "UTC;",
        ] {
            assert_eq!(bad.parse::<TimeZone>(), Err(TimeZoneError::Form), "{bad}");
        }
        assert!("Etc/GMT+5".parse::<TimeZone>().is_ok());
    }

    #[test]
    fn a_zone_is_one_of_the_systems_where_it_has_any() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("Europe")).unwrap();
        std::fs::write(folder.path().join("Europe/Berlin"), b"TZif2...").unwrap();
        std::fs::write(folder.path().join("zone.tab"), b"# zones").unwrap();
        assert!(is_listed(folder.path(), "Europe/Berlin"));
        for other in ["Europe/Bonn", "Europe", "zone.tab"] {
            assert!(!is_listed(folder.path(), other), "{other}");
        }
        assert!(is_listed(&folder.path().join("nowhere"), "Europe/Bonn"));
    }
}
