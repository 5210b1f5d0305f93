//! The state that the two threads of a plugged-in camera share.

use std::collections::VecDeque;
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::mode::Camera;
use crate::requests::Controls;
use crate::usbip::SequenceNumber;

/// The state under one lock, which also holds the writing end, so that an unlink and the answer to its target cannot
/// cross.
#[derive(Debug)]
pub(crate) struct Link {
    state: Mutex<State>,
    changed: Condvar,
}

/// The state of the connection to the host.
#[derive(Debug)]
pub(crate) struct State {
    /// The connection to the kernel.
    pub(crate) writer: UnixStream,
    /// The controls, including the agreed mode.
    pub(crate) controls: Controls,
    /// Transfers of the streaming endpoint that wait for a payload, the oldest first.
    pub(crate) waiting: VecDeque<SequenceNumber>,
    /// The device is unplugged.
    pub(crate) ended: bool,
}

impl Link {
    /// The link of a camera that was just plugged in.
    pub(crate) fn new(writer: UnixStream, camera: &Camera) -> Self {
        let state = State {
            writer,
            controls: Controls::new(camera),
            waiting: VecDeque::new(),
            ended: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// The state, for a moment.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the link panics")
    }

    /// Waits for a change of the state, or for a while. It may also return early.
    pub(crate) fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        at_most: Duration,
    ) -> MutexGuard<'a, State> {
        self.changed
            .wait_timeout(state, at_most)
            .expect("no holder of the link panics")
            .0
    }

    /// Wakes the threads that wait for a change.
    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Reports that the device is unplugged.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.notify();
    }
}
