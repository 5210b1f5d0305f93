//! One member with its streams and the packets that it opens, and the rules that must always hold for it.

use crate::common::random::Random;
use conclave_protocol::attendance::{Abilities, Asked, Attendance, Change, Place};
use conclave_protocol::hop::HopKeys;
use conclave_protocol::id::{ParticipantId, SessionId, StreamId};
use conclave_protocol::identity::Identity;
use conclave_protocol::receiver::Received;
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::{DatagramBatch, StreamSender, Uplink};
use conclave_protocol::sender_key::SenderKey;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::{
    AudioCodec, Event, Joined, Layer, Media, Participant, Picture, Request, Suite,
};
use conclave_protocol::wire::header::{Header, Kind};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub const SOUND: Media = Media::Audio(AudioCodec::L16Mono16k);
pub const OPUS: Media = Media::Audio(AudioCodec::OpusMono48k);
pub const CAMERA: Media = Media::Camera(Picture {
    layer: Layer::Full,
    size: conclave_protocol::units::PictureSize {
        width: 64,
        height: 64,
    },
    fps: 30,
});

/// The two kinds of users of the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinds {
    Endpoint,
    Browser,
}

impl Kinds {
    pub fn abilities(self) -> Abilities {
        match self {
            Self::Endpoint => Abilities {
                suite: Suite::ChaCha20Poly1305,
                frame_memory: 64 << 20,
                plays: |_| true,
            },
            Self::Browser => Abilities {
                suite: Suite::Aes256Gcm,
                frame_memory: 8 << 20,
                plays: |media| media != OPUS,
            },
        }
    }
}

/// One packet as the relay forwards it.
#[derive(Clone)]
pub struct Packet {
    pub from: ParticipantId,
    pub media: Media,
    pub bytes: Vec<u8>,
    pub sealed: Instant,
}

/// The changes, as the property tests compare them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub came: Vec<ParticipantId>,
    pub left: Vec<ParticipantId>,
    pub streams: usize,
}

/// A stream; its sender and the key that it seals under, once there is a key.
pub struct Published {
    pub stream: StreamId,
    pub media: Media,
    pub sender: Option<(StreamSender, Arc<SenderKey>)>,
}

pub struct Member {
    pub attendance: Attendance,
    pub kind: Kinds,
    pub published: Vec<Published>,
    /// Packets opened during this whole join.
    pub opened: BTreeSet<(StreamId, u64)>,
    /// The first key of each generation that was used.
    generations: BTreeMap<u8, SenderKey>,
    /// The relay's last messages, to be repeated.
    pub events: Vec<Event>,
    random: Random,
}

pub fn identity(id: ParticipantId) -> Identity {
    let mut secret = [3; 32];
    secret[..4].copy_from_slice(&id.0.to_le_bytes());
    Identity::from_secret(Secret(secret))
}

const HOP_SECRET: Secret<32> = Secret([5; 32]);

impl Member {
    pub fn enter(joined: &Joined, kind: Kinds, random: Random) -> Self {
        let mut random = random;
        let place = Place::of(joined).unwrap();
        let (identity, abilities) = (identity(joined.me), kind.abilities());
        let entered = Attendance::enter(identity, place, &joined.roster, abilities, &mut random);
        let mut member = Self {
            attendance: entered.unwrap(),
            kind,
            published: Vec::new(),
            opened: BTreeSet::new(),
            generations: BTreeMap::new(),
            events: Vec::new(),
            random,
        };
        member.follow(Instant(0));
        member
    }

    pub fn resume(&mut self, joined: &Joined, now: Instant) {
        let place = self.attendance.place();
        assert_eq!(Place::of(joined), Some(place), "a resume keeps the place");
        let random = &mut self.random;
        self.attendance.resume(&joined.roster, now, random).unwrap();
        self.follow(now);
    }

    pub fn handle_event(&mut self, event: &Event, now: Instant) -> Told {
        let random = &mut self.random;
        self.attendance.handle_event(event, now, random).unwrap();
        self.follow(now)
    }

    pub fn handle_time(&mut self, now: Instant) {
        if self.attendance.next_time().is_some_and(|at| at <= now) {
            self.attendance.handle_time(now, &mut self.random).unwrap();
        }
    }

    /// The next request; keys go only to members who are in the room.
    pub fn next_ask(&mut self) -> Option<(Request, Asked)> {
        let ask = self.attendance.next_ask()?;
        if let Request::SendKeys { envelopes } = &ask.0 {
            let mut to = BTreeSet::new();
            for envelope in envelopes {
                let is_here = self.attendance.member(envelope.to).is_some();
                assert!(is_here, "a key for {}, who is absent", envelope.to);
                assert!(to.insert(envelope.to), "two keys for one");
            }
        }
        Some(ask)
    }

    fn follow(&mut self, now: Instant) -> Told {
        let mut told = Told::default();
        while let Some(change) = self.attendance.next_change() {
            match change {
                Change::Came(id) => told.came.push(id),
                Change::Left(gone, _) => told.left.push(gone.id),
                Change::StreamBegan(..) | Change::StreamEnded(..) => told.streams += 1,
                Change::Opened(packets) => {
                    for packet in packets {
                        self.open(&packet, now);
                    }
                }
                Change::Removed | Change::Refused(..) => {}
            }
        }
        told
    }

    /// Whether a packet opens; no packet opens twice.
    pub fn open(&mut self, packet: &[u8], now: Instant) -> bool {
        let mut bytes = packet.to_vec();
        let received = self.attendance.handle_packet(&mut bytes, now);
        let opens = matches!(
            received,
            Ok(Received::Audio { .. } | Received::Picture { .. } | Received::Fragment)
        );
        if opens {
            let header = Header::parse(packet).unwrap();
            let name = (header.stream, header.sequence.0);
            assert!(self.opened.insert(name), "{name:?} opens twice");
        }
        opens
    }

    /// Seals a frame of each stream, once there is a key.
    pub fn speak(&mut self, now: Instant) -> Vec<Packet> {
        let from = self.attendance.place().me;
        let Some(key) = self.attendance.key().cloned() else {
            return Vec::new();
        };
        self.note_generation(&key);
        let mut packets = Vec::new();
        for Published {
            stream,
            media,
            sender,
        } in &mut self.published
        {
            let kind = match media {
                Media::Audio(_) => Kind::Audio,
                _ => Kind::Video,
            };
            let (sender, under) = sender.get_or_insert_with(|| {
                let uplink = Arc::new(Uplink::new(SessionId(from.0), &HOP_SECRET));
                (
                    StreamSender::new(uplink, kind, *stream, &key),
                    Arc::clone(&key),
                )
            });
            if !Arc::ptr_eq(under, &key) {
                sender.rekey(&key);
                *under = Arc::clone(&key);
            }
            let mut batch = DatagramBatch::default();
            sender.seal_frame(&[&[7; 100]], 0, now, &mut batch).unwrap();
            let proven = HopKeys::derive(&HOP_SECRET);
            packets.extend(batch.datagrams().map(|datagram| Packet {
                from,
                media: *media,
                bytes: proven.prove_media(datagram).unwrap().to_vec(),
                sealed: now,
            }));
        }
        packets
    }

    /// All keys of one generation are derived from its first.
    fn note_generation(&mut self, key: &SenderKey) {
        let (generation, step) = (key.epoch().generation(), key.epoch().step());
        let newest = self.generations.last_key_value().map(|(of, _)| *of);
        assert!(
            newest <= Some(generation),
            "an earlier generation is used again"
        );
        let first = self
            .generations
            .entry(generation)
            .or_insert_with(|| key.clone());
        let mut follows = first.clone();
        while follows.epoch().step() < step {
            follows = follows.ratchet().unwrap();
        }
        assert_eq!(&follows, key, "generation {generation} has two keys");
    }

    pub fn others(&self) -> Vec<Participant> {
        self.attendance.others().cloned().collect()
    }
}
