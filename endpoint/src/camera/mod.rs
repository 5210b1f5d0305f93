//! Cameras: whole JPEGs with their times, from a thread that survives lost cameras.
//!
//! [`spawn`] starts a thread that opens the camera of a [`CameraSpec`], hands each picture to a sink on that thread,
//! and opens it again when it goes. A lost camera is a [`CameraState`] with a reason, not an error. Does not look at
//! pixels and does not wait for readers: a picture without a free buffer is dropped and counted.

pub mod avi;
mod faults;
pub mod file;
pub mod pattern;
mod spec;
mod state;
mod supervise;
pub mod v4l2;

pub use spec::{CameraSpec, ParseCameraError, PreferredMode};
pub use state::{CameraCounters, CameraCounts, CameraState, StreamFormat};

use crate::device::{DeviceLoss, LossReason};
use crate::picture::frame::CapturedFrame;
use crate::platform::stop::StopSignal;
use conclave_protocol::time::Micros;
use std::sync::Arc;
use std::thread::JoinHandle;
use thiserror::Error;

/// A running source of pictures.
pub trait FrameSource {
    /// What the pictures are.
    fn format(&self) -> &StreamFormat;

    /// Waits for the next picture; `None` when none came within `timeout` or the thread is to end.
    ///
    /// # Errors
    /// When the source is gone or broken: drop it and open it again.
    fn next_frame(&mut self, timeout: Micros) -> Result<Option<CapturedFrame>, CaptureError>;

    /// What was wrong with all that came since the last picture; `None` if nothing came.
    fn trouble(&self) -> Option<DeviceLoss> {
        None
    }
}

/// Why a running camera gives no more pictures.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// The device was unplugged or its driver gave up.
    #[error("camera disconnected ({0})")]
    Gone(std::io::Error),
    /// Pictures cannot be encoded.
    #[error(transparent)]
    Encode(#[from] crate::picture::jpeg::EncodeError),
}

impl From<CaptureError> for DeviceLoss {
    fn from(error: CaptureError) -> Self {
        let reason = match error {
            CaptureError::Gone(_) => LossReason::Disconnected,
            CaptureError::Encode(_) => LossReason::Failed,
        };
        Self::new(reason, error.to_string())
    }
}

/// Why a camera could not be opened.
#[derive(Debug, Error)]
pub enum OpenCameraError {
    /// There is no such camera now.
    #[error("{0} not found")]
    Absent(String),
    /// The system refuses it.
    #[error("{what}: {error}")]
    Refused {
        /// The device or file.
        what: String,
        /// The system's reason.
        error: std::io::Error,
    },
    /// Another program has it.
    #[error(
        "{what}: in use by another program{}",
        .program.as_ref().map_or_else(String::new, |program| format!(" ({program})"))
    )]
    InUse {
        /// The device.
        what: String,
        /// Name and number of the program, as far as this account may see them.
        program: Option<String>,
    },
    /// This account may not open it.
    #[error("{0}: no permission; is this account in the group video?")]
    NotPermitted(String),
    /// It is there, but gives nothing that can be used.
    #[error("{what}: {reason}")]
    Unusable {
        /// The device or file.
        what: String,
        /// What it lacks.
        reason: String,
    },
    /// Another device has reserved what the bus can carry.
    #[error(
        "{0}: the USB bus has no bandwidth left: use another port, a smaller size, or a camera with MJPEG"
    )]
    NoBandwidth(String),
    /// There are several cameras, and each has its reason.
    #[error("{}", joined(.0))]
    AllRefused(Vec<OpenCameraError>),
    /// The encoder cannot be set up.
    #[error(transparent)]
    Encode(#[from] crate::picture::jpeg::EncodeError),
}

fn joined(errors: &[OpenCameraError]) -> String {
    let all: Vec<_> = errors.iter().map(ToString::to_string).collect();
    all.join("; ")
}

impl OpenCameraError {
    /// Why there is no camera; of several, the reason that a person can mend most easily.
    #[must_use]
    pub fn reason(&self) -> LossReason {
        match self {
            Self::Absent(_) => LossReason::Absent,
            Self::InUse { .. } => LossReason::InUse,
            Self::NotPermitted(_) => LossReason::NotPermitted,
            Self::NoBandwidth(_) => LossReason::NoBandwidth,
            Self::Unusable { .. } => LossReason::Unusable,
            Self::Refused { .. } | Self::Encode(_) => LossReason::Failed,
            Self::AllRefused(errors) => {
                let reasons: Vec<_> = errors.iter().map(Self::reason).collect();
                [
                    LossReason::InUse,
                    LossReason::NotPermitted,
                    LossReason::NoBandwidth,
                    LossReason::Unusable,
                ]
                .into_iter()
                .find(|reason| reasons.contains(reason))
                .unwrap_or(LossReason::Failed)
            }
        }
    }
}

impl From<OpenCameraError> for DeviceLoss {
    fn from(error: OpenCameraError) -> Self {
        Self::new(error.reason(), error.to_string())
    }
}

/// What every source is given: how it is told to end, and where it counts.
#[derive(Clone, Debug)]
pub struct SourceContext {
    /// Wakes the source when the thread is to end.
    pub stop: StopSignal,
    /// What happened to pictures.
    pub counters: Arc<CameraCounters>,
}

/// A camera's thread; dropping it ends the thread and waits for that.
#[derive(Debug)]
pub struct CameraHandle {
    context: SourceContext,
    thread: Option<JoinHandle<()>>,
}

impl CameraHandle {
    /// Of a camera that a test plays: its source ends when the context's signal is raised.
    #[cfg(test)]
    pub(crate) const fn without_thread(context: SourceContext) -> Self {
        Self {
            context,
            thread: None,
        }
    }

    /// What happened to pictures so far.
    #[must_use]
    pub fn counts(&self) -> CameraCounts {
        self.context.counters.snapshot()
    }
}

impl Drop for CameraHandle {
    fn drop(&mut self) {
        self.context.stop.raise();
        if let Some(thread) = self.thread.take() {
            // A panic in the sink has been reported by its own thread already.
            let _ = thread.join();
        }
    }
}

/// Starts the camera's thread. Both callbacks run on it; `sink` should seal and send, or hand over, and return.
///
/// # Errors
/// When the system gives no thread or descriptor.
pub fn spawn(
    spec: CameraSpec,
    sink: impl FnMut(CapturedFrame) + Send + 'static,
    mut on_state: impl FnMut(CameraState) + Send + 'static,
) -> std::io::Result<CameraHandle> {
    let context = SourceContext {
        stop: StopSignal::new()?,
        counters: Arc::default(),
    };
    let mut opener = Opener::new(spec, context.clone());
    let given = context.clone();
    let thread = std::thread::Builder::new()
        .name("camera".into())
        .spawn(move || {
            if opener.spec == CameraSpec::Off {
                on_state(CameraState::Off);
                return;
            }
            supervise::run(
                &context,
                supervise::patience(),
                || opener.open(),
                sink,
                on_state,
            );
        })?;
    Ok(CameraHandle {
        context: given,
        thread: Some(thread),
    })
}

/// Opens what the spec names, again and again.
struct Opener {
    spec: CameraSpec,
    context: SourceContext,
    locator: v4l2::Locator,
}

impl Opener {
    fn new(spec: CameraSpec, context: SourceContext) -> Self {
        let locator = match &spec {
            CameraSpec::V4l2 { path, wish } => {
                v4l2::Locator::new(Some(path.clone()), wish.unwrap_or_default())
            }
            _ => v4l2::Locator::new(None, PreferredMode::default()),
        };
        Self {
            spec,
            context,
            locator,
        }
    }

    fn open(&mut self) -> Result<Box<dyn FrameSource>, OpenCameraError> {
        let context = self.context.clone();
        match &self.spec {
            CameraSpec::Off => Err(OpenCameraError::Absent("no camera".into())),
            CameraSpec::Auto | CameraSpec::V4l2 { .. } => Ok(Box::new(self.locator.open(context)?)),
            CameraSpec::Pattern(wish) => {
                Ok(Box::new(pattern::PatternCamera::open(*wish, context)?))
            }
            CameraSpec::File(path) => Ok(Box::new(file::FileCamera::open(path, context)?)),
        }
    }
}
