//! A stand-in for the network between endpoints and a relay: it passes everything on, keeps a copy, and can
//! block UDP, or what of it is longer than a limit, each way.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// A listener on TCP and UDP of one port, passing on to a relay.
pub(crate) struct Proxy {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    relay: SocketAddr,
    copy: Mutex<Vec<u8>>,
    /// The longest datagrams that pass, to the relay and from it.
    longest_up: AtomicUsize,
    longest_down: AtomicUsize,
}

impl Shared {
    fn keep(&self, bytes: &[u8]) {
        self.copy.lock().unwrap().extend_from_slice(bytes);
    }
}

impl Proxy {
    pub(crate) fn start(relay: &str) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        let udp = UdpSocket::bind(address).unwrap();
        let shared = Arc::new(Shared {
            relay: relay.parse().unwrap(),
            copy: Mutex::default(),
            longest_up: AtomicUsize::new(usize::MAX),
            longest_down: AtomicUsize::new(usize::MAX),
        });
        let (for_tcp, for_udp) = (Arc::clone(&shared), Arc::clone(&shared));
        std::thread::spawn(move || {
            for endpoint in tcp.incoming().flatten() {
                let Ok(relay) = TcpStream::connect(for_tcp.relay) else {
                    continue;
                };
                for (from, to) in [(&endpoint, &relay), (&relay, &endpoint)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let shared = Arc::clone(&for_tcp);
                    std::thread::spawn(move || pass_stream(from, to, &shared));
                }
            }
        });
        std::thread::spawn(move || pass_datagrams(&udp, &for_udp));
        Self {
            address: address.to_string(),
            shared,
        }
    }

    pub(crate) fn block_udp(&self, blocked: bool) {
        let longest = if blocked { 0 } else { usize::MAX };
        self.limit_udp(longest, longest);
    }

    /// Passes no longer datagrams than these to the relay and from it.
    pub(crate) fn limit_udp(&self, up: usize, down: usize) {
        self.shared.longest_up.store(up, Relaxed);
        self.shared.longest_down.store(down, Relaxed);
    }

    /// Everything that has passed so far, both ways.
    pub(crate) fn copy(&self) -> Vec<u8> {
        self.shared.copy.lock().unwrap().clone()
    }
}

fn pass_stream(mut from: TcpStream, mut to: TcpStream, shared: &Shared) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        shared.keep(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

/// Each endpoint's address gets a socket of its own towards the relay.
fn pass_datagrams(udp: &UdpSocket, shared: &Arc<Shared>) {
    let mut ways: Vec<(SocketAddr, Arc<UdpSocket>)> = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    while let Ok((length, endpoint)) = udp.recv_from(&mut buffer) {
        if length > shared.longest_up.load(Relaxed) {
            continue;
        }
        shared.keep(&buffer[..length]);
        let known = ways
            .iter()
            .find(|(from, _)| *from == endpoint)
            .map(|(_, way)| Arc::clone(way));
        let way = known.unwrap_or_else(|| {
            let way = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
            way.connect(shared.relay).unwrap();
            let (back, front, shared) = (
                Arc::clone(&way),
                udp.try_clone().unwrap(),
                Arc::clone(shared),
            );
            std::thread::spawn(move || {
                let mut buffer = vec![0; 1 << 16];
                loop {
                    // A relay that is not up refuses; it may come back.
                    let Ok(length) = back.recv(&mut buffer) else {
                        continue;
                    };
                    if length <= shared.longest_down.load(Relaxed) {
                        shared.keep(&buffer[..length]);
                        let _ = front.send_to(&buffer[..length], endpoint);
                    }
                }
            });
            ways.push((endpoint, Arc::clone(&way)));
            way
        });
        let _ = way.send(&buffer[..length]);
    }
}
