//! What the touch screen's window could be shown on, and touched by.

use super::{Findings, Verdict};
use std::fs;
use std::path::Path;

/// Where the kernel lists connectors.
pub(crate) const CONNECTORS: &str = "/sys/class/drm";

/// Where the kernel tells of screens, of their nodes and of what one touches.
pub(super) struct Places<'a> {
    /// `/sys/class/drm`: a folder a connector, as `card1-HDMI-A-1`.
    pub(super) connectors: &'a Path,
    /// `/dev/dri`.
    pub(super) nodes: &'a Path,
    /// `/proc/bus/input/devices`.
    pub(super) inputs: &'a Path,
}

impl Default for Places<'_> {
    fn default() -> Self {
        Self {
            connectors: Path::new(CONNECTORS),
            nodes: Path::new("/dev/dri"),
            inputs: Path::new("/proc/bus/input/devices"),
        }
    }
}

/// `server` is the display server that the environment names.
pub(super) fn examine(places: &Places<'_>, server: Option<&str>, findings: &mut Findings) {
    if let Some(server) = server {
        let text = format!("a display server, {server}: the screen is a window there");
        return findings.add(Verdict::Good, "display", text);
    }
    let connectors = connectors(places.connectors);
    if connectors.is_empty() {
        return findings.add(
            Verdict::Remark,
            "display",
            "none: for the touch screen connect one, and on a Raspberry Pi have \"dtoverlay=vc4-kms-v3d\" in config.txt; `call` needs none",
        );
    }
    let connected: Vec<_> = connectors.iter().filter(|it| it.connected).collect();
    if connected.is_empty() {
        let names: Vec<_> = connectors.iter().map(|it| it.name.as_str()).collect();
        findings.add(
            Verdict::Bad,
            "display",
            format!("nothing is connected to {}: look at the cable and at the panel's power, and start the board with the panel on", names.join(", ")),
        );
    }
    for connector in connected {
        let node = places.nodes.join(&connector.card);
        match fs::OpenOptions::new().read(true).write(true).open(&node) {
            Ok(_) => findings.add(
                Verdict::Good,
                "display",
                format!("{} on {}: {}", connector.name, node.display(), connector.mode),
            ),
            Err(error) => findings.add(
                Verdict::Bad,
                "display",
                format!(
                    "{} is connected, but {} cannot be opened ({error}): add this user to the groups \"video\" and \"render\"",
                    connector.name,
                    node.display()
                ),
            ),
        }
    }
    examine_touch(places.inputs, findings);
}

fn examine_touch(inputs: &Path, findings: &mut Findings) {
    let told = fs::read_to_string(inputs).unwrap_or_default();
    let panels: Vec<_> = told
        .split("\n\n")
        .filter(|device| is_touched_directly(device))
        .collect();
    if panels.is_empty() {
        findings.add(
            Verdict::Remark,
            "touch",
            "no touch panel: look at its USB or ribbon cable; a mouse and a keyboard do as well",
        );
    }
    for panel in panels {
        let name = panel
            .lines()
            .find_map(|line| line.strip_prefix("N: Name="))
            .unwrap_or("without a name");
        findings.add(Verdict::Good, "touch", name.trim_matches('"'));
    }
}

/// Bit 1 of the properties, `INPUT_PROP_DIRECT` (the kernel's event-codes.rst): what is touched is where it shows.
fn is_touched_directly(device: &str) -> bool {
    let properties = device
        .lines()
        .find_map(|line| line.strip_prefix("B: PROP="));
    properties
        .and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok())
        .is_some_and(|bits| bits & 0b10 != 0)
}

/// Where a screen can be plugged in.
pub(crate) struct Connector {
    card: String,
    /// As the kernel names it: `HDMI-A-1`.
    pub(crate) name: String,
    /// Whether a screen is there and answers.
    pub(crate) connected: bool,
    mode: String,
}

/// The connectors of all cards.
pub(crate) fn connectors(folder: &Path) -> Vec<Connector> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut all: Vec<_> = entries
        .filter_map(|entry| {
            let file_name = entry.file_name().into_string().ok()?;
            let (card, name) = file_name.split_once('-')?;
            // What is written into memory is no screen.
            if !card.starts_with("card") || name.starts_with("Writeback") {
                return None;
            }
            let read = |what: &str| fs::read_to_string(entry.path().join(what)).unwrap_or_default();
            Some(Connector {
                card: card.to_owned(),
                name: name.to_owned(),
                connected: read("status").trim() == "connected",
                mode: read("modes")
                    .lines()
                    .next()
                    .unwrap_or("size unknown")
                    .to_owned(),
            })
        })
        .collect();
    all.sort_by(|a, b| (&a.card, &a.name).cmp(&(&b.card, &b.name)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOUCH: &str =
        "I: Bus=0018 Vendor=0000\nN: Name=\"raspberrypi-ts\"\nB: PROP=2\nB: EV=b\n\n";
    const MOUSE: &str = "I: Bus=0003 Vendor=046d\nN: Name=\"Mouse\"\nB: PROP=0\nB: EV=17\n\n";

    fn said(connectors: &[(&str, &str, &str)], inputs: &str, server: Option<&str>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("dri")).unwrap();
        fs::write(at("dri/card1"), "").unwrap();
        fs::write(at("inputs"), inputs).unwrap();
        for (name, status, modes) in connectors {
            let connector = at("drm").join(name);
            fs::create_dir_all(&connector).unwrap();
            fs::write(connector.join("status"), status).unwrap();
            fs::write(connector.join("modes"), modes).unwrap();
        }
        let mut findings = Findings::default();
        let places = Places {
            connectors: &at("drm"),
            nodes: &at("dri"),
            inputs: &at("inputs"),
        };
        examine(&places, server, &mut findings);
        findings.to_string()
    }

    #[test]
    fn a_connected_panel_is_told_with_its_size_and_its_touch() {
        let told = said(
            &[
                ("card0", "", ""),
                ("card1-Writeback-1", "unknown\n", ""),
                ("card1-HDMI-A-1", "disconnected\n", ""),
                ("card1-DSI-1", "connected\n", "800x480\n640x480\n"),
            ],
            &[MOUSE, TOUCH].concat(),
            None,
        );
        assert!(told.contains("ok    display     DSI-1 on "), "{told}");
        assert!(told.contains("card1: 800x480"), "{told}");
        assert!(told.contains("ok    touch       raspberrypi-ts"), "{told}");
        assert_eq!(told.lines().count(), 2, "{told}");
    }

    #[test]
    fn a_panel_without_its_cable_is_told_by_the_sockets_that_are_empty() {
        let told = said(
            &[
                ("card1-HDMI-A-1", "disconnected\n", ""),
                ("card1-HDMI-A-2", "disconnected\n", ""),
            ],
            MOUSE,
            None,
        );
        assert!(
            told.contains("BAD   display     nothing is connected to HDMI-A-1, HDMI-A-2"),
            "{told}"
        );
        assert!(told.contains("note  touch       no touch panel"), "{told}");
    }

    #[test]
    fn a_screen_that_may_not_be_used_is_told_with_the_group_that_may() {
        let told = said(
            &[("card7-HDMI-A-1", "connected\n", "1280x800\n")],
            TOUCH,
            None,
        );
        assert!(
            told.contains("BAD   display     HDMI-A-1 is connected, but "),
            "{told}"
        );
        assert!(told.contains("\"video\""), "{told}");
    }

    #[test]
    fn a_display_server_and_no_screen_at_all_are_no_fault() {
        assert!(said(&[], "", Some(":0")).starts_with("ok    display     a display server, :0"));
        assert!(said(&[], "", None).starts_with("note  display     none"));
    }
}
