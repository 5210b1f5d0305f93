//! A camera and a microphone that are switched and exchanged during a call, as the others see and hear it.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use common::{Call, Relay, alone, number};
use conclave_endpoint::camera::CameraSpec;
use conclave_endpoint::data_dir::DataDir;
use conclave_endpoint::engine::{Engine, EngineError, Intent, Room, Settings};
use conclave_endpoint::picture::frame::PictureSize;
use conclave_endpoint::picture::jpeg::{Chroma, Encoder, Planes};
use conclave_endpoint::sound::{MicrophoneSpec, SpeakerSpec};
use conclave_protocol::name::{Email, RoomName, Username};
use conclave_protocol::time::Micros;
use conclave_protocol::wire::control::Suite;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc;

/// How soon the others must see and hear again, with a reserve for a busy machine: far less than the device had been
/// on.
const AGAIN: Duration = Duration::from_secs(4);
/// Statistics come each second, so a picture is known of so much later.
const TOLD: Duration = Duration::from_millis(1_100);

/// An endpoint within this process, whose devices a test switches.
struct Switched {
    intents: mpsc::Sender<Intent>,
    engine: Option<JoinHandle<Result<(), EngineError>>>,
}

impl Switched {
    fn join(folder: &Path, relay: &str, camera: &str, microphone: &str) -> Self {
        let settings = Settings {
            relay: relay.to_owned(),
            relay_kept_as: relay.to_owned(),
            relay_fingerprint: None,
            username: Username::parse("door").unwrap(),
            display_name: "Door".parse().unwrap(),
            email: Email::parse("door@example.org").unwrap(),
            room: Some(Room {
                name: RoomName::parse("test").unwrap(),
                pin: None,
                create: Some(8),
            }),
            suite: Suite::Aes256Gcm,
            camera: camera.parse().unwrap(),
            microphone: microphone.parse().unwrap(),
            speaker: SpeakerSpec::Off,
            devices_on_demand: false,
            patience: Micros::from_secs(30),
        };
        let keep = DataDir::open(&folder.join("door")).unwrap();
        let (intents, taken) = mpsc::channel(16);
        let engine = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().unwrap();
            let engine = Engine::new(settings, keep, None, None, |_| {})?;
            runtime.block_on(engine.run(taken))
        });
        let engine = Some(engine);
        Self { intents, engine }
    }

    fn wants(&self, intent: Intent) {
        self.intents.blocking_send(intent).unwrap();
    }

    fn stop(mut self) {
        self.wants(Intent::Stop);
        self.engine.take().unwrap().join().unwrap().unwrap();
    }
}

fn camera(spec: &str) -> Intent {
    Intent::UseCamera(spec.parse::<CameraSpec>().unwrap())
}

/// Waits for more of a kind than there is, and says that it came in time.
fn sees_again(call: &mut Call, kind: &str, field: &str, after: &str) {
    let before = number(&call.last, "door", kind, field);
    let took = call.wait_until(after, |stats| {
        number(stats, "door", kind, field) >= before + 5.0
    });
    assert!(took < AGAIN + TOLD, "{kind} again {after} took {took:?}");
}

#[test]
fn a_camera_is_seen_again_whenever_it_was_switched_or_exchanged() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay"));
    let door = Switched::join(
        folder.path(),
        &relay.address,
        "pattern:320x180@30",
        "tone:440",
    );
    let mut ana = Call::join(folder.path(), &relay.address, "ana", &[]);
    let decoded = |least: f64| {
        move |stats: &serde_json::Value| number(stats, "door", "video", "frames_decoded") >= least
    };
    ana.wait_until("pictures", decoded(240.0));
    for round in 0..3 {
        door.wants(Intent::Camera(false));
        let seen = std::cell::Cell::new(-1.0);
        ana.wait_until("no more pictures", |stats| {
            let now = number(stats, "door", "video", "frames_decoded");
            seen.replace(now) == now
        });
        door.wants(Intent::Camera(true));
        sees_again(&mut ana, "video", "frames_decoded", "after the switch");
        let others = [
            "pattern:640x360@30",
            "pattern:640x360@15",
            "pattern:320x180@30",
        ];
        door.wants(camera(others[round]));
        // What the former camera still had on its way is not meant.
        ana.wait_until("the next statistics", |_| true);
        sees_again(&mut ana, "video", "frames_decoded", "after the exchange");
    }
    let lost = number(&ana.last, "door", "video", "packets_lost");
    assert!(lost < 100.0, "{lost} packets lost on loopback");
    assert!(ana.stop().success());
    door.stop();
}

#[test]
fn a_microphone_is_heard_again_after_it_was_exchanged_and_nothing_counts_as_lost() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay"));
    let door = Switched::join(folder.path(), &relay.address, "off", "tone:440");
    let mut ana = Call::join(folder.path(), &relay.address, "ana", &[]);
    ana.wait_until("sound", |stats| {
        number(stats, "door", "audio", "frames_complete") >= 60.0
    });
    let other: MicrophoneSpec = "tone:660".parse().unwrap();
    door.wants(Intent::UseMicrophone(other));
    ana.wait_until("the next statistics", |_| true);
    sees_again(&mut ana, "audio", "frames_complete", "after the exchange");
    let lost = number(&ana.last, "door", "audio", "packets_lost");
    assert!(lost < 10.0, "{lost} packets lost on loopback");
    assert!(ana.stop().success());
    door.stop();
}

/// Writes ten pictures of one shade, which a camera of the kind `file:` shows again and again.
fn film(path: &Path, width: u32, height: u32, shade: u8) -> String {
    let size = PictureSize { width, height };
    let luma = vec![shade; size.pixels()];
    let color = vec![128; size.pixels() / 4];
    let planes = Planes {
        size,
        chroma: Chroma::HalfBoth,
        luma: &luma,
        cb: &color,
        cr: &color,
    };
    let mut jpeg = vec![0; 1 << 20];
    let length = Encoder::new(90).unwrap().encode(&planes, &mut jpeg);
    std::fs::write(path, jpeg[..length.unwrap()].repeat(10)).unwrap();
    format!("file:{}", path.display())
}

/// Pictures of Ana's that were decoded here.
fn seen(call: &Call) -> f64 {
    number(&call.last, "ana", "video", "frames_decoded")
}

/// Waits until no more of Ana's pictures come.
fn goes_dark(call: &mut Call) {
    let last = std::cell::Cell::new(-1.0);
    call.wait_until("no more pictures", |stats| {
        let now = number(stats, "ana", "video", "frames_decoded");
        last.replace(now) == now
    });
}

/// Waits for more of Ana's pictures, and tells how long that took: at least the second between two statistics.
fn lights_up(call: &mut Call, after: &str) {
    let before = seen(call);
    let took = call.wait_until(after, |stats| {
        number(stats, "ana", "video", "frames_decoded") >= before + 5.0
    });
    println!("pictures are seen again {after} within {took:?}");
}

#[test]
fn a_camera_that_a_script_switches_exchanges_and_takes_away_is_seen_again_each_time() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay"));
    let (first, second) = (
        folder.path().join("first.mjpeg"),
        folder.path().join("second.mjpeg"),
    );
    let camera = film(&first, 320, 180, 60);
    let other = film(&second, 640, 360, 200);
    let arguments = ["--control", "stdin", "--camera", &camera];
    let mut ana = Call::join(folder.path(), &relay.address, "ana", &arguments);
    let mut ben = Call::join(folder.path(), &relay.address, "ben", &[]);
    ben.wait_until("pictures", |stats| {
        number(stats, "ana", "video", "frames_decoded") >= 60.0
    });

    assert_eq!(ana.act("camera off"), "ok camera off");
    goes_dark(&mut ben);
    assert_eq!(ana.act("camera on"), "ok camera on");
    lights_up(&mut ben, "after it was switched off and on");

    assert!(ana.act(&format!("camera {other}")).starts_with("ok "));
    // What the former camera still had on its way is not meant.
    ben.wait_until("the next statistics", |_| true);
    lights_up(&mut ben, "after it was exchanged");

    assert_eq!(ana.act("camera off"), "ok camera off");
    goes_dark(&mut ben);
    let away = folder.path().join("away");
    std::fs::rename(&second, &away).unwrap();
    ana.write("camera on");
    ana.wait_told("that it is missing", |line| line.starts_with("camera lost"));
    ben.wait_until("the next statistics", |_| true);
    let before = seen(&ben);
    std::fs::rename(&away, &second).unwrap();
    lights_up(&mut ben, "after it was taken away and put back");
    assert!(seen(&ben) >= before + 5.0);

    let lost = number(&ben.last, "ana", "video", "packets_lost");
    assert!(lost < 100.0, "{lost} packets lost on loopback");
    assert!(ana.stop().success() && ben.stop().success());
}
