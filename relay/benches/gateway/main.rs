//! What a browser costs the relay, beside an endpoint: CPU time of the relay's process a delivered picture.
//!
//! One endpoint publishes 720p30-like pictures and sound, first into a room of endpoints, then into one of browsers.
//! The relay is a process of its own, and all its threads count; the receivers are in this process, which does not.
//! The floor writes the same bytes to as many TCP sockets and does nothing else. All take turns in one run.
//!
//! `cargo bench -p conclave-relay --bench gateway [-- ROUNDS [SECONDS]]`, at most 4 s, as the relay then asks for
//! probes.
#![expect(clippy::unwrap_used, reason = "a failure here is a failed measurement")]

mod browsers;
mod endpoints;
#[allow(dead_code, unused_imports, reason = "the tests need more of it")]
#[path = "../../tests/server/harness/mod.rs"]
mod harness;
mod publisher;
mod relay;
#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../../tests/server/trusting.rs"]
mod trusting;

use std::time::{Duration, Instant};

use conclave_protocol::id::RoomId;
use conclave_protocol::l16::BLOCK_BYTES;
use conclave_protocol::wire::header::MAX_PAYLOAD;
use rustix::time::{ClockId, clock_gettime};

use browsers::Browsers;
use endpoints::Endpoints;
use publisher::Publisher;
use relay::RelayProcess;

const RECEIVERS: usize = 50;
/// Packets a picture, all of them full.
const FRAGMENTS: usize = 41;
const PICTURE_BYTES: usize = FRAGMENTS * MAX_PAYLOAD;
const PICTURES_A_SECOND: u32 = 30;
const BLOCKS_A_SECOND: u32 = 50;

/// What counts the pictures that came whole.
trait Receivers {
    fn pictures(&self) -> u64;
    fn blocks(&self) -> u64;
    /// Shows the relay that all are still there.
    fn refresh(&mut self);
}

fn main() {
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|word| word.parse().ok());
    let rounds: usize = numbers.next().unwrap_or(5);
    let seconds = u32::try_from(numbers.next().unwrap_or(4).min(4)).unwrap();
    let profile = if cfg!(debug_assertions) {
        "dev"
    } else {
        "release"
    };
    println!(
        "{RECEIVERS} receivers of one 720p30 stream ({PICTURE_BYTES} B a picture) and one of sound, profile {profile}; \
         medians of {rounds} rounds of {seconds} s in turns"
    );
    let (plain, tls) = (RelayProcess::start(true), RelayProcess::start(false));
    let mut cases = [
        Case::new("endpoints", &plain, 1, |relay, room| {
            Box::new(Endpoints::join(relay, room))
        }),
        Case::new("browsers", &plain, 2, |relay, room| {
            Box::new(Browsers::join(relay, room, false))
        }),
        Case::new("browsers, TLS", &tls, 3, |relay, room| {
            Box::new(Browsers::join(relay, room, true))
        }),
    ];
    let mut floor = Floor::new();
    for case in &mut cases {
        case.round(1);
    }
    for case in &mut cases {
        case.costs.clear();
    }
    let mut floors = Vec::new();
    for _ in 0..rounds {
        for turn in 0..cases.len() {
            // A receiver that waits for its turn must not seem lost.
            cases.iter_mut().for_each(Case::refresh);
            cases[turn].round(seconds);
        }
        floors.push(floor.round(seconds * PICTURES_A_SECOND));
    }
    println!("receivers       µs CPU a picture      ratio  of a core  pictures  blocks");
    let of_endpoints = median(&mut cases[0].costs);
    let floor = median(&mut floors);
    println!("TCP floor       {floor:6.1}");
    let mut rows = Vec::new();
    for case in &mut cases {
        let cost = median(&mut case.costs);
        let (least, most) = (case.costs[0], case.costs[case.costs.len() - 1]);
        let (ratio, core) = (cost / of_endpoints, median(&mut case.cores));
        let (pictures, blocks) = (case.delivered.share(), case.blocks.share());
        println!(
            "{:14}  {cost:6.1} ({least:5.1}–{most:5.1})  {ratio:6.2}  {:7.1} %  {:6.2} %  {:6.2} %",
            case.name,
            core * 100.0,
            pictures * 100.0,
            blocks * 100.0
        );
        rows.push(serde_json::json!({
            "receivers": case.name, "cost": cost, "least": least, "most": most, "ratio": ratio,
            "of_a_core": core, "pictures": pictures, "blocks": blocks,
        }));
    }
    println!(
        "{}",
        serde_json::json!({
            "bench": "gateway", "unit": "CPU µs a delivered picture", "profile": profile, "floor": floor, "cases": rows,
        })
    );
}

/// One room.
struct Case<'r> {
    name: &'static str,
    relay: &'r RelayProcess,
    publisher: Publisher,
    receivers: Box<dyn Receivers>,
    costs: Vec<f64>,
    cores: Vec<f64>,
    delivered: Tally,
    blocks: Tally,
}

#[derive(Default)]
struct Tally {
    came: u64,
    of: u64,
}

impl Tally {
    fn share(&self) -> f64 {
        self.came as f64 / self.of as f64
    }
}

impl<'r> Case<'r> {
    fn new(
        name: &'static str,
        relay: &'r RelayProcess,
        seed: u8,
        join: impl FnOnce(&RelayProcess, RoomId) -> Box<dyn Receivers>,
    ) -> Self {
        let (publisher, room) = Publisher::sign_in(relay.control, seed);
        // Last, so that one message carries the key to everybody.
        let receivers = join(relay, room);
        Self {
            name,
            relay,
            publisher: publisher.join(room),
            receivers,
            costs: Vec::new(),
            cores: Vec::new(),
            delivered: Tally::default(),
            blocks: Tally::default(),
        }
    }

    fn refresh(&mut self) {
        self.receivers.refresh();
        self.publisher.refresh();
    }

    fn round(&mut self, seconds: u32) {
        self.refresh();
        let (pictures, blocks) = (self.receivers.pictures(), self.receivers.blocks());
        let of = |a_second: u32| u64::from(seconds * a_second) * RECEIVERS as u64;
        let (cpu, begun) = (self.relay.cpu_ns(), Instant::now());
        self.publisher.publish(seconds);
        let until = Instant::now() + Duration::from_millis(500);
        let is_whole = |receivers: &dyn Receivers| {
            receivers.pictures() - pictures == of(PICTURES_A_SECOND)
                && receivers.blocks() - blocks == of(BLOCKS_A_SECOND)
        };
        while !is_whole(&*self.receivers) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        let cpu = self.relay.cpu_ns() - cpu;
        let came = self.receivers.pictures() - pictures;
        self.costs.push(cpu as f64 / 1e3 / came as f64);
        self.cores
            .push(cpu as f64 / begun.elapsed().as_nanos() as f64);
        self.delivered.came += came;
        self.delivered.of += of(PICTURES_A_SECOND);
        self.blocks.came += self.receivers.blocks() - blocks;
        self.blocks.of += of(BLOCKS_A_SECOND);
    }
}

/// Sockets that are written to, and nothing else.
struct Floor {
    browsers: Browsers,
    sockets: Vec<std::net::TcpStream>,
}

impl Floor {
    fn new() -> Self {
        let (browsers, sockets) = Browsers::of_floor();
        Self { browsers, sockets }
    }

    /// CPU time of writing a picture, and its share of the sound, in µs.
    fn round(&mut self, pictures: u32) -> f64 {
        let mut picture = frame_header(PICTURE_BYTES);
        picture.resize(picture.len() + PICTURE_BYTES, 0x5a);
        let mut block = frame_header(BLOCK_BYTES);
        block.resize(block.len() + BLOCK_BYTES, 0x5a);
        let mut cpu = 0;
        for n in 0..pictures {
            let goal = self.browsers.pictures() + RECEIVERS as u64;
            let blocks = 1 + usize::from(n % 3 != 0);
            let begun = own_cpu_ns();
            for socket in &mut self.sockets {
                use std::io::Write;
                socket.write_all(&picture).unwrap();
                for _ in 0..blocks {
                    socket.write_all(&block).unwrap();
                }
            }
            cpu += own_cpu_ns() - begun;
            while self.browsers.pictures() < goal {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
        cpu as f64 / 1e3 / f64::from(pictures) / RECEIVERS as f64
    }
}

/// A WebSocket's header of a binary message for a browser (RFC 6455, §5.2), with the gateway's after it.
fn frame_header(body: usize) -> Vec<u8> {
    let length = u16::try_from(20 + body).unwrap();
    let mut bytes = vec![0x82, 126];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&[0; 20]);
    bytes
}

fn own_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
