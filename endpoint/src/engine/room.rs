//! The room: who is there, and whose keys are whose.

use super::loss::Loss;
use super::publish::Publication;
use super::requests::Asked;
use super::{Engine, EngineError, Person, Report};
use conclave_protocol::hand_out::{KeyHandOut, Purpose, Sent};
use conclave_protocol::id::{ParticipantId, RoomId, StreamId};
use conclave_protocol::keyring::HandOut;
use conclave_protocol::leave_pace::LeavePace;
use conclave_protocol::member_key::{JoinNonce, MemberKey, safety_number};
use conclave_protocol::name::{DisplayName, Username};
use conclave_protocol::sender_key::{EnvelopeContext, SenderKey};
use conclave_protocol::time::Instant;
use conclave_protocol::units::ClockOffset;
use conclave_protocol::wire::control::{
    Answer, Devices, Event, Joined, KeyEnvelope, Media, Participant, Refusal, Request, Stream,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A room from the inside.
pub(super) struct InRoom {
    id: RoomId,
    me: ParticipantId,
    /// What this endpoint drew for this join; what is sealed for it is bound to it.
    nonce: JoinNonce,
    others: BTreeMap<ParticipantId, Other>,
    pub(super) keys: KeyHandOut,
    leaves: LeavePace,
    pub(super) camera: Publication,
    pub(super) microphone: Publication,
}

struct Other {
    username: Arc<Username>,
    display_name: DisplayName,
    key: MemberKey,
    devices: Devices,
    via_gateway: bool,
    clock: ClockOffset,
    streams: Vec<StreamId>,
    /// Which of the streams is the camera's.
    picture: Option<StreamId>,
}

impl InRoom {
    pub(super) const fn id(&self) -> RoomId {
        self.id
    }
}

impl Engine {
    /// In the room: at first, after a new connection, or still, after a resumed one.
    ///
    /// A relay that was restarted counts participants anew: only a resumed session is still the same one.
    pub(super) fn enter(
        &mut self,
        joined: Joined,
        resumed: bool,
        now: Instant,
    ) -> Result<(), EngineError> {
        let Some(goal) = &mut self.goal else {
            // Whoever was to be here has changed their mind meanwhile.
            self.ask(Request::LeaveRoom, Asked::Nothing);
            if self.room.is_none() {
                self.list_rooms();
            } else {
                self.back_to_lobby(now);
            }
            return Ok(());
        };
        goal.asked = true;
        let roster = joined.roster.iter();
        let here: BTreeMap<_, _> = roster.map(|member| (member.id, member.key())).collect();
        let own = here.get(&joined.me).map(|own| own.nonce);
        let place = (joined.room.id, joined.me, own);
        let same = |room: &InRoom| (room.id, room.me, Some(room.nonce)) == place;
        let still = resumed && self.room.as_ref().is_some_and(same);
        if !still {
            self.leave_room(now);
            let drawn = &mut self.session.join_nonce;
            let Some(nonce) = drawn.take_if(|drawn| Some(*drawn) == own) else {
                self.join_again(resumed, now);
                return Ok(());
            };
            let context = EnvelopeContext {
                room: joined.room.id,
                sender: joined.me,
                sender_nonce: nonce,
            };
            let keys = KeyHandOut::new(context, self.settings.suite, self.entropy()?);
            self.room = Some(InRoom {
                id: joined.room.id,
                me: joined.me,
                nonce,
                others: BTreeMap::new(),
                keys,
                leaves: LeavePace::default(),
                camera: Publication::default(),
                microphone: Publication::default(),
            });
        }
        let gone = |room: &InRoom| {
            let others = room.others.iter();
            let gone = others.filter(|(id, other)| here.get(*id) != Some(&other.key));
            gone.map(|(&id, _)| id).collect::<Vec<_>>()
        };
        for id in self.room.as_ref().map(gone).unwrap_or_default() {
            self.forget(id, now);
        }
        let (mut names, mut mine) = (Vec::new(), Vec::new());
        for participant in joined.roster {
            if participant.id == joined.me {
                mine = participant.streams;
            } else {
                let name = participant.display_name.clone();
                if self.meet(participant) {
                    names.push(name);
                }
            }
        }
        if still {
            // What was missed meanwhile is not known: a new key for all, and everyone's key once more.
            let random = self.entropy()?;
            if let Some(room) = &mut self.room {
                room.keys.somebody_left(random);
                room.camera.resume(&mine);
                room.microphone.resume(&mine);
                for of in room.others.keys().copied().collect::<Vec<_>>() {
                    self.ask(Request::AskKeys { of }, Asked::Nothing);
                }
            }
        }
        self.hold_devices();
        self.hand_out(&HandOut::Everyone, &[]);
        self.publish();
        self.catch_up_chat();
        self.shift_clocks();
        if !still {
            tracing::info!(room = %joined.room.name, others = names.len(), "joined");
            (self.report)(Report::Joined {
                room: joined.room,
                others: names,
            });
        }
        self.tell_people();
        self.tell_safety_number();
        Ok(())
    }

    /// The relay has this endpoint in the room by a join of which nothing is known here: keys and replay windows begin
    /// anew with a join of their own.
    fn join_again(&mut self, resumed: bool, now: Instant) {
        if !resumed {
            return self.lose(Loss::OtherJoin, now);
        }
        if let Some(goal) = &mut self.goal {
            goal.asked = false;
        }
        self.ask(Request::LeaveRoom, Asked::Nothing);
        self.list_rooms();
    }

    /// Envelopes to these were answered: the key may be used, or goes to them once more later.
    pub(super) fn keys_answered(
        &mut self,
        sent: Sent,
        answer: &Result<Answer, Refusal>,
        now: Instant,
    ) {
        if let Some(room) = &mut self.room {
            room.keys.answered(sent, answer, now);
            self.grant();
        }
    }

    /// Hands out what was put off until now.
    pub(super) fn tick_keys(&mut self, now: Instant) -> Result<(), EngineError> {
        let room = self.room.as_mut();
        if room.is_some_and(|room| room.leaves.is_due(now)) {
            self.begin_generation()?;
        }
        while let Some((to, purpose)) = self.room.as_mut().and_then(|room| room.keys.due(now)) {
            self.send_keys(purpose, |id| to.contains(&id));
        }
        Ok(())
    }

    fn key_wanted(&mut self, by: ParticipantId, now: Instant) -> Result<(), EngineError> {
        if let Some(room) = &mut self.room
            && room.others.contains_key(&by)
        {
            room.keys.wanted(by, now);
            self.tick_keys(now)?;
        }
        Ok(())
    }

    /// Draws a key that who left never had, and sends it to everyone.
    fn begin_generation(&mut self) -> Result<(), EngineError> {
        let random = self.entropy()?;
        let room = self.room.as_mut();
        if let Some(hand_out) = room.map(|room| room.keys.somebody_left(random)) {
            self.hand_out(&hand_out, &[]);
        }
        Ok(())
    }

    /// Envelopes that were on their way when the connection went are not answered any more.
    pub(super) fn forget_envelopes(&mut self) {
        if let Some(room) = &mut self.room {
            room.keys.forget_sent();
        }
    }

    /// What everyone in the room can compare aloud, told whenever somebody comes or goes.
    fn tell_safety_number(&mut self) {
        let Some(room) = &self.room else { return };
        let own = MemberKey {
            identity: self.identity.public(),
            nonce: room.nonce,
        };
        let others = room.others.values().map(|other| other.key);
        let members: Vec<_> = others.chain([own]).collect();
        (self.report)(Report::SafetyNumber(safety_number(&members)));
    }

    /// Tells who is here, this endpoint first.
    pub(super) fn tell_people(&mut self) {
        let Some(room) = &self.room else { return };
        let own = Person {
            id: room.me,
            username: self.settings.username.clone(),
            display_name: self.settings.display_name.clone(),
            own: true,
            devices: self.parts.devices(),
            via_gateway: false,
            picture: None,
        };
        let others = room.others.iter().map(|(&id, other)| Person {
            id,
            username: (*other.username).clone(),
            display_name: other.display_name.clone(),
            own: false,
            devices: other.devices,
            via_gateway: other.via_gateway,
            picture: other.picture,
        });
        let people = std::iter::once(own).chain(others).collect();
        (self.report)(Report::People(people));
    }

    /// Opens the devices where they are needed, and lets go of them where not.
    pub(super) fn hold_devices(&mut self) {
        let needed = !self.settings.devices_on_demand || self.room.is_some() || self.trying_devices;
        if !needed {
            self.parts.close();
            self.media.speak_through(None);
        } else if !self.parts.are_open() {
            match self.parts.open() {
                Ok(voices) => self.media.speak_through(voices),
                Err(error) => tracing::error!(%error, "devices cannot be opened"),
            }
        }
    }

    /// The name of somebody else who is here.
    pub(super) fn name_of(&self, id: ParticipantId) -> Option<Username> {
        let other = self.room.as_ref()?.others.get(&id)?;
        Some((*other.username).clone())
    }

    pub(super) fn leave_room(&mut self, now: Instant) {
        self.camera.set(None);
        self.microphone.set(None);
        self.media.clear(&mut self.ledger, now);
        self.room = None;
    }

    pub(super) fn handle_room_event(
        &mut self,
        event: Event,
        now: Instant,
    ) -> Result<(), EngineError> {
        match event {
            Event::ParticipantJoined(participant) => {
                let id = participant.id;
                if self.room.as_ref().is_none_or(|room| room.me == id) {
                    return Ok(());
                }
                let name = participant.display_name.clone();
                if !self.meet(*participant) {
                    return Ok(());
                }
                (self.report)(Report::Came(name));
                self.tell_people();
                self.tell_safety_number();
                let random = self.entropy()?;
                let hand_out = self
                    .room
                    .as_mut()
                    .map(|room| room.keys.somebody_came(random));
                if let Some(hand_out) = hand_out {
                    self.hand_out(&hand_out, &[id]);
                }
            }
            Event::ParticipantLeft {
                participant,
                reason,
            } => {
                if let Some(name) = self.forget(participant, now) {
                    (self.report)(Report::Left(name, reason));
                    self.tell_people();
                    self.tell_safety_number();
                    let room = self.room.as_mut();
                    if room.is_some_and(|room| room.leaves.somebody_left(now)) {
                        self.begin_generation()?;
                    }
                }
            }
            Event::ClockChanged { participant, clock } => {
                if let Some(other) = self
                    .room
                    .as_mut()
                    .and_then(|room| room.others.get_mut(&participant))
                {
                    other.clock = clock;
                    self.shift_clocks();
                }
            }
            Event::DevicesChanged {
                participant,
                devices,
            } => {
                if let Some(other) = self
                    .room
                    .as_mut()
                    .and_then(|room| room.others.get_mut(&participant))
                {
                    other.devices = devices;
                    self.tell_people();
                }
            }
            Event::StreamPublished {
                participant,
                stream,
            } => {
                self.add_stream(participant, &stream);
                self.tell_people();
            }
            Event::StreamUnpublished { stream } => {
                self.end_stream(stream);
                self.tell_people();
            }
            Event::Keys { from, envelope } => self.take_key(from, &envelope, now),
            Event::KeysWanted { by } => self.key_wanted(by, now)?,
            _ => {}
        }
        Ok(())
    }

    /// Whether they are there by a number that nobody in this room had before.
    fn meet(&mut self, participant: Participant) -> bool {
        let Some(room) = &mut self.room else {
            return false;
        };
        if let Err(error) = self.media.add_participant(participant.id) {
            tracing::warn!(%error, participant = %participant.id, "a participant is not met");
            return false;
        }
        self.ledger
            .call(&participant.username, &participant.display_name);
        let key = participant.key();
        let other = room.others.entry(participant.id).or_insert_with(|| Other {
            username: Arc::new(participant.username),
            display_name: participant.display_name,
            key,
            devices: participant.devices,
            via_gateway: participant.via_gateway,
            clock: participant.clock,
            streams: Vec::new(),
            picture: None,
        });
        (other.clock, other.devices) = (participant.clock, participant.devices);
        // Known from before a lost connection, and over since: it would keep the place of the one that came after it.
        let is_over = |own: &StreamId| participant.streams.iter().all(|stream| stream.id != *own);
        let over: Vec<StreamId> = other.streams.iter().copied().filter(is_over).collect();
        for stream in over {
            self.end_stream(stream);
        }
        for stream in participant.streams {
            self.add_stream(participant.id, &stream);
        }
        self.shift_clocks();
        true
    }

    fn end_stream(&mut self, stream: StreamId) {
        for other in self
            .room
            .iter_mut()
            .flat_map(|room| room.others.values_mut())
        {
            other.streams.retain(|&own| own != stream);
            other.picture.take_if(|own| *own == stream);
        }
        self.media.remove_stream(stream, &mut self.ledger);
    }

    fn forget(&mut self, id: ParticipantId, _now: Instant) -> Option<DisplayName> {
        let other = self.room.as_mut()?.others.remove(&id)?;
        for stream in other.streams {
            self.media.remove_stream(stream, &mut self.ledger);
        }
        self.media.remove_participant(id);
        Some(other.display_name)
    }

    fn add_stream(&mut self, participant: ParticipantId, stream: &Stream) {
        let Some(other) = self
            .room
            .as_mut()
            .and_then(|room| room.others.get_mut(&participant))
        else {
            return;
        };
        if !other.streams.contains(&stream.id) {
            let (media, ledger) = (stream.offer.media, &mut self.ledger);
            let added =
                self.media
                    .add_stream(participant, &other.username, stream.id, media, ledger);
            if let Err(error) = added {
                tracing::warn!(%error, %participant, stream = %stream.id, "a stream is not received");
                return;
            }
            other.streams.push(stream.id);
            if matches!(media, Media::Camera(_)) {
                other.picture.get_or_insert(stream.id);
            }
            self.shift_clocks();
        }
    }

    /// Seals a new key for those who lack it and sends it; once the relay has it, it is used.
    fn hand_out(&mut self, to: &HandOut, newcomers: &[ParticipantId]) {
        let is_chosen = |id| *to == HandOut::Everyone || newcomers.contains(&id);
        self.send_keys(Purpose::Change, is_chosen);
    }

    fn send_keys(&mut self, purpose: Purpose, is_chosen: impl Fn(ParticipantId) -> bool) {
        let Some(room) = &mut self.room else { return };
        let others = room.others.iter().filter(|(id, _)| is_chosen(**id));
        let members = others.map(|(&id, other)| (id, other.key));
        let mut rng = getrandom::rand_core::UnwrapErr(getrandom::SysRng);
        let wrong =
            |participant, error| tracing::warn!(%error, %participant, "cannot be sent a key");
        let (keys, identity) = (&mut room.keys, &self.identity);
        match keys.envelopes(purpose, identity, members, &mut rng, wrong) {
            None => self.grant(),
            Some((envelopes, sent)) => {
                self.ask(Request::SendKeys { envelopes }, Asked::SendKeys(sent));
            }
        }
    }

    fn take_key(&mut self, from: ParticipantId, envelope: &KeyEnvelope, now: Instant) {
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
        match SenderKey::open(envelope, &self.identity, room.nonce, from_key, context) {
            Ok(key) => self.media.set_key(from, key, now),
            Err(error) => tracing::warn!(%error, participant = %from, "a key envelope is refused"),
        }
    }

    /// Tells the receiving side how each sender's clock relates to this one.
    pub(super) fn shift_clocks(&mut self) {
        let Some(own) = self.session.clock_offset() else {
            return;
        };
        for other in self.room.iter().flat_map(|room| room.others.values()) {
            for &stream in &other.streams {
                // relay = own clock + own = their clock + theirs.
                self.media
                    .set_clock_shift(stream, other.clock.0.saturating_sub(own));
            }
        }
    }
}
