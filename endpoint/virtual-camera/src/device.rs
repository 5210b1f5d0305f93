//! A plugged-in camera: a thread that answers the kernel, and a thread that sends frames at the pace of the agreed mode.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use crate::events::tell;
use crate::faults::Faults;
use crate::log::FrameLog;
use crate::mode::Camera;
use crate::payload::{self, PAYLOAD_BYTES, Payload};
use crate::requests::{Agreement, Answer, Controls};
use crate::usbip::{self, Command, SequenceNumber};
use crate::vhci::{self, PlugError};

/// Transfers that wait for a payload. uvcvideo keeps five; what comes beyond this is refused.
const MAX_WAITING: usize = 256;
/// Answers written at once: uvcvideo's five transfers, because a system call can be dear where the tests run.
const BATCH: usize = 5;
/// After so long without a transfer the host has stopped the stream.
const STOPPED_AFTER: Duration = Duration::from_millis(500);
/// After so many frames too late the camera starts its clock anew, as a camera drops what nobody fetched.
const LATE_FRAMES: u32 = 4;

/// A camera in a port. Dropping it unplugs.
#[derive(Debug)]
pub(crate) struct Device {
    connection: UnixStream,
}

impl Device {
    /// Plugs a camera into the first free port and starts its threads, which end with it.
    pub(crate) fn plug(
        camera: Arc<Camera>,
        faults: Arc<Faults>,
        log: Arc<FrameLog>,
    ) -> Result<Self, PlugError> {
        let connection = vhci::attach()?;
        start(&connection, camera, faults, log).map_err(PlugError::System)?;
        Ok(Self { connection })
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // An error means that the kernel was quicker.
        let _ = self.connection.shutdown(Shutdown::Both);
    }
}

/// Starts the two threads of a camera on its end of the connection.
fn start(
    connection: &UnixStream,
    camera: Arc<Camera>,
    faults: Arc<Faults>,
    log: Arc<FrameLog>,
) -> io::Result<()> {
    let commands = connection.try_clone()?;
    let link = Arc::new(Link::new(connection.try_clone()?, &camera));
    let answering = {
        let (link, camera) = (link.clone(), camera.clone());
        move || {
            if let Err(error) = answer_commands(commands, &link, &camera)
                && error.kind() == io::ErrorKind::InvalidData
            {
                eprintln!("conclave-virtual-camera: {error}");
            }
            link.end();
        }
    };
    let sending = move || {
        // The only error is that of a connection which is gone.
        let _ = Sender {
            link: &link,
            camera: &camera,
            faults: &faults,
            log: &log,
        }
        .run();
        link.end();
    };
    thread::Builder::new()
        .name("commands".into())
        .spawn(answering)?;
    thread::Builder::new()
        .name("frames".into())
        .spawn(sending)?;
    Ok(())
}

/// What both threads share. One lock holds the waiting transfers and the writing end, so that an unlink and the answer to its
/// target can not cross.
#[derive(Debug)]
struct Link {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    writer: UnixStream,
    controls: Controls,
    waiting: VecDeque<(SequenceNumber, usize)>,
    ended: bool,
}

impl Link {
    fn new(writer: UnixStream, camera: &Camera) -> Self {
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

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the link panics")
    }

    /// Waits for a change, or a while.
    fn wait<'a>(&self, state: MutexGuard<'a, State>, at_most: Duration) -> MutexGuard<'a, State> {
        self.changed
            .wait_timeout(state, at_most)
            .expect("no holder of the link panics")
            .0
    }

    fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }
}

/// Obeys the kernel until the device is unplugged.
fn answer_commands(commands: UnixStream, link: &Link, camera: &Camera) -> io::Result<()> {
    let mut commands = BufReader::with_capacity(4096, commands);
    loop {
        match Command::read(&mut commands)? {
            Command::ControlOut {
                sequence,
                setup,
                data,
            } => {
                let mut state = link.lock();
                let answer = match state.controls.answer(camera, setup, &data) {
                    Answer::Data(_) => usbip::submitted(sequence, usbip::DONE, data.len()),
                    Answer::Stall => usbip::submitted(sequence, usbip::STALLED, 0),
                };
                state.writer.write_all(&answer)?;
            }
            Command::ControlIn {
                sequence,
                setup,
                length,
            } => {
                let mut state = link.lock();
                let answer = match state.controls.answer(camera, setup, &[]) {
                    Answer::Data(mut data) => {
                        data.truncate(length);
                        [
                            usbip::submitted(sequence, usbip::DONE, data.len()).as_slice(),
                            &data,
                        ]
                        .concat()
                    }
                    Answer::Stall => usbip::submitted(sequence, usbip::STALLED, 0).to_vec(),
                };
                state.writer.write_all(&answer)?;
            }
            Command::StreamIn { sequence, length } => {
                let mut state = link.lock();
                if state.waiting.len() == MAX_WAITING || length < PAYLOAD_BYTES {
                    state
                        .writer
                        .write_all(&usbip::submitted(sequence, usbip::STALLED, 0))?;
                } else {
                    state.waiting.push_back((sequence, length));
                    link.changed.notify_all();
                }
            }
            Command::Unlink { sequence, target } => {
                let mut state = link.lock();
                let position = state.waiting.iter().position(|waiting| waiting.0 == target);
                let status = if position.is_some() {
                    usbip::TAKEN_BACK
                } else {
                    usbip::DONE
                };
                position.map(|position| state.waiting.remove(position));
                state.writer.write_all(&usbip::unlinked(sequence, status))?;
            }
        }
    }
}

/// How sending a frame ended.
#[derive(Debug, PartialEq, Eq)]
enum Sent {
    Whole,
    HostStopped,
}

/// The device is gone.
struct Unplugged;

impl From<io::Error> for Unplugged {
    fn from(_: io::Error) -> Self {
        Self
    }
}

struct Sender<'a> {
    link: &'a Link,
    camera: &'a Camera,
    faults: &'a Faults,
    log: &'a FrameLog,
}

impl Sender<'_> {
    /// Sends frames whenever the host streams, until the device is unplugged.
    fn run(&self) -> Result<(), Unplugged> {
        let mut index = 0;
        loop {
            let (agreement, commits) = self.wait_for_stream()?;
            tell(format_args!(
                "streaming {}",
                Described(agreement, self.camera)
            ));
            self.stream(agreement, commits, &mut index)?;
            tell("stopped");
        }
    }

    /// Waits until the host has transfers waiting, which is to say that it streams. Says in which mode, and which stream it is.
    fn wait_for_stream(&self) -> Result<(Agreement, u64), Unplugged> {
        let mut state = self.link.lock();
        while state.waiting.is_empty() && !state.ended {
            state = self
                .link
                .changed
                .wait(state)
                .expect("no holder of the link panics");
        }
        if state.ended {
            Err(Unplugged)
        } else {
            Ok((state.controls.committed(), state.controls.commits()))
        }
    }

    /// Sends frames in one agreed mode until the host stops. `index` counts frames over all streams.
    fn stream(&self, agreement: Agreement, commits: u64, index: &mut u64) -> Result<(), Unplugged> {
        let mode = agreement.mode(self.camera);
        let interval = agreement.frame_interval(self.camera);
        let mut due = Instant::now();
        let mut batch = Vec::with_capacity(BATCH * (usbip::HEADER_BYTES + PAYLOAD_BYTES));
        loop {
            if !self.sleep_until(due, commits)? {
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
                commits,
                &mut batch,
            )? == Sent::HostStopped
            {
                *index += 1;
                return Ok(());
            }
            self.log.sent(
                *index,
                frame,
                if torn {
                    "torn"
                } else if marked {
                    "marked"
                } else {
                    "whole"
                },
            );
            *index += 1;
        }
    }

    /// Sleeps to the time of the next frame. False if the host has meanwhile taken back all its transfers, or begun another stream.
    fn sleep_until(&self, due: Instant, commits: u64) -> Result<bool, Unplugged> {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let state = self.link.lock();
        if state.ended {
            Err(Unplugged)
        } else {
            Ok(!state.waiting.is_empty() && state.controls.commits() == commits)
        }
    }

    /// Sends one frame, as many payloads at once as transfers are waiting.
    fn send<'a>(
        &self,
        mut payloads: impl Iterator<Item = Payload<'a>>,
        commits: u64,
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
            if state.controls.commits() != commits {
                return Ok(Sent::HostStopped);
            }
            batch.clear();
            for _ in 0..BATCH {
                let Some(payload) = next else { break };
                let Some((sequence, _)) = state.waiting.pop_front() else {
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

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::frames::Frame;
    use crate::mode::tests::camera;
    use crate::usbip::tests::command;

    /// The kernel's side of a connection to a camera.
    struct Host {
        socket: UnixStream,
        sequence: u32,
    }

    impl Host {
        fn plug(camera: Camera, faults: Faults) -> Self {
            let (ours, kernels) = UnixStream::pair().unwrap();
            let log = FrameLog::create(None).unwrap();
            start(&ours, Arc::new(camera), Arc::new(faults), Arc::new(log)).unwrap();
            Self {
                socket: kernels,
                sequence: 0,
            }
        }

        fn submit(&mut self, direction: u32, endpoint: u32, length: u32, setup: [u8; 8]) -> u32 {
            self.sequence += 1;
            self.socket
                .write_all(&command(
                    1,
                    self.sequence,
                    direction,
                    endpoint,
                    length,
                    setup,
                ))
                .unwrap();
            self.sequence
        }

        /// Command, sequence number, status and data of the next answer to an IN transfer, or to an unlink.
        fn answer(&mut self) -> (u32, u32, i32, Vec<u8>) {
            let mut header = [0; usbip::HEADER_BYTES];
            self.socket.read_exact(&mut header).unwrap();
            let field = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().unwrap());
            let mut data = vec![0; field(24) as usize];
            self.socket.read_exact(&mut data).unwrap();
            (field(0), field(4), field(20) as i32, data)
        }

        /// One frame, put together from its payloads as a driver does it, with its id.
        fn frame(&mut self) -> (Vec<u8>, u8) {
            let mut frame = Vec::new();
            loop {
                self.submit(1, 1, PAYLOAD_BYTES as u32, [0; 8]);
                let (_, sequence, status, data) = self.answer();
                assert_eq!((sequence, status), (self.sequence, usbip::DONE));
                frame.extend(&data[2..]);
                if data[1] & 2 != 0 {
                    return (frame, data[1] & 1);
                }
            }
        }
    }

    fn camera_of(frame: Vec<u8>) -> Camera {
        let mut camera = camera();
        camera.modes[0].frames = vec![Frame::new(frame)];
        camera.modes[0].rates_hz = vec![240];
        camera
    }

    #[test]
    fn a_host_reads_the_descriptors_as_far_as_it_asks() {
        let mut host = Host::plug(camera(), Faults::default());
        host.submit(1, 0, 9, [0x80, 6, 0, 2, 0, 0, 9, 0]);
        let (_, _, status, data) = host.answer();
        assert_eq!((status, data.len(), data[1]), (usbip::DONE, 9, 2));
        host.submit(1, 0, 64, [0x80, 6, 0, 15, 0, 0, 64, 0]);
        assert_eq!(host.answer().2, usbip::STALLED);
    }

    #[test]
    fn frames_arrive_whole_with_an_id_that_toggles() {
        let bytes: Vec<u8> = (0..50_000u32).map(|i| (i % 253) as u8).collect();
        let mut host = Host::plug(camera_of(bytes.clone()), Faults::default());
        let ids: Vec<u8> = (0..4)
            .map(|_| {
                let (frame, id) = host.frame();
                assert_eq!(frame, bytes);
                id
            })
            .collect();
        assert_eq!(ids, [0, 1, 0, 1]);
    }

    #[test]
    fn a_torn_frame_is_the_first_half_and_still_ends() {
        let faults = Faults::default();
        faults.tear_every(2);
        let mut host = Host::plug(camera_of(vec![5; 40_000]), faults);
        let lengths: Vec<usize> = (0..4).map(|_| host.frame().0.len()).collect();
        assert_eq!(lengths, [40_000, 20_000, 40_000, 20_000]);
    }

    #[test]
    fn a_transfer_that_is_taken_back_in_time_gets_no_payload() {
        let faults = Faults::default();
        faults.stall(true);
        let mut host = Host::plug(camera_of(vec![5; 100]), faults);
        let target = host.submit(1, 1, PAYLOAD_BYTES as u32, [0; 8]);
        let mut unlink = command(2, target + 1, 0, 0, 0, [0; 8]);
        unlink[20..24].copy_from_slice(&target.to_be_bytes());
        host.socket.write_all(&unlink).unwrap();
        assert_eq!(host.answer(), (4, target + 1, usbip::TAKEN_BACK, vec![]));
    }

    #[test]
    fn a_transfer_too_small_for_a_payload_is_refused() {
        let mut host = Host::plug(camera_of(vec![5; 100]), Faults::default());
        host.submit(1, 1, 512, [0; 8]);
        assert_eq!(host.answer().2, usbip::STALLED);
    }
}
