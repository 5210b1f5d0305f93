//! The media socket: whole frames out in segment-offload batches, batches of packets in.
//!
//! One socket for all media threads of the endpoint. Sending never blocks: when the kernel's queue is full,
//! the rest of the frame is dropped and counted, for a late frame is worth less than the next one.

use conclave_protocol::MAX_DATAGRAM;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The most datagrams in one batch of segments: the kernel takes 64 KiB and 64 segments at a time.
const SEGMENTS_A_SEND: usize = 54;
/// Kernel memory for what waits to be sent: several frames of 1080p.
const SEND_BUFFER_BYTES: usize = 1 << 20;
/// Kernel memory for what waits to be read: 100 ms of many streams.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;
/// The most that one read may bring: one offload batch.
const READ_BYTES: usize = 1 << 16;

/// Wakes a loop when a socket can be read.
pub type Readiness = AsyncFd<OwnedFd>;

/// A UDP socket to one relay.
#[derive(Debug)]
pub struct MediaSocket {
    socket: UdpSocket,
    state: UdpSocketState,
    relay: SocketAddr,
}

impl MediaSocket {
    /// Opens a socket that talks to `relay` alone.
    ///
    /// # Errors
    /// When the system gives no socket or has no way to the address.
    pub fn open(relay: SocketAddr) -> io::Result<Self> {
        let any: SocketAddr = match relay {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(relay)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // Smaller buffers work too; the system's limit may be below what is asked for.
        let _ = state.set_send_buffer_size(UdpSockRef::from(&socket), SEND_BUFFER_BYTES);
        let _ = state.set_recv_buffer_size(UdpSockRef::from(&socket), RECEIVE_BUFFER_BYTES);
        Ok(Self {
            socket,
            state,
            relay,
        })
    }

    /// What tells the engine's loop that there is something to read.
    ///
    /// # Errors
    /// When the system gives no second descriptor.
    #[expect(
        deprecated,
        reason = "an OwnedFd stays open while it is registered; the successor is unsafe for those that may not"
    )]
    pub fn readiness(&self) -> io::Result<Readiness> {
        let socket = OwnedFd::from(self.socket.try_clone()?);
        // Not for writing: the loop would be woken by every batch that leaves the kernel's queue.
        AsyncFd::with_interest(socket, Interest::READABLE)
    }

    /// Sends datagrams that lie back to back, all but the last [`MAX_DATAGRAM`] long. Gives how many were not sent.
    pub fn send(&self, datagrams: &[u8]) -> usize {
        let segments = SEGMENTS_A_SEND.min(self.state.max_gso_segments());
        let mut rest = datagrams;
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(rest.len().min(segments * MAX_DATAGRAM));
            match self.send_segments(batch) {
                Ok(()) => rest = later,
                // Segment offload turned out to be unsupported: the same bytes again, one by one.
                Err(_) if segments > 1 && self.state.max_gso_segments() == 1 => {
                    return self.send(rest);
                }
                Err(_) => return rest.len().div_ceil(MAX_DATAGRAM),
            }
        }
        0
    }

    fn send_segments(&self, batch: &[u8]) -> io::Result<()> {
        let transmit = Transmit {
            destination: self.relay,
            ecn: None,
            contents: batch,
            segment_size: (batch.len() > MAX_DATAGRAM).then_some(MAX_DATAGRAM),
            src_ip: None,
        };
        match self
            .state
            .try_send(UdpSockRef::from(&self.socket), &transmit)
        {
            // The relay is not up: what ICMP said about an earlier datagram is no fault of this one.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
            sent => sent,
        }
    }
}

impl AsFd for MediaSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Memory for batches that are read.
pub struct ReadBuffers {
    memory: Vec<u8>,
}

impl Default for ReadBuffers {
    fn default() -> Self {
        Self {
            memory: vec![0; READ_BYTES * READS],
        }
    }
}

const READS: usize = if BATCH_SIZE < 4 { BATCH_SIZE } else { 4 };

impl ReadBuffers {
    /// Reads what waits, and hands over each datagram; `WouldBlock` when nothing does.
    ///
    /// # Errors
    /// The socket's. A refused connection is none: the relay is not up.
    pub fn read(
        &mut self,
        socket: &MediaSocket,
        mut each: impl FnMut(&mut [u8]),
    ) -> io::Result<()> {
        let mut slices = self
            .memory
            .chunks_exact_mut(READ_BYTES)
            .map(IoSliceMut::new);
        let mut slices: [IoSliceMut<'_>; READS] =
            std::array::from_fn(|_| slices.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
        let mut metas = [RecvMeta::default(); READS];
        let count =
            match socket
                .state
                .recv(UdpSockRef::from(&socket.socket), &mut slices, &mut metas)
            {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(()),
                read => read?,
            };
        for (slice, meta) in slices.iter_mut().zip(&metas).take(count) {
            for datagram in slice[..meta.len].chunks_mut(meta.stride.max(1)) {
                each(datagram);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, poll};

    #[test]
    fn a_frame_of_many_datagrams_arrives_as_it_was_cut() {
        let relay = UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = MediaSocket::open(relay.local_addr().unwrap()).unwrap();
        let frame: Vec<u8> = (0..70 * MAX_DATAGRAM + 100)
            .map(|i| (i / 7) as u8)
            .collect();
        assert_eq!(socket.send(&frame), 0);
        for expected in frame.chunks(MAX_DATAGRAM) {
            let mut datagram = [0; 1500];
            let length = relay.recv(&mut datagram).unwrap();
            assert_eq!(&datagram[..length], expected);
        }
    }

    #[test]
    fn what_waits_is_read_datagram_by_datagram_and_strangers_are_not_heard() {
        let relay = UdpSocket::bind("127.0.0.1:0").unwrap();
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = MediaSocket::open(relay.local_addr().unwrap()).unwrap();
        let to = socket.socket.local_addr().unwrap();
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, to.port()));
        stranger.send_to(b"stranger", to).unwrap();
        relay.send_to(b"one", to).unwrap();
        relay.send_to(b"two!", to).unwrap();
        let mut heard = Vec::new();
        let mut buffers = ReadBuffers::default();
        while heard.len() < 2 {
            poll(&mut [PollFd::new(&socket, PollFlags::IN)], None).unwrap();
            buffers
                .read(&socket, |datagram| heard.push(datagram.to_vec()))
                .unwrap();
        }
        assert_eq!(heard, [b"one".to_vec(), b"two!".to_vec()]);
    }
}
