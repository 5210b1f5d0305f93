//! Which of several cameras is taken, and which is never taken instead.

use crate::watch::Watch;
use crate::webcam::{Webcam, nodes};
use crate::{drivers, time_is_the_guests_own};
use conclave_endpoint::device::LossReason;
use conclave_endpoint::picture::jpeg::{Decoder, Scale, decode::Picture};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A program, killed with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn v4l2_ctl(arguments: &[&str]) -> Running {
    let child = Command::new("v4l2-ctl")
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Running(child.unwrap())
}

/// Whether a program can feed the loopback camera: it does so without a pause, which never ends where computing takes
/// no time.
fn can_feed() -> bool {
    if time_is_the_guests_own() {
        eprintln!("skipped: needs CONCLAVE_VM_TIME=real");
    }
    !time_is_the_guests_own()
}

/// Feeds the loopback camera with color bars in a format, and waits until it is a camera.
fn feed(format: &str) -> Running {
    let size = format!("--set-fmt-video-out=width=640,height=360,pixelformat={format}");
    let feeder = v4l2_ctl(&[
        "-d",
        "/dev/video20",
        &size,
        "--stream-out-mmap",
        "--stream-out-pattern=0",
    ]);
    let is_fed = || {
        let devices = conclave_endpoint::cli::devices::enumerate();
        let mut cameras = devices.cameras.iter();
        cameras.any(|camera| camera.path == Path::new("/dev/video20") && !camera.formats.is_empty())
    };
    for _ in 0..500 {
        if is_fed() {
            return feeder;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the loopback camera takes no {format}");
}

fn brightness(jpeg: &[u8]) -> Vec<u8> {
    let mut picture = Picture::default();
    Decoder::new()
        .unwrap()
        .luma(jpeg, Scale::Eighth, &mut picture)
        .unwrap();
    picture.pixels
}

#[test]
fn raw_formats_give_the_same_picture() {
    let Some(_drivers) = drivers().filter(|_| can_feed()) else {
        return;
    };
    let mut reference: Option<(Vec<u8>, Vec<u8>)> = None;
    // All that the loopback driver takes.
    for format in [
        "YUYV", "UYVY", "YVYU", "VYUY", "NV12", "YU12", "YV12", "GREY",
    ] {
        let _feeder = feed(format);
        let watch = Watch::camera("v4l2:/dev/video20");
        assert_eq!(watch.running().format, format);
        let jpeg = watch.frame().frame.parts().concat();
        let mut picture = Picture::default();
        Decoder::new()
            .unwrap()
            .rgb(&jpeg, Scale::Eighth, &mut picture)
            .unwrap();
        let (luma, rgb) = (brightness(&jpeg), picture.pixels);
        let Some((first_luma, first_rgb)) = &reference else {
            reference = Some((luma, rgb));
            continue;
        };
        let error = |a: &[u8], b: &[u8]| {
            let sum: u64 = a
                .iter()
                .zip(b)
                .map(|(a, b)| u64::from(a.abs_diff(*b)))
                .sum();
            sum / a.len() as u64
        };
        println!(
            "{format}: off by {}, {}",
            error(&luma, first_luma),
            error(&rgb, first_rgb)
        );
        // The tool draws gray in the full range and with other weights of the colors than it draws YUV.
        let most = if format == "GREY" { 24 } else { 6 };
        assert!(error(&luma, first_luma) <= most, "{format}");
        assert!(format == "GREY" || error(&rgb, first_rgb) <= 8, "{format}");
    }
}

#[test]
fn where_the_first_camera_is_in_use_the_next_is_taken_and_the_holder_is_named() {
    let Some(_drivers) = drivers() else { return };
    let _first = Webcam::plug_as("Camera A", &["--mjpeg", "640x480@30"]);
    let _second = Webcam::plug_as("Camera B", &["--mjpeg", "320x240@30"]);
    let held = nodes("Camera A").remove(0);
    let _holder = v4l2_ctl(&[
        "-d",
        &held,
        "--set-fmt-video=pixelformat=MJPG",
        "--stream-mmap",
    ]);
    let named = loop {
        let named = Watch::camera(&format!("v4l2:{held}"));
        if let Err(loss) = named.running_or_lost() {
            break loss;
        }
    };
    assert_eq!(named.reason, LossReason::InUse, "{named}");
    assert!(named.detail.contains("(v4l2-ctl, process"), "{named}");
    assert!(Watch::camera("auto").running().name.starts_with("Camera B"));
}

#[test]
fn a_camera_that_gives_nothing_is_passed_over_for_the_next() {
    let Some(_drivers) = drivers() else { return };
    let mut first = Webcam::plug_as("Camera A", &["--mjpeg", "640x480@30"]);
    let _second = Webcam::plug_as("Camera B", &["--mjpeg", "320x240@30"]);
    first.tell("stall");
    let watch = Watch::camera("auto");
    assert!(watch.running().name.starts_with("Camera B"));
}

#[test]
fn a_named_camera_is_never_exchanged_for_another_of_its_model() {
    let Some(_drivers) = drivers() else { return };
    let mut first = Webcam::plug_as("Twin", &["--mjpeg", "640x480@30"]);
    let node = nodes("Twin").remove(0);
    let _second = Webcam::plug_as("Twin", &["--mjpeg", "320x240@30"]);
    assert_eq!(nodes("Twin").len(), 2);
    let watch = Watch::camera(&format!("v4l2:{node}"));
    assert_eq!(watch.running().size.width, 640);
    first.tell("unplug");
    watch.lost();
    let loss = watch.lost();
    assert_eq!(loss.reason, LossReason::Absent, "{loss}");
    assert!(loss.detail.contains("(Twin: Twin at usb-"), "{loss}");
    watch.clear();
    std::thread::sleep(Duration::from_secs(3));
    assert!(watch.is_silent(), "no picture of the other one");
    first.tell("plug");
    assert_eq!(watch.running().size.width, 640);
}

#[test]
fn a_gray_camera_is_left_out_where_there_is_one_with_color() {
    let Some(_drivers) = drivers().filter(|_| can_feed()) else {
        return;
    };
    let _gray = feed("GREY");
    // The raw test camera has color.
    let watch = Watch::camera("auto");
    assert_ne!(watch.running().format, "GREY");
    let devices = conclave_endpoint::cli::devices::enumerate();
    let gray = devices.cameras.iter().find(|camera| camera.gray_only);
    assert_eq!(gray.unwrap().path, Path::new("/dev/video20"));
}
