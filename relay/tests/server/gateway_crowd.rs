//! Ten thousand sockets that say nothing.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::harness::{Caller, TestRelay, resident_kib, wait_until};

/// How many there are, and from how many addresses.
const CROWD: usize = 10_000;
const ADDRESSES: usize = 100;
/// Those that come between two looks at the call: fewer than the kernel lets wait.
const WAVE: usize = 500;
/// What the relay may take of them.
const SOCKETS: usize = 1_000;
const SOCKETS_PER_ADDRESS: usize = 64;
/// Connections for pages, beside as many as there may be sockets.
const FOR_PAGES: usize = 256;
/// Memory that all of them may cost, in KiB: some 40 for each that is let in.
const MAY_GROW_KIB: u64 = 48 * 1024;

/// How many descriptors allow for: each taken one has two in this process, as other tests' may have.
fn crowd() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let allowed = usize::try_from(limit.current.unwrap_or(40_000)).unwrap() / 2;
    if allowed < CROWD {
        eprintln!("ONLY {allowed} sockets of {CROWD}: the limit of open files allows no more");
    }
    CROWD.min(allowed)
}

/// A connection that asks for a WebSocket, from the nth of the addresses.
fn ask_for_socket(web: SocketAddr, n: usize) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let from = Ipv4Addr::new(127, 0, 2, u8::try_from(n % ADDRESSES).unwrap() + 1);
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&web.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    // Who is one too many finds it closed already.
    let _ = write!(
        stream,
        "GET /ws HTTP/1.1\r\nHost: {web}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         Sec-WebSocket-Protocol: conclave.v1\r\n\r\n"
    );
    stream
}

/// A call of two endpoints.
struct Call {
    ana: Caller,
    bob: Caller,
    refreshed: Instant,
}

impl Call {
    /// Sees that no packet is lost either way; probes and pings no more often than endpoints do.
    fn goes_on(&mut self) {
        if self.refreshed.elapsed() > Duration::from_secs(1) {
            self.refreshed = Instant::now();
            self.ana.refresh();
            self.bob.refresh();
        }
        self.bob.check_frame_from(&mut self.ana);
        self.ana.check_frame_from(&mut self.bob);
    }
}

#[test]
fn ten_thousand_idle_sockets_cost_a_call_nothing() {
    let crowd = crowd();
    let relay = TestRelay::start_with(|config| {
        config.web.sockets = SOCKETS;
        config.web.sockets_per_address = SOCKETS_PER_ADDRESS;
    });
    let (ana, bob, _) = relay.call();
    let refreshed = Instant::now();
    let mut call = Call {
        ana,
        bob,
        refreshed,
    };
    let metrics = &relay.metrics;
    let before = resident_kib();
    let mut sockets = Vec::with_capacity(crowd);
    while sockets.len() < crowd {
        let wave = sockets.len()..crowd.min(sockets.len() + WAVE);
        sockets.extend(wave.map(|n| ask_for_socket(relay.web(), n)));
        wait_until("their end or their place", || {
            let closed_at_once = metrics.web_limited.get() + metrics.web_accepted.get();
            closed_at_once >= sockets.len() as u64
        });
        call.goes_on();
        let (open, taken) = (metrics.web_connections.get(), metrics.web_sockets.get());
        assert!(open <= (SOCKETS + FOR_PAGES) as i64, "{open} connections");
        assert!(taken <= SOCKETS as i64, "{taken} sockets");
        let grown = resident_kib().saturating_sub(before);
        assert!(grown < MAY_GROW_KIB, "{grown} KiB more");
    }
    wait_until("the sockets", || {
        metrics.web_sockets_opened.get() == SOCKETS.min(crowd) as u64
    });
    let kept_out = metrics.web_limited.get();
    assert!(
        kept_out >= (crowd - SOCKETS.min(crowd)) as u64,
        "{kept_out}"
    );

    // The call goes on until the silent are gone, all of them counted.
    let silent = SOCKETS.min(crowd) as u64;
    wait_until("their end", || {
        call.goes_on();
        metrics.web_silent.get() == silent
            && metrics.web_sockets.get() == 0
            && metrics.web_connections.get() == 0
    });
    let grown = resident_kib().saturating_sub(before);
    eprintln!("{crowd} sockets: {kept_out} kept out, {silent} silent, {grown} KiB more");
    assert_eq!(metrics.packets_dropped_socket.get(), 0);
    let mut newcomer = relay.browse("Cem", 4);
    newcomer.settle_core();
    drop(sockets);
}
