//! The panel's light, where the kernel lets it be switched: dark while no one uses the screen.

use std::fs;
use std::path::{Path, PathBuf};

/// `FB_BLANK_UNBLANK` and `FB_BLANK_POWERDOWN` of the kernel's backlight class
/// (Documentation/ABI/stable/sysfs-class-backlight).
const LIT: &str = "0";
const DARK: &str = "4";

/// All backlights of the machine.
pub(super) struct Backlight {
    switches: Vec<PathBuf>,
}

impl Backlight {
    pub(super) fn find() -> Self {
        Self::find_in(Path::new("/sys/class/backlight"))
    }

    fn find_in(class: &Path) -> Self {
        let entries = fs::read_dir(class).into_iter().flatten().flatten();
        Self {
            switches: entries.map(|entry| entry.path().join("bl_power")).collect(),
        }
    }

    /// Where it may not be switched, the screen is black all the same.
    pub(super) fn set(&self, lit: bool) {
        for switch in &self.switches {
            if let Err(error) = fs::write(switch, if lit { LIT } else { DARK }) {
                tracing::debug!(%error, switch = %switch.display(), "the backlight stays as it is");
            }
        }
    }
}

impl Drop for Backlight {
    fn drop(&mut self) {
        self.set(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_panel_is_switched_and_lit_again_at_the_end() {
        let class = tempfile::tempdir().unwrap();
        let panel = class.path().join("panel");
        fs::create_dir(&panel).unwrap();
        let switch = panel.join("bl_power");
        fs::write(&switch, LIT).unwrap();
        let backlight = Backlight::find_in(class.path());
        backlight.set(false);
        assert_eq!(fs::read_to_string(&switch).unwrap(), DARK);
        drop(backlight);
        assert_eq!(fs::read_to_string(&switch).unwrap(), LIT);
    }
}
