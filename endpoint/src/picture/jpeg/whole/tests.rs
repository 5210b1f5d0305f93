mod any_bytes;

use super::*;
use crate::picture::jpeg::decode::{Decoder, Picture, Scale};
use crate::picture::jpeg::encode::{Chroma, Encoder, Planes, worst_case_bytes};
use crate::picture::jpeg::huffman::STANDARD_SEGMENT;
use crate::picture::jpeg::segments::Coding;
use std::path::Path;

fn picture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures");
    std::fs::read(folder.join(format!("{name}.jpg"))).unwrap()
}

/// What is sent of bytes.
fn sent(bytes: &[u8], whole: &Whole) -> Vec<u8> {
    let mut jpeg = Vec::new();
    if whole.start {
        jpeg.extend([0xff, 0xd8]);
    }
    match whole.tables_at {
        Some(at) => {
            jpeg.extend(&bytes[whole.range.start..at]);
            jpeg.extend(STANDARD_SEGMENT);
            jpeg.extend(&bytes[at..whole.range.end]);
        }
        None => jpeg.extend(&bytes[whole.range.clone()]),
    }
    if whole.end {
        jpeg.extend([0xff, 0xd9]);
    }
    jpeg
}

/// The verdict of a walk; a running camera's first picture has the same.
fn examine(bytes: &[u8]) -> Result<Whole, Fault> {
    let verdict = Inspector::default().examine(bytes);
    assert_eq!(Inspector::default().next(bytes), verdict);
    verdict
}

fn mended_picture(bytes: &[u8]) -> Vec<u8> {
    sent(bytes, &examine(bytes).unwrap())
}

fn pixels(jpeg: &[u8]) -> Vec<u8> {
    let mut picture = Picture::default();
    Decoder::new()
        .unwrap()
        .rgb(jpeg, Scale::Full, &mut picture)
        .unwrap();
    picture.pixels
}

/// A gray picture with so many units between restart markers.
fn with_restarts(marker: impl Fn(u8) -> Vec<u8>) -> Vec<u8> {
    let clean = picture("stray-byte-before-one-restart");
    let head = segments::head(&clean).unwrap();
    let mut jpeg = clean[..head.scan.data].to_vec();
    let mut at = head.scan.data;
    while let Some((code, start)) = marker_in_scan(&clean, at) {
        if !(0xd0..=0xd7).contains(&code) {
            break;
        }
        jpeg.extend(&clean[at..start]);
        jpeg.extend(marker(code));
        at = start + 2;
    }
    jpeg.extend(&clean[at..]);
    jpeg
}

#[test]
fn pictures_as_most_cameras_send_them_pass_untouched() {
    for name in [
        "clean",
        "avi1-header",
        "4-4-4",
        "4-2-0",
        "4-4-0",
        "4-1-1",
        "grayscale",
        "stray-bytes-before-restarts",
        "stray-byte-before-one-restart",
    ] {
        let bytes = picture(name);
        let whole = examine(&bytes).unwrap();
        assert_eq!(whole.range, 0..bytes.len(), "{name}");
        assert_eq!(whole.size, PictureSize::new(640, 360));
        assert!(!whole.is_mended(), "{name}");
        pixels(&sent(&bytes, &whole));
    }
}

#[test]
fn missing_huffman_tables_are_put_in() {
    assert_eq!(
        pixels(&mended_picture(&picture("no-huffman-tables"))),
        pixels(&picture("clean"))
    );
    // One of the two pairs is missing: its own stay, and count.
    let clean = picture("clean");
    let second = segments::head(&clean).unwrap().header.huffman(1).unwrap();
    let mut half = clean.clone();
    let length = usize::from(u16::from_be_bytes([clean[second - 3], clean[second - 2]]));
    half.drain(second - 5..second - 3 + length);
    assert!(half.len() < clean.len());
    assert_eq!(pixels(&mended_picture(&half)), pixels(&clean));
}

#[test]
fn a_missing_end_marker_is_put_in_place() {
    let clean = picture("clean");
    for name in ["no-end-marker", "half-end-marker"] {
        assert_eq!(mended_picture(&picture(name)), clean, "{name}");
    }
    let mut padded = picture("no-end-marker");
    padded.extend([0; 4000]);
    assert_eq!(
        mended_picture(&padded),
        clean,
        "zeros behind a picture without an end marker"
    );
    let older = picture("older-picture-after-end");
    padded.truncate(clean.len() - 2);
    padded.extend(&older[older.len() - 3000..]);
    assert_eq!(
        mended_picture(&padded),
        clean,
        "an older picture's end behind one without an end marker"
    );
}

#[test]
fn older_bytes_behind_the_picture_are_cut_off() {
    let clean = picture("clean");
    for name in [
        "old-bytes-after-end",
        "older-picture-after-end",
        "older-tail-without-end",
        "zeros-to-page",
    ] {
        assert_eq!(mended_picture(&picture(name)), clean, "{name}");
    }
}

#[test]
fn a_second_start_fill_bytes_and_wrong_application_segments_are_mended() {
    let clean = picture("clean");
    assert_eq!(mended_picture(&picture("two-start-markers")), clean);
    let filled = mended_picture(&picture("fill-bytes-before-markers"));
    assert!(
        filled.len() < clean.len(),
        "from the first table on, behind a start marker"
    );
    assert_eq!(pixels(&filled), pixels(&clean));
    let mut wrong_length = clean.clone();
    wrong_length[5] -= 3;
    assert_eq!(pixels(&mended_picture(&wrong_length)), pixels(&clean));
    let mut strange_version = clean.clone();
    strange_version[11] = 9;
    assert_eq!(pixels(&mended_picture(&strange_version)), pixels(&clean));
    let mut later = vec![0; 100];
    later.extend(&clean);
    assert_eq!(mended_picture(&later), clean, "bytes in front");
}

#[test]
fn a_thumbnail_with_its_own_end_and_comments_do_not_end_a_picture() {
    let clean = picture("clean");
    let mut jpeg = clean[..2].to_vec();
    let thumbnail = &clean[..4000];
    let mut segment = thumbnail.to_vec();
    segment.extend([0xff, 0xd9]);
    for marker in [0xe1, 0xfe] {
        jpeg.extend([0xff, marker]);
        jpeg.extend(u16::try_from(segment.len() + 2).unwrap().to_be_bytes());
        jpeg.extend(&segment);
    }
    jpeg.extend(&clean[2..]);
    assert_eq!(mended_picture(&jpeg), jpeg);
    jpeg.truncate(jpeg.len() - 2);
    assert!(examine(&jpeg).unwrap().end);
    assert_eq!(examine(&jpeg[..jpeg.len() / 2]), Err(Fault::NoEnd));
}

#[test]
fn fill_bytes_in_front_of_the_end_marker_belong_to_it() {
    let mut jpeg = picture("no-end-marker");
    jpeg.extend([0xff, 0xff, 0xff, 0xd9]);
    assert_eq!(mended_picture(&jpeg), jpeg);
}

#[test]
fn a_picture_with_something_missing_is_torn_with_or_without_an_end_marker() {
    assert_eq!(examine(&picture("cut-in-half-with-end")), Err(Fault::Torn));
    assert_eq!(examine(&picture("cut-in-half")), Err(Fault::NoEnd));
    let clean = picture("clean");
    let scan = segments::head(&clean).unwrap().scan.data;
    let mut holed = clean.clone();
    holed.drain(scan + 9000..scan + 9512);
    assert_eq!(
        examine(&holed),
        Err(Fault::Torn),
        "a packet is missing in the middle"
    );
    for length in (0..clean.len() - 40).step_by(97) {
        let mut cut = clean[..length].to_vec();
        assert!(examine(&cut).is_err(), "cut at {length}");
        cut.extend([0xff, 0xd9]);
        assert!(
            examine(&cut).is_err(),
            "cut at {length}, with an end marker"
        );
    }
}

#[test]
fn restart_markers_that_are_missing_or_out_of_order_tell_that_a_picture_is_torn() {
    let as_it_was = with_restarts(|code| vec![0xff, code]);
    assert!(!examine(&as_it_was).unwrap().is_mended());
    let torn = [
        with_restarts(|code| vec![0xff, 0xd0 + (code + 1) % 8]),
        with_restarts(|_| vec![0xff, 0xd0]),
        with_restarts(|code| {
            if code == 0xd3 {
                Vec::new()
            } else {
                vec![0xff, code]
            }
        }),
        with_restarts(|code| [0xff, code].repeat(2)),
    ];
    for (number, jpeg) in torn.iter().enumerate() {
        assert_eq!(examine(jpeg), Err(Fault::Torn), "{number}");
        let mut trusting = Inspector {
            seen: true,
            ..Inspector::default()
        };
        assert_eq!(trusting.next(jpeg), Err(Fault::Torn), "{number}");
        assert_eq!(trusting.walks(), 0, "the markers alone tell it");
    }
}

#[test]
fn kinds_of_jpeg_that_no_camera_sends_are_refused_by_name() {
    let coding = |coding| Err(Fault::Head(HeadError::Coding(coding)));
    assert_eq!(
        examine(&picture("progressive")),
        coding(Coding::Progressive)
    );
    assert_eq!(examine(&picture("arithmetic")), coding(Coding::Arithmetic));
    assert_eq!(examine(b"no picture"), Err(Fault::Head(HeadError::NoStart)));
    assert_eq!(examine(&[]), Err(Fault::Head(HeadError::NoStart)));
}

#[test]
fn one_scan_for_each_component_is_a_picture_and_two_of_one_are_none() {
    // Of a gray picture's scan, three: each codes one component of a picture in 4:4:4.
    let gray = picture("grayscale");
    let head = segments::head(&gray).unwrap();
    let frame = gray
        .windows(4)
        .position(|w| w == [0xff, 0xc0, 0, 11])
        .unwrap();
    let mut jpeg = gray[..frame].to_vec();
    jpeg.extend([0xff, 0xc0, 0, 17, 8]);
    jpeg.extend(&gray[frame + 5..frame + 9]);
    jpeg.extend([3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
    jpeg.extend(&gray[frame + 13..head.scan_at]);
    let scans = |order: &[u8]| {
        let mut all = jpeg.clone();
        for &component in order {
            all.extend([0xff, 0xda, 0, 8, 1, component, 0, 0, 63, 0]);
            all.extend(&gray[head.scan.data..gray.len() - 2]);
        }
        all.extend([0xff, 0xd9]);
        all
    };
    let three = scans(&[1, 2, 3]);
    assert_eq!(
        mended_picture(&three).len(),
        three.len()
            + STANDARD_SEGMENT.len() * usize::from(examine(&three).unwrap().tables_at.is_some())
    );
    pixels(&three);
    assert_eq!(examine(&scans(&[1, 1, 1])), Err(Fault::Torn));
    assert_eq!(examine(&scans(&[1, 2])), Err(Fault::Torn));
    let fourth = examine(&scans(&[1, 2, 3, 3])).unwrap();
    assert!(fourth.end && fourth.range.end < scans(&[1, 2, 3, 3]).len());
}

#[test]
fn odd_sizes_are_whole_pictures() {
    for (width, height) in [(2, 2), (18, 34), (642, 362), (1280, 722)] {
        let size = PictureSize::new(width, height);
        let color = Chroma::HalfBoth.plane(size).pixels();
        let planes = Planes {
            size,
            chroma: Chroma::HalfBoth,
            luma: &(0..size.pixels())
                .map(|i| (i * 7 % 251) as u8)
                .collect::<Vec<_>>(),
            cb: &vec![90; color],
            cr: &vec![200; color],
        };
        let mut jpeg = vec![0; worst_case_bytes(size, Chroma::HalfBoth).unwrap()];
        let length = Encoder::new(90)
            .unwrap()
            .encode(&planes, &mut jpeg)
            .unwrap();
        let whole = examine(&jpeg[..length]).unwrap();
        assert_eq!((whole.range, whole.end), (0..length, false), "{size}");
    }
}

#[test]
fn a_running_camera_is_walked_over_when_something_is_suspect_and_else_now_and_then() {
    let clean = picture("clean");
    let torn = picture("cut-in-half-with-end");
    let mut inspector = Inspector::default();
    for _ in 0..FIRST {
        inspector.next(&clean).unwrap();
    }
    assert_eq!(inspector.walks(), u64::from(FIRST), "each of the first");
    for _ in 0..10 * EVERY {
        inspector.next(&clean).unwrap();
    }
    let now_and_then = inspector.walks() - u64::from(FIRST);
    assert!((9..=10).contains(&now_and_then), "{now_and_then}");
    // Half as long as the last one: found although nothing was wrong for long.
    assert_eq!(inspector.next(&torn), Err(Fault::Torn));
    let before = inspector.walks();
    for _ in 0..AFTER_A_TORN_ONE {
        inspector.next(&clean).unwrap();
    }
    assert_eq!(inspector.walks() - before, u64::from(AFTER_A_TORN_ONE));
}

#[test]
fn a_camera_without_end_markers_is_never_trusted_to_have_one() {
    let mut bytes = picture("no-end-marker");
    let older = picture("older-picture-after-end");
    let length = bytes.len();
    bytes.extend(&older[older.len() - 500..]);
    let mut inspector = Inspector::default();
    for _ in 0..3 * FIRST {
        let whole = inspector.next(&bytes).unwrap();
        assert_eq!((whole.range.end, whole.end), (length, true));
    }
}

#[test]
fn pictures_in_a_row_are_found_with_what_is_wrong_between_them() {
    let clean = picture("clean");
    let mut file = vec![7, 7];
    for part in [
        clean.as_slice(),
        &picture("no-end-marker"),
        &picture("cut-in-half"),
        &picture("progressive"),
        &picture("older-tail-without-end"),
        &clean,
    ] {
        file.extend(part);
    }
    let found = in_a_row(&mut Inspector::default(), &file);
    let whole: Vec<_> = found
        .iter()
        .flatten()
        .map(|whole| sent(&file, whole))
        .collect();
    assert_eq!(whole, vec![clean.clone(); 4]);
    let faults: Vec<_> = found
        .iter()
        .filter_map(|found| found.as_ref().err())
        .collect();
    assert_eq!(faults.len(), 2, "{faults:?}");
}
