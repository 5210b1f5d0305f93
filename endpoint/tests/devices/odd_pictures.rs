//! Pictures as cameras on the market send them, and as they must not be sent, through the kernel's `uvcvideo`.

use crate::drivers;
use crate::watch::Watch;
use crate::webcam::Webcam;
use conclave_endpoint::picture::frame::PictureSize;
use conclave_endpoint::picture::jpeg::{Decoder, Scale, decode::Picture};
use std::path::Path;
use tempfile::TempDir;

const SHOWN: [&str; 18] = [
    "clean",
    "avi1-header",
    "no-huffman-tables",
    "4-4-4",
    "4-2-0",
    "4-4-0",
    "4-1-1",
    "grayscale",
    "stray-bytes-before-restarts",
    "stray-byte-before-one-restart",
    "no-end-marker",
    "half-end-marker",
    "old-bytes-after-end",
    "older-tail-without-end",
    "older-picture-after-end",
    "zeros-to-page",
    "two-start-markers",
    "fill-bytes-before-markers",
];

/// A folder with these pictures and no other.
fn folder(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures");
    for name in names {
        let file = format!("{name}.jpg");
        std::fs::copy(pictures.join(&file), folder.path().join(&file)).unwrap();
    }
    folder
}

fn plug(mode: &str, names: &[&str]) -> Webcam {
    let folder = folder(names);
    Webcam::plug(&["--mjpeg", &format!("{mode}={}", folder.path().display())])
}

#[test]
fn each_picture_that_cameras_send_arrives_whole_and_can_be_decoded() {
    let Some(_drivers) = drivers() else { return };
    let mut decoder = Decoder::new().unwrap();
    let mut picture = Picture::default();
    for name in SHOWN {
        let _webcam = plug("640x360@30", &[name]);
        let watch = Watch::camera("auto");
        let mut jpeg = Vec::new();
        for _ in 0..5 {
            jpeg.clear();
            watch.frame().frame.append_to(&mut jpeg);
            decoder
                .rgb(&jpeg, Scale::Full, &mut picture)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let counts = watch.handle.counts();
        println!("{name}: {counts:?}");
        assert_eq!((counts.damaged, counts.errors), (0, 0), "{name}");
    }
}

#[test]
fn pictures_that_cannot_be_sent_are_counted_and_the_reason_is_said_by_name() {
    let Some(_drivers) = drivers() else { return };
    for (name, reason) in [
        ("cut-in-half", "the camera's pictures have no end"),
        ("cut-in-half-with-end", "the camera's pictures are torn"),
        ("progressive", "the camera sends progressive JPEG"),
        ("arithmetic", "the camera sends arithmetic JPEG"),
    ] {
        let _webcam = plug("640x360@30", &[name]);
        let watch = Watch::camera("auto");
        let lost = watch.lost();
        assert!(lost.detail.starts_with(reason), "{name}: {lost}");
        let counts = watch.handle.counts();
        assert!(counts.damaged > 30 && counts.captured == 0, "{counts:?}");
    }
}

#[test]
fn of_pictures_that_are_torn_now_and_then_the_whole_ones_arrive() {
    let Some(_drivers) = drivers() else { return };
    let _webcam = plug(
        "640x360@30",
        &["clean", "cut-in-half-with-end", "no-end-marker"],
    );
    let watch = Watch::camera("auto");
    let mut decoder = Decoder::new().unwrap();
    let mut picture = Picture::default();
    for _ in 0..60 {
        let jpeg = watch.frame().frame.parts().concat();
        decoder.rgb(&jpeg, Scale::Eighth, &mut picture).unwrap();
    }
    let counts = watch.handle.counts();
    assert!(counts.damaged >= 25 && counts.mended >= 25, "{counts:?}");
}

#[test]
fn a_size_that_was_not_agreed_is_believed() {
    let Some(_drivers) = drivers() else { return };
    let _webcam = plug("1280x720@30", &["clean"]);
    let watch = Watch::camera("auto");
    assert_eq!(watch.running().size, PictureSize::new(640, 360));
    assert_eq!(watch.frame().frame.size, PictureSize::new(640, 360));
    assert_eq!(watch.handle.counts().damaged, 0);
}
