//! Functions that take bytes from outside and must not panic on any.
//!
//! The fuzzer searches for bytes that make one panic until it is stopped; the tests run each for a short
//! deterministic time.

use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::channel::{Channel, EndpointChannel, RelayChannel};
use conclave_protocol::frame_memory::FrameMemory;
use conclave_protocol::hop::{HopHeader, HopKeys};
use conclave_protocol::id::{ParticipantId, SequenceNumber, StreamId};
use conclave_protocol::identity::Identity;
use conclave_protocol::jitter::JitterBuffer;
use conclave_protocol::l16::{self, BLOCK_SAMPLES};
use conclave_protocol::nack::GapTracker;
use conclave_protocol::name::{ChatText, Email, Pin, RoomName, Username};
use conclave_protocol::packetize::MAX_FRAME_BYTES;
use conclave_protocol::reassemble::Reassembler;
use conclave_protocol::receiver::Receiver;
use conclave_protocol::secret::Secret;
use conclave_protocol::sender_key::SenderKey;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::units::PictureSize;
use conclave_protocol::wire::control::{
    AudioCodec, KeyEnvelope, Layer, Media, Picture, Suite, ToEndpoint, ToRelay,
};
use conclave_protocol::wire::feedback::{Feedback, Probe, StreamGaps};
use conclave_protocol::wire::framing::{parse_preface, parse_version_refusal, preface};
use conclave_protocol::wire::header::{HEADER_BYTES, HOP_HEADER_BYTES, Header, TAG_BYTES};

/// Takes bytes, and panics if the protocol breaks a promise.
pub type Target = fn(&[u8]);

/// Every target with its name.
pub const ALL: [(&str, Target); 10] = [
    ("channel", channel),
    ("messages", messages),
    ("header", header),
    ("hop", hop),
    ("feedback", feedback),
    ("reassembler", reassembler),
    ("receiver", receiver),
    ("gaps", gaps),
    ("jitter", jitter),
    ("names", names),
];

const IDENTITY: Secret<32> = Secret([1; 32]);

fn drain<I, O>(channel: &mut Channel<I, O>, mut bytes: &[u8])
where
    Channel<I, O>: Drain,
{
    while channel.step(&mut bytes) {}
}

/// The `receive` of both ends, which differ in their message types.
pub trait Drain {
    /// Whether more events follow.
    fn step(&mut self, bytes: &mut &[u8]) -> bool;
}

impl Drain for EndpointChannel {
    fn step(&mut self, bytes: &mut &[u8]) -> bool {
        matches!(self.receive(bytes), Ok(Some(_)))
    }
}

impl Drain for RelayChannel {
    fn step(&mut self, bytes: &mut &[u8]) -> bool {
        matches!(self.receive(bytes), Ok(Some(_)))
    }
}

/// Both ends, before and after the handshake, in two pieces.
fn channel(bytes: &[u8]) {
    let Some((&choice, bytes)) = bytes.split_first() else {
        return;
    };
    let identity = Identity::from_secret(IDENTITY);
    let mut endpoint = EndpointChannel::initiator(&identity, None, Secret([2; 32]));
    let mut relay = RelayChannel::responder(&identity, Secret([3; 32]));
    match choice % 3 {
        0 => {}
        1 => drain(&mut relay, &preface()),
        _ => {
            drain(&mut relay, &endpoint.take_output());
            drain(&mut endpoint, &relay.take_output());
            drain(&mut relay, &endpoint.take_output());
            assert!(relay.is_established() && endpoint.is_established());
        }
    }
    let (first, second) = bytes.split_at(usize::from(choice).min(bytes.len()));
    for piece in [first, second] {
        drain(&mut relay, piece);
        drain(&mut endpoint, piece);
    }
}

/// A decoded message encodes to the same bytes or fewer.
fn messages(bytes: &[u8]) {
    if let Ok((message, rest)) = postcard::take_from_bytes::<ToRelay>(bytes) {
        let again = postcard::to_allocvec(&message).expect("what was read can be written");
        assert!(again.len() <= bytes.len() - rest.len());
        assert_eq!(postcard::from_bytes::<ToRelay>(&again), Ok(message));
    }
    if let Ok((message, rest)) = postcard::take_from_bytes::<ToEndpoint>(bytes) {
        let again = postcard::to_allocvec(&message).expect("what was read can be written");
        assert!(again.len() <= bytes.len() - rest.len());
        assert_eq!(postcard::from_bytes::<ToEndpoint>(&again), Ok(message));
    }
    let _ = postcard::from_bytes::<KeyEnvelope>(bytes);
    if let Some(first) = bytes.first_chunk() {
        let _ = (parse_preface(first), parse_version_refusal(first));
    }
}

fn header(bytes: &[u8]) {
    if let Ok(header) = Header::parse(bytes) {
        assert_eq!(header.emit()[..], bytes[..HEADER_BYTES]);
    }
}

fn hop(bytes: &[u8]) {
    let keys = HopKeys::derive(&Secret([4; 32]));
    let _ = HopHeader::parse(bytes);
    assert!(keys.prove_media(bytes).is_err(), "a forged tag");
    assert!(keys.open_up::<Probe>(&mut bytes.to_vec()).is_err());
    assert!(keys.open_down::<Probe>(&mut bytes.to_vec()).is_err());
}

fn feedback(bytes: &[u8]) {
    if let Ok(body) = postcard::from_bytes::<Feedback>(bytes) {
        let again = postcard::to_allocvec(&body).expect("what was read can be written");
        assert_eq!(postcard::from_bytes::<Feedback>(&again), Ok(body));
    }
    if let Ok(probe) = postcard::from_bytes::<Probe>(bytes) {
        let again = postcard::to_allocvec(&probe).expect("what was read can be written");
        assert_eq!(postcard::from_bytes::<Probe>(&again), Ok(probe));
        let padded = probe.padded_to(bytes.len());
        let length = postcard::to_allocvec(&padded).map_or(0, |padded| padded.len());
        assert!(length <= bytes.len().max(32), "longer than it may be");
    }
}

/// Takes numbers from the front of bytes; zeros when the bytes are used up.
struct Numbers<'b>(&'b [u8]);

impl Numbers<'_> {
    fn next<const N: usize>(&mut self) -> [u8; N] {
        let mut number = [0; N];
        let (taken, rest) = self.0.split_at(N.min(self.0.len()));
        number[..taken.len()].copy_from_slice(taken);
        self.0 = rest;
        number
    }

    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Proven fragments of a hostile member: any header, payloads of few lengths.
fn reassembler(bytes: &[u8]) {
    let (mut numbers, mut reassembler) = (Numbers(bytes), Reassembler::new());
    let mut memory = FrameMemory::default();
    while !numbers.is_empty() {
        let mut packet = [0; HEADER_BYTES + TAG_BYTES];
        packet[0] = 1;
        packet[16] = numbers.next::<1>()[0] & 1;
        packet[24..32].copy_from_slice(&numbers.next::<8>());
        let length = usize::from(u16::from_le_bytes(numbers.next())) % 1300;
        if let Ok(header) = Header::parse(&packet)
            && let Some(frame) = reassembler.push(&mut memory, &header, &vec![7; length])
        {
            assert!(!frame.bytes.is_empty() && frame.bytes.len() <= MAX_FRAME_BYTES + 1124);
        }
    }
}

/// Forged packets of a few lengths at any times.
fn receiver(bytes: &[u8]) {
    let (ana, camera) = (ParticipantId(1), StreamId(1));
    let size = PictureSize {
        width: 8,
        height: 8,
    };
    let picture = Picture {
        layer: Layer::Full,
        size,
        fps: 1,
    };
    let mut receiver = Receiver::new();
    receiver.add_participant(ana).expect("the first");
    receiver
        .add_stream(ana, camera, Media::Camera(picture))
        .expect("the first");
    receiver
        .add_stream(ana, StreamId(2), Media::Audio(AudioCodec::L16Mono16k))
        .expect("a later one");
    let key = SenderKey::fresh(0, Suite::Aes256Gcm, Secret([5; 32]));
    let mut numbers = Numbers(bytes);
    while !numbers.is_empty() {
        let now = Instant(u64::from_le_bytes(numbers.next()));
        let [action] = numbers.next();
        if action == 0 {
            let held = receiver.set_key(ana, key.clone(), now);
            assert!(held.len() <= 64);
        }
        let mut packet = vec![0; HEADER_BYTES + TAG_BYTES + usize::from(action)];
        packet[..HEADER_BYTES].copy_from_slice(&numbers.next::<HEADER_BYTES>());
        let _ = receiver.handle_packet(&mut packet, now);
        let is_counted = receiver.counts().any(|(.., counts)| counts.packets > 0);
        assert!(!is_counted, "a forged packet counts");
    }
}

/// Proven headers of a hostile member, at any time: what came is not asked for, and a request fits a datagram.
fn gaps(bytes: &[u8]) {
    let (mut numbers, mut tracker) = (Numbers(bytes), GapTracker::for_streams(4));
    let mut now = Instant(0);
    while !numbers.is_empty() {
        now += Micros(u64::from(u16::from_le_bytes(numbers.next())));
        let mut packet = [0; HEADER_BYTES + TAG_BYTES];
        packet[..HEADER_BYTES].copy_from_slice(&numbers.next::<HEADER_BYTES>());
        let Ok(header) = Header::parse(&packet) else {
            continue;
        };
        tracker.note(&header, now);
        if let Some(nack) = tracker.ask(now) {
            assert!(nack.streams.len() <= 4);
            let body = postcard::to_allocvec(&Feedback::Nack(nack.clone())).expect("it encodes");
            assert!(body.len() < MAX_DATAGRAM - HOP_HEADER_BYTES);
            let asked = nack
                .streams
                .iter()
                .filter(|gaps| gaps.stream == header.stream);
            let mut asked = asked.flat_map(StreamGaps::missing);
            assert!(asked.all(|number| number != header.sequence), "it has come");
        }
    }
}

/// Proven blocks of a hostile member: any sequence, any time.
fn jitter(bytes: &[u8]) {
    let (mut numbers, mut buffer) = (Numbers(bytes), JitterBuffer::new());
    let mut out = [0; BLOCK_SAMPLES];
    while !numbers.is_empty() {
        let now = Instant(u64::from_le_bytes(numbers.next()));
        let [action] = numbers.next();
        let sequence = SequenceNumber(u64::from_le_bytes(numbers.next()));
        let captured = Instant(u64::from_le_bytes(numbers.next()));
        let block = [i16::from(action) << 8; BLOCK_SAMPLES];
        buffer.push(sequence, captured, now, &block);
        for _ in 0..action % 4 {
            buffer.pop(now, &mut out);
        }
    }
    let _ = l16::parse(bytes);
}

fn names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(name) = Username::parse(text) {
        assert_eq!(
            Username::parse(name.as_str()).as_ref(),
            Ok(&name),
            "composed once for all"
        );
        assert!(!name.key().is_empty());
    }
    if let Ok(name) = RoomName::parse(text) {
        assert_eq!(
            RoomName::parse(name.as_str()),
            Ok(name.clone()),
            "trimmed and composed once for all"
        );
        assert!(!name.key().is_empty());
    }
    let _ = (Email::parse(text), ChatText::parse(text), Pin::parse(text));
}
