//! A camera and all that it says, to wait for.

use conclave_endpoint::camera::{self, CameraHandle, CameraState};
use conclave_endpoint::clock;
use conclave_endpoint::device::DeviceLoss;
use conclave_endpoint::picture::frame::CapturedFrame;
use conclave_protocol::time::Instant;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longer than anything takes; ends a test that would wait for ever.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Seen {
    pub(crate) frame: CapturedFrame,
    pub(crate) at: Instant,
}

pub(crate) struct Watch {
    pub(crate) handle: CameraHandle,
    frames: Receiver<Seen>,
    states: Receiver<CameraState>,
}

impl Watch {
    pub(crate) fn camera(spec: &str) -> Self {
        let (frame_sender, frames) = channel();
        let (state_sender, states) = channel();
        let sink = move |frame| {
            let at = clock::now();
            let _ = frame_sender.send(Seen { frame, at });
        };
        let on_state = move |state| {
            let _ = state_sender.send(state);
        };
        let handle = camera::spawn(spec.parse().unwrap(), sink, on_state).unwrap();
        Self {
            handle,
            frames,
            states,
        }
    }

    /// The next picture; those who do not keep it give its buffer back.
    pub(crate) fn frame(&self) -> Seen {
        self.frames.recv_timeout(PATIENCE).expect("a picture")
    }

    /// Throws away the pictures that came so far.
    pub(crate) fn clear(&self) {
        while self.frames.try_recv().is_ok() {}
    }

    /// Waits for a state; those before it are passed over. Pictures that come meanwhile are thrown away.
    pub(crate) fn state(&self, wanted: impl Fn(&CameraState) -> bool) -> CameraState {
        loop {
            self.clear();
            match self.states.recv_timeout(Duration::from_millis(50)) {
                Ok(state) if wanted(&state) => return state,
                Ok(_) | Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(crate) fn running(&self) -> camera::StreamFormat {
        match self.state(|state| matches!(state, CameraState::Running(_))) {
            CameraState::Running(format) => format,
            _ => unreachable!(),
        }
    }

    /// What comes first: that it runs, or why it does not.
    pub(crate) fn running_or_lost(&self) -> Result<camera::StreamFormat, DeviceLoss> {
        let settled =
            |state: &CameraState| matches!(state, CameraState::Running(_) | CameraState::Lost(_));
        match self.state(settled) {
            CameraState::Running(format) => Ok(format),
            CameraState::Lost(loss) => Err(loss),
            _ => unreachable!(),
        }
    }

    /// Whether no picture has come since the last look.
    pub(crate) fn is_silent(&self) -> bool {
        self.frames.try_recv().is_err()
    }

    pub(crate) fn lost(&self) -> DeviceLoss {
        match self.state(|state| matches!(state, CameraState::Lost(_))) {
            CameraState::Lost(loss) => loss,
            _ => unreachable!(),
        }
    }
}

/// The bytes as the camera sent them: without markers and Huffman tables that were put in.
pub(crate) fn as_sent(frame: &CapturedFrame) -> Vec<u8> {
    frame.sent_parts().concat()
}
