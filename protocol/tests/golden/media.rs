//! Media packets, hop tags and hop bodies.

use std::sync::Arc;

use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::hop::HopKeys;
use conclave_protocol::id::{
    Epoch, FrameNumber, ParticipantId, SequenceNumber, SessionId, StreamId,
};
use conclave_protocol::receiver::{Received, Receiver};
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::{DatagramBatch, StreamSender, Uplink};
use conclave_protocol::sender_key::SenderKey;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::units::PictureSize;
use conclave_protocol::wire::control::{AudioCodec, Layer, Media, Picture, Suite};
use conclave_protocol::wire::feedback::{Feedback, Gap, Nack, Padding, Probe, StreamGaps};
use conclave_protocol::wire::header::{HOP_HEADER_BYTES, Header, Kind};
use serde_json::json;

use crate::vectors::{Vector, check, hex, written};

const SESSION: SessionId = SessionId(0x0102_0304);
const HOP_SECRET: [u8; 32] = [0x48; 32];
const SENDER_KEY: [u8; 32] = [0x53; 32];
const CAPTURED: Instant = Instant(1_234_567_890);

fn sender_key(suite: Suite) -> SenderKey {
    let fresh = SenderKey::fresh(2, suite, Secret(SENDER_KEY));
    fresh.ratchet().unwrap()
}

fn sealed(kind: Kind, stream: StreamId, suite: Suite, level: u8, frame: &[u8]) -> DatagramBatch {
    let uplink = Arc::new(Uplink::new(SESSION, &Secret(HOP_SECRET)));
    let key = sender_key(suite);
    let first = SequenceNumber(258);
    let mut sender = StreamSender::starting_at(uplink, kind, stream, &key, first);
    let mut batch = DatagramBatch::default();
    sender
        .seal_frame(&[frame], level, CAPTURED, &mut batch)
        .unwrap();
    batch
}

fn given(suite: Suite, payload: &[u8]) -> serde_json::Value {
    json!({
        "suite": suite.number(), "hop_secret": hex(&HOP_SECRET), "session": SESSION.0,
        "generation_key": hex(&SENDER_KEY), "ratchet_steps": 1, "payload": hex(payload),
    })
}

const SUITES: [(Suite, &str); 2] = [
    (Suite::Aes256Gcm, "AES-256-GCM"),
    (Suite::ChaCha20Poly1305, "ChaCha20-Poly1305"),
];

#[test]
fn header_and_sealed_datagrams_have_their_bytes() {
    let header = Header {
        kind: Kind::Video,
        level: 0,
        epoch: Epoch::new(2, 1),
        stream: StreamId(0x0a0b_0c0d),
        sequence: SequenceNumber(258),
        timestamp: CAPTURED,
        frame: FrameNumber(0x0001_0203),
        fragment: 1,
        fragments: 34,
    };
    let fields = json!({
        "kind": 1, "level": 0, "epoch": 0x0201, "stream": 0x0a0b_0c0d_u32, "sequence": 258,
        "timestamp": CAPTURED.0, "frame": 0x0001_0203, "fragment": 1, "fragments": 34,
    });
    let mut vectors = vec![Vector::new("media header", fields, header.emit())];
    let (sound, picture) = (b"twenty milliseconds", [0xd8; 1130]);
    for (suite, name) in SUITES {
        let batch = sealed(Kind::Audio, StreamId(11), suite, 0x80 | 30, sound);
        let title = format!("sound up, {name}");
        vectors.push(Vector::new(&title, given(suite, sound), batch.bytes()));
        let batch = sealed(Kind::Video, StreamId(10), suite, 0, &picture);
        for (i, (datagram, part)) in batch.datagrams().zip(picture.chunks(1124)).enumerate() {
            let title = format!("picture up, fragment {i} of 2, {name}");
            vectors.push(Vector::new(&title, given(suite, part), datagram));
        }
    }
    check("media.json", &vectors);

    let mut packet = written("media.json", "media header");
    packet.extend([0; 16]);
    assert_eq!(Header::parse(&packet), Ok(header));
    for (suite, name) in SUITES {
        assert_eq!(received(suite, &[format!("sound up, {name}")]), sound);
        let fragments = [0, 1].map(|i| format!("picture up, fragment {i} of 2, {name}"));
        assert_eq!(received(suite, &fragments), picture);
    }
}

/// What a receiver gets from the recorded datagrams.
fn received(suite: Suite, names: &[String]) -> Vec<u8> {
    let ana = ParticipantId(1);
    let mut receiver = Receiver::new();
    receiver.add_participant(ana).unwrap();
    let size = PictureSize {
        width: 8,
        height: 8,
    };
    let picture = Picture {
        layer: Layer::Full,
        size,
        fps: 1,
    };
    receiver
        .add_stream(ana, StreamId(10), Media::Camera(picture))
        .unwrap();
    let sound = Media::Audio(AudioCodec::L16Mono16k);
    receiver.add_stream(ana, StreamId(11), sound).unwrap();
    let held = receiver.set_key(ana, sender_key(suite), Instant(0));
    assert!(held.is_empty());
    let mut bytes = Vec::new();
    for name in names {
        let datagram = written("media.json", name);
        let keys = HopKeys::derive(&Secret(HOP_SECRET));
        let mut packet = keys.prove_media(&datagram).unwrap().to_vec();
        assert_eq!(packet, datagram[HOP_HEADER_BYTES..]);
        match receiver.handle_packet(&mut packet, Instant(0)).unwrap() {
            Received::Audio { payload, .. } => bytes.extend_from_slice(payload),
            Received::Picture { frame, .. } => bytes.extend_from_slice(frame.bytes),
            Received::Fragment | Received::Held => {}
        }
    }
    bytes
}

fn bodies() -> [(&'static str, Kind, Feedback); 1] {
    let gaps = [Gap { skip: 0, count: 2 }, Gap { skip: 3, count: 1 }];
    let nack = Nack {
        streams: core::iter::once(StreamGaps {
            stream: StreamId(10),
            first: SequenceNumber(250),
            gaps: gaps.into_iter().collect(),
        })
        .collect(),
    };
    [(
        "negative acknowledgement",
        Kind::Feedback,
        Feedback::Nack(nack),
    )]
}

#[test]
fn feedback_and_probes_have_their_bytes_up_and_down() {
    let keys = HopKeys::derive(&Secret(HOP_SECRET));
    let ask = Probe::Ask {
        sent: Instant(1_000_000),
        seen: Some(300),
        round_trip: Micros(2000),
        padding: Padding::NONE,
    }
    .padded_to(14);
    let answer = Probe::Answer {
        sent: Instant(1_000_000),
        relay: Instant(2_000_000),
        padding: Padding::NONE,
    }
    .padded_to(14);
    let mut vectors = Vec::new();
    let mut out = [0; MAX_DATAGRAM];
    let given = |counter: u64, value: String, body: Vec<u8>| {
        json!({
            "hop_secret": hex(&HOP_SECRET), "session": SESSION.0, "counter": counter,
            "value": value, "body": hex(&body),
        })
    };
    for (counter, (name, kind, body)) in (10..).zip(bodies()) {
        let length = keys
            .seal_up(SESSION, counter, kind, &body, &mut out)
            .unwrap();
        let plain = postcard::to_allocvec(&body).unwrap();
        let given = given(counter, format!("{body:?}"), plain);
        vectors.push(Vector::new(&format!("{name} up"), given, &out[..length]));
    }
    let plain = |probe: &Probe| postcard::to_allocvec(probe).unwrap();
    let length = keys
        .seal_up(SESSION, 12, Kind::Probe, &ask, &mut out)
        .unwrap();
    let up = given(12, format!("{ask:?}"), plain(&ask));
    vectors.push(Vector::new("probe up", up, &out[..length]));
    let length = keys.seal_down(13, Kind::Probe, &answer, &mut out).unwrap();
    let down = given(13, format!("{answer:?}"), plain(&answer));
    vectors.push(Vector::new("probe down", down, &out[..length]));
    check("hop.json", &vectors);

    for (name, _, body) in bodies() {
        let mut datagram = written("hop.json", &format!("{name} up"));
        assert_eq!(keys.open_up(&mut datagram), Ok(body));
    }
    assert_eq!(keys.open_up(&mut written("hop.json", "probe up")), Ok(ask));
    let down = keys.open_down(&mut written("hop.json", "probe down"));
    assert_eq!(down, Ok((13, answer)));
}
