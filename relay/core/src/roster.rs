//! What members of a room tell each other: devices, clocks, streams, choices and keys.

use std::sync::Arc;

use conclave_protocol::id::{ParticipantId, RoomId, SessionId, StreamId};
use conclave_protocol::units::ClockOffset;
use conclave_protocol::wire::control::{
    AddressedEnvelope, Answer, Devices, Event, Layer, MAX_ROOM_CAPACITY, MAX_STREAMS, Media,
    Refusal, Stream, StreamOffer, ToEndpoint, Want,
};
use conclave_protocol::wire::header::Kind;
use rustc_hash::FxHashMap;

use super::Core;
use super::session::Membership;

/// Clocks differ by less: 285 years, and what every reader of JSON keeps exactly.
const MAX_CLOCK_OFFSET_US: u64 = 1 << 53;

/// What a member publishes once: sound, and each layer of the camera and of the screen.
const fn part_of(media: Media) -> (Kind, Option<Layer>) {
    match media {
        Media::Audio(_) => (Kind::Audio, None),
        Media::Camera(picture) => (Kind::Video, Some(picture.layer)),
        Media::Screen(picture) => (Kind::Screen, Some(picture.layer)),
    }
}

impl Core {
    fn membership(&mut self, session: SessionId) -> Result<&mut Membership, Refusal> {
        self.sessions
            .get_mut(&session)
            .and_then(|session| session.membership.as_mut())
            .ok_or(Refusal::NotInRoom)
    }

    pub(super) fn set_devices(
        &mut self,
        session: SessionId,
        devices: Devices,
    ) -> Result<Answer, Refusal> {
        let membership = self.membership(session)?;
        let participant = membership.participant;
        if std::mem::replace(&mut membership.devices, devices) != devices {
            self.tell_others(
                session,
                Event::DevicesChanged {
                    participant,
                    devices,
                },
            );
        }
        Ok(Answer::Done)
    }

    pub(super) fn set_clock(
        &mut self,
        id: SessionId,
        clock: ClockOffset,
    ) -> Result<Answer, Refusal> {
        let session = self.sessions.get_mut(&id).ok_or(Refusal::NotSignedIn)?;
        if clock.0.unsigned_abs() > MAX_CLOCK_OFFSET_US {
            return Err(Refusal::OutOfRange);
        }
        session.clock = clock;
        let participant = session.membership.as_ref().map(|m| m.participant);
        if let Some(participant) = participant {
            self.tell_others(id, Event::ClockChanged { participant, clock });
        }
        Ok(Answer::Done)
    }

    pub(super) fn publish(
        &mut self,
        session: SessionId,
        offer: StreamOffer,
    ) -> Result<Answer, Refusal> {
        let id = StreamId(self.last_stream + 1);
        let membership = self.membership(session)?;
        if let Media::Camera(picture) | Media::Screen(picture) = offer.media
            && (picture.fps == 0 || picture.size.width == 0 || picture.size.height == 0)
        {
            return Err(Refusal::OutOfRange);
        }
        let same_part = |stream: &Stream| part_of(stream.offer.media) == part_of(offer.media);
        if membership.streams.len() >= MAX_STREAMS || membership.streams.iter().any(same_part) {
            return Err(Refusal::TooMany);
        }
        let stream = Stream { id, offer };
        membership.streams.push(stream.clone());
        let (room, participant) = (membership.room, membership.participant);
        self.last_stream += 1;
        self.route_stream(room, session, &stream);
        self.tell_others(
            session,
            Event::StreamPublished {
                participant,
                stream,
            },
        );
        Ok(Answer::Published { stream: id })
    }

    pub(super) fn unpublish(
        &mut self,
        session: SessionId,
        stream: StreamId,
    ) -> Result<Answer, Refusal> {
        let membership = self.membership(session)?;
        let before = membership.streams.len();
        membership.streams.retain(|s| s.id != stream);
        if membership.streams.len() == before {
            return Err(Refusal::NoSuchStream);
        }
        self.routing.remove(stream);
        self.tell_others(session, Event::StreamUnpublished { stream });
        Ok(Answer::Done)
    }

    pub(super) fn subscribe(
        &mut self,
        session: SessionId,
        stream: StreamId,
        want: Want,
    ) -> Result<Answer, Refusal> {
        if want == (Want::AtMost { fps: 0 }) {
            return Err(Refusal::OutOfRange);
        }
        let room = self.room_of(session)?;
        let owner = self.routing.owner(stream).filter(|owner| *owner != session);
        let owner = owner.ok_or(Refusal::NoSuchStream)?;
        if self.room_of(owner) != Ok(room) {
            return Err(Refusal::NoSuchStream);
        }
        self.routing.choose(stream, session, want);
        Ok(Answer::Done)
    }

    pub(super) fn send_keys(
        &mut self,
        session: SessionId,
        envelopes: Vec<AddressedEnvelope>,
    ) -> Result<Answer, Refusal> {
        let room = self.room_of(session)?;
        if envelopes.len() > usize::from(MAX_ROOM_CAPACITY) {
            return Err(Refusal::TooMany);
        }
        let mut recipients: Vec<_> = envelopes.iter().map(|envelope| envelope.to).collect();
        recipients.sort_unstable();
        if recipients.windows(2).any(|two| two[0] == two[1]) {
            return Err(Refusal::TooMany);
        }
        let from = self.membership(session)?.participant;
        let members = self.participants_of(room);
        // Members may leave while envelopes for them are on the way: theirs go nowhere.
        let addressed = envelopes
            .into_iter()
            .filter_map(|AddressedEnvelope { to, envelope }| {
                Some((to, *members.get(&to)?, envelope))
            })
            .filter(|(_, to, _)| *to != session);
        // A member who got too many holds up no other member.
        let (mut put_off, mut longest) = (Vec::new(), 0);
        for (participant, to, envelope) in addressed {
            match self.count_message(session, to) {
                Ok(()) => {
                    let event = Event::Keys { from, envelope };
                    self.tell_session(to, &Arc::new(ToEndpoint::Event(event)));
                }
                Err(Refusal::RateLimited { retry_after_ms }) => {
                    put_off.push(participant);
                    longest = longest.max(retry_after_ms);
                }
                Err(refusal) => return Err(refusal),
            }
        }
        if put_off.is_empty() {
            return Ok(Answer::Done);
        }
        Ok(Answer::KeysPutOff {
            to: put_off,
            retry_after_ms: longest,
        })
    }

    pub(super) fn ask_keys(
        &mut self,
        session: SessionId,
        of: ParticipantId,
    ) -> Result<Answer, Refusal> {
        let room = self.room_of(session)?;
        let of = self.member(room, of)?;
        let by = self.membership(session)?.participant;
        self.count_message(session, of)?;
        let event = Event::KeysWanted { by };
        self.tell_session(of, &Arc::new(ToEndpoint::Event(event)));
        Ok(Answer::Done)
    }

    fn participants_of(&self, room: RoomId) -> FxHashMap<ParticipantId, SessionId> {
        let members = self.rooms.get(&room).map_or(&[][..], |room| &room.members);
        let participant = |id: &SessionId| {
            let membership = self.sessions.get(id)?.membership.as_ref()?;
            Some((membership.participant, *id))
        };
        members.iter().filter_map(participant).collect()
    }

    /// Counts a message to a member, unless they got too many of late.
    fn count_message(&mut self, from: SessionId, to: SessionId) -> Result<(), Refusal> {
        let now = self.clock.instant();
        let session = self.sessions.get_mut(&from).ok_or(Refusal::NotSignedIn)?;
        session.limits.recipients.check(to, now)?;
        session.limits.recipients.count(to, now);
        Ok(())
    }
}
