//! Something to show a window on: an X server of the test's own, or the virtual machine's screen.

use crate::finger::Finger;
use crate::program::{Program, tool};
use crate::story::in_vm;
use std::io::Read as _;
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// As on the panel of a 10" kiosk.
const SIZE: &str = "1280x800x24";

pub(crate) struct Display {
    server: Option<Child>,
    pub(crate) finger: Finger,
}

impl Display {
    /// Whether there is something to start one with.
    pub(crate) fn can_be_had() -> bool {
        in_vm() || tool("xdotool").is_some() && tool("Xvfb").is_some()
    }

    /// `None` where there is nothing to start one with.
    pub(crate) fn start() -> Option<Self> {
        if in_vm() {
            let touch = Program::start(
                "touch-screen",
                Command::new("touch-screen").args(["1024", "768"]),
            );
            touch.prints("ready", |line| line == "ready");
            return Some(Self {
                server: None,
                finger: Finger::Panel(touch),
            });
        }
        tool("xdotool")?;
        tool("Xvfb")?;
        // What a server that was killed left behind can make the next one useless, which then clears it away.
        let server = (0..3).find_map(|_| start_server())?;
        Some(Self {
            server: Some(server),
            finger: Finger::Mouse,
        })
    }

    /// Gives the window what is typed: no window manager runs there.
    pub(crate) fn focus(&self) {
        let focused = Command::new("xdotool")
            .args(["search", "--sync", "--onlyvisible", "--name", "Conclave"])
            .args(["windowfocus", "--sync"])
            .status();
        assert!(focused.unwrap().success());
    }

    /// Presses keys, as `xdotool` is told.
    pub(crate) fn keyboard(&self, arguments: &[&str]) {
        let pressed = Command::new("xdotool").args(arguments).status();
        assert!(pressed.unwrap().success());
    }

    /// A picture of the whole screen as a PNG or PPM.
    pub(crate) fn shoot(&self, file: &Path) {
        let mut command = match &self.server {
            Some(_) => Command::new("import"),
            None => Command::new("kms-shot"),
        };
        match &self.server {
            Some(_) => command.args(["-window", "root"]),
            None => command.arg("/dev/dri/card0"),
        };
        assert!(command.arg(file).status().unwrap().success());
    }

    /// What a picture of the screen is kept as.
    pub(crate) fn suffix(&self) -> &'static str {
        if self.server.is_some() { "png" } else { "ppm" }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            end(server);
        }
    }
}

/// An X server that answers, with `DISPLAY` set to it.
fn start_server() -> Option<Child> {
    let (mut number, writer) = std::io::pipe().ok()?;
    let mut command = Command::new("Xvfb");
    command.args(["-displayfd", &writer.as_raw_fd().to_string()]);
    command.args(["-screen", "0", SIZE, "-nolisten", "tcp"]);
    command.stdin(Stdio::null()).stderr(Stdio::null());
    inherit(&writer);
    let mut server = command.spawn().ok()?;
    drop(writer);
    let mut line = [0; 8];
    let length = number.read(&mut line).ok()?;
    let display = format!(":{}", std::str::from_utf8(&line[..length]).ok()?.trim());
    // SAFETY: no other thread has been started yet.
    #[expect(unsafe_code, reason = "the window of this very process is to go there")]
    unsafe {
        std::env::set_var("DISPLAY", &display);
        std::env::remove_var("WAYLAND_DISPLAY");
    }
    let mut asked = Command::new("xdotool");
    asked.arg("getdisplaygeometry");
    let answer = asked.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if answer.is_ok_and(|status| status.success()) {
        return Some(server);
    }
    end(&mut server);
    None
}

/// As it asks to be ended, so that it leaves nothing behind.
fn end(server: &mut Child) {
    let pid = rustix::process::Pid::from_child(server);
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    let _ = server.wait();
}

/// Lets a child have this end of a pipe.
fn inherit(pipe: &std::io::PipeWriter) {
    rustix::io::fcntl_setfd(pipe, rustix::io::FdFlags::empty()).unwrap();
}
