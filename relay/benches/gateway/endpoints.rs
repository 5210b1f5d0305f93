//! Endpoints that receive over UDP and count.

use std::io::IoSliceMut;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::id::RoomId;
use conclave_protocol::l16::BLOCK_BYTES;
use conclave_protocol::sender::Uplink;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::feedback::{Padding, Probe};
use conclave_protocol::wire::header::{HEADER_BYTES, Kind, MAX_PACKET, TAG_BYTES};
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef, UdpSocketState};
use rustix::event::{PollFd, PollFlags, poll};

use crate::harness::Endpoint;
use crate::relay::RelayProcess;
use crate::{FRAGMENTS, RECEIVERS, Receivers};

pub(crate) struct Endpoints {
    endpoints: Vec<(Endpoint, Uplink, UdpSocket)>,
    /// Probes of each endpoint so far: the relay counts its answers as it gets them.
    asked: u64,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    fragments: AtomicU64,
    blocks: AtomicU64,
    probes: AtomicU64,
}

impl Endpoints {
    pub(crate) fn join(relay: &RelayProcess, room: RoomId) -> Self {
        let endpoints: Vec<_> = (0..RECEIVERS)
            .map(|n| {
                let mut endpoint = Endpoint::connect(relay.control, 100 + n as u8);
                let signed_in = endpoint.sign_in(&format!("Endpoint{n}")).unwrap();
                endpoint.join(room, None).unwrap();
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                let uplink = Uplink::new(signed_in.session, &signed_in.hop_secret);
                (endpoint, uplink, socket)
            })
            .collect();
        let counts = Arc::<Counts>::default();
        let sockets: Vec<_> = endpoints
            .iter()
            .map(|(_, _, socket)| {
                let socket = socket.try_clone().unwrap();
                let state = UdpSocketState::new(UdpSockRef::from(&socket)).unwrap();
                let _ = state.set_recv_buffer_size(UdpSockRef::from(&socket), 8 << 20);
                (socket, state)
            })
            .collect();
        let counted = Arc::clone(&counts);
        std::thread::spawn(move || drain(&sockets, &counted));
        Self {
            endpoints,
            asked: 0,
            counts,
        }
    }
}

impl Receivers for Endpoints {
    fn pictures(&self) -> u64 {
        self.counts.fragments.load(Ordering::Relaxed) / FRAGMENTS as u64
    }

    fn blocks(&self) -> u64 {
        self.counts.blocks.load(Ordering::Relaxed)
    }

    fn refresh(&mut self) {
        // The second probe says that the answer to the first has come.
        for _ in 0..2 {
            self.ask();
        }
    }
}

impl Endpoints {
    fn ask(&mut self) {
        let goal = self.counts.probes.load(Ordering::Relaxed) + RECEIVERS as u64;
        for (endpoint, uplink, socket) in &mut self.endpoints {
            let mut out = [0; MAX_DATAGRAM];
            let probe = Probe::Ask {
                sent: Instant(1),
                seen: self.asked.checked_sub(1),
                round_trip: conclave_protocol::time::Micros(2_000),
                padding: Padding::NONE,
            };
            let length = uplink.seal(Kind::Probe, &probe, &mut out).unwrap();
            socket.send_to(&out[..length], endpoint.relay).unwrap();
            endpoint.settle();
            endpoint.events.clear();
        }
        self.asked += 1;
        while self.counts.probes.load(Ordering::Relaxed) < goal {
            std::thread::yield_now();
        }
    }
}

fn drain(sockets: &[(UdpSocket, UdpSocketState)], counts: &Counts) {
    const BLOCK: usize = HEADER_BYTES + BLOCK_BYTES + TAG_BYTES;
    let mut memory = vec![0; BATCH_SIZE * 65_536];
    let mut meta = [RecvMeta::default(); BATCH_SIZE];
    loop {
        let mut fds: Vec<_> = sockets
            .iter()
            .map(|(socket, _)| PollFd::new(socket, PollFlags::IN))
            .collect();
        let _ = poll(&mut fds, None);
        let ready: Vec<_> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        for ((socket, state), _) in sockets.iter().zip(ready).filter(|(_, ready)| *ready) {
            let mut chunks = memory.chunks_mut(65_536);
            let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap()));
            let Ok(received) = state.recv(UdpSockRef::from(socket), &mut slices, &mut meta) else {
                continue;
            };
            for meta in &meta[..received] {
                let counter = match meta.stride {
                    MAX_PACKET => &counts.fragments,
                    BLOCK => &counts.blocks,
                    _ => &counts.probes,
                };
                counter.fetch_add(meta.len.div_ceil(meta.stride) as u64, Ordering::Relaxed);
            }
        }
    }
}
