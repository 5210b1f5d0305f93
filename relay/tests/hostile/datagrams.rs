//! A media socket that sends and receives in batches, as endpoints do: a system call costs much where the kernel is an
//! ordinary program.

use std::io::IoSliceMut;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use conclave_protocol::MAX_DATAGRAM;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};

/// The longest batch that one system call takes: an IPv4 datagram without its headers.
const MAX_BATCH: usize = 65_507;
const MAX_RECEIVED: usize = 65_536;

pub(crate) struct Datagrams {
    socket: UdpSocket,
    state: UdpSocketState,
    relay: SocketAddr,
}

/// Where received batches lie; one serves many sockets, one after the other.
pub(crate) struct Memory(Vec<u8>);

impl Default for Memory {
    fn default() -> Self {
        Self(vec![0; BATCH_SIZE * MAX_RECEIVED])
    }
}

impl Datagrams {
    pub(crate) fn to(relay: SocketAddr) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let state = UdpSocketState::new(UdpSockRef::from(&socket)).unwrap();
        // As endpoints have it, if the kernel allows.
        let _ = state.set_recv_buffer_size(UdpSockRef::from(&socket), 4 << 20);
        let _ = state.set_send_buffer_size(UdpSockRef::from(&socket), 1 << 20);
        Self {
            socket,
            state,
            relay,
        }
    }

    /// Sends datagrams that lie back to back, all but the last of `length` bytes; `false` when the kernel took not all.
    pub(crate) fn send(&self, datagrams: &[u8], length: usize) -> bool {
        let a_call = (MAX_BATCH / length).min(self.state.max_gso_segments());
        datagrams.chunks(a_call * length).all(|contents| {
            let transmit = Transmit {
                destination: self.relay,
                ecn: None,
                contents,
                segment_size: (contents.len() > length).then_some(length),
                src_ip: None,
            };
            let socket = UdpSockRef::from(&self.socket);
            self.state.try_send(socket, &transmit).is_ok()
        })
    }

    /// Sends a frame as it was sealed.
    pub(crate) fn send_frame(&self, batch: &[u8]) -> bool {
        self.send(batch, MAX_DATAGRAM)
    }

    /// Gives every datagram that is there.
    pub(crate) fn receive(&self, memory: &mut Memory, mut take: impl FnMut(&mut [u8])) {
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        loop {
            let mut chunks = memory.0.chunks_mut(MAX_RECEIVED);
            let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap()));
            let socket = UdpSockRef::from(&self.socket);
            let Ok(received) = self.state.recv(socket, &mut slices, &mut metas) else {
                return;
            };
            for (slice, meta) in slices.iter_mut().zip(&metas).take(received) {
                for datagram in slice[..meta.len].chunks_mut(meta.stride) {
                    take(datagram);
                }
            }
            if received < BATCH_SIZE {
                return;
            }
        }
    }
}
