//! What the relay's process holds while it passes media on: never a key that opens it.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use common::Relay;
use conclave_endpoint::net::control::{Connection, ConnectionEvent};
use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::id::{LineMark, RequestId, SourceId};
use conclave_protocol::identity::{Identity, PublicKey};
use conclave_protocol::member_key::{JoinNonce, MemberKey};
use conclave_protocol::name::{ChatText, DisplayName, Email, RoomName, Username};
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::{DatagramBatch, StreamSender, Uplink};
use conclave_protocol::sender_key::{EnvelopeContext, SenderKey};
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::{
    AddressedEnvelope, Answer, AudioCodec, Devices, Event, Joined, Media, Request, SignedIn,
    StreamOffer, Suite, ToEndpoint, ToRelay,
};
use conclave_protocol::wire::feedback::{Padding, Probe};
use conclave_protocol::wire::header::Kind;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::UdpSocket;
use std::sync::Arc;

/// Of every join.
const NONCE: JoinNonce = JoinNonce([0x0a; 32]);

struct Member {
    connection: Connection,
    identity: Identity,
    asked: u32,
    events: Vec<Event>,
}

impl Member {
    async fn sign_in(relay: &Relay, name: &str, seed: u8) -> (Self, SignedIn) {
        let identity = Identity::from_secret(Secret([seed; 32]));
        let connection = Connection::open(
            relay.address.clone(),
            identity.clone(),
            None,
            Secret([seed + 100; 32]),
        );
        let mut member = Self {
            connection,
            identity,
            asked: 0,
            events: Vec::new(),
        };
        assert!(matches!(
            member.connection.next().await,
            ConnectionEvent::Established { .. }
        ));
        let username = Username::parse(name).unwrap();
        let email = Email::parse(&format!("{name}@example.org")).unwrap();
        match member
            .ask(Request::SignIn {
                display_name: DisplayName::from(&username),
                username,
                email,
                resume: None,
            })
            .await
        {
            Answer::SignedIn(signed_in) => (member, *signed_in),
            other => panic!("{other:?}"),
        }
    }

    async fn ask(&mut self, request: Request) -> Answer {
        self.asked += 1;
        let id = RequestId(self.asked);
        assert!(self.connection.send(ToRelay::Request { id, request }));
        loop {
            match self.connection.next().await {
                ConnectionEvent::Message(message) => match *message {
                    ToEndpoint::Reply {
                        id: answered,
                        result,
                    } if answered == id => return result.unwrap(),
                    ToEndpoint::Event(event) => self.events.push(event),
                    _ => {}
                },
                ConnectionEvent::Lost(error) => panic!("{error}"),
                ConnectionEvent::Established { .. } => {}
            }
        }
    }

    async fn join(&mut self, room: conclave_protocol::id::RoomId) -> Joined {
        let devices = Devices {
            microphone: true,
            camera: false,
        };
        match self
            .ask(Request::JoinRoom {
                room,
                pin: None,
                devices,
                nonce: NONCE,
            })
            .await
        {
            Answer::Joined(joined) => *joined,
            other => panic!("{other:?}"),
        }
    }

    async fn event<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        loop {
            if let Some(found) = self.events.iter().find_map(&wanted) {
                return found;
            }
            match self.connection.next().await {
                ConnectionEvent::Message(message) => {
                    if let ToEndpoint::Event(event) = *message {
                        self.events.push(event);
                    }
                }
                ConnectionEvent::Lost(error) => panic!("{error}"),
                ConnectionEvent::Established { .. } => {}
            }
        }
    }
}

/// How often bytes stand in the writable memory of a process.
fn found_in(pid: u32, needle: &[u8]) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut memory = std::fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut found = 0;
    for line in maps.lines().filter(|line| {
        line.split_whitespace()
            .nth(1)
            .is_some_and(|mode| mode.starts_with("rw"))
    }) {
        let (start, end) = line
            .split_whitespace()
            .next()
            .and_then(|range| range.split_once('-'))
            .unwrap();
        let (start, end) = (
            u64::from_str_radix(start, 16).unwrap(),
            u64::from_str_radix(end, 16).unwrap(),
        );
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        // Some mappings, like the kernel's own pages, cannot be read.
        if memory.seek(SeekFrom::Start(start)).is_ok() && memory.read_exact(&mut bytes).is_ok() {
            found += bytes
                .windows(needle.len())
                .filter(|window| *window == needle)
                .count();
        }
    }
    found
}

#[tokio::test]
async fn the_relay_passes_keys_and_sound_on_and_never_holds_what_opens_them() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay"));
    let (mut ana, ana_in) = Member::sign_in(&relay, "ana", 1).await;
    let (mut ben, ben_in) = Member::sign_in(&relay, "ben", 2).await;
    let name = RoomName::parse("memory").unwrap();
    let Answer::Created { room } = ana
        .ask(Request::CreateRoom {
            name,
            pin: None,
            capacity: 8,
        })
        .await
    else {
        panic!("no room")
    };
    let joined = ana.join(room).await;
    let seen = ben.join(room).await;
    let text = Box::new(ChatText::parse("a line that the relay may well know").unwrap());
    ana.ask(Request::Say {
        to: None,
        text: text.clone(),
        mark: LineMark(1),
    })
    .await;

    // Ana's key, as random as any, goes to Ben through the relay.
    let mut random = [0; 32];
    getrandom::fill(&mut random).unwrap();
    let key = SenderKey::fresh(0, Suite::Aes256Gcm, Secret(random));
    let context = EnvelopeContext {
        room,
        sender: joined.me,
        sender_nonce: NONCE,
    };
    let mut rng = getrandom::rand_core::UnwrapErr(getrandom::SysRng);
    let to = &MemberKey {
        identity: ben.identity.public(),
        nonce: NONCE,
    };
    let envelope = key.envelope(&ana.identity, to, context, &mut rng).unwrap();
    ana.ask(Request::SendKeys {
        envelopes: vec![AddressedEnvelope {
            to: seen.me,
            envelope,
        }],
    })
    .await;
    let envelope = ben
        .event(|event| match event {
            Event::Keys { envelope, .. } => Some(envelope.clone()),
            _ => None,
        })
        .await;
    let opened = SenderKey::open(
        &envelope,
        &ben.identity,
        NONCE,
        &PublicKey(ana.identity.public().0),
        context,
    );
    assert_eq!(opened.as_ref(), Ok(&key), "Ben has the key");

    // Ana's sound goes to Ben under it.
    let media = Media::Audio(AudioCodec::L16Mono16k);
    let Answer::Published { stream } = ana
        .ask(Request::Publish(StreamOffer {
            source: SourceId(1),
            media,
        }))
        .await
    else {
        panic!("not published")
    };
    let (from, at) = (
        UdpSocket::bind("127.0.0.1:0").unwrap(),
        UdpSocket::bind("127.0.0.1:0").unwrap(),
    );
    let uplink = Arc::new(Uplink::new(ana_in.session, &ana_in.hop_secret));
    let ears = Uplink::new(ben_in.session, &ben_in.hop_secret);
    let mut datagram = [0; MAX_DATAGRAM];
    for seen in [None, Some(0)] {
        let ask = Probe::Ask {
            sent: Instant(1),
            seen,
            round_trip: conclave_protocol::time::Micros(2_000),
            padding: Padding::NONE,
        };
        let length = ears.seal(Kind::Probe, &ask, &mut datagram).unwrap();
        at.send_to(&datagram[..length], &relay.address).unwrap();
        at.recv_from(&mut datagram).unwrap();
    }
    let mut sender = StreamSender::new(Arc::clone(&uplink), Kind::Audio, stream, &key);
    let mut batch = DatagramBatch::default();
    let sound: Vec<u8> = (0..640).map(|i| (i * 7) as u8).collect();
    sender
        .seal_frame(&[&sound], 30, Instant(2), &mut batch)
        .unwrap();
    from.send_to(batch.bytes(), &relay.address).unwrap();
    let (length, _) = at.recv_from(&mut datagram).unwrap();
    let opened = key.media_key(stream).open(
        &mut datagram[..length],
        conclave_protocol::id::SequenceNumber(0),
    );
    assert_eq!(opened.unwrap(), &sound, "Ben hears Ana");

    // The search finds what the relay does hold: so it would find a key.
    assert!(
        found_in(relay.pid(), text.as_str().as_bytes()) > 0,
        "the search finds nothing at all"
    );
    assert_eq!(
        found_in(relay.pid(), &random),
        0,
        "the relay holds the sender key"
    );
    assert_eq!(
        found_in(relay.pid(), &sound[..64]),
        0,
        "the relay holds the sound"
    );
    assert_eq!(
        found_in(relay.pid(), ana.identity.secret().expose()),
        0,
        "the relay holds an identity"
    );
}
