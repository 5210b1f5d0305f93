//! A walk over the segments of a JPEG (ITU T.81, annex B): pure functions over bytes, bounded by their length.
//!
//! Reads what cameras send: baseline pictures of 8 bits, gray or in three colors. Every other kind is refused by name
//! ([`HeadError`]), by the sender as by the receiver. Coded data is read by `scan`.

mod error;
mod frame;
mod marker;
mod recording;

pub use error::{Coding, HeadError};
pub(super) use marker::{marker_in_scan, next_start};
pub use recording::next_picture;

use crate::picture::frame::PictureSize;
use frame::{Component, Frame, frame};
use marker::{marker_at, segment};
use memchr::memchr;

/// The largest picture that is sent or decoded. Raising it lets one participant cost the others more memory:
/// a picture takes 3 bytes a pixel.
pub const LARGEST: PictureSize = PictureSize::new(4096, 2160);

/// Segments in front of a scan; cameras send about ten. Bounds what a header may cost.
const MOST_SEGMENTS: u32 = 256;

/// Bytes without meaning that a header may hold, where an application segment has a wrong length.
const MOST_JUNK_BYTES: usize = 4096;

/// Blocks in a unit of a scan with several components (T.81, B.2.3).
const MOST_BLOCKS: usize = 10;

/// One component of a scan: which of the frame's, and the Huffman tables that it is coded by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ScanComponent {
    pub(super) index: u8,
    pub(super) dc: u8,
    pub(super) ac: u8,
}

/// A scan: where it is and what it codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scan {
    /// Offset of the SOS marker.
    pub(super) at: usize,
    /// Offset of the coded data.
    pub(super) data: usize,
    pub(super) count: u8,
    components: [ScanComponent; 3],
}

impl Scan {
    pub(super) fn components(&self) -> &[ScanComponent] {
        &self.components[..usize::from(self.count)]
    }
}

/// What the segments so far have said; it is read on between the scans of one picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    frame: Option<Frame>,
    quantization: u8,
    /// Offset of the 16 code counts of each table: brightness (DC) 0 to 3, then detail (AC) 0 to 3.
    huffman: [Option<usize>; 8],
    first_huffman_at: Option<usize>,
    restart_interval: u16,
    segments: u32,
    junk_bytes: usize,
    junk_at: Option<usize>,
    /// Whether something in front would make decoders complain: bytes between segments, a strange version.
    odd: bool,
    /// Offset of the first marker that is no application segment or comment.
    tables_from: Option<usize>,
}

/// Where a walk over segments came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// A scan.
    Scan(Scan),
    /// The start of a picture, in the middle of this one.
    Start(usize),
    /// The end marker; the offset behind it.
    End,
}

/// What stands in front of the first scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Size of the picture.
    pub size: PictureSize,
    /// How many color components it has: 1 gray, 3 color.
    pub components: u8,
    /// Offset of the SOS marker of the first scan.
    pub scan_at: usize,
    pub(super) header: Header,
    pub(super) scan: Scan,
}

impl Head {
    /// Where the standard Huffman tables have to be put in, if the picture comes without one that it needs: in front of
    /// its own, which count where it has some.
    #[must_use]
    pub fn tables_at(&self) -> Option<usize> {
        let lacks = |component: &ScanComponent| {
            self.header.huffman[usize::from(component.dc)].is_none()
                || self.header.huffman[4 + usize::from(component.ac)].is_none()
        };
        let first = self.header.first_huffman_at.unwrap_or(self.scan_at);
        // Other scans of the picture may need what this one does not.
        let unsure = self.scan.count < self.components && self.header.first_huffman_at.is_none();
        (unsure || self.scan.components().iter().any(lacks)).then_some(first)
    }

    /// Offset from which the picture has to be sent, behind a start marker of our own: past application segments that
    /// decoders stumble over.
    pub(super) fn clean_from(&self) -> Option<usize> {
        self.header.odd.then_some(self.header.tables_from).flatten()
    }

    /// Where bytes without meaning were passed over, if any were.
    pub(super) const fn junk_at(&self) -> Option<usize> {
        self.header.junk_at
    }

    /// Whether the first scan codes the whole picture.
    pub(super) fn is_one_scan(&self) -> bool {
        self.scan.count == self.components
    }
}

/// Reads the header up to the first scan.
///
/// # Errors
/// When `bytes` are no JPEG that is sent and shown, or one that was cut off before its first scan.
pub fn head(bytes: &[u8]) -> Result<Head, HeadError> {
    let mut header = Header::default();
    match first_scan(bytes, &mut header)? {
        Reached::Scan(scan) => header.head(scan),
        Reached::Start(_) | Reached::End => Err(HeadError::NoFrame),
    }
}

/// As [`head`], but a start marker in the middle is told.
pub(super) fn first_scan(bytes: &[u8], header: &mut Header) -> Result<Reached, HeadError> {
    if bytes.get(..2) != Some(&[0xff, 0xd8]) {
        return Err(HeadError::NoStart);
    }
    if bytes.get(2..4) == Some(&[0xff, 0xff]) {
        header.odd = true;
    }
    header.advance(bytes, 2)
}

impl Header {
    pub(super) fn head(self, scan: Scan) -> Result<Head, HeadError> {
        let frame = self.frame.ok_or(HeadError::NoFrame)?;
        Ok(Head {
            size: frame.size,
            components: frame.count,
            scan_at: scan.at,
            header: self,
            scan,
        })
    }

    pub(super) const fn restart_interval(&self) -> u16 {
        self.restart_interval
    }

    /// Offset of a table's code counts: brightness 0 to 3, then detail 0 to 3; `None` means the standard one.
    pub(super) const fn huffman(&self, table: usize) -> Option<usize> {
        self.huffman[table]
    }

    /// Reads on from `at` to the next scan, start or end.
    pub(super) fn advance(&mut self, bytes: &[u8], at: usize) -> Result<Reached, HeadError> {
        let mut at = at;
        loop {
            let (marker, start) = self.marker_at(bytes, at)?;
            self.segments += 1;
            if self.segments > MOST_SEGMENTS {
                return Err(HeadError::Damaged { at });
            }
            match marker {
                0xd8 => return Ok(Reached::Start(start)),
                0xd9 => return Ok(Reached::End),
                0x01 | 0xd0..=0xd7 => {
                    at = start + 2;
                    continue;
                }
                _ => {}
            }
            let (payload, next) = segment(bytes, start)?;
            if !matches!(marker, 0xe0..=0xef | 0xfe) {
                self.tables_from.get_or_insert(start);
            }
            match marker {
                0xda => return self.scan(payload, start, next).map(Reached::Scan),
                0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                    if self.frame.is_some() {
                        return Err(HeadError::Damaged { at: start });
                    }
                    self.frame = Some(frame(marker, payload, start)?);
                }
                0xc4 => self.define_huffman(payload, start)?,
                0xdb => self.define_quantization(payload, start)?,
                0xdd => match *payload {
                    [high, low] => self.restart_interval = u16::from_be_bytes([high, low]),
                    _ => return Err(HeadError::Damaged { at: start }),
                },
                0xe0 | 0xee => self.odd |= is_odd_application_segment(payload),
                _ => {}
            }
            at = next;
        }
    }

    /// The marker at `at`, fill bytes skipped, and the offset of its 0xff. In front of the first table, bytes that are
    /// no marker are passed over: an application segment there may have a wrong length.
    fn marker_at(&mut self, bytes: &[u8], at: usize) -> Result<(u8, usize), HeadError> {
        let mut at = at;
        loop {
            match marker_at(bytes, at) {
                Err(HeadError::NoMarker { at: no }) if self.tables_from.is_none() => {
                    let rest = bytes.get(no + 1..).ok_or(HeadError::Truncated)?;
                    let rest = &rest[..rest.len().min(MOST_JUNK_BYTES)];
                    let found = memchr(0xff, rest).ok_or(HeadError::NoMarker { at: no })?;
                    self.junk_bytes += found + 1;
                    if self.junk_bytes > MOST_JUNK_BYTES {
                        return Err(HeadError::NoMarker { at: no });
                    }
                    self.odd = true;
                    self.junk_at.get_or_insert(no);
                    at = no + 1 + found;
                }
                found => return found,
            }
        }
    }

    fn define_huffman(&mut self, payload: &[u8], start: usize) -> Result<(), HeadError> {
        let damaged = HeadError::Damaged { at: start };
        self.first_huffman_at.get_or_insert(start);
        let mut at = 0;
        while at < payload.len() {
            let class_and_id = payload[at];
            let counts = payload.get(at + 1..at + 17).ok_or(damaged)?;
            let values: usize = counts.iter().map(|&count| usize::from(count)).sum();
            if values > 256 || payload.len() < at + 17 + values || class_and_id & !0x13 != 0 {
                return Err(damaged);
            }
            let table = usize::from(class_and_id >> 4) * 4 + usize::from(class_and_id & 3);
            // Behind the marker and the length.
            self.huffman[table] = Some(start + 4 + at + 1);
            at += 17 + values;
        }
        Ok(())
    }

    fn define_quantization(&mut self, payload: &[u8], start: usize) -> Result<(), HeadError> {
        let mut at = 0;
        while let Some(&precision_and_id) = payload.get(at) {
            if precision_and_id & !0x13 != 0 {
                return Err(HeadError::Damaged { at: start });
            }
            at += 1 + 64 * (1 + usize::from(precision_and_id >> 4));
            self.quantization |= 1 << (precision_and_id & 3);
        }
        if at == payload.len() {
            Ok(())
        } else {
            Err(HeadError::Damaged { at: start })
        }
    }

    fn scan(&self, payload: &[u8], at: usize, data: usize) -> Result<Scan, HeadError> {
        let frame = self.frame.ok_or(HeadError::NoFrame)?;
        let damaged = HeadError::Damaged { at };
        let (&count, rest) = payload.split_first().ok_or(damaged)?;
        if !(1..=frame.count).contains(&count) || rest.len() != 2 * usize::from(count) + 3 {
            return Err(damaged);
        }
        let mut scan = Scan {
            at,
            data,
            count,
            components: [ScanComponent::default(); 3],
        };
        let mut seen = 0_u8;
        let mut blocks = 0;
        for (to, from) in scan
            .components
            .iter_mut()
            .zip(rest.chunks_exact(2))
            .take(count.into())
        {
            let of_frame = frame.components[..usize::from(frame.count)].iter();
            let index = of_frame
                .enumerate()
                .position(|(index, known)| known.id == from[0] && seen & 1 << index == 0)
                .ok_or(damaged)?;
            seen |= 1 << index;
            let component = frame.components[index];
            blocks += usize::from(component.sampling.0) * usize::from(component.sampling.1);
            if self.quantization & 1 << component.quantization == 0 {
                return Err(HeadError::NoQuantization);
            }
            let (dc, ac) = (from[1] >> 4, from[1] & 15);
            // The standard has two of each: a picture that names a third has to bring it.
            let missing = |table: u8, class: usize| {
                table > 3 || table > 1 && self.huffman[class + usize::from(table)].is_none()
            };
            if missing(dc, 0) || missing(ac, 4) {
                return Err(HeadError::NoHuffman);
            }
            *to = ScanComponent {
                index: index as u8,
                dc,
                ac,
            };
        }
        if count > 1 && blocks > MOST_BLOCKS {
            return Err(damaged);
        }
        Ok(scan)
    }

    /// How many units a scan codes, and how many blocks of each of its components are in one.
    pub(super) fn units(&self, scan: &Scan) -> (usize, [u8; 3]) {
        let Some(frame) = &self.frame else {
            return (0, [0; 3]);
        };
        let all = &frame.components[..usize::from(frame.count)];
        let most = |of: fn(&Component) -> u8| all.iter().map(of).max().unwrap_or(1).max(1) as usize;
        let (across, down) = (most(|c| c.sampling.0), most(|c| c.sampling.1));
        let (width, height) = (frame.size.width as usize, frame.size.height as usize);
        if let [alone] = scan.components() {
            let (h, v) = frame.components[usize::from(alone.index)].sampling;
            let blocks = |pixels: usize, part: u8, of: usize| {
                (pixels * usize::from(part)).div_ceil(of).div_ceil(8)
            };
            return (
                blocks(width, h, across) * blocks(height, v, down),
                [1, 0, 0],
            );
        }
        let mut blocks = [0; 3];
        for (blocks, component) in blocks.iter_mut().zip(scan.components()) {
            let (h, v) = frame.components[usize::from(component.index)].sampling;
            *blocks = h * v;
        }
        let units = width.div_ceil(8 * across) * height.div_ceil(8 * down);
        (units, blocks)
    }
}

/// Application segments that make decoders complain: an unknown version of JFIF, an unknown color transform of Adobe.
fn is_odd_application_segment(payload: &[u8]) -> bool {
    match payload {
        [b'J', b'F', b'I', b'F', 0, version, ..] => !matches!(version, 1 | 2),
        [
            b'A',
            b'd',
            b'o',
            b'b',
            b'e',
            _,
            _,
            _,
            _,
            _,
            _,
            transform,
            ..,
        ] => !matches!(transform, 0 | 1),
        _ => false,
    }
}

#[cfg(test)]
pub(super) mod tests;
