//! A kiosk whose screen is switched off or not plugged in: it waits, and tells the service manager.
//!
//! To end and be started again would look like a kiosk that does not work, and an update on trial would be taken back.

use crate::cli::doctor::display::{CONNECTORS, Connector, connectors};
use crate::config::Output;
use crate::kiosk::Watch;
use crate::platform::watchdog::Watchdog;
use std::path::Path;
use std::time::Duration;

/// What the service manager is told. `endpoint/package/conclave-health` knows these words.
const STATUS: &str = "no screen is connected";
/// How often it is looked for. A longer pause keeps a person who switches the screen on waiting.
const PAUSE: Duration = Duration::from_secs(2);

/// Waits for a screen at this connector, or at any; whether there is one now. There is none when new provisioning came
/// instead.
pub(super) fn wait_for_one(
    output: Option<&Output>,
    watchdog: Option<&Watchdog>,
    watch: &Watch,
) -> bool {
    let tell = |status: &str| {
        if let Some(watchdog) = watchdog {
            watchdog.ready();
            watchdog.status(status);
        }
    };
    wait(
        || may_show(&connectors(Path::new(CONNECTORS)), output),
        || watch.is_new(),
        tell,
        || std::thread::sleep(PAUSE),
    )
}

/// Whether a window can be tried: a screen is connected, or the kernel knows of no connector, of which the window's
/// error says more.
fn may_show(all: &[Connector], output: Option<&Output>) -> bool {
    let is_meant = |it: &&Connector| output.is_none_or(|output| output.as_str() == it.name);
    all.is_empty() || all.iter().filter(is_meant).any(|it| it.connected)
}

fn wait(
    mut may_show: impl FnMut() -> bool,
    mut is_over: impl FnMut() -> bool,
    mut tell: impl FnMut(&str),
    mut pause: impl FnMut(),
) -> bool {
    if may_show() {
        return true;
    }
    tracing::warn!("no screen is connected: waiting for one");
    tell(STATUS);
    while !is_over() {
        pause();
        if may_show() {
            tracing::info!("a screen is connected");
            tell("");
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};

    /// Whether there is a screen in the end, and what was told, when one comes after `screen` looks or provisioning
    /// after `stick`.
    fn waited(screen: u32, stick: u32) -> (bool, Vec<String>) {
        let looks = Cell::new(0);
        let told = RefCell::new(Vec::new());
        let shows = wait(
            || looks.get() >= screen,
            || looks.get() >= stick,
            |status| told.borrow_mut().push(status.to_owned()),
            || looks.set(looks.get() + 1),
        );
        (shows, told.into_inner())
    }

    #[test]
    fn a_kiosk_waits_for_a_screen_and_says_so() {
        assert_eq!(waited(0, 9), (true, vec![]));
        assert_eq!(waited(5, 9), (true, vec![STATUS.into(), String::new()]));
        assert_eq!(waited(9, 5), (false, vec![STATUS.into()]));
    }

    #[test]
    fn the_judge_of_an_update_knows_the_words() {
        let health = include_str!("../../package/conclave-health");
        assert!(health.contains(&format!("\"{STATUS}\"")));
    }

    #[test]
    fn the_screen_that_is_meant_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        for (name, status) in [
            ("card1-HDMI-A-1", "connected"),
            ("card1-DSI-1", "disconnected"),
        ] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("status"), status).unwrap();
        }
        let all = connectors(folder.path());
        let output = |name: &str| Some(name.parse::<Output>().unwrap());
        assert!(may_show(&all, None) && may_show(&all, output("HDMI-A-1").as_ref()));
        assert!(!may_show(&all, output("DSI-1").as_ref()));
        assert!(!may_show(&all, output("DP-1").as_ref()));
        assert!(may_show(&[], None), "the window says what is missing");
        std::fs::write(folder.path().join("card1-HDMI-A-1/status"), "disconnected").unwrap();
        assert!(!may_show(&connectors(folder.path()), None));
    }
}
