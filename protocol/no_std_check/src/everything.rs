//! A call into every module, so that all of them are linked.

extern crate alloc;

use alloc::sync::Arc;
use core::convert::Infallible;

use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::attendance::{Abilities, Attendance, Place};
use conclave_protocol::channel::{ChannelEvent, EndpointChannel, RelayChannel};
use conclave_protocol::hop::HopKeys;
use conclave_protocol::id::{ParticipantId, RoomId, SequenceNumber, SessionId, StreamId};
use conclave_protocol::identity::Identity;
use conclave_protocol::jitter::{JitterBuffer, Playout};
use conclave_protocol::keyring::OwnKey;
use conclave_protocol::l16;
use conclave_protocol::member_key::{JoinNonce, MemberKey, safety_number};
use conclave_protocol::name::Username;
use conclave_protocol::receiver::{Received, Receiver};
use conclave_protocol::replay::ReplayWindow;
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::{DatagramBatch, StreamSender, Uplink};
use conclave_protocol::sender_key::{EnvelopeContext, SenderKey};
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::units::PictureSize;
use conclave_protocol::wire::control::{
    AudioCodec, Layer, Media, Picture, Suite, ToEndpoint, ToRelay,
};
use conclave_protocol::wire::feedback::{Padding, Probe};
use conclave_protocol::wire::header::Kind;
use rand_core::{TryCryptoRng, TryRng};

const NOW: Instant = Instant(1_000_000);
const ANA: ParticipantId = ParticipantId(1);

/// The first part that fails, counted from 1; 0 if all work.
pub(crate) fn failing_part() -> u8 {
    let parts = [
        control(),
        hop(),
        keys(),
        room(),
        picture(),
        sound(),
        names(),
    ];
    let failing = (1..).zip(parts).find(|(_, part)| part.is_none());
    failing.map_or(0, |(number, _)| number)
}

fn identity(byte: u8) -> Identity {
    Identity::from_secret(Secret([byte; 32]))
}

fn control() -> Option<()> {
    let mut endpoint = EndpointChannel::initiator(&identity(1), None, Secret([3; 32]));
    let mut relay = RelayChannel::responder(&identity(2), Secret([4; 32]));
    relay.receive(&mut &endpoint.take_output()[..]).ok()?;
    endpoint.receive(&mut &relay.take_output()[..]).ok()??;
    relay.receive(&mut &endpoint.take_output()[..]).ok()??;
    endpoint.send(&ToRelay::Ping { sent: NOW }).ok()?;
    let heard = relay.receive(&mut &endpoint.take_output()[..]).ok()??;
    let pong = ToEndpoint::Pong {
        sent: NOW,
        relay: NOW,
    };
    relay.send(&pong).ok()?;
    let answered = endpoint.receive(&mut &relay.take_output()[..]).ok()??;
    (heard == ChannelEvent::Message(ToRelay::Ping { sent: NOW })
        && answered == ChannelEvent::Message(pong))
    .then_some(())
}

fn hop() -> Option<()> {
    let keys = HopKeys::derive(&Secret([5; 32]));
    let ask = Probe::Ask {
        sent: NOW,
        seen: Some(1),
        round_trip: Micros(2_000),
        padding: Padding::NONE,
    };
    let ask = ask.padded_to(200);
    let mut out = [0; MAX_DATAGRAM];
    let length = keys
        .seal_up(SessionId(1), 0, Kind::Probe, &ask, &mut out)
        .ok()?;
    let up = keys.open_up::<Probe>(&mut out[..length]).ok()?;
    let length = keys.seal_down(0, Kind::Probe, &ask, &mut out).ok()?;
    let down = keys.open_down::<Probe>(&mut out[..length]).ok()?;
    let mut window = ReplayWindow::new();
    window.update(0);
    (up == ask && down == (0, ask) && !window.check(0)).then_some(())
}

fn keys() -> Option<()> {
    let mut own = OwnKey::new(Suite::Aes256Gcm, Secret([6; 32]));
    own.somebody_came(Secret([7; 32]));
    let context = EnvelopeContext {
        room: RoomId(1),
        sender: ANA,
        sender_nonce: JoinNonce([8; 32]),
    };
    let (ana, ben) = (identity(1), identity(2));
    let to = MemberKey {
        identity: ben.public(),
        nonce: JoinNonce([9; 32]),
    };
    let envelope = own.key().envelope(&ana, &to, context, &mut Fixed).ok()?;
    let opened = SenderKey::open(&envelope, &ben, to.nonce, &ana.public(), context).ok()?;
    (opened == *own.key()).then_some(())
}

fn room() -> Option<()> {
    let place = Place {
        room: RoomId(1),
        me: ANA,
        nonce: JoinNonce([8; 32]),
    };
    let abilities = Abilities {
        suite: Suite::Aes256Gcm,
        frame_memory: 0,
        plays: |_| true,
    };
    let entered = Attendance::enter(identity(1), place, &[], abilities, &mut Fixed);
    let mut alone = entered.ok()?;
    alone.resume(&[], NOW, &mut Fixed).ok()?;
    let epoch = alone.key()?.epoch();
    (epoch.generation() == 1 && alone.next_ask().is_none()).then_some(())
}

fn picture() -> Option<()> {
    let size = PictureSize {
        width: 8,
        height: 8,
    };
    let media = Media::Camera(Picture {
        layer: Layer::Full,
        size,
        fps: 1,
    });
    let frame = [7; 3000];
    let batch = sealed(Kind::Video, Suite::Aes256Gcm, &frame)?;
    let mut receiver = receiver(media, Suite::Aes256Gcm)?;
    let keys = HopKeys::derive(&Secret([5; 32]));
    let mut whole = None;
    for datagram in batch.datagrams() {
        let mut packet = keys.prove_media(datagram).ok()?.to_vec();
        if let Received::Picture { frame, .. } = receiver.handle_packet(&mut packet, NOW).ok()? {
            whole = Some(frame.bytes.to_vec());
        }
    }
    (whole? == frame).then_some(())
}

fn sound() -> Option<()> {
    let block = [9; l16::BLOCK_SAMPLES];
    let suite = Suite::ChaCha20Poly1305;
    let batch = sealed(Kind::Audio, suite, &l16::emit(&block))?;
    let mut receiver = receiver(Media::Audio(AudioCodec::L16Mono16k), suite)?;
    let mut packet = batch.bytes()[28..].to_vec();
    let Received::Audio {
        payload, header, ..
    } = receiver.handle_packet(&mut packet, NOW).ok()?
    else {
        return None;
    };
    let heard = l16::parse(payload)?;
    let mut buffer = JitterBuffer::new();
    buffer.push(header.sequence, header.timestamp, NOW, &heard);
    let mut out = [0; l16::BLOCK_SAMPLES];
    let later = NOW + Micros::from_millis(40);
    let playout = buffer.pop(later, &mut out);
    (playout == Playout::Heard { captured: NOW } && out == block).then_some(())
}

fn names() -> Option<()> {
    let name = Username::parse("ana").ok()?;
    let member = MemberKey {
        identity: identity(1).public(),
        nonce: JoinNonce([9; 32]),
    };
    let number = safety_number(&[member]);
    (name.key() == "ana" && number.len() == 14).then_some(())
}

fn sealed(kind: Kind, suite: Suite, frame: &[u8]) -> Option<DatagramBatch> {
    let uplink = Arc::new(Uplink::new(SessionId(1), &Secret([5; 32])));
    let key = SenderKey::fresh(0, suite, Secret([8; 32]));
    let first = SequenceNumber(0);
    let mut sender = StreamSender::starting_at(uplink, kind, StreamId(1), &key, first);
    let mut batch = DatagramBatch::default();
    sender.seal_frame(&[frame], 0, NOW, &mut batch).ok()?;
    Some(batch)
}

fn receiver(media: Media, suite: Suite) -> Option<Receiver> {
    let mut receiver = Receiver::new();
    receiver.add_participant(ANA).ok()?;
    receiver.add_stream(ANA, StreamId(1), media).ok()?;
    let key = SenderKey::fresh(0, suite, Secret([8; 32]));
    receiver
        .set_key(ANA, key, NOW)
        .is_empty()
        .then_some(receiver)
}

/// Random enough for a program without secrets.
struct Fixed;

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(4)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(4)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        dst.fill(4);
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}
