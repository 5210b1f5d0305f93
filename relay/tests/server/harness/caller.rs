//! An endpoint that sends and receives media.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::hop::{HopKeys, body_up};
use conclave_protocol::id::{Epoch, FrameNumber, SequenceNumber, SessionId, StreamId};
use conclave_protocol::wire::feedback::{Padding, Probe};
use conclave_protocol::wire::header::{Header, Kind, TAG_BYTES};

use super::endpoint::Endpoint;
use super::{PATIENCE, camera};

/// An endpoint with its media socket and one camera stream.
pub(crate) struct Caller {
    pub(crate) control: Endpoint,
    pub(crate) udp: UdpSocket,
    pub(crate) session: SessionId,
    pub(crate) keys: HopKeys,
    pub(crate) counter: u64,
    /// The highest counter of the answers that came.
    seen: Option<u64>,
    pub(crate) stream: StreamId,
    frame: u32,
    sequence: u64,
}

impl Caller {
    /// Takes an endpoint in a room, proves its path and publishes.
    pub(crate) fn new(control: Endpoint) -> Self {
        let mut caller = Self::unproven(control);
        caller.probe();
        caller
    }

    /// The same without a proven path.
    pub(crate) fn unproven(mut control: Endpoint) -> Self {
        let signed_in = control.signed_in.clone().unwrap();
        let stream = control.publish(camera());
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        udp.connect(control.relay).unwrap();
        udp.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            control,
            udp,
            session: signed_in.session,
            keys: HopKeys::derive(&signed_in.hop_secret),
            counter: 0,
            seen: None,
            stream,
            frame: 0,
            sequence: 0,
        }
    }

    pub(crate) fn next_counter(&mut self) -> u64 {
        self.counter += 1;
        self.counter - 1
    }

    pub(crate) fn probe_bytes(&mut self) -> Vec<u8> {
        self.padded_probe_bytes(0)
    }

    /// A probe of so many bytes.
    pub(crate) fn padded_probe_bytes(&mut self, length: usize) -> Vec<u8> {
        let ask = Probe::Ask {
            sent: conclave_protocol::time::Instant(7),
            seen: self.seen,
            round_trip: conclave_protocol::time::Micros(2_000),
            padding: Padding::NONE,
        };
        let mut out = [0; MAX_DATAGRAM];
        let counter = self.next_counter();
        let length = self
            .keys
            .seal_up(
                self.session,
                counter,
                Kind::Probe,
                &ask.padded_to(body_up(length)),
                &mut out,
            )
            .unwrap();
        out[..length].to_vec()
    }

    /// Probes until the relay answers over UDP and knows that its answer came: by then it has taken what was sent
    /// before.
    ///
    /// Where others fill the relay's queue the kernel may drop a probe, so it is sent again, as endpoints do.
    pub(crate) fn probe(&mut self) {
        let again = Some(Duration::from_millis(250));
        self.udp.set_read_timeout(again).unwrap();
        let until = Instant::now() + PATIENCE;
        for _ in ["is there a way", "it was seen"] {
            while !self.is_answered() {
                assert!(Instant::now() < until, "no probe was answered");
            }
        }
        self.udp.set_read_timeout(Some(PATIENCE)).unwrap();
    }

    fn is_answered(&mut self) -> bool {
        let probe = self.probe_bytes();
        self.udp.send(&probe).unwrap();
        let mut buffer = [0; 2048];
        loop {
            let length = match self.udp.recv(&mut buffer) {
                Ok(length) => length,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    return false;
                }
            };
            if buffer[0] == Kind::Probe as u8 {
                let (counter, answer): (u64, Probe) =
                    self.keys.open_down(&mut buffer[..length]).unwrap();
                assert!(matches!(answer, Probe::Answer { sent, .. } if sent.0 == 7));
                self.seen = self.seen.max(Some(counter));
                return true;
            }
        }
    }

    /// Shows the relay that both directions still work.
    pub(crate) fn refresh(&mut self) {
        self.probe();
        self.control.settle();
    }

    /// A packet of this caller's stream; its payload is not really sealed, which no relay can tell.
    pub(crate) fn packet(
        &mut self,
        kind: Kind,
        fragment: u16,
        fragments: u16,
        payload: usize,
    ) -> Vec<u8> {
        let header = Header {
            kind,
            level: 0,
            epoch: Epoch(0),
            stream: self.stream,
            sequence: SequenceNumber(self.sequence),
            timestamp: conclave_protocol::time::Instant(u64::from(self.frame) * 33_333 + 1),
            frame: FrameNumber(self.frame),
            fragment,
            fragments,
        };
        self.sequence += 1;
        let mut packet = header.emit().to_vec();
        packet.resize(packet.len() + payload + TAG_BYTES, fragment as u8);
        packet
    }

    pub(crate) fn tagged(&mut self, packet: &[u8]) -> Vec<u8> {
        let counter = self.next_counter();
        let mut datagram = self.keys.tag_media(self.session, counter, packet).to_vec();
        datagram.extend_from_slice(packet);
        datagram
    }

    /// One frame's packets, as receivers must get them.
    pub(crate) fn frame(&mut self, fragments: u16) -> Vec<Vec<u8>> {
        self.frame += 1;
        (0..fragments)
            .map(|i| {
                let payload = if i + 1 == fragments { 300 } else { 1124 };
                self.packet(Kind::Video, i, fragments, payload)
            })
            .collect()
    }

    /// Sends one frame over UDP.
    pub(crate) fn send_frame(&mut self, fragments: u16) -> Vec<Vec<u8>> {
        let packets = self.frame(fragments);
        for packet in &packets {
            let datagram = self.tagged(packet);
            self.udp.send(&datagram).unwrap();
        }
        packets
    }

    /// The next media packet over UDP.
    pub(crate) fn receive(&mut self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        loop {
            let length = self.udp.recv(&mut buffer).unwrap();
            if buffer[0] != Kind::Probe as u8 {
                return buffer[..length].to_vec();
            }
        }
    }

    /// Sees that a frame of the other's arrives whole and untouched.
    pub(crate) fn check_frame_from(&mut self, other: &mut Caller) {
        for packet in other.send_frame(34) {
            assert_eq!(self.receive(), packet);
        }
    }
}
