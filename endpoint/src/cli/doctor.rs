//! What may be wrong with this board, and what to do about it: camera, sound, screen, relay, storage.

pub(crate) mod display;

use crate::camera::v4l2::{self, CameraDescription};
use crate::config::ConfigError;
use crate::data_dir::DataDir;
use crate::net::control::{Connection, ConnectionEvent};
use crate::net::discovery::{self, DiscoveryError};
use crate::sound::{self, Silenced, SoundDevice};
use conclave_common::entropy;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// How long relays are looked for: three times as long as a relay takes that has just been started.
const LISTENING: Duration = Duration::from_secs(3);

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Remark,
    Bad,
}

/// What one check found.
#[derive(Clone, Debug)]
struct Finding {
    verdict: Verdict,
    subject: &'static str,
    text: String,
}

/// What all checks found, in order.
#[derive(Clone, Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Whether nothing is wrong; remarks are allowed.
    #[must_use]
    pub fn all_well(&self) -> bool {
        self.0.iter().all(|finding| finding.verdict != Verdict::Bad)
    }

    fn add(&mut self, verdict: Verdict, subject: &'static str, text: impl Into<String>) {
        self.0.push(Finding {
            verdict,
            subject,
            text: text.into(),
        });
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.0 {
            let mark = match finding.verdict {
                Verdict::Good => "ok  ",
                Verdict::Remark => "note",
                Verdict::Bad => "BAD ",
            };
            writeln!(f, "{mark}  {:<10}  {}", finding.subject, finding.text)?;
        }
        Ok(())
    }
}

/// The relay that is to be looked at.
#[derive(Debug)]
pub struct MeantRelay {
    /// What its identity is kept under, beside its address.
    pub kept_as: String,
    /// Where it is, or why that is not known.
    pub address: Result<String, DiscoveryError>,
}

impl MeantRelay {
    /// The relay at an address that is known.
    #[must_use]
    pub fn at(address: &str) -> Self {
        Self {
            kept_as: address.into(),
            address: Ok(address.into()),
        }
    }
}

/// Looks at everything that a call needs: the configuration if it is wrong, the relay where one is meant, or else
/// all that announce themselves.
#[must_use]
pub fn examine(config: Option<ConfigError>, relay: Option<MeantRelay>, folder: &Path) -> Findings {
    let mut findings = Findings::default();
    if let Some(error) = config {
        findings.add(Verdict::Bad, "config", error.to_string());
    }
    examine_storage(folder, &mut findings);
    examine_processor(&mut findings);
    examine_cameras(&mut findings);
    examine_sound(&mut findings);
    examine_display(&mut findings);
    match relay {
        Some(MeantRelay { kept_as, address }) => match address {
            Ok(address) => examine_relay(&kept_as, &address, folder, &mut findings),
            Err(error) => findings.add(Verdict::Bad, "relay", error.to_string()),
        },
        None => list_relays(&mut findings),
    }
    findings
}

fn examine_storage(folder: &Path, findings: &mut Findings) {
    match DataDir::open(folder).and_then(|keep| keep.identity()) {
        Ok(identity) => findings.add(
            Verdict::Good,
            "identity",
            format!("{} in {}", identity.public().words(), folder.display()),
        ),
        Err(error) => findings.add(
            Verdict::Bad,
            "identity",
            format!(
                "{error}; make {} writable, or name another folder with --data-dir",
                folder.display()
            ),
        ),
    }
}

fn examine_processor(findings: &mut Findings) {
    let cipher = if crate::platform::processor::has_aes() {
        "AES instructions: media is sealed with AES-256-GCM"
    } else {
        "no AES instructions: media is sealed with ChaCha20-Poly1305, which is quicker here"
    };
    findings.add(Verdict::Good, "processor", cipher);
}

fn examine_cameras(findings: &mut Findings) {
    let nodes = v4l2::camera_nodes();
    if nodes.is_empty() {
        findings.add(
            Verdict::Bad,
            "camera",
            "none found: plug one in; if it is plugged in, look whether `dmesg` tells of it and whether this user is \
             in the group \"video\"",
        );
    }
    let cameras: Vec<_> = nodes
        .into_iter()
        .map(|node| (node.display().to_string(), v4l2::describe(node)))
        .collect();
    let has_color = cameras.iter().flat_map(|(_, camera)| camera).any(|camera| {
        !camera.module && !camera.gray_only && camera.formats.iter().any(|format| format.usable)
    });
    let mut modules = Vec::new();
    for (path, camera) in cameras {
        let Some(camera) = camera else {
            if v4l2::is_other(&path) {
                continue;
            }
            findings.add(
                Verdict::Bad,
                "camera",
                format!("{path} cannot be opened: add this user to the group \"video\", or end the program that has it"),
            );
            continue;
        };
        // Its many nodes are one camera.
        if camera.module && modules.contains(&camera.driver) {
            continue;
        }
        let (verdict, text) = about_camera(&camera, has_color);
        findings.add(verdict, "camera", format!("{path}: {text}"));
        if camera.module {
            modules.push(camera.driver);
        }
    }
}

fn about_camera(camera: &CameraDescription, has_color: bool) -> (Verdict, String) {
    let name = &camera.name;
    if camera.module {
        return (
            Verdict::Remark,
            format!(
                "{name} is a camera module ({}), which gives no pictures by itself: install libcamera's and GStreamer's \
                 programs and v4l2loopback, run `gst-launch-1.0 libcamerasrc ! video/x-raw,width=1280,height=720 ! \
                 videoconvert ! v4l2sink device=/dev/video20`, and name that camera: v4l2:/dev/video20",
                camera.driver
            ),
        );
    }
    let usable: Vec<_> = camera
        .formats
        .iter()
        .filter(|format| format.usable)
        .map(|format| format.fourcc.as_str())
        .collect();
    if usable.is_empty() {
        let codes: Vec<[u8; 4]> = camera
            .formats
            .iter()
            .map(|format| v4l2::code(&format.fourcc))
            .collect();
        let offers = v4l2::negotiate::offers_only(&codes);
        return (
            Verdict::Bad,
            format!(
                "{name} {offers}, and {} is needed; use another camera",
                v4l2::negotiate::WANTED
            ),
        );
    }
    let formats = usable.join(", ");
    if camera.gray_only && has_color {
        return (
            Verdict::Remark,
            format!(
                "{name} ({formats}) gives gray pictures alone, as for face recognition: `auto` leaves it out"
            ),
        );
    }
    (Verdict::Good, format!("{name} ({formats})"))
}

fn examine_sound(findings: &mut Findings) {
    let devices = sound::devices();
    if devices.is_empty() {
        findings.add(
            Verdict::Bad,
            "sound",
            "no sound card: plug a speakerphone in; if it is plugged in, look whether this user is in the group \"audio\"",
        );
    }
    for device in &devices {
        let use_as = match (device.captures, device.plays) {
            (true, true) => "microphone and speaker",
            (true, false) => "microphone",
            _ => "speaker",
        };
        findings.add(
            Verdict::Good,
            "sound",
            format!("alsa:{}: {} ({use_as})", device.pcm, device.name),
        );
    }
    examine_twins(&devices, findings);
    examine_mixers(&devices, findings);
    for (what, there) in [
        ("microphone", devices.iter().any(|d| d.captures)),
        ("speaker", devices.iter().any(|d| d.plays)),
    ] {
        if !there && !devices.is_empty() {
            findings.add(
                Verdict::Remark,
                "sound",
                format!("no {what}: the cards that are there have none"),
            );
        }
    }
}

/// Cards that the kernel numbers as it finds them, so that a name may mean the other one after a restart.
fn examine_twins(devices: &[SoundDevice], findings: &mut Findings) {
    let twins: Vec<_> = sound::twins(devices)
        .into_iter()
        .map(|device| format!("alsa:{}", device.pcm))
        .collect();
    if !twins.is_empty() {
        findings.add(
            Verdict::Remark,
            "sound",
            format!(
                "{} are of one kind, and may swap their names at a restart: choose by the whole text with its port (@usb-…)",
                twins.join(" and ")
            ),
        );
    }
}

/// Mixers that keep all microphones or all speakers silent are what is wrong; others may be meant so.
fn examine_mixers(devices: &[SoundDevice], findings: &mut Findings) {
    let muted = sound::muted();
    for one in &muted {
        let same = muted.iter().filter(|other| other.what == one.what);
        let mut silent: Vec<_> = same.map(|other| other.card.as_str()).collect();
        silent.dedup();
        let all = devices.iter().filter(|device| match one.what {
            Silenced::Microphone => device.captures,
            Silenced::Speaker => device.plays,
        });
        let mut others =
            all.filter(|device| !silent.iter().any(|card| device.name.starts_with(*card)));
        let verdict = if others.next().is_none() {
            Verdict::Bad
        } else {
            Verdict::Remark
        };
        findings.add(
            verdict,
            "sound",
            format!("{one}; `conclave-endpoint doctor --fix` turns it on, and so does `alsamixer`"),
        );
    }
}

/// Turns on what mixers keep silent, and says so.
#[must_use]
pub fn fix() -> Findings {
    let mut findings = Findings::default();
    for muted in sound::muted() {
        match muted.turn_on() {
            Ok(()) => findings.add(Verdict::Good, "fixed", format!("{muted}: turned on")),
            Err(error) => findings.add(Verdict::Bad, "fixed", format!("{muted}: {error}")),
        }
    }
    findings
}

fn examine_display(findings: &mut Findings) {
    let server = ["WAYLAND_DISPLAY", "DISPLAY"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    display::examine(&display::Places::default(), server.as_deref(), findings);
}

fn list_relays(findings: &mut Findings) {
    let found = match discovery::discover_all(LISTENING) {
        Ok(found) => found,
        Err(error) => return findings.add(Verdict::Remark, "relay", error.to_string()),
    };
    let advice = match found.as_slice() {
        [] => "none announces itself here: name one with --relay HOST",
        _ => "none checked: name one with --relay; what they say of themselves may be untrue",
    };
    for relay in &found {
        findings.add(Verdict::Remark, "relay", format!("there is {relay}"));
    }
    findings.add(Verdict::Remark, "relay", advice);
}

fn examine_relay(kept_as: &str, relay: &str, folder: &Path, findings: &mut Findings) {
    let keep = match DataDir::open(folder) {
        Ok(keep) => keep,
        Err(error) => return findings.add(Verdict::Bad, "relay", format!("not checked: {error}")),
    };
    let known = keep.expected_relay(kept_as, relay);
    let (identity, ephemeral, known) = match (keep.identity(), entropy::secret(), known) {
        (Ok(identity), Ok(ephemeral), Ok(known)) => (identity, ephemeral, known),
        _ => {
            return findings.add(
                Verdict::Bad,
                "relay",
                "not checked: no identity or no list of known relays",
            );
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return findings.add(Verdict::Bad, "relay", format!("not checked: {error}")),
    };
    let event = runtime.block_on(async {
        Connection::open(relay.to_owned(), identity, known, ephemeral)
            .next()
            .await
    });
    match event {
        ConnectionEvent::Established { relay: key, address } => {
            let trust = if known.is_some() { "the one that is known" } else { "not met before" };
            findings.add(Verdict::Good, "relay", format!("{address} answers: {} ({trust})", key.words()));
        }
        ConnectionEvent::Lost(error) => findings.add(
            Verdict::Bad,
            "relay",
            format!("{relay}: {error}; is it running, is the address right, is TCP and UDP port 7470 open?"),
        ),
        ConnectionEvent::Message(_) => findings.add(Verdict::Bad, "relay", "it speaks before it was spoken to"),
    }
}
