//! Browsers and endpoints in one room.

use std::net::TcpStream;
use std::sync::Arc;

use conclave_protocol::id::{ParticipantId, RoomId};
use conclave_protocol::keyring::{HandOut, OwnKey};
use conclave_protocol::l16::BLOCK_BYTES;
use conclave_protocol::member_key::MemberKey;
use conclave_protocol::receiver::{Received, Receiver};
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::{DatagramBatch, StreamSender, Uplink};
use conclave_protocol::sender_key::{EnvelopeContext, SenderKey};
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::{
    AddressedEnvelope, Event, Joined, Request, Stream, Suite, ToRelay,
};
use conclave_protocol::wire::header::Kind;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use serde_json::json;

use crate::browser::{Browser, Frame, jpeg};
use crate::harness::{Endpoint, NONCE, PATIENCE, TestRelay, camera, identity};
use crate::trusting::trusting;

/// An endpoint that seals and opens as endpoints do, over its control connection.
struct Sealing {
    endpoint: Endpoint,
    seed: u8,
    room: RoomId,
    me: ParticipantId,
    others: Vec<(ParticipantId, MemberKey)>,
    own: OwnKey,
    keys: u8,
    receiver: Receiver,
    sender: Option<StreamSender>,
    uplink: Arc<Uplink>,
    datagrams_seen: usize,
}

impl Sealing {
    fn new(endpoint: Endpoint, seed: u8, joined: Joined) -> Self {
        let signed_in = endpoint.signed_in.clone().unwrap();
        let mut this = Self {
            endpoint,
            seed,
            room: joined.room.id,
            me: joined.me,
            others: Vec::new(),
            own: OwnKey::new(Suite::Aes256Gcm, Secret([seed; 32])),
            keys: 0,
            receiver: Receiver::new(),
            sender: None,
            uplink: Arc::new(Uplink::new(signed_in.session, &signed_in.hop_secret)),
            datagrams_seen: 0,
        };
        for member in joined.roster {
            if member.id != this.me {
                this.meet(member.id, member.key(), &member.streams);
            }
        }
        this.hand_out(HandOut::Everyone, &[]);
        this
    }

    fn meet(&mut self, id: ParticipantId, key: MemberKey, streams: &[Stream]) {
        self.others.push((id, key));
        self.receiver.add_participant(id).unwrap();
        for stream in streams {
            let media = stream.offer.media;
            self.receiver.add_stream(id, stream.id, media).unwrap();
        }
    }

    fn hand_out(&mut self, to: HandOut, newcomers: &[ParticipantId]) {
        let me = identity(self.seed);
        let context = EnvelopeContext {
            room: self.room,
            sender: self.me,
            sender_nonce: NONCE,
        };
        let envelopes: Vec<_> = self
            .others
            .iter()
            .filter(|(id, _)| to == HandOut::Everyone || newcomers.contains(id))
            .map(|(to, key)| AddressedEnvelope {
                to: *to,
                envelope: self
                    .own
                    .key()
                    .envelope(&me, key, context, &mut UnwrapErr(SysRng))
                    .unwrap(),
            })
            .collect();
        if !envelopes.is_empty() {
            self.endpoint
                .request(Request::SendKeys { envelopes })
                .unwrap();
        }
        if let Some(sender) = &mut self.sender {
            sender.rekey(self.own.key());
        }
    }

    /// Takes what has come, until `done` says that it is enough; pictures go to `pictures`.
    fn run(&mut self, mut done: impl FnMut(&Self, &[Vec<u8>]) -> bool) -> Vec<Vec<u8>> {
        let mut pictures = Vec::new();
        loop {
            while let Some(event) = self.endpoint.events.pop_front() {
                self.handle(event, &mut pictures);
            }
            while let Some(mut datagram) = self.endpoint.datagrams.pop_front() {
                self.datagrams_seen += 1;
                open(&mut self.receiver, &mut datagram, &mut pictures);
            }
            if done(self, &pictures) {
                return pictures;
            }
            self.endpoint.read().unwrap();
        }
    }

    fn handle(&mut self, event: Event, pictures: &mut Vec<Vec<u8>>) {
        match event {
            Event::ParticipantJoined(member) => {
                self.meet(member.id, member.key(), &member.streams);
                let to = self.own.somebody_came(Secret([7; 32]));
                self.hand_out(to, &[member.id]);
            }
            Event::ParticipantLeft { participant, .. } => {
                self.others.retain(|(id, _)| *id != participant);
                self.receiver.remove_participant(participant);
                let to = self.own.somebody_left(Secret([8; 32]));
                self.hand_out(to, &[]);
            }
            Event::StreamPublished {
                participant,
                stream,
            } => self
                .receiver
                .add_stream(participant, stream.id, stream.offer.media)
                .unwrap(),
            Event::Keys { from, envelope } => {
                let (_, key) = *self.others.iter().find(|(id, _)| *id == from).unwrap();
                let context = EnvelopeContext {
                    room: self.room,
                    sender: from,
                    sender_nonce: key.nonce,
                };
                let me = identity(self.seed);
                let opened = SenderKey::open(&envelope, &me, NONCE, &key.identity, context);
                let key = opened.unwrap();
                self.keys += 1;
                for mut held in self.receiver.set_key(from, key, Instant(0)) {
                    open(&mut self.receiver, &mut held, pictures);
                }
            }
            Event::KeysWanted { by } => self.hand_out(HandOut::Newcomers, &[by]),
            _ => {}
        }
    }

    fn publish_camera(&mut self) {
        let stream = self.endpoint.publish(camera());
        let uplink = Arc::clone(&self.uplink);
        let key = self.own.key();
        self.sender = Some(StreamSender::new(uplink, Kind::Video, stream, key));
    }

    fn send_picture(&mut self, picture: &[u8], captured: Instant) {
        let mut batch = DatagramBatch::default();
        let sender = self.sender.as_mut().unwrap();
        sender
            .seal_frame(&[picture], 0, captured, &mut batch)
            .unwrap();
        for datagram in batch.datagrams() {
            let datagram = ToRelay::Datagram(datagram.to_vec());
            self.endpoint.send(&datagram).unwrap();
        }
    }
}

fn open(receiver: &mut Receiver, packet: &mut [u8], pictures: &mut Vec<Vec<u8>>) {
    match receiver.handle_packet(packet, Instant(0)) {
        Ok(Received::Picture { frame, .. }) => pictures.push(frame.bytes.to_vec()),
        Ok(Received::Audio { payload, .. }) => pictures.push(payload.to_vec()),
        _ => {}
    }
}

fn picture(stream: u32, body: Vec<u8>) -> Frame {
    Frame {
        kind: 1,
        level: 0,
        stream,
        captured_us: 77_000,
        number: 0,
        body,
    }
}

#[test]
fn a_browser_s_safety_number_is_another_one_after_each_join() {
    let relay = TestRelay::start();
    let mut ana = relay.browser();
    ana.sign_in("Ana", 1, None).unwrap();
    let made = ana.request(json!({"do": "create_room", "name": "x", "capacity": 4}));
    let room = made.unwrap()["room"].as_u64().unwrap() as u32;
    let mut joins = Vec::new();
    for _ in 0..2 {
        ana.join(room, None).unwrap();
        joins.push(ana.event("safety_number")["digits"].clone());
        ana.request(json!({"do": "leave_room"})).unwrap();
    }
    assert_ne!(joins[0], joins[1], "a number of before is of no use");
}

#[test]
fn a_browser_signs_in_makes_a_room_and_chats_with_an_endpoint() {
    let relay = TestRelay::start();
    let mut ana = relay.browser();
    let signed_in = ana.sign_in("Ana", 1, None).unwrap();
    assert_eq!(signed_in["username"], "Ana");
    assert_eq!(signed_in["guest"], false);
    assert!(signed_in["room"].is_null());
    let made = ana
        .request(json!({"do": "create_room", "name": "Küche", "capacity": 8}))
        .unwrap();
    let room = RoomId(made["room"].as_u64().unwrap() as u32);
    let listed = ana.request(json!({"do": "list_rooms"})).unwrap();
    assert_eq!(listed["rooms"][0]["name"], "Küche");
    assert_eq!(listed["rooms"][0]["locked"], false);
    let joined = ana.join(room.0, None).unwrap();
    assert_eq!(joined["roster"][0]["username"], "Ana");
    assert_eq!(joined["roster"][0]["via_gateway"], true);
    assert_eq!(
        ana.event("safety_number")["digits"].as_str().unwrap().len(),
        14
    );

    let (mut bob, seen) = relay.enter("Bob", 2, room);
    let ana_seen = seen.roster.iter().find(|p| p.username.as_str() == "Ana");
    assert!(
        ana_seen.unwrap().via_gateway,
        "Bob is told that Ana's keys are the gateway's"
    );
    let came = ana.event("participant_joined");
    assert_eq!(came["participant"]["username"], "Bob");
    assert_eq!(came["participant"]["via_gateway"], false);
    ana.event("safety_number");

    bob.say("hello").unwrap();
    let line = ana.event("chat");
    assert_eq!(
        (&line["from"], &line["text"]),
        (&"Bob".into(), &"hello".into())
    );
    let said = ana
        .request(json!({"do": "say", "text": "hello back"}))
        .unwrap();
    let heard = bob.event(|event| match event {
        Event::Chat(line) if line.from.as_str() == "Ana" => Some(line),
        _ => None,
    });
    assert_eq!(heard.text.as_str(), "hello back");
    assert_eq!(said["id"], heard.id.0);
    let history = ana.request(json!({"do": "history"})).unwrap();
    assert_eq!(history["lines"].as_array().unwrap().len(), 2);
    ana.request(json!({"do": "sign_out"})).unwrap();
    assert_eq!(ana.closing().1, Some(1000));
}

#[test]
fn pictures_and_sound_go_both_ways_between_a_browser_and_an_endpoint() {
    let relay = TestRelay::start();
    let mut bob = relay.sign_in("Bob", 2);
    let room = bob.create("call", None, 8).unwrap();
    let joined = bob.join(room, None).unwrap();
    let mut bob = Sealing::new(bob, 2, joined);
    bob.publish_camera();
    let (mut ana, _) = relay.browse_into("Ana", 1, room);
    let camera = ana.publish_camera();
    let microphone = ana.publish(1, json!({"kind": "audio"}));
    bob.run(|bob, _| bob.keys >= 1);
    ana.settle_core();

    let sent = jpeg(20_000, 3);
    ana.send(&picture(camera, sent.clone()));
    assert_eq!(bob.run(|_, got| !got.is_empty()), [sent]);
    let block = vec![5; BLOCK_BYTES];
    ana.send(&Frame {
        kind: 0,
        level: 0x85,
        ..picture(microphone, block.clone())
    });
    assert_eq!(bob.run(|_, got| !got.is_empty()), [block]);

    let sent = jpeg(30_000, 9);
    bob.send_picture(&sent, Instant(123_456));
    let got = ana.frame();
    assert_eq!((got.kind, got.captured_us, got.number), (1, 123_456, 0));
    assert_eq!(got.body, sent);
    bob.send_picture(&sent, Instant(156_789));
    assert_eq!(ana.frame().number, 1);
}

#[test]
fn who_left_opens_nothing_more_and_who_stays_gets_new_keys() {
    let relay = TestRelay::start();
    let mut bob = relay.sign_in("Bob", 2);
    let room = bob.create("call", None, 8).unwrap();
    let joined = bob.join(room, None).unwrap();
    let mut bob = Sealing::new(bob, 2, joined);
    bob.publish_camera();
    let (mut ana, _) = relay.browse_into("Ana", 1, room);
    let camera = ana.publish_camera();
    bob.run(|bob, _| bob.keys >= 1);
    ana.settle_core();
    let (eve, joined) = relay.enter("Eve", 3, room);
    let mut eve = Sealing::new(eve, 3, joined);
    eve.run(|eve, _| eve.keys >= 1);
    ana.settle_core();
    let sent = jpeg(5_000, 1);
    ana.send(&picture(camera, sent.clone()));
    assert_eq!(eve.run(|_, got| !got.is_empty())[0], sent);
    assert_eq!(bob.run(|_, got| !got.is_empty()), [sent]);

    let before = bob.keys;
    eve.endpoint.request(Request::LeaveRoom).unwrap();
    ana.event("participant_left");
    bob.run(|bob, _| bob.keys > before);
    ana.settle_core();
    let sent = jpeg(5_000, 2);
    ana.send(&picture(camera, sent.clone()));
    assert_eq!(bob.run(|_, got| !got.is_empty()), [sent]);
    let sent = jpeg(5_000, 4);
    bob.send_picture(&sent, Instant(1));
    assert_eq!(ana.frame().body, sent, "under Bob's new key");
}

#[test]
fn two_browsers_see_each_other() {
    let relay = TestRelay::start();
    let mut ana = relay.browse("Ana", 1);
    let made = ana.request(json!({"do": "create_room", "name": "x", "capacity": 4}));
    let room = RoomId(made.unwrap()["room"].as_u64().unwrap() as u32);
    ana.join(room.0, None).unwrap();
    let camera = ana.publish_camera();
    let (mut bob, joined) = relay.browse_into("Bob", 2, room);
    let seen = &joined["roster"][0]["streams"][0];
    assert_eq!(
        (&seen["id"], &seen["media"]["width"]),
        (&camera.into(), &640.into())
    );
    ana.event("participant_joined");
    // By then the core has passed Ana's key on to Bob.
    ana.settle_core();
    let sent = jpeg(400_000, 8);
    ana.send(&picture(camera, sent.clone()));
    assert_eq!(bob.frame().body, sent);
    let nothing = json!({"do": "subscribe", "stream": camera, "want": "nothing"});
    bob.request(nothing).unwrap();
    ana.request(json!({"do": "unpublish", "stream": camera}))
        .unwrap();
    assert_eq!(bob.event("stream_unpublished")["stream"], camera);
}

#[test]
fn over_tls_it_is_the_same() {
    let relay = TestRelay::start_with(|config| config.web.plain_http = false);
    let open = || {
        let stream = TcpStream::connect(relay.web()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Browser::open(trusting(stream), relay.web())
    };
    let (mut ana, mut bob) = (open(), open());
    ana.sign_in("Ana", 1, None).unwrap();
    bob.sign_in("Bob", 2, None).unwrap();
    let made = ana.request(json!({"do": "create_room", "name": "x", "capacity": 4}));
    let room = made.unwrap()["room"].as_u64().unwrap() as u32;
    ana.join(room, None).unwrap();
    let camera = ana.publish_camera();
    bob.join(room, None).unwrap();
    ana.event("participant_joined");
    ana.settle_core();
    let sent = jpeg(200_000, 6);
    ana.send(&picture(camera, sent.clone()));
    assert_eq!(bob.frame().body, sent);
}
