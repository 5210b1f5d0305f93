//! What it costs to bring received pictures to the screen: CPU time of the decoder thread a painted picture.
//!
//! Eight streams of 640×360 at 15 pictures a second for each, in tiles of their own size (nothing is resized), of
//! 426×240 (all are), and of 320×180 (decoded at half the size). The pictures are like a camera's: soft shapes, edges
//! and noise, 4:2:0. Every picture is painted before the next one comes, so none is replaced.
//!
//! `cargo bench -p conclave-endpoint --bench screen [-- ROUNDS]`
#![expect(clippy::unwrap_used, reason = "a failure here is a failed measurement")]

use std::sync::mpsc::{Receiver, channel};

use conclave_endpoint::picture::frame::PictureSize;
use conclave_endpoint::picture::jpeg::encode::worst_case_bytes;
use conclave_endpoint::picture::jpeg::{Chroma, Decoder, Encoder, Planes, Scale, decode::Picture};
use conclave_endpoint::screen::{Canvas, Screen, ScreenInput, TileRequest};
use conclave_protocol::id::StreamId;
use conclave_protocol::time::Instant;
use rustix::time::{ClockId, clock_gettime};

const STREAMS: u32 = 8;
const RATE: f64 = 15.0;
const SOURCE: PictureSize = PictureSize::new(640, 360);

fn main() {
    let rounds: usize = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(300);
    let jpegs: Vec<_> = (0..STREAMS).map(jpeg).collect();
    let bytes = jpegs.iter().map(Vec::len).sum::<usize>() / jpegs.len();
    println!(
        "{STREAMS} streams of {SOURCE}, {bytes} bytes a picture; least and median of {rounds} rounds"
    );
    println!("tile       painted    CPU µs a picture      of a core at {RATE}/s");
    let mut cases = Vec::new();
    for tile in [
        SOURCE,
        PictureSize::new(426, 240),
        PictureSize::new(320, 180),
    ] {
        cases.push(Bench::new(tile).measure(&jpegs, rounds));
    }
    let decode_alone = decode_us(&jpegs, rounds);
    println!("decoding alone, in one thread, all pixels: {decode_alone:.0} µs");
    println!(
        "{}",
        serde_json::json!({ "bench": "screen", "unit": "CPU µs a painted picture", "cases": cases })
    );
}

/// Plain memory, as a UI's.
struct Plain(PictureSize, Vec<u8>);

impl Canvas for Plain {
    fn new() -> Self {
        Self(PictureSize::new(0, 0), Vec::new())
    }

    fn size(&self) -> PictureSize {
        self.0
    }

    fn pixels(&mut self, size: PictureSize) -> &mut [u8] {
        self.0 = size;
        self.1.resize(size.pixels() * 3, 0);
        &mut self.1
    }
}

struct Bench {
    tile: PictureSize,
    input: ScreenInput,
    screen: Screen<Plain>,
    woken: Receiver<()>,
}

impl Bench {
    fn new(tile: PictureSize) -> Self {
        let (wake, woken) = channel();
        let (input, screen) = Screen::start(1, move || {
            let _ = wake.send(());
        })
        .unwrap();
        let wishes: Vec<_> = (0..STREAMS)
            .map(|stream| TileRequest {
                stream: StreamId(stream),
                tile,
            })
            .collect();
        screen.show(&wishes);
        Self {
            tile,
            input,
            screen,
            woken,
        }
    }

    fn measure(mut self, jpegs: &[Vec<u8>], rounds: usize) -> serde_json::Value {
        let mut painted = PictureSize::new(0, 0);
        let mut costs: Vec<f64> = (0..rounds)
            .map(|_| {
                // All of the process: copying in, decoding, resizing, handing over.
                let before = cpu_us(ClockId::ProcessCPUTime);
                painted = self.round(jpegs);
                (cpu_us(ClockId::ProcessCPUTime) - before) / f64::from(STREAMS)
            })
            .collect();
        costs.sort_by(f64::total_cmp);
        let (least, median) = (costs[0], costs[rounds / 2]);
        let core = median * f64::from(STREAMS) * RATE / 1e4;
        println!(
            "{:<10} {:<10} {least:>6.0} {median:>6.0}        {core:>8.1} %",
            self.tile.to_string(),
            painted.to_string(),
        );
        serde_json::json!({ "tile": self.tile.to_string(), "least": least, "median": median })
    }

    /// One picture of each stream, from JPEG to the UI.
    fn round(&mut self, jpegs: &[Vec<u8>]) -> PictureSize {
        for (stream, jpeg) in (0..).zip(jpegs) {
            self.input.take(StreamId(stream), Instant(0), jpeg);
        }
        let (mut seen, mut size) = (0, PictureSize::new(0, 0));
        while seen < jpegs.len() {
            self.woken.recv().unwrap();
            self.screen.drain(|painted| {
                (seen, size) = (seen + 1, painted.canvas.size());
                self.screen.recycle(painted.canvas);
            });
        }
        size
    }
}

fn decode_us(jpegs: &[Vec<u8>], rounds: usize) -> f64 {
    let mut decoder = Decoder::new().unwrap();
    let mut picture = Picture::default();
    let least = (0..rounds).map(|_| {
        let before = cpu_us(ClockId::ThreadCPUTime);
        for jpeg in jpegs {
            decoder.rgb(jpeg, Scale::Full, &mut picture).unwrap();
        }
        (cpu_us(ClockId::ThreadCPUTime) - before) / f64::from(STREAMS)
    });
    least.min_by(f64::total_cmp).unwrap()
}

fn cpu_us(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

fn jpeg(seed: u32) -> Vec<u8> {
    let chroma = Chroma::HalfBoth.plane(SOURCE);
    let planes = Planes {
        size: SOURCE,
        chroma: Chroma::HalfBoth,
        luma: &plane(SOURCE, seed, 110.0, 6.0),
        cb: &plane(chroma, seed + 100, 60.0, 1.0),
        cr: &plane(chroma, seed + 200, 60.0, 1.0),
    };
    let mut jpeg = vec![0; worst_case_bytes(SOURCE, Chroma::HalfBoth).unwrap()];
    let length = Encoder::new(80)
        .unwrap()
        .encode(&planes, &mut jpeg)
        .unwrap();
    jpeg.truncate(length);
    jpeg
}

/// Soft shapes of halving size, a grid of edges, and noise.
fn plane(size: PictureSize, seed: u32, contrast: f64, noise: f64) -> Vec<u8> {
    let pixel = |x: u32, y: u32| {
        let (fx, fy) = (f64::from(x), f64::from(y));
        let shapes = (0..6).map(|octave| {
            let fine = f64::from(1 << octave);
            contrast * 0.55_f64.powi(octave) * soft(fx * fine / 80.0, fy * fine / 80.0, seed)
        });
        let edge = if (x / 49 + y / 35).is_multiple_of(3) {
            contrast / 3.0
        } else {
            0.0
        };
        let value = shapes.sum::<f64>() + edge + noise * random(x, y, seed);
        value.clamp(0.0, 255.0) as u8
    };
    let rows = 0..size.height;
    rows.flat_map(|y| (0..size.width).map(move |x| (x, y)))
        .map(|(x, y)| pixel(x, y))
        .collect()
}

/// Between the random values at the four corners around a place.
fn soft(x: f64, y: f64, seed: u32) -> f64 {
    let (left, top) = (x as u32, y as u32);
    let (u, v) = (x.fract(), y.fract());
    let row = |y| random(left, y, seed) * (1.0 - u) + random(left + 1, y, seed) * u;
    row(top) * (1.0 - v) + row(top + 1) * v
}

/// From 0 to 1, by a hash.
fn random(x: u32, y: u32, seed: u32) -> f64 {
    let mixed =
        x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77) ^ seed.wrapping_mul(0xc2b2_ae3d);
    let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x2c1b_3c6d);
    f64::from((mixed ^ (mixed >> 13)) & 0xffff) / 65535.0
}
