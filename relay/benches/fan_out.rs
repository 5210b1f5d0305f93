//! What it costs the media plane to deliver a packet, beside what it costs the kernel alone.
//!
//! One publisher sends 720p30-like frames (34 datagrams of 1200 B) through a real media plane (hop check,
//! limits, routing, counters) to receivers that drain their sockets with receive offload. The floor sends
//! the same bytes to the same sockets with segmentation offload and nothing else. Both alternate in one
//! run, and only CPU time counts: the whole of the media thread's, and of the floor its sends alone.
//!
//! `cargo bench -p conclave-relay --bench fan_out [-- ROUNDS]`
#![expect(clippy::unwrap_used, reason = "a failure here is a failed measurement")]

use std::io::IoSliceMut;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::hop::HopKeys;
use conclave_protocol::id::{Epoch, FrameNumber, RoomId, SequenceNumber, SessionId, StreamId};
use conclave_protocol::secret::Secret;
use conclave_protocol::wire::feedback::{Padding, Probe};
use conclave_protocol::wire::header::{Header, Kind, MAX_PACKET};
use conclave_relay::health::{Health, Part};
use conclave_relay::media::{FanOutLimits, MediaLimits, MediaPlane, PlaneCommand};
use conclave_relay::metrics::Metrics;
use conclave_relay_core::fan_out::{Receiver, Routes, StreamRoute};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};

const FRAGMENTS: usize = 34;
const FRAMES_A_ROUND: usize = 800;
const STREAM: StreamId = StreamId(1);
const PUBLISHER: SessionId = SessionId(1);

fn main() {
    let rounds = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(9);
    println!(
        "{FRAGMENTS} packets of {MAX_PACKET} B a frame; medians of {rounds} alternating rounds"
    );
    println!("hop check alone: {:.0} ns a packet", hop_check_ns());
    println!("receivers  burst  floor ns/packet     relay ns/packet     ratio  delivered");
    let mut cases = Vec::new();
    for (receivers, burst) in [(2, 8), (8, 1), (8, 8), (16, 8), (50, 4)] {
        cases.push(Bench::new(receivers).compare(burst, rounds));
    }
    println!(
        "{}",
        serde_json::json!({ "bench": "fan_out", "unit": "CPU ns a delivered packet", "cases": cases })
    );
}

/// Receivers, a media plane that serves them, and a socket that sends to them without it.
struct Bench {
    receivers: Drain,
    members: Vec<(SessionId, HopKeys)>,
    /// Probes that each of them has sent.
    probes: u64,
    plane: MediaPlane,
    metrics: Arc<Metrics>,
    thread: u64,
    publisher: Publisher,
    floor: Gso,
}

impl Bench {
    fn new(count: usize) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let relay = socket.local_addr().unwrap();
        let metrics = Arc::new(Metrics::default());
        let members = || (0..count).map(|n| SessionId(100 + u32::try_from(n).unwrap()));
        let route = StreamRoute {
            owner: PUBLISHER,
            room: RoomId(1),
            kind: Kind::Video,
            bytes_per_second: u32::MAX,
            receivers: members()
                .map(|session| Receiver { session, fps: 0 })
                .collect(),
        };
        let mut routes = Routes::default();
        routes.insert(STREAM, route);
        let routes = Arc::new(ArcSwap::from_pointee(routes));
        let limits = MediaLimits {
            packets_per_second: 1_000_000_000,
            bytes_per_second: 1_000_000_000,
            fan_out: FanOutLimits {
                sender: u32::MAX,
                room: u32::MAX,
                address: u32::MAX,
            },
            history_bytes: 64 << 20,
        };
        let known: Vec<_> = threads_named("media");
        let pulse = Health::new().0.pulse(Part::Media);
        let plane = MediaPlane::start(socket, routes, limits, Arc::clone(&metrics), pulse).unwrap();
        let thread = loop {
            let new = threads_named("media")
                .into_iter()
                .find(|t| !known.contains(t));
            if let Some(thread) = new {
                break thread;
            }
        };
        let receivers = Drain::start(count);
        let open = |session: SessionId| {
            let (fallback, _) = conclave_relay::mail::media_run::media_way(1);
            let secret = secret(session);
            plane.handle().tell(PlaneCommand::Open {
                session,
                secret,
                fallback,
                address: Ipv4Addr::LOCALHOST.into(),
            });
        };
        open(PUBLISHER);
        members().for_each(open);
        let members = members().map(|session| (session, HopKeys::derive(&secret(session))));
        let mut bench = Self {
            members: members.collect(),
            probes: 0,
            publisher: Publisher::new(relay),
            floor: Gso::new(),
            receivers,
            plane,
            metrics,
            thread,
        };
        bench.prove_paths();
        bench
    }

    /// Shows where the receivers are; the plane forgets it after some seconds of silence.
    fn prove_paths(&mut self) {
        // The second probe says that the answer to the first has come.
        for _ in 0..2 {
            self.ask();
        }
    }

    fn ask(&mut self) {
        // The plane counts its answers to a session as it gets the probes.
        let probe = Probe::Ask {
            sent: conclave_protocol::time::Instant(1),
            seen: self.probes.checked_sub(1),
            round_trip: conclave_protocol::time::Micros(2_000),
            padding: Padding::NONE,
        };
        for ((session, keys), socket) in self.members.iter().zip(&self.receivers.sockets) {
            let mut out = [0; MAX_DATAGRAM];
            let sealed = keys.seal_up(*session, self.probes, Kind::Probe, &probe, &mut out);
            socket
                .send_to(&out[..sealed.unwrap()], self.publisher.relay)
                .unwrap();
        }
        self.probes += 1;
        while self.metrics.probes.get() < self.probes * self.members.len() as u64 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn compare(mut self, burst: usize, rounds: usize) -> serde_json::Value {
        let count = self.receivers.addresses.len();
        let frames = (FRAMES_A_ROUND * 8 / count).min(3 * FRAMES_A_ROUND);
        let (mut floor, mut relay) = (Vec::new(), Vec::new());
        let (mut sent, mut delivered) = (0, 0);
        self.floor_round(frames / 10, burst);
        self.relay_round(frames / 10, burst);
        for _ in 0..rounds {
            floor.push(self.floor_round(frames, burst).0);
            let (cost, packets) = self.relay_round(frames, burst);
            relay.push(cost);
            delivered += packets;
            sent += (frames * FRAGMENTS * count) as u64;
        }
        let (floor, relay) = (Spread::of(floor), Spread::of(relay));
        let ratio = relay.median / floor.median;
        let share = delivered as f64 / sent as f64;
        println!(
            "{count:9}  {burst:5}  {floor}  {relay}  {ratio:5.2}  {:8.3} %",
            share * 100.0
        );
        let packets_a_send =
            self.metrics.packets_sent.get() as f64 / self.metrics.sends.get() as f64;
        self.plane.finish();
        serde_json::json!({
            "receivers": count, "burst_frames": burst, "floor": floor.json(), "relay": relay.json(),
            "ratio": ratio, "delivered": share, "packets_a_send": packets_a_send,
        })
    }

    /// CPU time of the media thread a delivered packet, and how many were delivered.
    fn relay_round(&mut self, frames: usize, burst: usize) -> (f64, u64) {
        self.prove_paths();
        let (before, cpu) = (self.receivers.packets(), run_time_ns(self.thread));
        for _ in 0..frames / burst {
            let goal = self.receivers.packets() + self.receivers.packets_of(burst);
            for _ in 0..burst {
                self.publisher.send_frame();
            }
            self.receivers.wait_for(goal);
        }
        let packets = self.receivers.packets() - before;
        (
            (run_time_ns(self.thread) - cpu) as f64 / packets as f64,
            packets,
        )
    }

    /// CPU time of the sends alone a delivered packet.
    fn floor_round(&mut self, frames: usize, burst: usize) -> (f64, u64) {
        let before = self.receivers.packets();
        let contents = vec![0x5a; FRAGMENTS * MAX_PACKET];
        let mut cpu = 0;
        for _ in 0..frames / burst {
            let goal = self.receivers.packets() + self.receivers.packets_of(burst);
            let begun = own_cpu_ns();
            for _ in 0..burst {
                for to in &self.receivers.addresses {
                    self.floor.send(*to, &contents, MAX_PACKET);
                }
            }
            cpu += own_cpu_ns() - begun;
            self.receivers.wait_for(goal);
        }
        let packets = self.receivers.packets() - before;
        (cpu as f64 / packets as f64, packets)
    }
}

/// Who sends frames to the relay.
struct Publisher {
    keys: HopKeys,
    gso: Gso,
    relay: SocketAddr,
    counter: u64,
    frame: u32,
    datagrams: Vec<u8>,
}

impl Publisher {
    fn new(relay: SocketAddr) -> Self {
        Self {
            keys: HopKeys::derive(&secret(PUBLISHER)),
            gso: Gso::new(),
            relay,
            counter: 0,
            frame: 0,
            datagrams: Vec::new(),
        }
    }

    fn send_frame(&mut self) {
        self.datagrams.clear();
        for fragment in 0..FRAGMENTS {
            let header = Header {
                kind: Kind::Video,
                level: 0,
                epoch: Epoch(0),
                stream: STREAM,
                sequence: SequenceNumber(self.counter),
                timestamp: conclave_protocol::time::Instant(u64::from(self.frame) * 33_333),
                frame: FrameNumber(self.frame),
                fragment: fragment as u16,
                fragments: FRAGMENTS as u16,
            };
            let mut packet = [0x5a; MAX_PACKET];
            packet[..32].copy_from_slice(&header.emit());
            let hop = self.keys.tag_media(PUBLISHER, self.counter, &packet);
            self.counter += 1;
            self.datagrams.extend_from_slice(&hop);
            self.datagrams.extend_from_slice(&packet);
        }
        self.frame += 1;
        self.gso.send(self.relay, &self.datagrams, MAX_DATAGRAM);
    }
}

/// A socket that sends with segmentation offload.
struct Gso {
    socket: UdpSocket,
    state: UdpSocketState,
}

impl Gso {
    fn new() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let state = UdpSocketState::new(UdpSockRef::from(&socket)).unwrap();
        let _ = state.set_send_buffer_size(UdpSockRef::from(&socket), 8 << 20);
        Self { socket, state }
    }

    fn send(&self, to: SocketAddr, contents: &[u8], segment: usize) {
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents,
            segment_size: Some(segment),
            src_ip: None,
        };
        while self
            .state
            .try_send(UdpSockRef::from(&self.socket), &transmit)
            .is_err()
        {
            std::thread::yield_now();
        }
    }
}

/// Receivers that drain their sockets, all in one thread.
struct Drain {
    sockets: Vec<UdpSocket>,
    addresses: Vec<SocketAddr>,
    received: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Drain {
    fn start(count: usize) -> Self {
        let sockets: Vec<_> = (0..count)
            .map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap())
            .collect();
        let addresses = sockets.iter().map(|s| s.local_addr().unwrap()).collect();
        let (received, stop) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let of_thread: Vec<_> = sockets
            .iter()
            .map(|socket| {
                let socket = socket.try_clone().unwrap();
                let state = UdpSocketState::new(UdpSockRef::from(&socket)).unwrap();
                let _ = state.set_recv_buffer_size(UdpSockRef::from(&socket), 8 << 20);
                (socket, state)
            })
            .collect();
        let (counter, stopped) = (Arc::clone(&received), Arc::clone(&stop));
        std::thread::Builder::new()
            .name("drain".into())
            .spawn(move || drain(&of_thread, &counter, &stopped))
            .unwrap();
        Self {
            sockets,
            addresses,
            received,
            stop,
        }
    }

    fn packets(&self) -> u64 {
        self.received.load(Ordering::Acquire)
    }

    fn packets_of(&self, frames: usize) -> u64 {
        (frames * FRAGMENTS * self.addresses.len()) as u64
    }

    /// Waits until so many packets came; those of a burst that do not come are lost.
    fn wait_for(&self, goal: u64) {
        let until = Instant::now() + Duration::from_millis(100);
        while self.packets() < goal && Instant::now() < until {
            std::thread::sleep(Duration::from_micros(20));
        }
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

fn drain(sockets: &[(UdpSocket, UdpSocketState)], counter: &AtomicU64, stop: &AtomicBool) {
    let mut memory = vec![0; BATCH_SIZE * 65_536];
    let mut meta = [RecvMeta::default(); BATCH_SIZE];
    let wait = Timespec {
        tv_sec: 0,
        tv_nsec: 100_000_000,
    };
    while !stop.load(Ordering::Acquire) {
        let mut fds: Vec<_> = sockets
            .iter()
            .map(|(socket, _)| PollFd::new(socket, PollFlags::IN))
            .collect();
        let _ = poll(&mut fds, Some(&wait));
        let ready: Vec<_> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        for ((socket, state), _) in sockets.iter().zip(ready).filter(|(_, ready)| *ready) {
            let mut chunks = memory.chunks_mut(65_536);
            let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap()));
            let Ok(received) = state.recv(UdpSockRef::from(socket), &mut slices, &mut meta) else {
                continue;
            };
            // What a probe is answered with is shorter than any packet of a frame.
            let packets = meta[..received]
                .iter()
                .filter(|meta| meta.stride == MAX_PACKET)
                .map(|meta| meta.len.div_ceil(meta.stride) as u64)
                .sum();
            counter.fetch_add(packets, Ordering::Release);
        }
    }
}

/// CPU time of proving one datagram's hop tag.
fn hop_check_ns() -> f64 {
    const DATAGRAMS: u64 = 100_000;
    let keys = HopKeys::derive(&secret(PUBLISHER));
    let mut packet = [0x5a; MAX_PACKET];
    packet[0] = Kind::Video as u8;
    let mut datagram = keys.tag_media(PUBLISHER, 1, &packet).to_vec();
    datagram.extend_from_slice(&packet);
    let begun = own_cpu_ns();
    for _ in 0..DATAGRAMS {
        std::hint::black_box(keys.prove_media(std::hint::black_box(&datagram))).unwrap();
    }
    (own_cpu_ns() - begun) as f64 / DATAGRAMS as f64
}

/// A median with what lies around it.
struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self {
            least: values[0],
            median: values[values.len() / 2],
            most: values[values.len() - 1],
        }
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({ "least": self.least, "median": self.median, "most": self.most })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:5.0} ({:4.0}–{:5.0})",
            self.median, self.least, self.most
        )
    }
}

fn secret(session: SessionId) -> Secret<32> {
    let mut secret = Secret([7; 32]);
    secret.0[..4].copy_from_slice(&session.0.to_le_bytes());
    secret
}

fn threads_named(name: &str) -> Vec<u64> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| task.ok()?.file_name().to_str()?.parse().ok())
        .filter(|id| {
            let comm = std::fs::read_to_string(format!("/proc/self/task/{id}/comm"));
            comm.is_ok_and(|comm| comm.trim() == name)
        })
        .collect()
}

/// CPU time of a thread so far (Documentation/scheduler/sched-stats.rst).
fn run_time_ns(thread: u64) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).unwrap();
    stat.split_whitespace().next().unwrap().parse().unwrap()
}

fn own_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}
