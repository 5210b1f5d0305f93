//! A walk over the segments of a JPEG (ITU T.81, annex B): pure functions over bytes, bounded by their length.

use crate::frame::PictureSize;
use std::ops::Range;
use thiserror::Error;

const SOI: [u8; 2] = [0xff, 0xd8];
const EOI: [u8; 2] = [0xff, 0xd9];

/// What stands in front of the first scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Size of the picture.
    pub size: PictureSize,
    /// How many color components it has: 1 gray, 3 color.
    pub components: u8,
    /// Coded in several passes over the picture: dear to decode, and nothing that a camera makes.
    pub progressive: bool,
    /// Whether any Huffman table comes with the picture.
    pub has_huffman_tables: bool,
    /// Offset of the SOS marker of the first scan.
    pub scan_at: usize,
}

impl Head {
    /// Where the standard Huffman tables have to be put in, if the picture comes without any.
    #[must_use]
    pub fn tables_at(&self) -> Option<usize> {
        (!self.has_huffman_tables).then_some(self.scan_at)
    }
}

/// Why bytes are no JPEG that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeadError {
    /// The first two bytes are not the SOI marker.
    #[error("does not start as a JPEG")]
    NoStart,
    /// The bytes end before the first scan.
    #[error("ends in its header")]
    Truncated,
    /// There is no marker where one has to be.
    #[error("no marker at offset {at}")]
    NoMarker {
        /// Offset in bytes.
        at: usize,
    },
    /// A segment that contradicts itself.
    #[error("damaged segment at offset {at}")]
    Damaged {
        /// Offset in bytes.
        at: usize,
    },
    /// The first scan comes before any frame header, or there is none.
    #[error("no frame header before the first scan")]
    NoFrame,
}

/// Reads the header up to the first scan.
///
/// # Errors
/// When `bytes` are no JPEG, or one that was cut off before its first scan.
pub fn head(bytes: &[u8]) -> Result<Head, HeadError> {
    if bytes.get(..2) != Some(&SOI) {
        return Err(HeadError::NoStart);
    }
    let mut at = 2;
    let mut frame = None;
    let mut has_huffman_tables = false;
    loop {
        let (marker, start) = marker_at(bytes, at)?;
        match marker {
            0x01 | 0xd0..=0xd7 => at = start + 2,
            0xd8 | 0xd9 => return Err(HeadError::NoFrame),
            0xda => {
                let (size, components, progressive) = frame.ok_or(HeadError::NoFrame)?;
                return Ok(Head {
                    size,
                    components,
                    progressive,
                    has_huffman_tables,
                    scan_at: start,
                });
            }
            _ => {
                let (payload, next) = segment(bytes, start)?;
                match marker {
                    0xc4 => has_huffman_tables = true,
                    0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                        frame = Some(frame_header(marker, payload, start)?);
                    }
                    _ => {}
                }
                at = next;
            }
        }
    }
}

/// The marker at `at`, fill bytes skipped, and the offset of its 0xff.
fn marker_at(bytes: &[u8], at: usize) -> Result<(u8, usize), HeadError> {
    let rest = bytes.get(at..).ok_or(HeadError::Truncated)?;
    match rest.first() {
        None => return Err(HeadError::Truncated),
        Some(0xff) => {}
        Some(_) => return Err(HeadError::NoMarker { at }),
    }
    let fill = rest.iter().take_while(|&&byte| byte == 0xff).count();
    match rest.get(fill) {
        None => Err(HeadError::Truncated),
        Some(0) => Err(HeadError::NoMarker { at }),
        Some(&marker) => Ok((marker, at + fill - 1)),
    }
}

/// Payload of the segment whose marker is at `start`, and where the next one begins.
fn segment(bytes: &[u8], start: usize) -> Result<(&[u8], usize), HeadError> {
    let length = bytes
        .get(start + 2..start + 4)
        .ok_or(HeadError::Truncated)?;
    let length = usize::from(length[0]) << 8 | usize::from(length[1]);
    if length < 2 {
        return Err(HeadError::Damaged { at: start });
    }
    let next = start + 2 + length;
    let payload = bytes.get(start + 4..next).ok_or(HeadError::Truncated)?;
    Ok((payload, next))
}

fn frame_header(
    marker: u8,
    payload: &[u8],
    at: usize,
) -> Result<(PictureSize, u8, bool), HeadError> {
    let &[_precision, h1, h0, w1, w0, components, ..] = payload else {
        return Err(HeadError::Damaged { at });
    };
    let size = PictureSize::new(
        u32::from(u16::from_be_bytes([w1, w0])),
        u32::from(u16::from_be_bytes([h1, h0])),
    );
    if size.pixels() == 0 || components == 0 || payload.len() != 6 + 3 * usize::from(components) {
        return Err(HeadError::Damaged { at });
    }
    Ok((
        size,
        components,
        matches!(marker, 0xc2 | 0xc6 | 0xca | 0xce),
    ))
}

/// Length of the picture up to and including its end marker, or `None` if it was cut off.
///
/// Cameras pad their buffers with zeros or ones behind the end marker; that padding is not part of the picture.
#[must_use]
pub fn complete_length(bytes: &[u8]) -> Option<usize> {
    let padding = |&&byte: &&u8| byte == 0 || byte == 0xff;
    let length = bytes.len() - bytes.iter().rev().take_while(padding).count();
    bytes[..length].ends_with(&EOI).then_some(length)
}

/// Finds the next whole JPEG at or after `from` in a file of JPEGs one after the other.
///
/// Walks the entropy-coded data too, so that a thumbnail inside a segment is not taken for a picture.
#[must_use]
pub fn next_picture(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let mut from = from;
    loop {
        let start = from
            + bytes
                .get(from..)?
                .windows(3)
                .position(|w| w == [0xff, 0xd8, 0xff])?;
        match picture_length(&bytes[start..]) {
            Some(length) => return Some(start..start + length),
            None => from = start + 2,
        }
    }
}

fn picture_length(bytes: &[u8]) -> Option<usize> {
    let mut at = head(bytes).ok()?.scan_at;
    loop {
        let (marker, start) = marker_at(bytes, at).ok()?;
        match marker {
            0xd9 => return Some(start + 2),
            0xd8 => return None,
            0x01 | 0xd0..=0xd7 => at = start + 2,
            _ => {
                at = segment(bytes, start).ok()?.1;
                if marker == 0xda {
                    at = scan_end(bytes, at)?;
                }
            }
        }
    }
}

/// Offset of the first marker in entropy-coded data that ends it.
fn scan_end(bytes: &[u8], from: usize) -> Option<usize> {
    let data = bytes.get(from..)?;
    let ends = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff);
    data.windows(2).position(ends).map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The smallest thing with a frame header, Huffman tables if wanted, a scan and an end.
    fn tiny(tables: bool) -> Vec<u8> {
        let mut jpeg = SOI.to_vec();
        jpeg.extend([0xff, 0xe0, 0, 4, 0xff, 0xd8]);
        jpeg.extend([0xff, 0xc0, 0, 11, 8, 0, 16, 0, 32, 1, 1, 0x11, 0]);
        if tables {
            jpeg.extend(crate::jpeg::huffman::STANDARD_SEGMENT);
        }
        jpeg.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]);
        jpeg.extend([1, 2, 0xff, 0, 3, 0xff, 0xd0, 4]);
        jpeg.extend(EOI);
        jpeg
    }

    #[test]
    fn a_header_tells_size_and_missing_tables() {
        let with = head(&tiny(true)).unwrap();
        assert_eq!(with.size, PictureSize::new(32, 16));
        assert_eq!(with.tables_at(), None);
        let without = head(&tiny(false)).unwrap();
        assert_eq!(without.tables_at(), Some(21));
    }

    #[test]
    fn padding_behind_the_end_marker_is_not_part_of_the_picture() {
        let whole = tiny(true);
        assert_eq!(complete_length(&whole), Some(whole.len()));
        let mut padded = whole.clone();
        padded.extend([0, 0, 0xff, 0xff, 0]);
        assert_eq!(complete_length(&padded), Some(whole.len()));
    }

    #[test]
    fn a_picture_cut_in_half_is_not_complete() {
        let whole = tiny(true);
        for length in 0..whole.len() {
            assert_eq!(complete_length(&whole[..length]), None, "cut at {length}");
        }
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

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = head(&bytes);
            let _ = complete_length(&bytes);
            let _ = next_picture(&bytes, 0);
        }

        #[test]
        fn a_damaged_jpeg_never_panics(at in 0_usize..480, value: u8, cut in 0_usize..480) {
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
}
