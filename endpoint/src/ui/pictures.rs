//! Finished pictures on their way from the decoders to the screen, without a copy.

use crate::clock;
use crate::engine::{OwnPictures, PictureOutputs};
use crate::net::latency::LatencyHistogram;
use crate::picture::frame::{CapturedFrame, PictureSize};
use crate::screen::{Canvas, Painted, Screen, ScreenInput, TileRequest};
use conclave_protocol::id::StreamId;
use slint::{Image, Rgb8Pixel, SharedPixelBuffer};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Stands for the own camera, which has no number at the relay.
pub(super) const OWN_PICTURE: StreamId = StreamId(u32::MAX);
/// Threads that decode: one keeps up with nine tiles, two use a board's idle cores.
const DECODERS: usize = 2;
/// Pictures of a stream that the renderer may still hold: the one that is shown, and the one that is about to be.
const HELD: usize = 2;

/// Memory that the screen shows as it is.
pub(super) struct Pixels(SharedPixelBuffer<Rgb8Pixel>);

impl Canvas for Pixels {
    fn new() -> Self {
        Self(SharedPixelBuffer::new(0, 0))
    }

    fn size(&self) -> PictureSize {
        PictureSize::new(self.0.width(), self.0.height())
    }

    fn pixels(&mut self, size: PictureSize) -> &mut [u8] {
        if self.size() != size {
            self.0 = SharedPixelBuffer::new(size.width, size.height);
        }
        self.0.make_mut_bytes()
    }
}

/// The decoders, and what they have painted.
pub(super) struct Paintings {
    screen: Screen<Pixels>,
    held: BTreeMap<StreamId, VecDeque<Pixels>>,
    drawn: u64,
    /// From the sender's camera to the renderer.
    ages: LatencyHistogram,
}

impl Paintings {
    /// Starts the decoders; `wake` is called from their threads when there is something to draw.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(
        wake: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<(Self, ScreenInput)> {
        let (input, screen) = Screen::start(DECODERS, wake)?;
        let paintings = Self {
            screen,
            held: BTreeMap::new(),
            drawn: 0,
            ages: LatencyHistogram::default(),
        };
        Ok((paintings, input))
    }

    /// Paints these from now on, and nothing else.
    pub(super) fn show(&mut self, wishes: &[TileRequest]) {
        self.held
            .retain(|stream, _| wishes.iter().any(|wish| wish.stream == *stream));
        self.screen.show(wishes);
    }

    /// Logs how many pictures of a call were drawn and how old they were, and resets both counts.
    pub(super) fn sum_up(&mut self) {
        let drawn = std::mem::take(&mut self.drawn);
        if let Some(age) = std::mem::take(&mut self.ages).percentiles() {
            tracing::info!(
                drawn,
                age_ms_p50 = age.p50,
                age_ms_p99 = age.p99,
                "pictures of the call"
            );
        }
    }

    /// Hands over what was painted since the last time.
    pub(super) fn drain(&mut self, mut draw: impl FnMut(&Painted<Pixels>, Image)) {
        let (screen, held, now) = (&self.screen, &mut self.held, clock::now());
        let (drawn, ages) = (&mut self.drawn, &self.ages);
        screen.drain(|painted| {
            *drawn += 1;
            ages.record(now.since(painted.captured));
            draw(&painted, Image::from_rgb8(painted.canvas.0.clone()));
            let held = held.entry(painted.stream).or_default();
            held.push_back(painted.canvas);
            while held.len() > HELD {
                held.pop_front()
                    .into_iter()
                    .for_each(|canvas| screen.recycle(canvas));
            }
        });
    }
}

/// The engine's ways to the decoders.
pub(super) fn viewers(input: &ScreenInput) -> PictureOutputs {
    // One camera at a time: no thread waits for this lock.
    let own = Mutex::new(input.another());
    let see = move |frame: &CapturedFrame| {
        let mut own = own.lock().unwrap_or_else(PoisonError::into_inner);
        own.take_parts(OWN_PICTURE, frame.captured, &frame.parts());
    };
    let own: OwnPictures = Arc::new(see);
    PictureOutputs {
        others: input.another(),
        own,
    }
}
