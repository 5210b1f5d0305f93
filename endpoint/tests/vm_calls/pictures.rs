//! Pictures from a camera, through the relay, to the receiver's recording.

use crate::call::{Relay, count, stream};
use crate::jpegs::{planes_of_jpeg, planes_of_yuyv, psnr_db, split};
use crate::webcam::{Webcam, fnv1a, wait_for_node};
use crate::{drivers, time_is_the_guests_own};
use std::fs;
use std::path::Path;
use std::process::Command;

const VIVID: &str = "/dev/video0";

#[test]
fn a_webcams_jpegs_reach_the_receiver_byte_for_byte_thirty_a_second() {
    let Some(_drivers) = drivers() else { return };
    let webcam = Webcam::plug(&["--mjpeg", "1280x720@30"]);
    let camera = format!("v4l2:{}:1280x720@30", wait_for_node());
    let relay = Relay::start();
    let receiver = relay.call("receiver", &[]);
    let sender = relay.call("sender", &["--camera", &camera]);
    sender.program.reports("camera: ");
    receiver.stats("300 pictures", |stats| {
        count(stream(stats, "sender", "video"), "frames_complete") >= 300
    });
    let sent = sender.end();
    receiver.program.reports("sender left");
    let recording = receiver.recording("sender.mjpeg");
    let received = receiver.end();
    let camera_sent = webcam.remove();

    let video = stream(&received, "sender", "video");
    let own = &sent["self"];
    println!("receiver: {video}\nsender: {own}");
    assert_eq!(count(video, "frames_lost"), 0, "{video}");
    assert_eq!(count(video, "frames_damaged"), 0, "{video}");
    assert_eq!(count(own, "damaged_frames"), 0, "{own}");
    assert_eq!(count(video, "frames_complete"), count(own, "frames_sent"));

    let file = fs::read(recording).unwrap();
    let recorded = split(&file);
    let left_out = count(&received["self"], "pictures_left_out")
        + count(&received["self"], "recording_left_out");
    assert_eq!(
        recorded.len() as u64 + left_out,
        count(video, "frames_complete")
    );
    assert!(recorded.len() >= 250, "{} recorded", recorded.len());
    let mut log = camera_sent.iter().map(|frame| frame.checksum);
    let first = fnv1a(recorded[0]);
    log.find(|&checksum| checksum == first)
        .expect("the first picture");
    let mut passed_over = 0;
    for (number, jpeg) in recorded.iter().enumerate().skip(1) {
        let checksum = fnv1a(jpeg);
        let skipped = log.by_ref().position(|sent| sent == checksum);
        passed_over += skipped.unwrap_or_else(|| panic!("picture {number} was not sent so"));
    }
    println!(
        "{} pictures are the camera's, {passed_over} of the camera's between them were left out",
        recorded.len()
    );
    if time_is_the_guests_own() {
        assert_eq!(passed_over, 0);
        let fps = video["fps"].as_f64().unwrap();
        assert!((fps - 30.0).abs() < 0.2, "{fps} pictures a second");
    }
}

#[test]
fn torn_pictures_are_dropped_by_the_sender_and_counted_and_the_others_arrive() {
    let Some(_drivers) = drivers() else { return };
    let webcam = Webcam::plug(&["--mjpeg", "1280x720@30", "--bad", "5"]);
    let camera = format!("v4l2:{}:1280x720@30", wait_for_node());
    let relay = Relay::start();
    let receiver = relay.call("receiver", &[]);
    let sender = relay.call("sender", &["--camera", &camera]);
    receiver.stats("100 pictures", |stats| {
        count(stream(stats, "sender", "video"), "frames_complete") >= 100
    });
    let sent = sender.end();
    receiver.program.reports("sender left");
    let recording = receiver.recording("sender.mjpeg");
    let received = receiver.end();
    let camera_sent = webcam.remove();

    let video = stream(&received, "sender", "video");
    let own = &sent["self"];
    println!("receiver: {video}\nsender: {own}");
    assert_eq!(count(video, "frames_lost"), 0, "{video}");
    assert_eq!(count(video, "frames_damaged"), 0, "{video}");
    let torn = camera_sent.iter().filter(|frame| !frame.whole).count() as u64;
    let damaged = count(own, "damaged_frames");
    assert!(torn >= 20, "{torn} torn");
    // The camera is a picture or two ahead when the sender lets go of it.
    let ahead = torn.checked_sub(damaged);
    assert!(
        ahead.is_some_and(|ahead| ahead <= 1 || !time_is_the_guests_own()),
        "{torn} torn, {damaged} counted"
    );
    let file = fs::read(recording).unwrap();
    let mut whole = camera_sent.iter().filter(|frame| frame.whole);
    for jpeg in split(&file) {
        let checksum = fnv1a(jpeg);
        assert!(
            whole.any(|frame| frame.checksum == checksum),
            "a picture that was not sent whole, or out of order"
        );
    }
}

/// Runs `v4l2-ctl` on the raw camera, which has to succeed.
fn v4l2_ctl(arguments: &[&str]) {
    let done = Command::new("v4l2-ctl")
        .args(["-d", VIVID])
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// So many pictures of the driver's, one behind the other, as they are.
fn raw_yuyv(file: &Path, width: u32, height: u32, pictures: u32) -> Vec<u8> {
    v4l2_ctl(&[
        &format!("--set-fmt-video=width={width},height={height},pixelformat=YUYV"),
        "--stream-mmap",
        &format!("--stream-count={pictures}"),
        &format!("--stream-to={}", file.display()),
    ]);
    fs::read(file).unwrap()
}

#[test]
fn a_raw_cameras_pictures_are_the_same_to_the_eye_at_the_receiver() {
    let Some(_drivers) = drivers() else { return };
    let relay = Relay::start();
    // No running text, so that all pictures are the same, and a picture of another time is the reference.
    v4l2_ctl(&["--set-ctrl=osd_text_mode=2"]);
    for (pattern, number) in [("75% color bars", 0), ("gray ramp", 20)] {
        v4l2_ctl(&[&format!("--set-ctrl=test_pattern={number}")]);
        let raw = raw_yuyv(&relay.file("raw"), 1280, 720, 2);
        let (one, two) = raw.split_at(raw.len() / 2);
        assert!(one == two, "{pattern}: the reference does not move");
        let reference = planes_of_yuyv(one);

        let user = format!("receiver{number}");
        let receiver = relay.call(&user, &[]);
        let sender = relay.call("sender", &["--camera", "v4l2:/dev/video0:1280x720@30"]);
        receiver.stats("30 pictures", |stats| {
            count(stream(stats, "sender", "video"), "frames_decoded") >= 30
        });
        let sent = sender.end();
        receiver.program.reports("sender left");
        let recording = receiver.recording("sender.mjpeg");
        let received = receiver.end();
        let video = stream(&received, "sender", "video");
        assert_eq!(count(video, "frames_lost"), 0, "{video}");
        let file = fs::read(recording).unwrap();
        let recorded = split(&file);
        let least_db = recorded
            .iter()
            .map(|jpeg| psnr_db(&planes_of_jpeg(jpeg), &reference))
            .fold(f64::INFINITY, f64::min);
        println!(
            "{pattern}: {least_db:.1} dB at least in {} pictures of {} bytes; {video}; sender: {}",
            recorded.len(),
            recorded[0].len(),
            sent["self"]
        );
        assert!(recorded.len() >= 30);
        assert!(least_db >= 35.0, "{pattern}: {least_db:.1} dB");
    }
    v4l2_ctl(&["--set-ctrl=osd_text_mode=0,test_pattern=0"]);
}
