//! A stand-in for the network between endpoints and a relay: it passes everything on, keeps a copy, and can
//! block UDP, or what of it is longer than a limit, each way; or lose and delay datagrams.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

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
    /// Of a hundred datagrams each way, so many are lost.
    lost_percent: AtomicU32,
    random: AtomicU64,
    delay_ms: AtomicU64,
    delayed: Mutex<Sender<Delayed>>,
}

/// A datagram that is under way.
struct Delayed {
    at: Instant,
    bytes: Vec<u8>,
    from: Arc<UdpSocket>,
    to: Option<SocketAddr>,
}

impl Delayed {
    fn send(self) {
        // A relay that is not up refuses; it may come back.
        let _ = match self.to {
            Some(to) => self.from.send_to(&self.bytes, to),
            None => self.from.send(&self.bytes),
        };
    }
}

impl Shared {
    fn keep(&self, bytes: &[u8]) {
        self.copy.lock().unwrap().extend_from_slice(bytes);
    }

    /// Sends a datagram on, unless it is lost, now or later.
    fn pass(&self, bytes: &[u8], from: &Arc<UdpSocket>, to: Option<SocketAddr>) {
        // Knuth's generator: the same losses in each run of a test.
        let step = |random: u64| {
            Some(
                random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1),
            )
        };
        let random = self.random.fetch_update(Relaxed, Relaxed, step).unwrap() >> 33;
        if random % 100 < u64::from(self.lost_percent.load(Relaxed)) {
            return;
        }
        let delay = Duration::from_millis(self.delay_ms.load(Relaxed));
        let datagram = Delayed {
            at: Instant::now() + delay,
            bytes: bytes.to_vec(),
            from: Arc::clone(from),
            to,
        };
        if delay.is_zero() {
            datagram.send();
        } else {
            self.delayed.lock().unwrap().send(datagram).unwrap();
        }
    }
}

impl Proxy {
    pub(crate) fn start(relay: &str) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        let udp = Arc::new(UdpSocket::bind(address).unwrap());
        let (delayed, under_way) = channel();
        std::thread::spawn(move || deliver(&under_way));
        let shared = Arc::new(Shared {
            relay: relay.parse().unwrap(),
            copy: Mutex::default(),
            longest_up: AtomicUsize::new(usize::MAX),
            longest_down: AtomicUsize::new(usize::MAX),
            lost_percent: AtomicU32::new(0),
            random: AtomicU64::new(1),
            delay_ms: AtomicU64::new(0),
            delayed: Mutex::new(delayed),
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

    /// Loses so many of a hundred datagrams each way, and delays the others.
    pub(crate) fn impair_udp(&self, lost_percent: u32, delay: Duration) {
        let delay_ms = u64::try_from(delay.as_millis()).unwrap();
        self.shared.lost_percent.store(lost_percent, Relaxed);
        self.shared.delay_ms.store(delay_ms, Relaxed);
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

/// Sends what is under way when it is due; all of it is delayed alike, so it stays in order.
fn deliver(under_way: &Receiver<Delayed>) {
    while let Ok(datagram) = under_way.recv() {
        std::thread::sleep(datagram.at.saturating_duration_since(Instant::now()));
        datagram.send();
    }
}

/// Each endpoint's address gets a socket of its own towards the relay.
fn pass_datagrams(udp: &Arc<UdpSocket>, shared: &Arc<Shared>) {
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
            let (back, front, shared) = (Arc::clone(&way), Arc::clone(udp), Arc::clone(shared));
            std::thread::spawn(move || {
                let mut buffer = vec![0; 1 << 16];
                loop {
                    // A relay that is not up refuses; it may come back.
                    let Ok(length) = back.recv(&mut buffer) else {
                        continue;
                    };
                    if length <= shared.longest_down.load(Relaxed) {
                        shared.keep(&buffer[..length]);
                        shared.pass(&buffer[..length], &front, Some(endpoint));
                    }
                }
            });
            ways.push((endpoint, Arc::clone(&way)));
            way
        });
        shared.pass(&buffer[..length], &way, None);
    }
}
