//! The cost of one packet and one frame: nanoseconds of wall time, the minimum of many rounds.
//!
//! `cargo bench -p conclave-protocol`. Compare only rounds of the same machine.
#![allow(clippy::unwrap_used, reason = "a measurement that fails may panic")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use conclave_protocol::frame_memory::FrameMemory;
use conclave_protocol::hop::HopKeys;
use conclave_protocol::id::{Epoch, SequenceNumber, SessionId, StreamId};
use conclave_protocol::packetize::{MAX_FRAME_BYTES, Packetizer};
use conclave_protocol::reassemble::Reassembler;
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::{DatagramBatch, StreamSender, Uplink};
use conclave_protocol::sender_key::SenderKey;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::Suite;
use conclave_protocol::wire::header::{HOP_HEADER_BYTES, Header, Kind, MAX_PAYLOAD};

/// A frame of this many fragments: 38 kB, a 720p JPEG of medium quality.
const FRAGMENTS: usize = 34;
const HOP_SECRET: Secret<32> = Secret([1; 32]);

fn main() {
    for suite in [Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
        seal(suite);
    }
    open();
    parse();
    hop();
    reassemble();
}

/// Prints the minimum time of one call, over rounds of `calls` for half a second.
fn report(what: &str, calls: u32, mut round: impl FnMut()) {
    let (start, mut least) = (Clock::now(), Duration::MAX);
    while start.elapsed() < Duration::from_millis(500) {
        let begin = Clock::now();
        round();
        least = least.min(begin.elapsed());
    }
    let each = least.as_secs_f64() * 1e9 / f64::from(calls);
    println!("{what:<58} {each:>9.1} ns");
}

fn sealed(suite: Suite, frame: &[u8]) -> (StreamSender, DatagramBatch) {
    let uplink = Arc::new(Uplink::new(SessionId(1), &HOP_SECRET));
    let key = SenderKey::fresh(0, suite, Secret([2; 32]));
    let mut sender = StreamSender::new(uplink, Kind::Video, StreamId(1), &key);
    let mut batch = DatagramBatch::default();
    sender
        .seal_frame(&[frame], 0, Instant(0), &mut batch)
        .unwrap();
    (sender, batch)
}

fn seal(suite: Suite) {
    let frame = [7; MAX_PAYLOAD];
    let (mut sender, mut batch) = sealed(suite, &frame);
    let what = format!("seal and tag a packet of 1200 B, {suite:?}");
    report(&what, 100, || {
        for _ in 0..100 {
            sender
                .seal_frame(&[black_box(&frame)], 0, Instant(0), &mut batch)
                .unwrap();
        }
    });
}

fn open() {
    let (_, batch) = sealed(Suite::Aes256Gcm, &[7; MAX_PAYLOAD]);
    let key = SenderKey::fresh(0, Suite::Aes256Gcm, Secret([2; 32])).media_key(StreamId(1));
    let packet = &batch.bytes()[HOP_HEADER_BYTES..];
    let sequence = Header::parse(packet).unwrap().sequence;
    let mut copy = packet.to_vec();
    report(
        "open a packet of 1172 B, Aes256Gcm, and copy it",
        100,
        || {
            for _ in 0..100 {
                copy.copy_from_slice(packet);
                black_box(key.open(&mut copy, sequence).unwrap());
            }
        },
    );
}

fn parse() {
    let (_, batch) = sealed(Suite::Aes256Gcm, &[7; MAX_PAYLOAD]);
    let packet = &batch.bytes()[HOP_HEADER_BYTES..];
    report("parse a media header", 10_000, || {
        for _ in 0..10_000 {
            black_box(Header::parse(black_box(packet)).unwrap());
        }
    });
}

fn hop() {
    let keys = HopKeys::derive(&HOP_SECRET);
    let (_, batch) = sealed(Suite::Aes256Gcm, &[7; MAX_PAYLOAD]);
    let datagram = batch.bytes();
    let packet = &datagram[HOP_HEADER_BYTES..];
    report("tag a packet for the hop", 1000, || {
        for counter in 0..1000 {
            black_box(keys.tag_media(SessionId(1), counter, black_box(packet)));
        }
    });
    report("prove a packet of the hop", 1000, || {
        for _ in 0..1000 {
            black_box(keys.prove_media(black_box(datagram)).unwrap());
        }
    });
}

fn reassemble() {
    let payload = [7; MAX_PAYLOAD];
    let first = SequenceNumber(0);
    let mut packetizer = Packetizer::starting_at(Kind::Video, StreamId(1), first);
    let (mut reassembler, mut memory) = (Reassembler::new(), FrameMemory::default());
    report("put a frame of 34 fragments together", 10, || {
        for _ in 0..10 {
            let headers = packetizer
                .frame(FRAGMENTS * MAX_PAYLOAD, 0, Epoch(0), Instant(0))
                .unwrap();
            for (header, _) in headers {
                black_box(reassembler.push(&mut memory, &header, black_box(&payload)));
            }
        }
    });
    // A hostile member sends only the first packet of each frame.
    let header = packetizer.frame(MAX_FRAME_BYTES, 0, Epoch(0), Instant(0));
    let (mut header, _) = header.unwrap().next().unwrap();
    report(
        "take the first fragment of a frame that never comes",
        1000,
        || {
            for _ in 0..1000 {
                header.frame.0 = header.frame.0.wrapping_add(1);
                black_box(reassembler.push(&mut memory, &header, black_box(&payload)));
            }
        },
    );
}
