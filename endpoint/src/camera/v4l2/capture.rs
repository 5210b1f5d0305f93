//! Pictures from an open camera: JPEGs straight from the driver's memory, raw ones encoded once.

use super::convert::{self, Layout, PlaneBuffers, Range};
use super::mapped::{self, Dequeued, Identity, MappedStream, SetFormat};
use super::negotiate::{Interval, Offer, Pixels};
use super::refusal::refusal;
use crate::camera::faults::Faults;
use crate::camera::{CaptureError, FrameSource, OpenCameraError, SourceContext, StreamFormat};
use crate::clock;
use crate::device::DeviceLoss;
use crate::picture::frame::{CapturedFrame, JpegPool, PictureSize, Taken};
use crate::picture::jpeg::encode::{Chroma, EncodeError, Encoder, Planes, worst_case_bytes};
use crate::picture::jpeg::{Fault, Inspector};
use crate::platform::stop::Wake;
use conclave_protocol::time::Micros;
use rustix::fd::AsFd;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use v4l::video::Capture;
use v4l::video::capture::Parameters;

/// Buffers shared with the driver. One fills while one is sent; the others let readers hold pictures for a while.
const BUFFERS: u32 = 5;

/// Of pictures that are encoded here; near what webcams use themselves.
const QUALITY: u8 = 80;

/// Slots for encoded pictures; more let more readers hold pictures.
const SLOTS: usize = 4;

/// A running camera.
pub struct V4l2Camera {
    format: StreamFormat,
    context: SourceContext,
    /// Set with the first picture: the locator looks for another camera if none comes.
    gives: Arc<AtomicBool>,
    stream: MappedStream,
    set: SetFormat,
    /// Judges the camera's own JPEGs.
    inspector: Inspector,
    /// What was wrong with pictures since the last good one.
    faults: Faults,
    /// What turns raw pictures into JPEG; `None` when the camera does that itself.
    raw: Option<RawEncoder>,
}

struct RawEncoder {
    layout: Layout,
    /// Of the encoded picture: even.
    size: PictureSize,
    chroma: Chroma,
    range: Range,
    planes: PlaneBuffers,
    encoder: Encoder,
    pool: JpegPool,
}

impl V4l2Camera {
    pub(super) fn start(
        device: &v4l::Device,
        identity: &Identity,
        offer: Offer,
        context: SourceContext,
        what: &str,
        gives: Arc<AtomicBool>,
    ) -> Result<Self, OpenCameraError> {
        let refused = |error: io::Error| refusal(what, error);
        let set = mapped::set_format(device, offer.fourcc, offer.size).map_err(refused)?;
        let Some(pixels) = Pixels::from_fourcc(&set.fourcc) else {
            return Err(OpenCameraError::Unusable {
                what: what.to_owned(),
                reason: format!(
                    "insists on the format {}",
                    String::from_utf8_lossy(&set.fourcc)
                ),
            });
        };
        let interval = set_interval(device, offer.interval);
        Ok(Self {
            format: StreamFormat {
                name: identity.name.clone(),
                format: String::from_utf8_lossy(&set.fourcc).into_owned(),
                size: match pixels {
                    Pixels::Jpeg => set.size,
                    _ => convert::even(set.size),
                },
                fps: interval.fps(),
            },
            context,
            gives,
            inspector: Inspector::default(),
            faults: Faults::default(),
            raw: RawEncoder::new(pixels, &set)?,
            set,
            stream: MappedStream::start(device.handle(), BUFFERS).map_err(refused)?,
        })
    }

    /// The newest filled buffer that is whole; older ones go back to the driver at once.
    fn newest(&mut self) -> io::Result<Option<Dequeued>> {
        let mut newest = None;
        while let Some(next) = self.stream.dequeue()? {
            if next.damaged || next.frame.bytes().is_empty() {
                self.context.counters.add_damaged();
                self.faults.add(Fault::Torn);
            } else if newest.replace(next).is_some() {
                self.context.counters.add_stale(1);
            }
        }
        Ok(newest)
    }

    fn picture(&mut self, filled: Dequeued) -> Result<Option<CapturedFrame>, CaptureError> {
        let counters = &self.context.counters;
        let Dequeued {
            frame,
            sequence,
            captured,
            ..
        } = filled;
        let taken = Taken {
            captured,
            ready: clock::now(),
            driver_sequence: sequence,
            size: self.format.size,
        };
        if let Some(raw) = &mut self.raw {
            if !raw.split(frame.bytes(), &self.set) {
                counters.add_damaged();
                self.faults.add(Fault::Torn);
                return Ok(None);
            }
            drop(frame);
            let Some(jpeg) = raw.encode()? else {
                counters.add_no_buffer();
                return Ok(None);
            };
            let taken = Taken {
                ready: clock::now(),
                ..taken
            };
            self.faults.clear();
            return Ok(Some(CapturedFrame::from_pool(taken, jpeg)));
        }
        let whole = match self.inspector.next(frame.bytes()) {
            Ok(whole) => whole,
            Err(fault) => {
                counters.add_damaged();
                self.faults.add(fault);
                return Ok(None);
            }
        };
        self.faults.clear();
        if whole.is_mended() {
            counters.add_mended();
        }
        if whole.size != self.format.size {
            // Drivers agree to sizes that their cameras do not send; each picture carries its own.
            tracing::warn!(
                "the camera's pictures are {} where {} was agreed",
                whole.size,
                self.format.size
            );
            self.format.size = whole.size;
        }
        let taken = Taken {
            size: whole.size,
            ..taken
        };
        Ok(Some(CapturedFrame::from_driver(taken, whole, frame)))
    }
}

impl FrameSource for V4l2Camera {
    fn format(&self) -> &StreamFormat {
        &self.format
    }

    fn trouble(&self) -> Option<DeviceLoss> {
        self.faults.of_a_camera()
    }

    fn next_frame(&mut self, timeout: Micros) -> Result<Option<CapturedFrame>, CaptureError> {
        let until = clock::now() + timeout;
        loop {
            let wake = self.context.stop.wait(Some(self.stream.as_fd()), until);
            if matches!(wake, Wake::Stopped | Wake::TimedOut) {
                return Ok(None);
            }
            match self.newest().map_err(CaptureError::Gone)? {
                Some(filled) => {
                    if let Some(frame) = self.picture(filled)? {
                        self.gives.store(true, Relaxed);
                        return Ok(Some(frame));
                    }
                }
                // The poll failed, yet the queue tells nothing: asking again would spin.
                None if wake == Wake::Failed => {
                    return Err(CaptureError::Gone(io::ErrorKind::NotConnected.into()));
                }
                None => {}
            }
        }
    }
}

/// Sets the rate, always: some drivers start at 5 pictures a second. Where that is not possible, the rate that is.
fn set_interval(device: &v4l::Device, wish: Interval) -> Interval {
    let wished = Parameters::new(v4l::Fraction::new(wish.numerator, wish.denominator));
    match device.set_params(&wished).or_else(|_| device.params()) {
        Ok(set) if set.interval.numerator > 0 && set.interval.denominator > 0 => Interval {
            numerator: set.interval.numerator,
            denominator: set.interval.denominator,
        },
        _ => wish,
    }
}

impl RawEncoder {
    fn new(pixels: Pixels, set: &SetFormat) -> Result<Option<Self>, EncodeError> {
        let Some(layout) = pixels.layout() else {
            return Ok(None);
        };
        let chroma = match layout {
            Layout::Packed(_) => Chroma::HalfWidth,
            Layout::Pairs { .. } | Layout::Planes { .. } | Layout::Gray => Chroma::HalfBoth,
        };
        let size = convert::even(set.size);
        let color = chroma.plane(size).pixels();
        Ok(Some(Self {
            layout,
            size,
            chroma,
            range: if set.full_range {
                Range::Full
            } else {
                Range::Limited
            },
            planes: PlaneBuffers {
                luma: vec![0; size.pixels()],
                cb: vec![0; color],
                cr: vec![0; color],
            },
            encoder: Encoder::new(QUALITY)?,
            pool: JpegPool::new(SLOTS, worst_case_bytes(size, chroma)?),
        }))
    }

    fn split(&mut self, raw: &[u8], set: &SetFormat) -> bool {
        // Some drivers leave the stride out where there is no padding.
        let stride = match set.stride {
            0 => self.layout.row_bytes(set.size.width as usize),
            stride => stride,
        };
        convert::split(
            self.layout,
            raw,
            stride,
            set.size,
            self.range,
            &mut self.planes,
        )
    }

    fn encode(&mut self) -> Result<Option<crate::picture::frame::PooledJpeg>, EncodeError> {
        let Self {
            encoder,
            pool,
            planes,
            chroma,
            size,
            ..
        } = self;
        let planes = Planes {
            size: *size,
            chroma: *chroma,
            luma: &planes.luma,
            cb: &planes.cb,
            cr: &planes.cr,
        };
        pool.fill(|slot| encoder.encode(&planes, slot))
    }
}
