//! The camera's events on stdout, one line for each.

use std::fmt::Display;
use std::io::Write;

/// Prints a line. The camera goes on if the reader has ended.
pub(crate) fn tell(event: impl Display) {
    let _ = writeln!(std::io::stdout(), "{event}");
}
