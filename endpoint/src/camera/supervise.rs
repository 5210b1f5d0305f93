//! A camera's thread: what the supervisor of all devices needs to know of cameras.

use super::{CameraState, FrameSource, OpenCameraError, SourceContext};
use crate::device::{self, DeviceLoss, LossReason, Patience, Supervised};
use crate::picture::frame::CapturedFrame;
use conclave_protocol::time::Micros;
use tracing::{info, warn};

/// Many cameras adjust their exposure before their first picture.
const FIRST_PICTURE: Micros = Micros::from_secs(3);

/// How long a camera is waited for.
pub(super) fn patience() -> Patience {
    Patience {
        first_item: FIRST_PICTURE,
        ..Patience::default()
    }
}

/// Runs until the stop signal is raised.
pub(super) fn run(
    context: &SourceContext,
    patience: Patience,
    open: impl FnMut() -> Result<Box<dyn FrameSource>, OpenCameraError>,
    sink: impl FnMut(CapturedFrame),
    mut on_state: impl FnMut(CameraState),
) {
    on_state(CameraState::Starting);
    let mut camera = Camera {
        context,
        open,
        sink,
        on_state,
    };
    device::run(&context.stop, patience, &mut camera);
}

struct Camera<'c, O, S, F> {
    context: &'c SourceContext,
    open: O,
    sink: S,
    on_state: F,
}

impl<O, S, F> Supervised for Camera<'_, O, S, F>
where
    O: FnMut() -> Result<Box<dyn FrameSource>, OpenCameraError>,
    S: FnMut(CapturedFrame),
    F: FnMut(CameraState),
{
    type Device = Box<dyn FrameSource>;
    type Item = CapturedFrame;

    fn open(&mut self) -> Result<Self::Device, DeviceLoss> {
        Ok((self.open)()?)
    }

    fn pace(&self, source: &Self::Device) -> Micros {
        Micros((3_000_000.0 / source.format().fps.max(0.01)) as u64)
    }

    fn turn(
        &mut self,
        source: &mut Self::Device,
        timeout: Micros,
    ) -> Result<Option<CapturedFrame>, DeviceLoss> {
        Ok(source.next_frame(timeout)?)
    }

    fn why_stalled(&self, source: &Self::Device, waited: Micros) -> DeviceLoss {
        source.trouble().unwrap_or_else(|| {
            let seconds = waited.0.div_ceil(1_000_000);
            DeviceLoss::new(LossReason::Stalled, format!("no picture for {seconds} s"))
        })
    }

    fn runs(&mut self, source: &Self::Device, again: bool) {
        if again {
            self.context.counters.add_reopened();
        }
        let format = source.format();
        info!(name = format.name, format = format.format, size = %format.size, fps = format.fps, "camera running");
        (self.on_state)(CameraState::Running(format.clone()));
    }

    fn take(&mut self, _: &Self::Device, frame: CapturedFrame) {
        self.context.counters.add_captured();
        (self.sink)(frame);
    }

    fn failed(&mut self) {
        self.context.counters.add_error();
    }

    fn lost(&mut self, loss: DeviceLoss) {
        warn!(reason = loss.detail, "camera lost");
        (self.on_state)(CameraState::Lost(loss));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{CaptureError, StreamFormat};
    use crate::clock;
    use crate::picture::frame::{JpegPool, PictureSize, Taken};
    use crate::platform::stop::StopSignal;
    use std::sync::Arc;

    const QUICK: Patience = Patience {
        first_item: Micros(2_000),
        next_item: Micros(2_000),
        absent: Micros(100),
        first_pause: Micros(100),
        longest_pause: Micros(1_000),
        proven: Micros(1_000),
    };

    /// What a scripted source does when it is asked for a picture.
    enum Act {
        Picture,
        Unplug,
        Stall,
    }

    struct Scripted {
        acts: std::vec::IntoIter<Act>,
        pool: JpegPool,
        format: StreamFormat,
        context: SourceContext,
    }

    impl Scripted {
        fn boxed(acts: Vec<Act>, context: &SourceContext) -> Box<dyn FrameSource> {
            Box::new(Self {
                acts: acts.into_iter(),
                pool: JpegPool::new(1, 4),
                format: StreamFormat {
                    name: "scripted".into(),
                    format: "JPEG".into(),
                    size: PictureSize::new(8, 8),
                    fps: 1e9,
                },
                context: context.clone(),
            })
        }
    }

    impl FrameSource for Scripted {
        fn format(&self) -> &StreamFormat {
            &self.format
        }

        fn next_frame(&mut self, timeout: Micros) -> Result<Option<CapturedFrame>, CaptureError> {
            match self.acts.next() {
                Some(Act::Picture) => {
                    let now = clock::now();
                    let taken = Taken {
                        captured: now,
                        ready: now,
                        driver_sequence: 0,
                        size: self.format.size,
                    };
                    let jpeg = self.pool.fill(|_| Ok::<_, CaptureError>(1))?;
                    Ok(jpeg.map(|jpeg| CapturedFrame::from_pool(taken, jpeg)))
                }
                Some(Act::Unplug) => {
                    Err(CaptureError::Gone(std::io::ErrorKind::NotConnected.into()))
                }
                Some(Act::Stall) | None => {
                    let _ = self.context.stop.sleep_until(clock::now() + timeout);
                    Ok(None)
                }
            }
        }
    }

    /// Runs the scripts one after the other, with an absent camera after each, and returns states and counts.
    fn play(scripts: Vec<Vec<Act>>) -> (Vec<CameraState>, crate::camera::CameraCounts) {
        let context = SourceContext {
            stop: StopSignal::new().unwrap(),
            counters: Arc::default(),
        };
        let mut scripts = scripts.into_iter();
        let mut absent_next = false;
        let mut seen = Vec::new();
        let open = || {
            absent_next = !absent_next;
            if !absent_next {
                return Err(OpenCameraError::Absent("camera".into()));
            }
            match scripts.next() {
                Some(acts) => Ok(Scripted::boxed(acts, &context)),
                None => {
                    context.stop.raise();
                    Err(OpenCameraError::Absent("camera".into()))
                }
            }
        };
        run(&context, QUICK, open, drop, |state| seen.push(state));
        (seen, context.counters.snapshot())
    }

    fn reasons(states: &[CameraState]) -> Vec<&str> {
        states
            .iter()
            .filter_map(|state| match state {
                CameraState::Lost(loss) => Some(loss.detail.as_str()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn an_unplugged_camera_is_lost_with_a_reason_and_runs_again_when_it_is_back() {
        let (states, counts) = play(vec![
            vec![Act::Picture, Act::Unplug],
            vec![Act::Picture, Act::Picture, Act::Unplug],
        ]);
        let runs = states
            .iter()
            .filter(|s| matches!(s, CameraState::Running(_)))
            .count();
        assert_eq!(runs, 2);
        assert_eq!(states[0], CameraState::Starting);
        assert!(reasons(&states)[0].starts_with("camera disconnected"));
        assert_eq!((counts.captured, counts.reopened, counts.errors), (3, 1, 2));
    }

    #[test]
    fn a_camera_that_stalls_is_lost_and_opened_again() {
        let (states, counts) = play(vec![
            vec![Act::Picture, Act::Stall],
            vec![Act::Picture, Act::Unplug],
        ]);
        assert_eq!(reasons(&states)[0], "no picture for 1 s");
        assert_eq!((counts.captured, counts.reopened), (2, 1));
    }

    #[test]
    fn a_state_is_told_once_however_often_the_camera_is_tried() {
        let mut left = 20;
        let context = SourceContext {
            stop: StopSignal::new().unwrap(),
            counters: Arc::default(),
        };
        let mut seen = Vec::new();
        let open = || {
            left -= 1;
            if left == 0 {
                context.stop.raise();
            }
            Err(OpenCameraError::Absent("camera".into()))
        };
        run(&context, QUICK, open, drop, |state| seen.push(state));
        assert_eq!(seen.len(), 2);
    }
}
