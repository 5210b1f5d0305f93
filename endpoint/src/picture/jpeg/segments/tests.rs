use super::*;
use crate::picture::jpeg::huffman::STANDARD_SEGMENT;
use proptest::prelude::*;

const EOI: [u8; 2] = [0xff, 0xd9];

/// A quantization table of ones.
fn quantization() -> Vec<u8> {
    let mut segment = vec![0xff, 0xdb, 0, 67, 0];
    segment.extend([1; 64]);
    segment
}

/// The smallest thing with a frame header, Huffman tables if wanted, a scan and an end.
pub(in crate::picture::jpeg) fn tiny(tables: bool) -> Vec<u8> {
    let mut jpeg = vec![0xff, 0xd8];
    jpeg.extend([0xff, 0xe0, 0, 4, 0xff, 0xd8]);
    jpeg.extend(quantization());
    jpeg.extend([0xff, 0xc0, 0, 11, 8, 0, 16, 0, 32, 1, 1, 0x11, 0]);
    if tables {
        jpeg.extend(STANDARD_SEGMENT);
    }
    jpeg.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]);
    jpeg.extend([1, 2, 0xff, 0, 3, 0xff, 0xd0, 4]);
    jpeg.extend(EOI);
    jpeg
}

fn frame_at(jpeg: &[u8]) -> usize {
    jpeg.windows(3).position(|w| w == [0xff, 0xc0, 0]).unwrap()
}

#[test]
fn a_header_tells_size_and_missing_tables() {
    let with = head(&tiny(true)).unwrap();
    assert_eq!(with.size, PictureSize::new(32, 16));
    assert_eq!(with.tables_at(), None);
    let without = head(&tiny(false)).unwrap();
    assert_eq!(without.tables_at(), Some(without.scan_at));
}

#[test]
fn only_baseline_pictures_of_eight_bits_gray_or_in_three_colors_are_taken() {
    let refused = |change: &dyn Fn(&mut [u8])| {
        let mut jpeg = tiny(true);
        let at = frame_at(&jpeg);
        change(&mut jpeg[at..]);
        head(&jpeg).unwrap_err()
    };
    for (marker, coding) in [
        (0xc2, Coding::Progressive),
        (0xc3, Coding::Lossless),
        (0xc5, Coding::Hierarchical),
        (0xc9, Coding::Arithmetic),
        (0xca, Coding::Arithmetic),
        (0xcf, Coding::Hierarchical),
    ] {
        assert_eq!(
            refused(&|frame| frame[1] = marker),
            HeadError::Coding(coding)
        );
    }
    assert_eq!(refused(&|frame| frame[4] = 12), HeadError::Precision(12));
    assert_eq!(refused(&|frame| frame[9] = 4), HeadError::Components(4));
    assert_eq!(refused(&|frame| frame[6] = 0), HeadError::NoHeight);
    assert_eq!(
        refused(&|frame| frame[5..9].fill(0xff)),
        HeadError::TooLarge(PictureSize::new(65535, 65535))
    );
    assert_eq!(refused(&|frame| frame[12] = 1), HeadError::NoQuantization);
    let mut extended = tiny(true);
    let at = frame_at(&extended);
    extended[at + 1] = 0xc1;
    assert!(
        head(&extended).is_ok(),
        "SOF1 of 8 bits is baseline with more tables"
    );
}

#[test]
fn pictures_in_a_row_are_found_with_dirt_between_them() {
    let mut file = vec![7, 7];
    let one = tiny(true);
    file.extend(&one);
    file.extend([0, 0]);
    file.extend(&one[..one.len() / 2]);
    file.extend(&one);
    let first = next_picture(&file, 0).unwrap();
    assert_eq!(file[first.clone()], one);
    let second = next_picture(&file, first.end).unwrap();
    assert!(file[second.clone()].ends_with(&one[1..]) || file[second.clone()] == one);
    assert_eq!(next_picture(&file, second.end), None);
}

#[test]
fn a_scan_without_a_frame_header_is_refused() {
    let jpeg = [0xff, 0xd8, 0xff, 0xda, 0, 2];
    assert_eq!(head(&jpeg), Err(HeadError::NoFrame));
}

#[test]
fn a_header_of_endless_segments_or_junk_is_given_up_early() {
    let mut segments = vec![0xff, 0xd8];
    segments.extend([0xff, 0xfe, 0, 2].repeat(100_000));
    assert!(matches!(head(&segments), Err(HeadError::Damaged { at }) if at < 2000));
    let mut junk = vec![0xff, 0xd8];
    junk.extend([0xff, 0].repeat(100_000));
    assert!(matches!(head(&junk), Err(HeadError::NoMarker { at }) if at < 20_000));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = head(&bytes);
        let _ = next_picture(&bytes, 0);
    }

    #[test]
    fn a_damaged_jpeg_never_panics(at in 0_usize..560, value: u8, cut in 0_usize..560) {
        let mut jpeg = tiny(true);
        let last = jpeg.len() - 1;
        jpeg[at.min(last)] = value;
        jpeg.truncate(jpeg.len() - cut.min(last));
        if let Ok(head) = head(&jpeg) {
            prop_assert!(head.scan_at + 2 <= jpeg.len());
        }
        let mut from = 0;
        while let Some(found) = next_picture(&jpeg, from) {
            prop_assert!(found.end > from && found.end <= jpeg.len());
            from = found.end;
        }
    }
}
