//! A moving picture made here: always there, the same everywhere, and each picture says its number and time.
//!
//! Costs one JPEG encoding a picture; the background is drawn once and only what moves is drawn again.

use super::{
    CaptureError, FrameSource, OpenCameraError, PreferredMode, SourceContext, StreamFormat,
};
use crate::clock;
use crate::picture::frame::{CapturedFrame, JpegPool, PictureSize, Taken};
use crate::picture::jpeg::encode::{Chroma, Encoder, Planes, worst_case_bytes};
use crate::picture::marker::{self, PictureMarker};
use crate::platform::metronome::{Beat, Metronome};
use conclave_protocol::time::{Instant, Micros};

/// Near what webcams use: about 40 kB for 1280x720.
const QUALITY: u8 = 75;

/// More slots let more readers hold pictures; each costs the memory of one JPEG.
const SLOTS: usize = 6;

/// The moving pattern as a camera.
pub struct PatternCamera {
    format: StreamFormat,
    context: SourceContext,
    metronome: Metronome,
    scene: Scene,
    encoder: Encoder,
    pool: JpegPool,
}

impl PatternCamera {
    /// Opens a pattern of the wished size, rounded down to even numbers, and rate.
    ///
    /// # Errors
    /// When TurboJPEG cannot be set up.
    pub fn open(wish: PreferredMode, context: SourceContext) -> Result<Self, OpenCameraError> {
        let size = PictureSize::new(wish.size.width & !1, wish.size.height & !1);
        Ok(Self {
            format: StreamFormat {
                name: "Pattern".into(),
                format: "JPEG".into(),
                size,
                fps: f64::from(wish.fps),
            },
            context,
            metronome: Metronome::new(clock::now(), 1_000_000_000 / u64::from(wish.fps.max(1))),
            scene: Scene::new(size),
            encoder: Encoder::new(QUALITY)?,
            pool: JpegPool::new(SLOTS, worst_case_bytes(size, Chroma::HalfBoth)?),
        })
    }
}

impl FrameSource for PatternCamera {
    fn format(&self) -> &StreamFormat {
        &self.format
    }

    fn next_frame(&mut self, timeout: Micros) -> Result<Option<CapturedFrame>, CaptureError> {
        let now = clock::now();
        self.context
            .counters
            .add_stale(self.metronome.skip_late(now));
        let Beat::Due(number, _) = self.metronome.wait(&self.context.stop, now + timeout) else {
            return Ok(None);
        };
        let captured = clock::now();
        // The number is a sequence: it may wrap after years.
        let number = number as u32;
        self.scene.draw(number, captured);
        let (encoder, scene) = (&mut self.encoder, &self.scene);
        let Some(jpeg) = self
            .pool
            .fill(|slot| encoder.encode(&scene.planes(), slot))?
        else {
            self.context.counters.add_no_buffer();
            return Ok(None);
        };
        let taken = Taken {
            captured,
            ready: clock::now(),
            driver_sequence: number,
            size: self.format.size,
        };
        Ok(Some(CapturedFrame::from_pool(taken, jpeg)))
    }
}

/// The planes of the picture, kept from one to the next.
struct Scene {
    size: PictureSize,
    background: Vec<u8>,
    luma: Vec<u8>,
    cb: Vec<u8>,
    cr: Vec<u8>,
    box_at: usize,
}

impl Scene {
    fn new(size: PictureSize) -> Self {
        let chroma = Chroma::HalfBoth.plane(size);
        let background = background(size);
        let bars = |levels: [u8; 8]| {
            let bar = |at: usize| levels[at % chroma.width as usize * 8 / chroma.width as usize];
            (0..chroma.pixels()).map(bar).collect()
        };
        Self {
            size,
            luma: background.clone(),
            background,
            cb: bars([128, 100, 148, 116, 140, 110, 156, 128]),
            cr: bars([128, 136, 108, 120, 142, 148, 114, 128]),
            box_at: 0,
        }
    }

    fn planes(&self) -> Planes<'_> {
        Planes {
            size: self.size,
            chroma: Chroma::HalfBoth,
            luma: &self.luma,
            cb: &self.cb,
            cr: &self.cr,
        }
    }

    fn draw(&mut self, number: u32, drawn: Instant) {
        let width = self.size.width as usize;
        let height = self.size.height as usize;
        let side = width / 8;
        let top = height / 2;
        let rows = side.min(height - top);
        // The box crosses the picture in 128 pictures and comes back: a stop is seen at once.
        let phase = (number % 256) as usize;
        let place = if phase < 128 { phase } else { 255 - phase };
        let next = (width - side) * place / 127;
        for row in 0..rows {
            let line = (top + row) * width;
            let old = line + self.box_at..line + self.box_at + side;
            self.luma[old.clone()].copy_from_slice(&self.background[old]);
            let level = if row / 16 % 2 == 0 { 225 } else { 40 };
            self.luma[line + next..line + next + side].fill(level);
        }
        self.box_at = next;
        marker::draw(
            &mut self.luma,
            self.size,
            PictureMarker {
                frame: number,
                drawn,
            },
        );
    }
}

/// A slope with a little grain, so that the JPEG has a camera's size.
fn background(size: PictureSize) -> Vec<u8> {
    let (width, height) = (size.width as usize, size.height as usize);
    let mut state = 0x2545_f491_u32;
    (0..size.pixels())
        .map(|at| {
            let (x, y) = (at % width, at / width);
            let slope = 50 + 90 * x / width + 60 * y / height;
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let grain = (state % GRAIN) as usize;
            u8::try_from(slope + grain).unwrap_or(u8::MAX)
        })
        .collect()
}

/// Levels of grain: more make a larger JPEG and a dearer encoding.
const GRAIN: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::jpeg::decode::{Decoder, Picture, Scale};
    use crate::platform::stop::StopSignal;
    use std::sync::Arc;

    fn open(text: &str) -> PatternCamera {
        let context = SourceContext {
            stop: StopSignal::new().unwrap(),
            counters: Arc::default(),
        };
        PatternCamera::open(text.parse().unwrap(), context).unwrap()
    }

    fn next(camera: &mut PatternCamera) -> CapturedFrame {
        loop {
            if let Some(frame) = camera.next_frame(Micros::from_secs(1)).unwrap() {
                return frame;
            }
        }
    }

    #[test]
    fn each_picture_says_its_number_and_its_time() {
        let mut camera = open("640x360@240");
        let mut decoder = Decoder::new().unwrap();
        let mut picture = Picture::default();
        let mut jpeg = Vec::new();
        for _ in 0..3 {
            let frame = next(&mut camera);
            jpeg.clear();
            frame.append_to(&mut jpeg);
            decoder.luma(&jpeg, Scale::Half, &mut picture).unwrap();
            let read = marker::read(&picture.pixels, picture.size).unwrap();
            assert_eq!(
                read,
                PictureMarker {
                    frame: frame.driver_sequence,
                    drawn: frame.captured
                }
            );
        }
    }

    #[test]
    fn the_smallest_and_odd_sizes_are_drawn_too() {
        for wish in ["16x16@240", "257x145@240", "1279x16@240"] {
            let frame = next(&mut open(wish));
            assert!(frame.len() > 100);
        }
    }

    #[test]
    fn a_picture_without_a_free_slot_is_dropped_and_counted() {
        let mut camera = open("64x64@240");
        let held: Vec<_> = (0..SLOTS).map(|_| next(&mut camera)).collect();
        while camera.context.counters.snapshot().no_buffer == 0 {
            assert!(camera.next_frame(Micros::from_secs(1)).unwrap().is_none());
        }
        drop(held);
        next(&mut camera);
    }
}
