//! Captured pictures on their way from a camera to the wire: whole JPEGs with their times, never copied.
//!
//! The bytes stay where they were made: in the driver's mapped buffer, in a slot of the encoder's pool,
//! or in the file that was read. Clones share them; the last one dropped gives the place back.

use crate::camera::v4l2::mapped::DriverFrame;
use crate::picture::jpeg::{Whole, huffman};
use conclave_protocol::time::Instant;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Width and height of a picture in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct PictureSize {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl PictureSize {
    /// A size of `width` by `height` pixels.
    #[must_use]
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// How many pixels the picture has.
    #[must_use]
    pub const fn pixels(self) -> usize {
        self.width as usize * self.height as usize
    }
}

impl fmt::Display for PictureSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// Into how many parts a picture may be divided: a start marker, what is in front of Huffman tables, these, the rest,
/// an end marker.
pub const PARTS: usize = 5;

/// One picture of a camera, a complete JPEG.
#[derive(Clone, Debug)]
pub struct CapturedFrame {
    /// When the picture was taken: the driver's timestamp where it is of `CLOCK_MONOTONIC`.
    pub captured: Instant,
    /// When the JPEG was complete in memory.
    pub ready: Instant,
    /// The driver's own count; a gap tells of pictures that the driver lost.
    pub driver_sequence: u32,
    /// Size of the picture as its JPEG header says.
    pub size: PictureSize,
    /// Which bytes of the body are the picture, and what goes in between.
    whole: Whole,
    body: Body,
}

#[derive(Clone)]
enum Body {
    Driver(DriverFrame),
    Pooled(PooledJpeg),
    File(Arc<[u8]>),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self {
            Self::Driver(_) => "Driver",
            Self::Pooled(_) => "Pooled",
            Self::File(_) => "File",
        };
        write!(f, "{place}({} bytes)", self.bytes().len())
    }
}

impl Body {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Driver(frame) => frame.bytes(),
            Self::Pooled(jpeg) => jpeg.bytes(),
            Self::File(file) => file,
        }
    }
}

/// When and where a picture was taken: what every source knows besides the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// See [`CapturedFrame::captured`].
    pub captured: Instant,
    /// See [`CapturedFrame::ready`].
    pub ready: Instant,
    /// See [`CapturedFrame::driver_sequence`].
    pub driver_sequence: u32,
    /// See [`CapturedFrame::size`].
    pub size: PictureSize,
}

impl CapturedFrame {
    fn new(taken: Taken, whole: Whole, body: Body) -> Self {
        Self {
            captured: taken.captured,
            ready: taken.ready,
            driver_sequence: taken.driver_sequence,
            size: taken.size,
            whole,
            body,
        }
    }

    /// A picture in a driver's buffer.
    pub(crate) fn from_driver(taken: Taken, whole: Whole, frame: DriverFrame) -> Self {
        Self::new(taken, whole, Body::Driver(frame))
    }

    /// A picture in a slot of a pool.
    #[must_use]
    pub fn from_pool(taken: Taken, jpeg: PooledJpeg) -> Self {
        let whole = Whole::as_it_is(taken.size, jpeg.bytes().len());
        Self::new(taken, whole, Body::Pooled(jpeg))
    }

    /// A picture within a file that is held in memory.
    #[must_use]
    pub fn from_file(taken: Taken, whole: Whole, file: Arc<[u8]>) -> Self {
        Self::new(taken, whole, Body::File(file))
    }

    /// The JPEG in order, in up to [`PARTS`] parts (some may be empty); together they are one complete JPEG.
    ///
    /// More than one part is there when the camera left something out or sent it wrong: markers and the standard
    /// Huffman tables (ITU T.81, K.3) go in without a copy of the picture.
    #[must_use]
    pub fn parts(&self) -> [&[u8]; PARTS] {
        let Range { start, end } = self.whole.range;
        let bytes = self.body.bytes().get(start..end).unwrap_or_default();
        let tables = self.whole.tables_at.and_then(|at| at.checked_sub(start));
        let (head, tables, scans): (_, &[u8], _) =
            match tables.and_then(|at| bytes.split_at_checked(at)) {
                Some((head, scans)) => (head, &huffman::STANDARD_SEGMENT, scans),
                None => (bytes, &[], &[][..]),
            };
        let marker =
            |is_missing: bool, marker: &'static [u8]| if is_missing { marker } else { &[] };
        [
            marker(self.whole.start, &[0xff, 0xd8]),
            head,
            tables,
            scans,
            marker(self.whole.end, &[0xff, 0xd9]),
        ]
    }

    /// The parts of the JPEG that the camera sent: without what was put in.
    #[must_use]
    pub fn sent_parts(&self) -> [&[u8]; 2] {
        let [_, head, _, scans, _] = self.parts();
        [head, scans]
    }

    /// Length of the whole JPEG in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts().iter().map(|part| part.len()).sum()
    }

    /// Never true for a picture of a source of this crate.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the JPEG to `buffer`: the one copy, for those who need the bytes in a row (recording, decoding).
    pub fn append_to(&self, buffer: &mut Vec<u8>) {
        for part in self.parts() {
            buffer.extend_from_slice(part);
        }
    }
}

/// A fixed number of JPEG buffers that are used again and again.
///
/// When every slot still has a reader, [`JpegPool::fill`] refuses: the picture is dropped and its source counts it.
#[derive(Debug)]
pub struct JpegPool {
    slots: Vec<Arc<Slot>>,
}

#[derive(Debug)]
struct Slot {
    bytes: Vec<u8>,
    used: usize,
}

/// A JPEG in a slot of a [`JpegPool`]; the slot is free again when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct PooledJpeg(Arc<Slot>);

impl JpegPool {
    /// A pool of `slots` buffers of `slot_bytes` each, reserved now; pages are touched as pictures need them.
    #[must_use]
    pub fn new(slots: usize, slot_bytes: usize) -> Self {
        let slot = || {
            Arc::new(Slot {
                bytes: vec![0; slot_bytes],
                used: 0,
            })
        };
        Self {
            slots: (0..slots).map(|_| slot()).collect(),
        }
    }

    /// Lets `write` fill a free slot and say how many bytes it used; `None` when every slot has readers.
    ///
    /// # Errors
    /// What `write` returns; the slot is free again then.
    pub fn fill<E>(
        &mut self,
        write: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<Option<PooledJpeg>, E> {
        for shared in &mut self.slots {
            if let Some(slot) = Arc::get_mut(shared) {
                let used = write(&mut slot.bytes)?;
                slot.used = used.min(slot.bytes.len());
                return Ok(Some(PooledJpeg(Arc::clone(shared))));
            }
        }
        Ok(None)
    }
}

impl PooledJpeg {
    /// The JPEG.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes[..self.0.used]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_three(slot: &mut [u8]) -> Result<usize, ()> {
        slot[..3].copy_from_slice(&[1, 2, 3]);
        Ok(3)
    }

    #[test]
    fn a_slot_comes_back_when_its_last_reader_drops_it() {
        let mut pool = JpegPool::new(1, 16);
        let first = pool.fill(write_three).unwrap().unwrap();
        let second_reader = first.clone();
        drop(first);
        assert!(
            pool.fill(write_three).unwrap().is_none(),
            "one reader is left"
        );
        assert_eq!(second_reader.bytes(), [1, 2, 3]);
        drop(second_reader);
        assert!(pool.fill(write_three).unwrap().is_some());
    }

    #[test]
    fn a_failed_write_leaves_the_slot_free() {
        let mut pool = JpegPool::new(1, 16);
        assert_eq!(pool.fill(|_| Err("broken")).unwrap_err(), "broken");
        assert!(pool.fill(write_three).unwrap().is_some());
    }

    #[test]
    fn missing_markers_and_huffman_tables_go_in_without_a_copy() {
        let file: Arc<[u8]> = Arc::from([9, 10, 11, 12, 13, 14].as_slice());
        let taken = Taken {
            captured: Instant::default(),
            ready: Instant::default(),
            driver_sequence: 0,
            size: PictureSize::new(8, 8),
        };
        let whole = Whole {
            size: taken.size,
            range: 1..5,
            start: true,
            tables_at: Some(3),
            end: true,
        };
        let frame = CapturedFrame::from_file(taken, whole, Arc::clone(&file));
        let [start, head, tables, scans, end] = frame.parts();
        assert_eq!((head, scans), ([10, 11].as_slice(), [12, 13].as_slice()));
        assert_eq!(
            (start, end),
            ([0xff, 0xd8].as_slice(), [0xff, 0xd9].as_slice())
        );
        assert_eq!(tables, huffman::STANDARD_SEGMENT);
        assert!(std::ptr::eq(head.as_ptr(), &raw const file[1]));
        assert_eq!(frame.len(), 8 + tables.len());
    }
}
