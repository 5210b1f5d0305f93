//! What touches the screen.

use crate::program::Program;
use std::process::Command;

pub(crate) enum Finger {
    /// The pointer of an X server.
    Mouse,
    /// The virtual machine's touch panel.
    Panel(Program),
}

impl Finger {
    pub(crate) fn tap(&mut self, x: i32, y: i32) {
        match self {
            Self::Mouse => {
                let (x, y) = (x.to_string(), y.to_string());
                let moved = Command::new("xdotool")
                    .args(["mousemove", &x, &y, "click", "1"])
                    .status();
                assert!(moved.unwrap().success());
            }
            Self::Panel(panel) => {
                panel.tell(&format!("tap {x} {y}"));
                panel.prints("ok", |line| line == "ok");
            }
        }
    }
}
