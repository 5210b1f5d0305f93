//! Markers and the segments behind them.

use super::error::HeadError;
use memchr::{memchr, memmem};

/// The marker at `at`, fill bytes skipped, and the offset of its 0xff.
pub(super) fn marker_at(bytes: &[u8], at: usize) -> Result<(u8, usize), HeadError> {
    let rest = bytes.get(at..).ok_or(HeadError::Truncated)?;
    match rest.first() {
        None => return Err(HeadError::Truncated),
        Some(0xff) => {}
        Some(_) => return Err(HeadError::NoMarker { at }),
    }
    let fill = rest.iter().take_while(|&&byte| byte == 0xff).count();
    match rest.get(fill) {
        None => Err(HeadError::Truncated),
        Some(0) => Err(HeadError::NoMarker { at: at + fill }),
        Some(&marker) => Ok((marker, at + fill - 1)),
    }
}

/// Payload of the segment whose marker is at `start`, and where the next one begins.
pub(super) fn segment(bytes: &[u8], start: usize) -> Result<(&[u8], usize), HeadError> {
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

/// The first marker in coded data from `from` on: its code, and the offset of its 0xff.
pub(in super::super) fn marker_in_scan(bytes: &[u8], from: usize) -> Option<(u8, usize)> {
    let mut at = from;
    loop {
        at += memchr(0xff, bytes.get(at..)?)?;
        match *bytes.get(at + 1)? {
            0 => at += 2,
            0xff => at += 1,
            marker => return Some((marker, at)),
        }
    }
}

/// Offset of the next start marker with another marker behind it.
pub(in super::super) fn next_start(bytes: &[u8], from: usize) -> Option<usize> {
    memmem::find(bytes.get(from..)?, &[0xff, 0xd8, 0xff]).map(|at| from + at)
}
