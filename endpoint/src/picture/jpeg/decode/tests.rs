use super::*;
use crate::picture::jpeg::encode::{Chroma, Encoder, Planes, worst_case_bytes};
use proptest::prelude::*;

fn gray_jpeg(size: PictureSize) -> Vec<u8> {
    let chroma = Chroma::HalfBoth.plane(size).pixels();
    let planes = Planes {
        size,
        chroma: Chroma::HalfBoth,
        luma: &vec![90; size.pixels()],
        cb: &vec![128; chroma],
        cr: &vec![128; chroma],
    };
    let mut jpeg = vec![0; worst_case_bytes(size, Chroma::HalfBoth).unwrap()];
    let length = Encoder::new(75)
        .unwrap()
        .encode(&planes, &mut jpeg)
        .unwrap();
    jpeg.truncate(length);
    jpeg
}

#[test]
fn a_picture_comes_back_at_each_scale() {
    let jpeg = gray_jpeg(PictureSize::new(70, 50));
    let mut decoder = Decoder::new().unwrap();
    let mut picture = Picture::default();
    for (scale, size) in [
        (Scale::Full, PictureSize::new(70, 50)),
        (Scale::Half, PictureSize::new(35, 25)),
        (Scale::Quarter, PictureSize::new(18, 13)),
        (Scale::Eighth, PictureSize::new(9, 7)),
    ] {
        decoder.rgb(&jpeg, scale, &mut picture).unwrap();
        assert_eq!(picture.size, size);
        assert!(picture.pixels.iter().all(|&p| p.abs_diff(90) <= 1));
        decoder.luma(&jpeg, scale, &mut picture).unwrap();
        assert_eq!(picture.pixels.len(), size.pixels());
    }
}

#[test]
fn a_header_that_claims_a_huge_picture_is_refused_before_memory_is_taken() {
    let mut jpeg = gray_jpeg(PictureSize::new(16, 16));
    let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    let mut picture = Picture::default();
    let refused = Decoder::new()
        .unwrap()
        .rgb(&jpeg, Scale::Full, &mut picture);
    assert!(matches!(
        refused,
        Err(DecodeError::Head(HeadError::TooLarge(_)))
    ));
    assert_eq!(picture.pixels.capacity(), 0);
}

fn file(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pictures");
    std::fs::read(format!("{folder}/{name}.jpg")).unwrap()
}

#[test]
fn padding_in_front_of_restart_markers_is_no_damage() {
    let mut decoder = Decoder::new().unwrap();
    let (mut padded, mut clean) = (Picture::default(), Picture::default());
    decoder
        .rgb(&file("clean"), Scale::Half, &mut clean)
        .unwrap();
    for name in [
        "stray-byte-before-one-restart",
        "stray-bytes-before-restarts",
    ] {
        decoder.rgb(&file(name), Scale::Half, &mut padded).unwrap();
        assert_eq!(padded.pixels, clean.pixels, "{name}");
    }
}

#[test]
fn a_torn_picture_is_damaged_even_when_the_first_warning_is_of_padding() {
    let mut decoder = Decoder::new().unwrap();
    let mut picture = Picture::default();
    let mut padded = file("stray-bytes-before-restarts");
    padded.truncate(padded.len() / 2);
    padded.extend([0xff, 0xd9]);
    for jpeg in [&file("cut-in-half"), &file("cut-in-half-with-end"), &padded] {
        let refused = decoder.rgb(jpeg, Scale::Full, &mut picture);
        assert!(matches!(refused, Err(DecodeError::Torn(_))), "{refused:?}");
    }
}

#[test]
fn other_kinds_than_baseline_never_reach_the_decoder() {
    for name in ["progressive", "arithmetic"] {
        let refused = validate(&file(name));
        assert!(
            matches!(refused, Err(DecodeError::Head(HeadError::Coding(_)))),
            "{name}: {refused:?}"
        );
    }
    let mut jpeg = file("clean");
    let frame = jpeg
        .windows(4)
        .position(|w| w == [0xff, 0xc0, 0, 17])
        .unwrap();
    for marker in [0xc3, 0xc5, 0xcb] {
        jpeg[frame + 1] = marker;
        assert!(validate(&jpeg).is_err());
    }
}

#[test]
fn several_scans_are_decoded_up_to_a_size_that_bounds_their_memory() {
    let mut jpeg = file("clean");
    let frame = jpeg
        .windows(4)
        .position(|w| w == [0xff, 0xc0, 0, 17])
        .unwrap();
    jpeg[frame + 5..frame + 9]
        .copy_from_slice(&[2160_u16.to_be_bytes(), 4096_u16.to_be_bytes()].concat());
    let scan = segments::head(&jpeg).unwrap().scan_at;
    assert!(validate(&jpeg).is_ok());
    // Of its three components the first scan has one.
    jpeg.splice(scan + 2..scan + 14, [0, 8, 1, 1, 0, 0, 63, 0]);
    assert!(matches!(validate(&jpeg), Err(DecodeError::Scans(_))));
}

#[test]
fn a_tile_gets_the_smallest_scale_that_covers_it() {
    let hd = PictureSize::new(1280, 720);
    assert_eq!(
        Scale::to_cover(hd, PictureSize::new(1280, 720)),
        Scale::Full
    );
    assert_eq!(Scale::to_cover(hd, PictureSize::new(640, 360)), Scale::Half);
    assert_eq!(Scale::to_cover(hd, PictureSize::new(321, 180)), Scale::Half);
    assert_eq!(
        Scale::to_cover(hd, PictureSize::new(100, 60)),
        Scale::Eighth
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_damaged_picture_is_an_error_or_pixels_never_a_panic(at in 0_usize..2000, value: u8, cut in 0_usize..200) {
        let mut jpeg = gray_jpeg(PictureSize::new(64, 48));
        let last = jpeg.len() - 1;
        jpeg[at % last] = value;
        jpeg.truncate(last + 1 - cut.min(last));
        let mut picture = Picture::default();
        let _ = Decoder::new().unwrap().rgb(&jpeg, Scale::Full, &mut picture);
    }
}
