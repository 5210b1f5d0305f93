//! What is connected to a kiosk's board: the connector of its screen and the layout of its keyboard.

use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

/// The layouts that the system has, a file each.
const LAYOUTS: &str = "/usr/share/X11/xkb/symbols";
/// The longest names have half of that.
const LONGEST: usize = 32;

/// A connector of a graphics card, as the kernel names it: `HDMI-A-1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output(String);

/// A text is no connector's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a connector looks like \"HDMI-A-1\" or \"DSI-1\": take a name in /sys/class/drm without its \"card0-\""
)]
pub struct OutputError;

impl Output {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Output {
    type Err = OutputError;
    fn from_str(text: &str) -> Result<Self, OutputError> {
        let (kind, number) = text.rsplit_once('-').ok_or(OutputError)?;
        let fits = text.len() <= LONGEST
            && kind.starts_with(|c: char| c.is_ascii_uppercase())
            && kind
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && number.parse::<u16>().is_ok_and(|number| number > 0);
        fits.then(|| Self(text.into())).ok_or(OutputError)
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A keyboard's layout, and perhaps a variant of it: `de`, `de(nodeadkeys)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyboardLayout {
    layout: String,
    variant: Option<String>,
}

/// A text is no keyboard's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyboardLayoutError {
    /// It is no name.
    #[error("a keyboard's layout looks like \"de\", with a variant like \"de(nodeadkeys)\"")]
    Form,
    /// The system has no such layout.
    #[error("there is no such layout in {LAYOUTS}")]
    Unknown,
    /// The layout has no such variant.
    #[error("the layout has no such variant: they are the xkb_symbols of its file in {LAYOUTS}")]
    UnknownVariant,
}

impl KeyboardLayout {
    /// The layout, as XKB names it.
    #[must_use]
    pub fn layout(&self) -> &str {
        &self.layout
    }

    /// Its variant.
    #[must_use]
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }

    fn parse(text: &str, layouts: &Path) -> Result<Self, KeyboardLayoutError> {
        let is_name = |name: &str| {
            (1..=LONGEST).contains(&name.len())
                && name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        };
        let (layout, variant) = match text.split_once('(') {
            None => (text, None),
            Some((layout, rest)) => {
                let variant = rest.strip_suffix(')').ok_or(KeyboardLayoutError::Form)?;
                (layout, Some(variant))
            }
        };
        if !is_name(layout) || !variant.is_none_or(is_name) {
            return Err(KeyboardLayoutError::Form);
        }
        if layouts.is_dir() {
            let symbols = fs::read(layouts.join(layout));
            let symbols = symbols.map_err(|_| KeyboardLayoutError::Unknown)?;
            let has = |variant: &str| {
                let named = format!("xkb_symbols \"{variant}\"");
                String::from_utf8_lossy(&symbols).contains(&named)
            };
            // A layout that does not exist would end the program with the first key that is pressed.
            if !variant.is_none_or(has) {
                return Err(KeyboardLayoutError::UnknownVariant);
            }
        }
        Ok(Self {
            layout: layout.into(),
            variant: variant.map(str::to_owned),
        })
    }
}

impl FromStr for KeyboardLayout {
    type Err = KeyboardLayoutError;
    fn from_str(text: &str) -> Result<Self, KeyboardLayoutError> {
        Self::parse(text, Path::new(LAYOUTS))
    }
}

impl fmt::Display for KeyboardLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variant {
            None => f.write_str(&self.layout),
            Some(variant) => write!(f, "{}({variant})", self.layout),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_has_a_kind_and_a_number() {
        for good in ["HDMI-A-1", "DSI-1", "DP-12", "Virtual-1", "LVDS-1", "DPI-1"] {
            assert_eq!(good.parse::<Output>().unwrap().to_string(), good);
        }
        let long = format!("{}-1", "A".repeat(31));
        for bad in [
            "list",
            "LIST",
            "HDMI",
            "HDMI-A",
            "HDMI-A-0",
            "card1-DSI-1",
            "HDMI A-1",
            "-1",
            "A=1-1",
            &long,
        ] {
            assert_eq!(bad.parse::<Output>(), Err(OutputError), "{bad}");
        }
    }

    #[test]
    fn a_layout_is_one_of_the_systems_where_it_has_any() {
        let folder = tempfile::tempdir().unwrap();
        let symbols = "default\nxkb_symbols \"basic\" {};\nxkb_symbols \"nodeadkeys\" {};\n";
        fs::write(folder.path().join("de"), symbols).unwrap();
        fs::create_dir(folder.path().join("vndr")).unwrap();
        let parse = |text| KeyboardLayout::parse(text, folder.path());
        let german = parse("de(nodeadkeys)").unwrap();
        assert_eq!(
            (german.layout(), german.variant()),
            ("de", Some("nodeadkeys"))
        );
        assert_eq!(german.to_string(), "de(nodeadkeys)");
        assert_eq!(parse("de").unwrap().to_string(), "de");
        for unknown in ["xx", "vndr"] {
            assert_eq!(
                parse(unknown),
                Err(KeyboardLayoutError::Unknown),
                "{unknown}"
            );
        }
        assert_eq!(
            parse("de(dvorka)"),
            Err(KeyboardLayoutError::UnknownVariant)
        );
        for bad in [
            "", "../x", "de,us", "de(", "de()", "de)", "de(x)y", "d e", "de\n", "(x)",
        ] {
            assert_eq!(parse(bad), Err(KeyboardLayoutError::Form), "{bad:?}");
        }
        let nowhere = folder.path().join("nowhere");
        assert!(KeyboardLayout::parse("xx(any)", &nowhere).is_ok());
    }
}
