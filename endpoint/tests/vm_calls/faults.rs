//! A camera that goes and comes back while a call is held.

use crate::call::{Call, Relay, count, stream};
use crate::webcam::{Webcam, wait_for_node};
use crate::{drivers, time_is_the_guests_own};
use std::fs;
use std::time::{Duration, Instant};

/// Waits for the next picture at the receiver and says when it was complete: it is on the disk at once, for it is
/// larger than what is collected before writing.
fn next_picture(receiver: &Call) -> Instant {
    let file = receiver.recording("sender.mjpeg");
    let length = || fs::metadata(&file).map_or(0, |file| file.len());
    let (before, until) = (length(), Instant::now() + Duration::from_secs(60));
    while length() == before {
        assert!(Instant::now() < until, "no picture came");
        std::thread::sleep(Duration::from_millis(5));
    }
    Instant::now()
}

/// Waits until the receiver has statistics of a second of running pictures.
fn pictures_run(receiver: &Call) {
    receiver.stats("30 pictures a second", |stats| {
        let fps = stream(stats, "sender", "video")["fps"].as_f64();
        fps.is_some_and(|fps| fps > 25.0)
    });
}

/// Waits until the receiver has statistics of a second without pictures.
fn pictures_rest(receiver: &Call) {
    receiver.stats("no pictures", |stats| {
        stream(stats, "sender", "video")["fps"].as_f64() == Some(0.0)
    });
}

#[test]
fn pictures_go_on_within_two_seconds_after_a_camera_is_plugged_in_again_or_goes_on() {
    let Some(_drivers) = drivers() else { return };
    let mut webcam = Webcam::plug(&["--mjpeg", "1280x720@30"]);
    let camera = format!("v4l2:{}:1280x720@30", wait_for_node());
    let relay = Relay::start();
    let receiver = relay.call("receiver", &[]);
    let sender = relay.call("sender", &["--camera", &camera]);
    sender.program.reports("camera: ");
    pictures_run(&receiver);

    let unplugged = Instant::now();
    webcam.tell("unplug");
    let lost = sender.program.reports("camera lost: ");
    assert!(lost.text.contains("disconnected"), "{}", lost.text);
    let noticed = lost.at.saturating_duration_since(unplugged);
    pictures_rest(&receiver);
    let plugged = Instant::now();
    webcam.tell("plug");
    let after_plug = next_picture(&receiver) - plugged;
    sender.program.reports("camera: ");
    println!("unplugged: noticed after {noticed:?}; pictures {after_plug:?} after plugging in");
    pictures_run(&receiver);

    let stalled = Instant::now();
    webcam.tell("stall");
    let lost = sender.program.reports("camera lost: no picture for 1 s");
    let noticed = lost.at.saturating_duration_since(stalled);
    pictures_rest(&receiver);
    let going = Instant::now();
    webcam.tell("go");
    let after_go = next_picture(&receiver) - going;
    sender.program.reports("camera: ");
    println!("stalled: noticed after {noticed:?}; pictures {after_go:?} after going on");
    pictures_run(&receiver);

    let sent = sender.end();
    receiver.program.reports("sender left");
    let received = receiver.end();
    webcam.remove();
    let video = stream(&received, "sender", "video");
    println!("receiver: {video}\nsender: {}", sent["self"]);
    assert_eq!(count(video, "frames_lost"), 0, "{video}");
    assert_eq!(count(&sent["self"], "reconnects"), 0);
    if time_is_the_guests_own() {
        let limit = Duration::from_secs(2);
        assert!(
            after_plug <= limit && after_go <= limit,
            "{after_plug:?}, {after_go:?}"
        );
    }
}
