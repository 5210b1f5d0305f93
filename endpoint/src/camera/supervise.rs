//! Keeping a camera alive: open, run, notice that it is gone or stalls, try again.

use super::{CameraState, FrameSource, OpenError, SourceContext};
use crate::clock;
use crate::device::{DeviceLoss, LossReason};
use crate::frame::CapturedFrame;
use conclave_protocol::time::Micros;
use tracing::{info, warn};

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For the first picture of a camera that was just opened: many adjust their exposure first.
    pub(super) first_picture: Micros,
    /// For the next picture of a running one.
    pub(super) next_picture: Micros,
    /// Between looks for a camera that is not there; a replugged one is back this soon.
    pub(super) absent: Micros,
    /// Longest pause between attempts at one that is there but refuses.
    pub(super) refused: Micros,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_picture: Micros::from_secs(3),
            next_picture: Micros::from_secs(1),
            absent: Micros::from_millis(250),
            refused: Micros::from_secs(2),
        }
    }
}

/// Runs until the stop signal is raised.
pub(super) fn run(
    context: &SourceContext,
    patience: Patience,
    mut open: impl FnMut() -> Result<Box<dyn FrameSource>, OpenError>,
    mut sink: impl FnMut(CapturedFrame),
    on_state: impl FnMut(CameraState),
) {
    let mut states = States {
        on_state,
        last: None,
    };
    states.change(CameraState::Starting);
    let mut pause = patience.absent;
    let mut ran_before = false;
    while !context.stop.is_raised() {
        let loss = match open() {
            Err(error) => {
                pause = match error {
                    OpenError::Absent(_) => patience.absent,
                    _ => (pause + pause).min(patience.refused),
                };
                DeviceLoss::from(error)
            }
            Ok(mut source) => {
                let mut pictures = 0_u64;
                let first = |states: &mut States<_>, source: &dyn FrameSource| {
                    if ran_before {
                        context.counters.add_reopened();
                    }
                    states.change(CameraState::Running(source.format().clone()));
                };
                let end = stream(context, patience, source.as_mut(), |frame, source| {
                    if pictures == 0 {
                        first(&mut states, source);
                    }
                    pictures += 1;
                    context.counters.add_captured();
                    sink(frame);
                });
                let Some(loss) = end else { return };
                context.counters.add_error();
                if pictures > 0 {
                    ran_before = true;
                    pause = patience.absent;
                } else {
                    pause = (pause + pause).min(patience.refused);
                }
                loss
            }
        };
        states.change(CameraState::Lost(loss));
        if context.stop.sleep_until(clock::now() + pause) {
            return;
        }
    }
}

/// Hands on pictures until the source fails or stalls; why it did, or `None` if the thread is to end.
fn stream(
    context: &SourceContext,
    patience: Patience,
    source: &mut dyn FrameSource,
    mut sink: impl FnMut(CapturedFrame, &dyn FrameSource),
) -> Option<DeviceLoss> {
    let slow = Micros((3_000_000.0 / source.format().fps.max(0.01)) as u64);
    let next_picture = patience.next_picture.max(slow);
    let mut allowed = patience.first_picture.max(slow);
    let mut last = clock::now();
    loop {
        let left = (last + allowed).since(clock::now());
        match source.next_frame(left) {
            Err(error) => return Some(error.into()),
            Ok(_) if context.stop.is_raised() => return None,
            Ok(Some(frame)) => {
                last = clock::now();
                allowed = next_picture;
                sink(frame, source);
            }
            Ok(None) if clock::now().since(last) >= allowed => {
                let seconds = allowed.0.div_ceil(1_000_000);
                let nothing =
                    || DeviceLoss::new(LossReason::Stalled, format!("no picture for {seconds} s"));
                return Some(source.trouble().unwrap_or_else(nothing));
            }
            Ok(None) => {}
        }
    }
}

/// Tells each state once.
struct States<F> {
    on_state: F,
    last: Option<CameraState>,
}

impl<F: FnMut(CameraState)> States<F> {
    fn change(&mut self, state: CameraState) {
        if self.last.as_ref() == Some(&state) {
            return;
        }
        match &state {
            CameraState::Lost(loss) => warn!(reason = loss.detail, "camera lost"),
            CameraState::Running(format) => {
                info!(name = format.name, format = format.format, size = %format.size, fps = format.fps, "camera running")
            }
            CameraState::Starting | CameraState::Off => {}
        }
        self.last = Some(state.clone());
        (self.on_state)(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{CaptureError, StreamFormat};
    use crate::frame::{JpegPool, PictureSize, Taken};
    use crate::stop::StopSignal;
    use std::sync::Arc;

    const QUICK: Patience = Patience {
        first_picture: Micros(2_000),
        next_picture: Micros(2_000),
        absent: Micros(100),
        refused: Micros(1_000),
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
                return Err(OpenError::Absent("camera".into()));
            }
            match scripts.next() {
                Some(acts) => Ok(Scripted::boxed(acts, &context)),
                None => {
                    context.stop.raise();
                    Err(OpenError::Absent("camera".into()))
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
            Err(OpenError::Absent("camera".into()))
        };
        run(&context, QUICK, open, drop, |state| seen.push(state));
        assert_eq!(seen.len(), 2);
    }
}
