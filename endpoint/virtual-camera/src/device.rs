//! A plugged-in camera: a thread that answers the kernel, and the thread of [`Sender`].

use std::io::{self, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;

use crate::faults::Faults;
use crate::link::Link;
use crate::log::FrameLog;
use crate::mode::Camera;
use crate::payload::PAYLOAD_BYTES;
use crate::requests::Answer;
use crate::sender::Sender;
use crate::usbip::{self, Command};
use crate::vhci::{self, PlugError};

/// Transfers that may wait for a payload. uvcvideo keeps five; further ones are refused.
const MAX_WAITING: usize = 256;

/// A camera in a port. Dropping it unplugs the camera.
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
        // An error means that the kernel was faster.
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
        // The only possible error is that the connection has ended.
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

/// Executes the kernel's commands until the device is unplugged.
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
                    state.waiting.push_back(sequence);
                    link.notify();
                }
            }
            Command::Unlink { sequence, target } => {
                let mut state = link.lock();
                let position = state.waiting.iter().position(|&waiting| waiting == target);
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
            // A silent camera must fail its test, not block it.
            kernels
                .set_read_timeout(Some(std::time::Duration::from_secs(20)))
                .unwrap();
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

    #[test]
    fn a_new_stream_is_sent_in_the_mode_that_was_agreed_on_last() {
        let mut camera = camera_of(vec![5; 100]);
        camera.modes[2].frames = vec![Frame::new(vec![6; 200])];
        let mut host = Host::plug(camera, Faults::default());
        assert_eq!(host.frame().0, [5; 100]);
        host.submit(0, 0, 0, [0x02, 1, 0, 0, 0x81, 0, 0, 0]);
        assert_eq!(host.answer().2, usbip::DONE);
        host.sequence += 1;
        let mut commit = command(1, host.sequence, 0, 0, 34, [0x21, 1, 0, 2, 1, 0, 34, 0]);
        commit.extend([0, 0, 1, 2]);
        commit.extend([0; 30]);
        host.socket.write_all(&commit).unwrap();
        // The answer to an OUT transfer reports how many bytes were accepted, and carries no data.
        let mut header = [0; usbip::HEADER_BYTES];
        host.socket.read_exact(&mut header).unwrap();
        assert_eq!(header[24..28], 34u32.to_be_bytes());
        assert_eq!(host.frame().0, [6; 200]);
    }
}
