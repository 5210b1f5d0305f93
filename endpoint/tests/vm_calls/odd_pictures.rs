//! Pictures as cameras on the market send them, from a camera and from files, to the other endpoint and its recording.

use crate::call::{Relay, count, stream};
use crate::drivers;
use crate::jpegs::split;
use crate::webcam::{Webcam, wait_for_node};
use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// What must not be sent.
const REFUSED: [&str; 4] = [
    "cut-in-half",
    "cut-in-half-with-end",
    "progressive",
    "arithmetic",
];

/// All pictures of the tests, or those alone that are to be shown.
fn copy_pictures(folder: &Path, with_refused: bool) -> usize {
    fs::create_dir(folder).unwrap();
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures");
    let mut copied = 0;
    for file in fs::read_dir(pictures).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let is_picture = path.extension().is_some_and(|extension| extension == "jpg");
        if is_picture && (with_refused || !REFUSED.contains(&name)) {
            fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
            copied += 1;
        }
    }
    copied
}

#[test]
fn odd_pictures_are_mended_sent_decoded_and_recorded_alike_from_a_camera_and_from_files() {
    let Some(_drivers) = drivers() else { return };
    let relay = Relay::start();
    let mut recorded = Vec::new();
    for source in ["camera", "files"] {
        let folder = relay.file(source);
        let copied = copy_pictures(&folder, true);
        assert_eq!(copied, 22);
        let receiver = relay.call(&format!("receiver-{source}"), &[]);
        let (webcam, camera) = match source {
            "camera" => {
                let mode = format!("640x360@30={}", folder.display());
                let webcam = Webcam::plug(&["--mjpeg", &mode]);
                (Some(webcam), format!("v4l2:{}", wait_for_node()))
            }
            _ => (None, format!("file:{}", folder.display())),
        };
        let sender = relay.call(source, &["--camera", &camera]);
        receiver.stats("five rounds", |stats| {
            count(stream(stats, source, "video"), "frames_decoded") >= 90
        });
        let sent = sender.end();
        receiver.program.reports(&format!("{source} left"));
        let recording = receiver.recording(&format!("{source}.mjpeg"));
        let received = receiver.end();
        if let Some(webcam) = webcam {
            webcam.remove();
        }
        let (video, own) = (stream(&received, source, "video"), &sent["self"]);
        println!("{source}: receiver {video}\nsender {own}");
        assert_eq!(count(video, "frames_damaged"), 0, "{video}");
        // Of each round four are not sent.
        assert!(count(own, "damaged_frames") >= 15, "{own}");
        let file = fs::read(recording).unwrap();
        let pictures: HashSet<Vec<u8>> = split(&file).into_iter().map(<[u8]>::to_vec).collect();
        recorded.push(pictures);
    }
    // Those that were mended are all the same picture: what is left are 11 others and it.
    println!("{} different pictures", recorded[0].len());
    assert_eq!(recorded[0], recorded[1], "a camera and files fare alike");
    assert!(recorded[0].len() >= 11, "{}", recorded[0].len());
}
