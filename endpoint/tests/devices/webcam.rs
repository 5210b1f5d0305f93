//! The kernel's `uvcvideo` with a webcam that can be unplugged, stalls and sends torn pictures.

use crate::watch::{Watch, as_sent};
use crate::{drivers, time_is_the_guests_own};
use conclave_endpoint::camera::CameraState;
use conclave_endpoint::clock;
use conclave_endpoint::device::{DeviceLoss, LossReason};
use conclave_endpoint::picture::frame::PictureSize;
use conclave_endpoint::picture::jpeg::{Decoder, Scale, decode::Picture};
use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;

const NAME: &str = "Virtual Camera";

/// The virtual webcam; killed with the test.
pub(crate) struct Webcam {
    name: String,
    child: Child,
    commands: ChildStdin,
    events: Receiver<String>,
    folder: TempDir,
}

impl Webcam {
    pub(crate) fn plug(options: &[&str]) -> Self {
        Self::plug_as(NAME, options)
    }

    /// One of several, or of a name of its own.
    pub(crate) fn plug_as(name: &str, options: &[&str]) -> Self {
        let before = nodes(name).len();
        let folder = tempfile::tempdir().unwrap();
        let program = std::env::var_os("CONCLAVE_VIRTUAL_CAMERA").map_or_else(built, PathBuf::from);
        let mut child = Command::new(&program)
            .args(options)
            .args(["--name", name, "--log"])
            .arg(folder.path().join("sent.log"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{}: {error}; build conclave-virtual-camera",
                    program.display()
                )
            });
        let commands = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let webcam = Self {
            name: name.to_owned(),
            child,
            commands,
            events,
            folder,
        };
        webcam.says("plugged");
        // Plugging in ends before the driver has looked at the device.
        while nodes(name).len() == before {
            std::thread::sleep(Duration::from_millis(5));
        }
        webcam
    }

    pub(crate) fn tell(&mut self, command: &str) {
        writeln!(self.commands, "{command}").unwrap();
    }

    fn says(&self, what: &str) {
        while !self
            .events
            .recv_timeout(Duration::from_secs(30))
            .expect(what)
            .starts_with(what)
        {}
    }

    /// Length and checksum of each frame that was sent, with what was wrong with it.
    fn sent(&self) -> Vec<(usize, u64, String)> {
        let log = fs::read_to_string(self.folder.path().join("sent.log")).unwrap();
        let entry = |line: &str| {
            let mut words = line.split(' ').skip(1);
            let mut word = || words.next().unwrap();
            let length = word().parse().unwrap();
            (
                length,
                u64::from_str_radix(word(), 16).unwrap(),
                word().to_owned(),
            )
        };
        log.lines().map(entry).collect()
    }
}

impl Drop for Webcam {
    fn drop(&mut self) {
        let before = nodes(&self.name).len();
        let _ = self.child.kill();
        let _ = self.child.wait();
        while before > 0 && nodes(&self.name).len() == before {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Cargo puts tests into a folder below that of programs.
fn built() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors()
        .nth(2)
        .unwrap()
        .join("conclave-virtual-camera")
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// The node of the webcam, once the kernel has made it.
fn node() -> Option<String> {
    nodes(NAME).into_iter().next()
}

/// The nodes of the webcams of a name, in the order of their numbers; a webcam has a second one without pictures.
pub(crate) fn nodes(name: &str) -> Vec<String> {
    let entry = |entry: std::io::Result<fs::DirEntry>| {
        let folder = entry.ok()?.path();
        let read = |name| fs::read_to_string(folder.join(name)).ok();
        let node = format!("/dev/{}", folder.file_name()?.to_str()?);
        let ours = read("name")?.starts_with(name) && read("index")?.trim() == "0";
        (ours && Path::new(&node).exists()).then_some(node)
    };
    let Ok(entries) = fs::read_dir("/sys/class/video4linux") else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries.filter_map(entry).collect();
    found.sort();
    found
}

/// Waits for the node: plugging in ends before the driver has looked at the device.
fn wait_for_node() -> String {
    loop {
        if let Some(node) = node() {
            return node;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_webcams_jpegs_arrive_byte_for_byte_in_order_and_in_time() {
    let Some(_drivers) = drivers() else { return };
    let webcam = Webcam::plug(&["--mjpeg", "1280x720@30", "--yuyv", "320x240@30"]);
    let watch = Watch::camera("auto");
    let format = watch.running();
    assert_eq!(
        (format.format.as_str(), format.size, format.fps),
        ("MJPG", PictureSize::new(1280, 720), 30.0)
    );
    let mut received = Vec::new();
    let mut delays = Vec::new();
    let mut last = None;
    for _ in 0..90 {
        let seen = watch.frame();
        received.push(fnv1a(&as_sent(&seen.frame)));
        delays.push(seen.at.since(seen.frame.captured).0);
        assert!(seen.at >= seen.frame.captured, "the driver's clock is ours");
        assert!(last < Some(seen.frame.driver_sequence));
        last = Some(seen.frame.driver_sequence);
    }
    // The camera's log has a picture once the next one is on its way.
    watch.frame();
    let counts = watch.handle.counts();
    drop(watch);
    let sent = webcam.sent();
    let mut left = sent.iter();
    for checksum in received {
        assert!(
            left.any(|(_, sent, _)| *sent == checksum),
            "a picture that was not sent, or out of order"
        );
    }
    assert_eq!(counts.damaged, 0);
    delays.sort_unstable();
    println!(
        "driver's timestamp to sink: p50 {} µs, p99 {} µs; {counts:?}",
        delays[45], delays[88]
    );
}

#[test]
fn a_webcams_picture_can_be_decoded_by_whoever_receives_it() {
    let Some(_drivers) = drivers() else { return };
    let _webcam = Webcam::plug(&["--mjpeg", "640x480@30"]);
    let watch = Watch::camera("auto");
    let mut jpeg = Vec::new();
    let frame = watch.frame().frame;
    frame.append_to(&mut jpeg);
    assert_eq!(jpeg.len(), frame.len());
    let mut picture = Picture::default();
    Decoder::new()
        .unwrap()
        .rgb(&jpeg, Scale::Half, &mut picture)
        .unwrap();
    assert_eq!(picture.size, PictureSize::new(320, 240));
}

#[test]
fn torn_and_damaged_pictures_are_dropped_and_counted() {
    let Some(_drivers) = drivers() else { return };
    let webcam = Webcam::plug(&["--mjpeg", "640x480@30", "--bad", "3", "--error", "4"]);
    let watch = Watch::camera("auto");
    let received: Vec<_> = (0..60)
        .map(|_| fnv1a(&as_sent(&watch.frame().frame)))
        .collect();
    let counts = watch.handle.counts();
    drop(watch);
    let sent = webcam.sent();
    let whole: HashSet<_> = sent
        .iter()
        .filter(|(.., what)| what == "whole")
        .map(|(_, sum, _)| *sum)
        .collect();
    assert!(received.iter().all(|checksum| whole.contains(checksum)));
    let broken = sent.iter().filter(|(.., what)| what != "whole").count() as u64;
    assert!(
        broken > 20 && counts.damaged > 20,
        "{broken} broken, {counts:?}"
    );
    assert!(counts.damaged <= broken);
    println!("{broken} broken of {}, {counts:?}", sent.len());
}

#[test]
fn an_unplugged_webcam_is_lost_and_found_again_under_another_number() {
    let Some(_drivers) = drivers() else { return };
    let mut webcam = Webcam::plug(&["--mjpeg", "640x480@30"]);
    let before = node().unwrap();
    let watch = Watch::camera(&format!("v4l2:{before}:640x480@30"));
    watch.running();
    let held = watch.frame().frame;
    let checksum = fnv1a(&as_sent(&held));
    // A program that holds the old node open keeps its number taken.
    let squatter = fs::File::open(&before).unwrap();

    webcam.tell("unplug");
    let loss = watch.lost();
    assert_eq!(loss.reason, LossReason::Disconnected, "{loss}");
    assert_eq!(
        fnv1a(&as_sent(&held)),
        checksum,
        "a held picture outlives its camera"
    );

    webcam.tell("plug");
    webcam.says("plugged");
    wait_for_node();
    let back = clock::now();
    watch.running();
    let first = clock::now();
    let after = node().unwrap();
    assert_ne!(after, before);
    watch.frame();
    assert_eq!(
        fnv1a(&as_sent(&held)),
        checksum,
        "a held picture outlives its camera"
    );
    drop((held, squatter));
    let took = first.since(back).as_millis();
    println!(
        "node back to first picture: {took} ms; {before} became {after}; {:?}",
        watch.handle.counts()
    );
    assert!(!time_is_the_guests_own() || took <= 1_000);
    assert_eq!(watch.handle.counts().reopened, 1);
}

#[test]
fn a_stalled_webcam_is_lost_with_a_reason_and_resumes() {
    let Some(_drivers) = drivers() else { return };
    let mut webcam = Webcam::plug(&["--mjpeg", "640x480@30"]);
    let watch = Watch::camera("auto");
    watch.running();
    webcam.tell("stall");
    let loss = watch.lost();
    assert_eq!(loss.reason, LossReason::Stalled);
    assert_eq!(loss.detail, "no picture for 1 s");
    webcam.tell("go");
    watch.running();
    watch.frame();
}

#[test]
fn held_pictures_do_not_change_and_do_not_stop_the_camera() {
    let Some(_drivers) = drivers() else { return };
    let _webcam = Webcam::plug(&["--mjpeg", "640x480@30"]);
    let watch = Watch::camera("auto");
    let held: Vec<_> = (0..2).map(|_| watch.frame().frame).collect();
    let before: Vec<_> = held.iter().map(|frame| fnv1a(&as_sent(frame))).collect();
    for _ in 0..30 {
        watch.frame();
    }
    let after: Vec<_> = held.iter().map(|frame| fnv1a(&as_sent(frame))).collect();
    assert_eq!(before, after);
    // Buffers go back from whatever thread drops them.
    std::thread::spawn(move || drop(held)).join().unwrap();
    for _ in 0..10 {
        watch.frame();
    }
    assert_eq!(watch.handle.counts().errors, 0);
}

#[test]
fn a_camera_that_is_in_use_says_so_and_is_taken_when_it_is_free() {
    let Some(_drivers) = drivers() else { return };
    let _webcam = Webcam::plug(&["--mjpeg", "640x480@30"]);
    let first = Watch::camera("auto");
    first.running();
    let path = node().unwrap();
    let second = Watch::camera(&format!("v4l2:{path}"));
    let loss = second.lost();
    assert_eq!(loss.reason, LossReason::InUse, "{loss}");
    drop(first);
    let format = second.running();
    assert_eq!(format.format, "MJPG");
    drop(second);
    let gone = Watch::camera("v4l2:/dev/video99");
    assert!(
        matches!(gone.state(|s| *s != CameraState::Starting), CameraState::Lost(loss) if loss == DeviceLoss::new(LossReason::Absent, "/dev/video99 not found"))
    );
}
