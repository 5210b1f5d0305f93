//! Pictures in a recording: JPEGs one after the other.

use super::{Reached, head, marker_in_scan, next_start};
use std::ops::Range;

/// Finds the next JPEG with both its ends at or after `from` in a recording: JPEGs one after the other.
///
/// Walks over the coded data too, so that a thumbnail inside a segment is not taken for a picture, but does not look
/// whether the data is all there.
#[must_use]
pub fn next_picture(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let mut from = from;
    loop {
        let start = next_start(bytes, from)?;
        match picture_length(&bytes[start..]) {
            Some(length) => return Some(start..start + length),
            None => from = start + 2,
        }
    }
}

fn picture_length(bytes: &[u8]) -> Option<usize> {
    let head = head(bytes).ok()?;
    let (mut header, mut scan) = (head.header, head.scan);
    // One scan, or one for each component.
    for _ in 0..3 {
        let mut at = scan.data;
        loop {
            let (marker, start) = marker_in_scan(bytes, at)?;
            match marker {
                0xd9 => return Some(start + 2),
                0xd0..=0xd7 => at = start + 2,
                _ => {
                    at = start;
                    break;
                }
            }
        }
        match header.advance(bytes, at).ok()? {
            Reached::Scan(next) => scan = next,
            Reached::Start(_) | Reached::End => return None,
        }
    }
    None
}
