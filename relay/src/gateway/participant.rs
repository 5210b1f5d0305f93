//! The media keys of one gateway participant: what an endpoint does for itself, done here for a browser.
//!
//! Events of the room and replies to its own requests go in, requests come out of [`Participant::next_ask`].
//! This module and those who hold a [`Participant`] are the only place of the relay with a media key.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use conclave_protocol::hand_out::{KeyHandOut, Purpose, Sent};
use conclave_protocol::id::{ParticipantId, RoomId, StreamId};
use conclave_protocol::identity::Identity;
use conclave_protocol::keyring::HandOut;
use conclave_protocol::leave_pace::LeavePace;
use conclave_protocol::member_key::{JoinNonce, MemberKey, safety_number};
use conclave_protocol::receiver::{DropReason, Received, Receiver};
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::{DatagramBatch, StreamSender, Uplink};
use conclave_protocol::sender_key::{EnvelopeContext, SenderKey};
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::{
    Answer, AudioCodec, Event, Joined, KeyEnvelope, Media, Participant as Member, Refusal, Request,
    SignedIn, Stream, Suite,
};
use conclave_protocol::wire::header::Kind;

use super::media_frame::MediaFrame;

/// Packets that were held for a key and are opened when it comes; as many as the receiver holds.
const HELD: usize = conclave_protocol::receiver::HELD_PACKETS;

/// Bytes of incomplete pictures that the gateway holds for one browser. Higher costs memory for each browser when members
/// begin pictures and do not end them; lower loses pictures where many large ones come at once.
const FRAME_MEMORY: usize = 8 << 20;

/// A request of the participant's own, which no browser asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OwnAsk {
    /// Envelopes.
    SendKeys(Sent),
    /// Whatever is answered changes nothing.
    Nothing,
}

/// A block or picture for the browser.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// A block of somebody's sound.
    Sound(ParticipantId, Vec<u8>),
    /// A whole picture of a stream.
    Picture(StreamId, Vec<u8>),
}

/// Why a frame of the browser's is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsent {
    /// Not a stream that it publishes, or of another kind.
    NoStream,
    /// Not everybody has the key yet.
    NoKey,
    /// It cannot be cut into packets.
    Malformed,
}

/// One gateway participant, over its sockets' coming and going.
pub(super) struct Participant {
    identity: Identity,
    uplink: Option<Arc<Uplink>>,
    receiver: Receiver,
    room: Option<InRoom>,
    asks: VecDeque<(Request, OwnAsk)>,
}

struct InRoom {
    id: RoomId,
    me: ParticipantId,
    nonce: JoinNonce,
    others: BTreeMap<ParticipantId, Other>,
    keys: KeyHandOut,
    leaves: LeavePace,
    published: BTreeMap<StreamId, Published>,
}

struct Other {
    key: MemberKey,
    streams: Vec<StreamId>,
}

struct Published {
    kind: Kind,
    /// Made with the first frame, when there is a key; and the key that it seals under.
    sender: Option<(StreamSender, Arc<SenderKey>)>,
}

/// The system gives no random bytes.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the system gives no random bytes")]
pub(super) struct NoEntropy;

fn entropy() -> Result<Secret<32>, NoEntropy> {
    let mut secret = Secret([0; 32]);
    getrandom::fill(&mut secret.0).map_err(|_| NoEntropy)?;
    Ok(secret)
}

/// The nonce for a join that is about to be asked for.
pub(super) fn draw_nonce() -> Result<JoinNonce, NoEntropy> {
    Ok(JoinNonce(*entropy()?.expose()))
}

/// The kind of a stream's packets, unless browsers cannot play it.
pub(super) const fn playable(media: Media) -> Option<Kind> {
    match media {
        Media::Audio(AudioCodec::L16Mono16k) => Some(Kind::Audio),
        Media::Audio(AudioCodec::OpusMono48k) => None,
        Media::Camera(_) => Some(Kind::Video),
        Media::Screen(_) => Some(Kind::Screen),
    }
}

impl Participant {
    pub(super) fn new(identity: Identity) -> Self {
        Self {
            identity,
            uplink: None,
            receiver: Receiver::with_memory(FRAME_MEMORY),
            room: None,
            asks: VecDeque::new(),
        }
    }

    /// What it wants to ask the core for.
    pub(super) fn next_ask(&mut self) -> Option<(Request, OwnAsk)> {
        self.asks.pop_front()
    }

    /// When to call [`Self::handle_time`].
    pub(super) fn next_time(&self) -> Option<Instant> {
        let room = self.room.as_ref()?;
        let times = [room.keys.next_time(), room.leaves.next_time()];
        times.into_iter().flatten().min()
    }

    /// What everyone in the room can compare aloud.
    pub(super) fn safety_number(&self) -> Option<String> {
        let room = self.room.as_ref()?;
        let own = MemberKey {
            identity: self.identity.public(),
            nonce: room.nonce,
        };
        let others = room.others.values().map(|other| other.key);
        let members: Vec<_> = others.chain([own]).collect();
        Some(safety_number(&members))
    }

    /// A session is open; a resumed one has new hop keys, too.
    pub(super) fn signed_in(&mut self, signed_in: &SignedIn) {
        let uplink = Arc::new(Uplink::new(signed_in.session, &signed_in.hop_secret));
        if let Some(room) = &mut self.room {
            for sender in room
                .published
                .values_mut()
                .filter_map(|p| p.sender.as_mut())
            {
                sender.0.set_uplink(Arc::clone(&uplink));
            }
        }
        self.uplink = Some(uplink);
    }

    /// In a room, newly or, after a resumption, still.
    pub(super) fn enter(&mut self, joined: &Joined) -> Result<(), NoEntropy> {
        let mut roster = joined.roster.iter();
        // Drawn by `draw_nonce`; the core, which gives it back, is of this process.
        let Some(own) = roster.find(|member| member.id == joined.me) else {
            return Ok(());
        };
        let nonce = own.nonce;
        let same = |room: &InRoom| room.id == joined.room.id && room.nonce == nonce;
        let still = self.room.as_ref().is_some_and(same);
        if !still {
            self.leave();
            let context = EnvelopeContext {
                room: joined.room.id,
                sender: joined.me,
                sender_nonce: nonce,
            };
            self.room = Some(InRoom {
                id: joined.room.id,
                me: joined.me,
                nonce,
                others: BTreeMap::new(),
                keys: KeyHandOut::new(context, Suite::Aes256Gcm, entropy()?),
                leaves: LeavePace::default(),
                published: BTreeMap::new(),
            });
        }
        let Some(room) = &mut self.room else {
            return Ok(());
        };
        // Envelopes that were on their way when the connection went are not answered any more.
        room.keys.forget_sent();
        // What was missed meanwhile is not known: everyone is met anew.
        room.others.clear();
        self.receiver.clear();
        for member in &joined.roster {
            if member.id == joined.me {
                let stands = |id: &StreamId| member.streams.iter().any(|own| own.id == *id);
                room.published.retain(|id, _| stands(id));
            } else {
                Self::meet(room, &mut self.receiver, member);
            }
        }
        if still {
            room.keys.somebody_left(entropy()?);
            let asks = room
                .others
                .keys()
                .map(|&of| (Request::AskKeys { of }, OwnAsk::Nothing));
            self.asks.extend(asks);
        }
        self.hand_out(HandOut::Everyone, &[]);
        Ok(())
    }

    /// Out of the room.
    pub(super) fn leave(&mut self) {
        self.room = None;
        self.receiver.clear();
        self.asks.clear();
    }

    /// Something happened; `true` when others came or went. What waited for a key goes to `deliver`.
    pub(super) fn handle_event(
        &mut self,
        event: &Event,
        now: Instant,
        deliver: &mut Vec<Delivery>,
    ) -> Result<bool, NoEntropy> {
        let Some(room) = &mut self.room else {
            return Ok(false);
        };
        match event {
            Event::ParticipantJoined(member) if member.id != room.me => {
                Self::meet(room, &mut self.receiver, member);
                let to = room.keys.somebody_came(entropy()?);
                self.hand_out(to, &[member.id]);
                return Ok(true);
            }
            Event::ParticipantLeft { participant, .. } if *participant == room.me => {
                // Put out, which is all that is said of oneself.
                self.leave();
            }
            Event::ParticipantLeft { participant, .. }
                if room.others.remove(participant).is_some() =>
            {
                self.receiver.remove_participant(*participant);
                if room.leaves.somebody_left(now) {
                    let to = room.keys.somebody_left(entropy()?);
                    self.hand_out(to, &[]);
                }
                return Ok(true);
            }
            Event::StreamPublished {
                participant,
                stream,
            } => {
                if let Some(other) = room.others.get_mut(participant) {
                    Self::add_stream(other, &mut self.receiver, *participant, stream);
                }
            }
            Event::StreamUnpublished { stream } => {
                for other in room.others.values_mut() {
                    other.streams.retain(|id| id != stream);
                }
                self.receiver.remove_stream(*stream);
            }
            Event::Keys { from, envelope } => self.take_key(*from, envelope, now, deliver),
            Event::KeysWanted { by } if room.others.contains_key(by) => {
                room.keys.wanted(*by, now);
                self.handle_time(now)?;
            }
            _ => {}
        }
        Ok(false)
    }

    /// A request of its own was answered.
    pub(super) fn handle_reply(
        &mut self,
        ask: OwnAsk,
        answer: &Result<Answer, Refusal>,
        now: Instant,
    ) {
        let OwnAsk::SendKeys(sent) = ask else { return };
        let Some(room) = &mut self.room else { return };
        room.keys.answered(sent, answer, now);
    }

    /// Hands out what was put off until now, and a new key for those who left before.
    pub(super) fn handle_time(&mut self, now: Instant) -> Result<(), NoEntropy> {
        if let Some(room) = &mut self.room
            && room.leaves.is_due(now)
        {
            let to = room.keys.somebody_left(entropy()?);
            self.hand_out(to, &[]);
        }
        while let Some((to, purpose)) = self.room.as_mut().and_then(|room| room.keys.due(now)) {
            self.send_keys(purpose, |id| to.contains(&id));
        }
        Ok(())
    }

    /// The browser publishes a stream.
    pub(super) fn published(&mut self, stream: StreamId, media: Media) {
        if let (Some(room), Some(kind)) = (&mut self.room, playable(media)) {
            let sender = None;
            room.published.insert(stream, Published { kind, sender });
        }
    }

    /// The browser publishes a stream no more.
    pub(super) fn unpublished(&mut self, stream: StreamId) {
        if let Some(room) = &mut self.room {
            room.published.remove(&stream);
        }
    }

    /// Seals a frame of the browser's into `out`.
    pub(super) fn send(
        &mut self,
        frame: &MediaFrame,
        body: &[u8],
        out: &mut DatagramBatch,
    ) -> Result<(), Unsent> {
        let (Some(uplink), Some(room)) = (&self.uplink, &mut self.room) else {
            return Err(Unsent::NoStream);
        };
        let published = room.published.get_mut(&frame.stream);
        let published = published.filter(|published| published.kind == frame.kind);
        let published = published.ok_or(Unsent::NoStream)?;
        let key = room.keys.used().ok_or(Unsent::NoKey)?;
        let (sender, under) = published.sender.get_or_insert_with(|| {
            let sender = StreamSender::new(Arc::clone(uplink), frame.kind, frame.stream, key);
            (sender, Arc::clone(key))
        });
        // Not by its epoch, which comes round after 256 generations.
        if !Arc::ptr_eq(under, key) {
            sender.rekey(key);
            *under = Arc::clone(key);
        }
        sender
            .seal_frame(&[body], frame.level, frame.captured, out)
            .map_err(|_| Unsent::Malformed)
    }

    /// Opens a packet of somebody else's; what it makes whole goes to `deliver`.
    pub(super) fn handle_packet(
        &mut self,
        packet: &mut [u8],
        now: Instant,
        deliver: &mut Vec<Delivery>,
    ) -> Result<(), DropReason> {
        // The header's first byte, which is proven before anything comes of it.
        let kind = packet.first().and_then(|&byte| Kind::from_byte(byte));
        match self.receiver.handle_packet(packet, now)? {
            Received::Audio {
                participant,
                header,
                payload,
            } => {
                let frame = MediaFrame {
                    kind: Kind::Audio,
                    level: header.level,
                    stream: header.stream,
                    captured: header.timestamp,
                    // It wraps, as a frame's number does.
                    number: header.sequence.0 as u32,
                };
                deliver.push(Delivery::Sound(participant, frame.emit(payload)));
            }
            Received::Picture { stream, frame, .. } => {
                let header = MediaFrame {
                    kind: kind.unwrap_or(Kind::Video),
                    level: 0,
                    stream,
                    captured: frame.captured,
                    number: frame.frame.0,
                };
                deliver.push(Delivery::Picture(stream, header.emit(frame.bytes)));
            }
            Received::Fragment | Received::Held => {}
        }
        Ok(())
    }

    fn meet(room: &mut InRoom, receiver: &mut Receiver, member: &Member) {
        if let Err(error) = receiver.add_participant(member.id) {
            tracing::debug!(%error, participant = %member.id, "a participant is not met");
            return;
        }
        let other = room.others.entry(member.id).or_insert_with(|| Other {
            key: member.key(),
            streams: Vec::new(),
        });
        for stream in &member.streams {
            Self::add_stream(other, receiver, member.id, stream);
        }
    }

    fn add_stream(
        other: &mut Other,
        receiver: &mut Receiver,
        participant: ParticipantId,
        stream: &Stream,
    ) {
        if playable(stream.offer.media).is_some() && !other.streams.contains(&stream.id) {
            other.streams.push(stream.id);
            let added = receiver.add_stream(participant, stream.id, stream.offer.media);
            if let Err(error) = added {
                tracing::debug!(%error, %participant, "a stream is not received");
            }
        }
    }

    /// Seals a new key for those who lack it; once the core has passed it on, it is used.
    fn hand_out(&mut self, to: HandOut, newcomers: &[ParticipantId]) {
        let is_chosen = |id| to == HandOut::Everyone || newcomers.contains(&id);
        self.send_keys(Purpose::Change, is_chosen);
    }

    fn send_keys(&mut self, purpose: Purpose, is_chosen: impl Fn(ParticipantId) -> bool) {
        let Some(room) = &mut self.room else { return };
        let others = room.others.iter().filter(|(id, _)| is_chosen(**id));
        let members = others.map(|(&id, other)| (id, other.key));
        let mut rng = getrandom::rand_core::UnwrapErr(getrandom::SysRng);
        let wrong =
            |participant, error| tracing::debug!(%error, %participant, "cannot be sent a key");
        let (keys, identity) = (&mut room.keys, &self.identity);
        let sealed = keys.envelopes(purpose, identity, members, &mut rng, wrong);
        if let Some((envelopes, sent)) = sealed {
            let request = Request::SendKeys { envelopes };
            self.asks.push_back((request, OwnAsk::SendKeys(sent)));
        }
    }

    fn take_key(
        &mut self,
        from: ParticipantId,
        envelope: &KeyEnvelope,
        now: Instant,
        deliver: &mut Vec<Delivery>,
    ) {
        let Some(room) = &self.room else { return };
        let Some(other) = room.others.get(&from) else {
            return;
        };
        let context = EnvelopeContext {
            room: room.id,
            sender: from,
            sender_nonce: other.key.nonce,
        };
        let from_key = &other.key.identity;
        let opened = SenderKey::open(envelope, &self.identity, room.nonce, from_key, context);
        let key = match opened {
            Ok(key) => key,
            Err(error) => {
                tracing::debug!(%error, participant = %from, "a key envelope is refused");
                return;
            }
        };
        for mut packet in self.receiver.set_key(from, key, now).into_iter().take(HELD) {
            // What does not open now never will.
            let _ = self.handle_packet(&mut packet, now, deliver);
        }
    }
}

#[cfg(test)]
mod tests;
