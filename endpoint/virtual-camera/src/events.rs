//! What the camera tells on stdout, one line an event.

use std::fmt::Display;
use std::io::Write;

/// Prints a line. A reader that has gone away is no reason to stop being a camera.
pub(crate) fn tell(event: impl Display) {
    let _ = writeln!(std::io::stdout(), "{event}");
}
