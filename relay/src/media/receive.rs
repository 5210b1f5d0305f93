//! The socket's receiving side: a batch of messages in one system call, and where each came from.

use std::io::{ErrorKind, IoSliceMut};
use std::net::UdpSocket;

use quinn_udp::{RecvMeta, UdpSockRef};

use super::send::Sender;
use super::way::Path;

/// Messages of one receive, each up to a whole frame: as many as one call takes.
const RECEIVED: usize = quinn_udp::BATCH_SIZE;
/// Bytes of one receive buffer: what the kernel coalesces at most.
const BUFFER: usize = 65_536;
/// Bytes of the kernel's queues. Higher rides out longer bursts; the kernel may give less.
const SOCKET_BYTES: usize = 8 * 1024 * 1024;

/// The messages of one receive.
pub(super) struct Received {
    /// Whether answers must name the address that was asked.
    many_addresses: bool,
    buffers: Vec<u8>,
    meta: [RecvMeta; RECEIVED],
    messages: usize,
}

impl Received {
    /// Buffers for a socket.
    pub(super) fn on(socket: &UdpSocket) -> std::io::Result<Self> {
        enlarge(socket);
        Ok(Self {
            many_addresses: socket.local_addr()?.ip().is_unspecified(),
            buffers: vec![0; RECEIVED * BUFFER],
            meta: [RecvMeta::default(); RECEIVED],
            messages: 0,
        })
    }

    /// Takes what waits on the socket in place of what was received before; `true` when more may wait.
    pub(super) fn receive(&mut self, from: &Sender) -> bool {
        let mut chunks = self.buffers.chunks_mut(BUFFER);
        let mut slices: [IoSliceMut<'_>; RECEIVED] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let socket = UdpSockRef::from(&from.socket);
        self.messages = match from.state.recv(socket, &mut slices, &mut self.meta) {
            Ok(messages) => messages,
            Err(error) => {
                if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) {
                    tracing::debug!(%error, "cannot receive");
                }
                0
            }
        };
        self.messages == RECEIVED
    }

    /// Each datagram, and the path that it came on.
    pub(super) fn datagrams(&mut self) -> impl Iterator<Item = (Path, &mut [u8])> {
        let many_addresses = self.many_addresses;
        let messages = self.buffers.chunks_mut(BUFFER).zip(&self.meta);
        messages
            .take(self.messages)
            .flat_map(move |(buffer, meta)| {
                let path = Path {
                    to: meta.addr,
                    from: meta.dst_ip.filter(|_| many_addresses),
                };
                let datagrams = buffer[..meta.len].chunks_mut(meta.stride.max(1));
                datagrams.map(move |datagram| (path, datagram))
            })
    }
}

fn enlarge(socket: &UdpSocket) {
    let socket = socket2::SockRef::from(socket);
    // The kernel caps both at net.core.{r,w}mem_max. What its receive queue then drops shows in
    // /proc/net/snmp (RcvbufErrors), not here; what the send queue does not take is counted.
    let _ = socket.set_recv_buffer_size(SOCKET_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BYTES);
}
