//! Sending frames at the pace of the agreed mode, as long as the host streams.

use std::fmt;
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::events::tell;
use crate::faults::Faults;
use crate::link::Link;
use crate::log::FrameLog;
use crate::mode::Camera;
use crate::payload::{self, PAYLOAD_BYTES, Payload};
use crate::requests::Agreement;
use crate::usbip;

/// Answers written at once: uvcvideo's five transfers, because a system call can be expensive where the tests run.
const BATCH: usize = 5;
/// After this time without a transfer, the host has stopped the stream without saying so.
const STOPPED_AFTER: Duration = Duration::from_millis(500);
/// After this many late frames the camera restarts its clock, like a camera that drops frames which were not fetched.
const LATE_FRAMES: u32 = 4;

/// Why sending a frame ended.
#[derive(Debug, PartialEq, Eq)]
enum Sent {
    Whole,
    HostStopped,
}

/// The device is unplugged.
#[derive(Debug)]
pub(crate) struct Unplugged;

impl From<io::Error> for Unplugged {
    fn from(_: io::Error) -> Self {
        Self
    }
}

/// Sends the frames of one plugged-in camera.
#[derive(Debug)]
pub(crate) struct Sender<'a> {
    /// The link to the host.
    pub(crate) link: &'a Link,
    /// The frames to send.
    pub(crate) camera: &'a Camera,
    /// The faults to add.
    pub(crate) faults: &'a Faults,
    /// The record of sent frames.
    pub(crate) log: &'a FrameLog,
}

impl Sender<'_> {
    /// Sends frames whenever the host streams, until the device is unplugged.
    pub(crate) fn run(&self) -> Result<(), Unplugged> {
        let mut index = 0;
        loop {
            let (agreement, streams) = self.wait_for_stream()?;
            tell(format_args!(
                "streaming {}",
                Described(agreement, self.camera)
            ));
            self.stream(agreement, streams, &mut index)?;
            tell("stopped");
        }
    }

    /// Waits until the host has transfers waiting, which means that it streams. Returns the mode, and which stream it
    /// is.
    fn wait_for_stream(&self) -> Result<(Agreement, u64), Unplugged> {
        let mut state = self.link.lock();
        while state.waiting.is_empty() && !state.ended {
            state = self.link.wait(state, STOPPED_AFTER);
        }
        if state.ended {
            Err(Unplugged)
        } else {
            Ok((state.controls.committed(), state.controls.streams()))
        }
    }

    /// Sends frames in one agreed mode until the host stops. `index` counts frames over all streams.
    fn stream(&self, agreement: Agreement, streams: u64, index: &mut u64) -> Result<(), Unplugged> {
        let mode = agreement.mode(self.camera);
        let interval = agreement.frame_interval(self.camera);
        let mut due = Instant::now();
        let mut batch = Vec::with_capacity(BATCH * (usbip::HEADER_BYTES + PAYLOAD_BYTES));
        loop {
            if !self.sleep_until(due, streams)? {
                return Ok(());
            }
            let late = due.elapsed();
            due = if late > interval * LATE_FRAMES {
                Instant::now() + interval
            } else {
                due + interval
            };
            if self.faults.is_stalled() {
                continue;
            }
            let position =
                usize::try_from(*index % mode.frames.len() as u64).expect("less than a length");
            let mut frame = mode.frames[position].bytes.as_slice();
            let (torn, marked) = (self.faults.tears(*index), self.faults.marks(*index));
            if torn {
                frame = &frame[..frame.len() / 2];
            }
            if self.send(
                payload::split(frame, *index % 2 == 1, marked),
                streams,
                &mut batch,
            )? == Sent::HostStopped
            {
                *index += 1;
                return Ok(());
            }
            let fate = match (torn, marked) {
                (true, _) => "torn",
                (false, true) => "marked",
                (false, false) => "whole",
            };
            self.log.sent(*index, frame, fate);
            *index += 1;
        }
    }

    /// Sleeps until the time of the next frame. False if the host has ended this stream meanwhile.
    fn sleep_until(&self, due: Instant, streams: u64) -> Result<bool, Unplugged> {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let state = self.link.lock();
        if state.ended {
            Err(Unplugged)
        } else {
            Ok(state.controls.streams() == streams)
        }
    }

    /// Sends one frame, as many payloads at once as transfers are waiting.
    fn send<'a>(
        &self,
        mut payloads: impl Iterator<Item = Payload<'a>>,
        streams: u64,
        batch: &mut Vec<u8>,
    ) -> Result<Sent, Unplugged> {
        let mut next = payloads.next();
        while next.is_some() {
            let started = Instant::now();
            let mut state = self.link.lock();
            while state.waiting.is_empty() && !state.ended {
                if started.elapsed() > STOPPED_AFTER {
                    return Ok(Sent::HostStopped);
                }
                state = self.link.wait(state, STOPPED_AFTER);
            }
            if state.ended {
                return Err(Unplugged);
            }
            if state.controls.streams() != streams {
                return Ok(Sent::HostStopped);
            }
            batch.clear();
            for _ in 0..BATCH {
                let Some(payload) = next else { break };
                let Some(sequence) = state.waiting.pop_front() else {
                    break;
                };
                let length = payload.header.len() + payload.data.len();
                batch.extend(usbip::submitted(sequence, usbip::DONE, length));
                batch.extend(payload.header);
                batch.extend(payload.data);
                next = payloads.next();
            }
            state.writer.write_all(batch)?;
        }
        Ok(Sent::Whole)
    }
}

/// Shows an agreement as `MJPG 1280x720@30`.
struct Described<'a>(Agreement, &'a Camera);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = self.0.mode(self.1);
        write!(
            f,
            "{} {}x{}@{}",
            mode.format.fourcc(),
            mode.width,
            mode.height,
            self.0.rate_hz(self.1)
        )
    }
}
