//! A sender and a receiver, and the datagrams between them.

use conclave_protocol::hop::HopKeys;
use conclave_protocol::id::FrameNumber;
use conclave_protocol::id::{ParticipantId, SequenceNumber, SessionId, StreamId};
use conclave_protocol::receiver::{DropReason, Received, Receiver};
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::{DatagramBatch, StreamSender, Uplink};
use conclave_protocol::sender_key::SenderKey;
use conclave_protocol::time::Instant;
use conclave_protocol::units::PictureSize;
use conclave_protocol::wire::control::{AudioCodec, Layer, Media, Picture, Suite};
use conclave_protocol::wire::header::Kind;
use std::sync::Arc;

pub const ANA: ParticipantId = ParticipantId(1);
pub const EVE: ParticipantId = ParticipantId(2);
pub const VIDEO: StreamId = StreamId(10);
pub const AUDIO: StreamId = StreamId(11);
pub const HOP_SECRET: Secret<32> = Secret([5; 32]);
pub const T0: Instant = Instant(1_000_000);

pub fn camera() -> Media {
    Media::Camera(Picture {
        layer: Layer::Full,
        size: PictureSize {
            width: 640,
            height: 480,
        },
        fps: 30,
    })
}

pub fn sender_key(suite: Suite) -> SenderKey {
    SenderKey::fresh(0, suite, Secret([9; 32]))
}

pub fn uplink() -> Arc<Uplink> {
    Arc::new(Uplink::new(SessionId(7), &HOP_SECRET))
}

pub fn stream(kind: Kind, stream: StreamId, key: &SenderKey) -> StreamSender {
    StreamSender::starting_at(uplink(), kind, stream, key, SequenceNumber(0))
}

/// A receiver that knows Ana and her two streams, and has her key.
pub fn receiver(key: &SenderKey) -> Receiver {
    let mut receiver = Receiver::new();
    receiver.add_participant(ANA).unwrap();
    receiver.add_stream(ANA, VIDEO, camera()).unwrap();
    receiver
        .add_stream(ANA, AUDIO, Media::Audio(AudioCodec::L16Mono16k))
        .unwrap();
    assert!(receiver.set_key(ANA, key.clone(), T0).is_empty());
    receiver
}

/// The packet that a relay forwards of each datagram, once it is proven.
pub fn packets(batch: &DatagramBatch) -> Vec<Vec<u8>> {
    let hop = HopKeys::derive(&HOP_SECRET);
    batch
        .datagrams()
        .map(|datagram| hop.prove_media(datagram).unwrap().to_vec())
        .collect()
}

pub fn sealed(sender: &mut StreamSender, frame: &[u8], captured: Instant) -> Vec<Vec<u8>> {
    let mut batch = DatagramBatch::default();
    sender
        .seal_frame(&[frame], 0, captured, &mut batch)
        .unwrap();
    packets(&batch)
}

pub fn picture(
    receiver: &mut Receiver,
    packet: &[u8],
    now: Instant,
) -> Option<(FrameNumber, Vec<u8>)> {
    match receiver.handle_packet(&mut packet.to_vec(), now) {
        Ok(Received::Picture { frame, .. }) => Some((frame.frame, frame.bytes.to_vec())),
        _ => None,
    }
}

pub fn refusal(receiver: &mut Receiver, packet: &[u8], now: Instant) -> Option<DropReason> {
    receiver.handle_packet(&mut packet.to_vec(), now).err()
}
