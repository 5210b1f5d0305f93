//! What of a buffer, a file or a chunk is a whole picture, and what has to be mended before it is sent: one decision
//! for every source of JPEGs.
//!
//! Cameras leave the end marker out, leave older bytes behind it, start twice, and lose the middle of a picture. What
//! can be mended is mended by saying which parts are to be sent, without a copy of the picture ([`Whole`]). What is
//! torn is refused by name ([`Fault`]).
//!
//! Exact is the walk over all coded data (`scan`): it counts the blocks. It costs a third of decoding at
//! half the size, many times what encrypting costs, so that a running camera's pictures are only walked over when
//! something about them is suspect ([`Inspector::next`]): the first ones; those without an end marker; those that are
//! clearly shorter than the last; for a while, all after a torn one; and every so many. Of all others the markers are
//! counted, which finds what is missing from pictures with restart markers, and costs a search for a byte.

use super::scan::{Broken, Walker};
use super::segments::{self, Head, HeadError, Header, Reached, first_scan, marker_in_scan};
use crate::picture::frame::PictureSize;
use std::ops::Range;
use thiserror::Error;

/// Bytes without meaning that may be in front of a picture.
const MOST_IN_FRONT: usize = 512;

/// Pictures of a camera that was just opened that are walked over, each.
const FIRST: u32 = 30;

/// Pictures after a torn one that are walked over, each: ten seconds.
const AFTER_A_TORN_ONE: u32 = 300;

/// Of all other pictures every so many is walked over. Lowering it finds a camera that begins to lose the end of its
/// pictures sooner, and costs a walk each time.
const EVERY: u32 = 128;

/// A picture that is shorter than the last one by more than this part of it is walked over.
const SHORTER_BY: usize = 16;

/// Longest run of bytes in which the end of a picture is looked for; no longer picture could be sent.
const LONGEST: usize = 4 << 20;

/// Why bytes are no picture that can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Fault {
    /// Its header cannot be used.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// Its end is missing, and its end marker with it.
    #[error("JPEG that has no end")]
    NoEnd,
    /// Something of it is missing.
    #[error("torn JPEG")]
    Torn,
}

impl Fault {
    /// The same for all pictures of a camera that have it: without offsets.
    #[must_use]
    pub const fn kind(self) -> Self {
        match self {
            Self::Head(HeadError::NoMarker { .. }) => Self::Head(HeadError::NoMarker { at: 0 }),
            Self::Head(HeadError::Damaged { .. }) => Self::Head(HeadError::Damaged { at: 0 }),
            other => other,
        }
    }
}

/// A whole picture within some bytes, and what has to be put in on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Size as its header says.
    pub size: PictureSize,
    /// Which of the bytes are sent.
    pub range: Range<usize>,
    /// A start marker goes in front: what was there instead confuses decoders.
    pub start: bool,
    /// Offset at which the standard Huffman tables go in.
    pub tables_at: Option<usize>,
    /// An end marker goes behind.
    pub end: bool,
}

impl Whole {
    /// A picture that is sent as it is.
    #[must_use]
    pub const fn as_it_is(size: PictureSize, length: usize) -> Self {
        Self {
            size,
            range: 0..length,
            start: false,
            tables_at: None,
            end: false,
        }
    }

    /// Whether more than the Huffman tables is put in.
    #[must_use]
    pub const fn is_mended(&self) -> bool {
        self.start || self.end
    }

    /// The same picture in bytes that have `front` more in front of them.
    #[must_use]
    pub fn moved(self, front: usize) -> Self {
        Self {
            range: self.range.start + front..self.range.end + front,
            tables_at: self.tables_at.map(|at| at + front),
            ..self
        }
    }
}

/// Looks at pictures, one after the other; allocates nothing for one.
#[derive(Default)]
pub struct Inspector {
    walker: Walker,
    /// Pictures to walk over before it is enough to look at every so many.
    suspicious: u32,
    since_walk: u32,
    /// Length of the last whole picture.
    last: usize,
    seen: bool,
    walks: u64,
}

/// What a look at the markers alone tells.
enum Look {
    /// The end of the picture, if nothing else speaks against it.
    End(usize),
    /// It has to be walked over.
    Unsure,
    Torn,
}

impl Inspector {
    /// Decides about the next picture of a running camera; walks over its data only when that is due.
    ///
    /// # Errors
    /// When there is no whole picture.
    pub fn next(&mut self, bytes: &[u8]) -> Result<Whole, Fault> {
        if !std::mem::replace(&mut self.seen, true) {
            self.suspicious = FIRST;
        }
        let found = self.judge(bytes);
        match &found {
            Ok(whole) => {
                self.last = whole.range.len();
                if whole.end {
                    // A camera without end markers: what looks like one may be an older picture's.
                    self.suspicious = self.suspicious.max(FIRST);
                }
            }
            Err(_) => self.suspicious = AFTER_A_TORN_ONE,
        }
        found
    }

    fn judge(&mut self, bytes: &[u8]) -> Result<Whole, Fault> {
        let (front, head) = start(bytes)?;
        let picture = &bytes[front..];
        let end = match look(picture, &head) {
            Look::Torn => return Err(Fault::Torn),
            Look::End(end) if !self.is_due(end) => end,
            Look::End(_) | Look::Unsure => {
                return self.walk(picture, &head).map(|whole| whole.moved(front));
            }
        };
        self.since_walk += 1;
        Ok(mended(&head, end, false).moved(front))
    }

    fn is_due(&self, length: usize) -> bool {
        self.suspicious > 0
            || self.since_walk >= EVERY
            || length < self.last - self.last / SHORTER_BY
    }

    /// Decides about a picture by walking over all its data.
    ///
    /// # Errors
    /// When there is no whole picture.
    pub fn examine(&mut self, bytes: &[u8]) -> Result<Whole, Fault> {
        let (front, head) = start(bytes)?;
        let whole = self.walk(&bytes[front..], &head)?;
        Ok(whole.moved(front))
    }

    /// How many pictures were walked over.
    #[must_use]
    pub const fn walks(&self) -> u64 {
        self.walks
    }

    fn walk(&mut self, picture: &[u8], head: &Head) -> Result<Whole, Fault> {
        self.since_walk = 0;
        self.suspicious = self.suspicious.saturating_sub(1);
        self.walks += 1;
        let (mut header, mut scan) = (head.header, head.scan);
        let mut seen = 0_u8;
        loop {
            for component in scan.components() {
                if seen & 1 << component.index != 0 {
                    return Err(Fault::Torn);
                }
                seen |= 1 << component.index;
            }
            let end = self
                .walker
                .walk(picture, &header, &scan)
                .map_err(|broken| match broken {
                    Broken::Unfinished => Fault::NoEnd,
                    Broken::Torn => Fault::Torn,
                })?;
            if seen.count_ones() == u32::from(head.components) {
                return Ok(match end_marker(picture, end) {
                    Some(end) => mended(head, end, false),
                    None => mended(head, end, true),
                });
            }
            let next = marker_in_scan(picture, end).ok_or(Fault::NoEnd)?.1;
            match header.advance(picture, next)? {
                Reached::Scan(next) => scan = next,
                Reached::Start(_) | Reached::End => return Err(Fault::Torn),
            }
        }
    }
}

/// Where the picture starts, past bytes without meaning and starts without a picture, and its header.
fn start(bytes: &[u8]) -> Result<(usize, Head), Fault> {
    let searched = &bytes[..bytes.len().min(MOST_IN_FRONT)];
    let mut front = segments::next_start(searched, 0).ok_or(HeadError::NoStart)?;
    // Each turn is further on: a start is found behind the last one.
    for _ in 0..MOST_IN_FRONT {
        let picture = &bytes[front..];
        let mut header = Header::default();
        match first_scan(picture, &mut header)? {
            Reached::Scan(scan) => return Ok((front, header.head(scan)?)),
            Reached::Start(at) => front += at,
            Reached::End => break,
        }
    }
    Err(HeadError::NoFrame.into())
}

/// Looks at the markers in the coded data.
fn look(picture: &[u8], head: &Head) -> Look {
    if !head.is_one_scan() {
        return Look::Unsure;
    }
    let interval = usize::from(head.header.restart_interval());
    let wanted = match interval {
        0 => 0,
        _ => head.header.units(&head.scan).0.div_ceil(interval) - 1,
    };
    let (mut at, mut restarts) = (head.scan.data, 0_usize);
    loop {
        match marker_in_scan(picture, at) {
            Some((0xd9, start)) if restarts == wanted || restarts == wanted + 1 => {
                return Look::End(start + 2);
            }
            Some((0xd9, _)) => return Look::Torn,
            Some((marker @ 0xd0..=0xd7, start)) => {
                if usize::from(marker & 7) != restarts % 8 {
                    return Look::Torn;
                }
                restarts += 1;
                at = start + 2;
            }
            Some(_) | None => return Look::Unsure,
        }
    }
}

/// The end of an end marker at `at`, fill bytes in front of it passed over.
fn end_marker(picture: &[u8], at: usize) -> Option<usize> {
    let rest = picture.get(at..)?;
    let fill = rest.iter().take_while(|&&byte| byte == 0xff).count();
    (fill > 0 && rest.get(fill) == Some(&0xd9)).then_some(at + fill + 1)
}

fn mended(head: &Head, end: usize, marker: bool) -> Whole {
    let clean_from = head.clean_from();
    Whole {
        size: head.size,
        range: clean_from.unwrap_or(0)..end,
        start: clean_from.is_some(),
        tables_at: head.tables_at(),
        end: marker,
    }
}

/// Finds every picture of bytes that hold them one after the other, and what is wrong with those that are none.
#[must_use]
pub fn in_a_row(inspector: &mut Inspector, bytes: &[u8]) -> Vec<Result<Whole, Fault>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = segments::next_start(bytes, from) {
        let until = bytes.len().min(start + LONGEST);
        let picture = inspector
            .examine(&bytes[start..until])
            .map(|whole| whole.moved(start));
        from = match &picture {
            Ok(whole) => whole.range.end,
            // A thumbnail in its header is none of the pictures.
            Err(_) => {
                segments::head(&bytes[start..until]).map_or(start + 2, |head| start + head.scan_at)
            }
        };
        found.push(picture);
    }
    found
}

#[cfg(test)]
mod tests;
