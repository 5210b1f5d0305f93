//! A member of a room with real keys and real ears: the protocol's own hand-out of keys, sender and receiver.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::sync::{Arc, LazyLock};

use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::hand_out::{KeyHandOut, Purpose, Sent};
use conclave_protocol::id::{ParticipantId, RequestId, RoomId, StreamId};
use conclave_protocol::keyring::HandOut;
use conclave_protocol::leave_pace::LeavePace;
use conclave_protocol::member_key::MemberKey;
use conclave_protocol::receiver::{Received, Receiver};
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::{StreamSender, Uplink};
use conclave_protocol::sender_key::{EnvelopeContext, SenderKey};
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::{Event, KeyEnvelope, Participant, Request, Suite, ToRelay};
use conclave_protocol::wire::feedback::{Padding, Probe};
use conclave_protocol::wire::header::Kind;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::datagrams::{Datagrams, Memory};
use crate::harness::{Closed, Endpoint, NONCE, identity};

/// The one clock of this process, in the protocol's unit.
pub(crate) fn now() -> Instant {
    static START: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
    Instant(u64::try_from(START.elapsed().as_micros()).unwrap())
}

pub(crate) fn random() -> Secret<32> {
    let mut secret = Secret([0; 32]);
    getrandom::fill(&mut secret.0).unwrap();
    secret
}

/// A block of sound that was opened.
pub(crate) struct Heard {
    pub(crate) from: ParticipantId,
    pub(crate) captured: Instant,
    pub(crate) payload: Vec<u8>,
}

pub(crate) struct Member {
    pub(crate) control: Endpoint,
    pub(crate) me: ParticipantId,
    pub(crate) udp: Datagrams,
    pub(crate) heard: Vec<Heard>,
    seed: u8,
    room: RoomId,
    uplink: Arc<Uplink>,
    receiver: Receiver,
    keys: KeyHandOut,
    leaves: LeavePace,
    /// The highest counter of the answers to probes.
    seen: Option<u64>,
    others: BTreeMap<ParticipantId, MemberKey>,
    /// Requests with envelopes that are not answered.
    on_the_way: Vec<(RequestId, Sent)>,
}

/// Whether something is there to read.
fn is_readable(socket: impl AsFd) -> bool {
    let mut fds = [PollFd::new(&socket, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

impl Member {
    /// Takes an endpoint that is signed in into a room, and hands out its key.
    pub(crate) fn join(mut control: Endpoint, room: RoomId, seed: u8) -> Result<Self, Closed> {
        let signed_in = control.signed_in.clone().unwrap();
        let joined = control.join(room, None).map_err(|_| Closed)?;
        let context = EnvelopeContext {
            room,
            sender: joined.me,
            sender_nonce: NONCE,
        };
        let mut member = Self {
            me: joined.me,
            udp: Datagrams::to(control.relay),
            heard: Vec::new(),
            seed,
            room,
            uplink: Arc::new(Uplink::new(signed_in.session, &signed_in.hop_secret)),
            receiver: Receiver::new(),
            keys: KeyHandOut::new(context, Suite::Aes256Gcm, random()),
            leaves: LeavePace::default(),
            seen: None,
            others: BTreeMap::new(),
            on_the_way: Vec::new(),
            control,
        };
        for other in joined.roster.iter().filter(|other| other.id != joined.me) {
            member.meet(other);
        }
        member.hand_out(HandOut::Everyone, &[])?;
        member.probe();
        Ok(member)
    }

    /// Who else is in the room.
    pub(crate) fn others(&self) -> Vec<ParticipantId> {
        self.others.keys().copied().collect()
    }

    /// Whether everyone has the newest key.
    pub(crate) fn is_settled(&self) -> bool {
        self.on_the_way.is_empty() && self.keys.next_time().is_none()
    }

    /// The key that everyone in the room was sent, once there is one.
    pub(crate) fn key(&self) -> Option<&Arc<SenderKey>> {
        self.keys.used()
    }

    /// What seals a stream of this member's.
    pub(crate) fn sender(&self, kind: Kind, stream: StreamId) -> Option<StreamSender> {
        let uplink = Arc::clone(&self.uplink);
        let key = self.key()?;
        Some(StreamSender::new(uplink, kind, stream, key))
    }

    /// Shows the relay that both ways stand; once a second, as endpoints do.
    pub(crate) fn show(&mut self) -> Result<(), Closed> {
        self.probe();
        self.control.send(&ToRelay::Ping { sent: now() })
    }

    fn probe(&self) {
        let mut datagram = [0; MAX_DATAGRAM];
        let ask = Probe::Ask {
            sent: now(),
            seen: self.seen,
            padding: Padding::NONE,
        };
        let length = self.uplink.seal(Kind::Probe, &ask, &mut datagram).unwrap();
        self.udp.send_frame(&datagram[..length]);
    }

    /// Opens the media that came, by UDP and by TCP.
    pub(crate) fn listen(&mut self, memory: &mut Memory) {
        let Self {
            udp,
            receiver,
            heard,
            seen,
            uplink,
            ..
        } = self;
        udp.receive(memory, |packet| {
            if packet.first() == Some(&(Kind::Probe as u8)) {
                let answer: Result<(u64, Probe), _> = uplink.keys().open_down(packet);
                *seen = (*seen).max(answer.ok().map(|(counter, _)| counter));
            } else {
                open(receiver, packet, heard);
            }
        });
        for mut packet in self.control.datagrams.drain(..) {
            open(&mut self.receiver, &mut packet, &mut self.heard);
        }
    }

    /// Takes what the relay said, and answers as an endpoint does.
    pub(crate) fn attend(&mut self) -> Result<(), Closed> {
        while is_readable(&self.control.stream) {
            self.control.read()?;
        }
        let now = now();
        for (id, result) in std::mem::take(&mut self.control.replies) {
            if let Some(at) = self.on_the_way.iter().position(|(of, _)| *of == id) {
                let (_, sent) = self.on_the_way.remove(at);
                self.keys.answered(sent, &result, now);
            }
        }
        for event in std::mem::take(&mut self.control.events) {
            self.handle(event, now)?;
        }
        if self.leaves.is_due(now) {
            let to = self.keys.somebody_left(random());
            self.hand_out(to, &[])?;
        }
        while let Some((to, purpose)) = self.keys.due(now) {
            self.send_keys(purpose, |id| to.contains(&id))?;
        }
        Ok(())
    }

    fn handle(&mut self, event: Event, now: Instant) -> Result<(), Closed> {
        match event {
            Event::ParticipantJoined(other) if other.id != self.me => {
                self.meet(&other);
                let to = self.keys.somebody_came(random());
                self.hand_out(to, &[other.id])?;
            }
            Event::ParticipantLeft { participant, .. } => {
                assert_ne!(participant, self.me, "a member was removed from the room");
                if self.others.remove(&participant).is_some() {
                    self.receiver.remove_participant(participant);
                    if self.leaves.somebody_left(now) {
                        let to = self.keys.somebody_left(random());
                        self.hand_out(to, &[])?;
                    }
                }
            }
            Event::StreamPublished {
                participant,
                stream,
            } => {
                let media = stream.offer.media;
                let added = self.receiver.add_stream(participant, stream.id, media);
                added.expect("the relay gives each number once");
            }
            Event::StreamUnpublished { stream } => {
                let _counts = self.receiver.remove_stream(stream);
            }
            Event::Keys { from, envelope } => self.take_key(from, &envelope, now),
            Event::KeysWanted { by } => self.keys.wanted(by, now),
            _ => {}
        }
        Ok(())
    }

    fn meet(&mut self, other: &Participant) {
        let added = self.receiver.add_participant(other.id);
        added.expect("the relay gives each number once");
        self.others.insert(other.id, other.key());
        for stream in &other.streams {
            let media = stream.offer.media;
            let added = self.receiver.add_stream(other.id, stream.id, media);
            added.expect("the relay gives each number once");
        }
    }

    fn hand_out(&mut self, to: HandOut, newcomers: &[ParticipantId]) -> Result<(), Closed> {
        let is_chosen = |id| to == HandOut::Everyone || newcomers.contains(&id);
        self.send_keys(Purpose::Change, is_chosen)
    }

    fn send_keys(
        &mut self,
        purpose: Purpose,
        is_chosen: impl Fn(ParticipantId) -> bool,
    ) -> Result<(), Closed> {
        let others = self.others.iter().filter(|(id, _)| is_chosen(**id));
        let members = others.map(|(&id, &key)| (id, key));
        let (own, mut rng) = (identity(self.seed), UnwrapErr(SysRng));
        let sealed = self
            .keys
            .envelopes(purpose, &own, members, &mut rng, |_, _| {});
        if let Some((envelopes, sent)) = sealed {
            let id = self.control.ask(Request::SendKeys { envelopes })?;
            self.on_the_way.push((id, sent));
        }
        Ok(())
    }

    fn take_key(&mut self, from: ParticipantId, envelope: &KeyEnvelope, now: Instant) {
        let Some(key) = self.others.get(&from) else {
            return;
        };
        let context = EnvelopeContext {
            room: self.room,
            sender: from,
            sender_nonce: key.nonce,
        };
        let own = identity(self.seed);
        // Hostile members send envelopes that do not open.
        let Ok(key) = SenderKey::open(envelope, &own, NONCE, &key.identity, context) else {
            return;
        };
        for mut packet in self.receiver.set_key(from, key, now) {
            open(&mut self.receiver, &mut packet, &mut self.heard);
        }
    }
}

fn open(receiver: &mut Receiver, packet: &mut [u8], heard: &mut Vec<Heard>) {
    // What is dropped is seen as a block that did not come.
    if let Ok(Received::Audio {
        participant,
        header,
        payload,
    }) = receiver.handle_packet(packet, now())
    {
        heard.push(Heard {
            from: participant,
            captured: header.timestamp,
            payload: payload.to_vec(),
        });
    }
}
