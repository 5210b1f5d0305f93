//! The room as this endpoint reports it: who is there, what they publish, and what this endpoint is granted to send.

use super::asked::Asked;
use super::in_room::InRoom;
use super::loss::ConnectionLoss;
use super::messages::{EngineError, Person, Report};
use super::shell::Engine;
use crate::data_dir::DataDirError;
use conclave_protocol::attendance::{self, Abilities, Attendance, Change, Place};
use conclave_protocol::frame_memory::FRAME_MEMORY;
use conclave_protocol::id::{ParticipantId, StreamId};
use conclave_protocol::name::DisplayName;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::{
    Answer, Event, Joined, LeaveReason, Media, Participant, Refusal, Request, Stream,
};
use getrandom::SysRng;
use std::collections::BTreeMap;
use std::sync::Arc;

fn no_entropy(error: getrandom::Error) -> EngineError {
    DataDirError::Entropy(error.into()).into()
}

/// What the last step changed in the room.
#[derive(Default)]
pub(super) struct Followed {
    came: Vec<DisplayName>,
    left: Vec<(DisplayName, Option<LeaveReason>)>,
    streams_changed: bool,
}

/// Their camera's stream.
fn picture(member: &Participant) -> Option<StreamId> {
    let is_camera = |stream: &&Stream| matches!(stream.offer.media, Media::Camera(_));
    member
        .streams
        .iter()
        .find(is_camera)
        .map(|stream| stream.id)
}

impl Engine {
    /// In the room: at first, after a new connection, or still, after a resumed one.
    ///
    /// A relay that was restarted counts participants from the beginning: only a resumed session is still the same one.
    pub(super) fn enter(
        &mut self,
        joined: Joined,
        resumed: bool,
        now: Instant,
    ) -> Result<(), EngineError> {
        let place = Place::of(&joined);
        let known = self.room.as_ref().map(|room| room.attendance.place());
        let still = resumed && place.is_some() && known == place;
        let before = self.company();
        match &mut self.room {
            Some(room) if still => {
                let resumed = room.attendance.resume(&joined.roster, now, &mut SysRng);
                resumed.map_err(no_entropy)?;
            }
            _ => {
                self.leave_room();
                let drawn = self.join_nonce.take();
                let Some(place) = place.filter(|place| drawn == Some(place.nonce)) else {
                    self.join_nonce = drawn;
                    self.join_again(resumed, now);
                    return Ok(());
                };
                self.room = Some(self.enter_new(place, &joined.roster)?);
            }
        }
        self.follow_room();
        self.hold_devices();
        self.show_devices();
        self.catch_up_chat();
        self.shift_clocks();
        let others = self.company();
        tracing::info!(room = %joined.room.name, others = others.as_ref().map_or(0, BTreeMap::len), still, "joined");
        let back = before.is_some();
        (self.report)(Report::Joined {
            room: joined.room,
            others: others
                .iter()
                .flatten()
                .map(|(_, name)| name.clone())
                .collect(),
            back,
        });
        if let (Some(before), Some(others)) = (before, others) {
            self.tell_difference(&before, &others);
        }
        self.tell_people();
        self.tell_safety_number();
        Ok(())
    }

    fn enter_new(&self, place: Place, roster: &[Participant]) -> Result<InRoom, EngineError> {
        let abilities = Abilities {
            suite: self.settings.suite,
            frame_memory: FRAME_MEMORY,
            plays: |_| true,
        };
        let identity = self.identity.clone();
        let entered = Attendance::enter(identity, place, roster, abilities, &mut SysRng);
        Ok(InRoom {
            attendance: entered.map_err(no_entropy)?,
            granted: None,
        })
    }

    /// The relay has this endpoint in the room by a join of which nothing is known here: keys and replay windows begin
    /// again with a join of their own.
    fn join_again(&mut self, resumed: bool, now: Instant) {
        if !resumed {
            return self.lose(ConnectionLoss::OtherJoin, now);
        }
        self.lobby.begin_again();
        self.ask(Request::LeaveRoom, Asked::Nothing);
        self.list_rooms();
    }

    /// The others who are here, by their account and by what they are called; `None` outside a room.
    fn company(&self) -> Option<BTreeMap<String, DisplayName>> {
        let others = self.room.as_ref()?.attendance.others();
        Some(
            others
                .map(|other| (other.username.key(), other.display_name.clone()))
                .collect(),
        )
    }

    /// After an outage, tells who came and left meanwhile.
    fn tell_difference(
        &mut self,
        before: &BTreeMap<String, DisplayName>,
        now: &BTreeMap<String, DisplayName>,
    ) {
        for (_, name) in before.iter().filter(|(key, _)| !now.contains_key(*key)) {
            (self.report)(Report::Left(name.clone(), None));
        }
        for (_, name) in now.iter().filter(|(key, _)| !before.contains_key(*key)) {
            (self.report)(Report::Came(name.clone()));
        }
    }

    /// A request of the member was answered: a key may be used, a stream is published.
    pub(super) fn member_answered(
        &mut self,
        asked: attendance::Asked,
        answer: &Result<Answer, Refusal>,
        now: Instant,
    ) {
        let Some(room) = &mut self.room else { return };
        let is_own = matches!(
            asked,
            attendance::Asked::Devices(_) | attendance::Asked::Publish(..)
        );
        if let (true, Err(refusal)) = (is_own, answer) {
            tracing::warn!(?asked, %refusal, "the relay refused");
        }
        room.attendance.answered(asked, answer, now);
        self.follow_room();
        if is_own {
            self.grant();
            self.tell_people();
        }
    }

    /// Hands out what was put off until now, and asks for what is missing.
    pub(super) fn tick_keys(&mut self, now: Instant) -> Result<(), EngineError> {
        if let Some(room) = &mut self.room
            && room.attendance.next_time().is_some_and(|at| at <= now)
        {
            let due = room.attendance.handle_time(now, &mut SysRng);
            due.map_err(no_entropy)?;
            self.follow_room();
        }
        Ok(())
    }

    /// The connection is lost: what was on its way is not answered any more.
    pub(super) fn lose_room(&mut self) {
        if let Some(room) = &mut self.room {
            room.attendance.lose();
        }
    }

    /// Takes what happened in the room, and asks for what it needs. Gives whether somebody came or left, and whether a
    /// stream began or ended.
    pub(super) fn follow_room(&mut self) -> Followed {
        let mut followed = Followed::default();
        while let Some(change) = self.next_change() {
            match change {
                Change::Came(id) => {
                    followed.came.extend(self.came(id));
                }
                Change::Left(gone, reason) => followed.left.push((gone.display_name, reason)),
                Change::StreamBegan(participant, stream) => {
                    followed.streams_changed = true;
                    self.add_stream(participant, &stream);
                }
                Change::StreamEnded(stream, counts) => {
                    followed.streams_changed = true;
                    self.media.remove_stream(stream, counts, &mut self.stats);
                }
                Change::Opened(packets) => {
                    for mut packet in packets {
                        self.handle_datagram(&mut packet, self.now);
                    }
                }
                Change::Removed => {
                    self.lobby.clear_goal(&mut self.timers);
                    self.back_to_lobby();
                    return Followed::default();
                }
                Change::Refused(participant, fault) => {
                    tracing::warn!(%fault, %participant, "something of a participant's is not taken");
                }
            }
        }
        if followed.streams_changed {
            self.shift_clocks();
        }
        while let Some((request, asked)) = self.next_ask() {
            self.ask(request, Asked::Member(asked));
        }
        self.grant_new_key();
        followed
    }

    /// Tells what an event changed.
    fn tell_followed(&mut self, followed: Followed) {
        let company_changed = !followed.came.is_empty() || !followed.left.is_empty();
        for (name, reason) in followed.left {
            (self.report)(Report::Left(name, reason));
        }
        for name in followed.came {
            (self.report)(Report::Came(name));
        }
        if company_changed || followed.streams_changed {
            self.tell_people();
        }
        if company_changed {
            self.tell_safety_number();
        }
    }

    fn next_change(&mut self) -> Option<Change> {
        self.room.as_mut()?.attendance.next_change()
    }

    fn next_ask(&mut self) -> Option<(Request, attendance::Asked)> {
        self.room.as_mut()?.attendance.next_ask()
    }

    /// Media threads go on under the key that everyone has by now.
    fn grant_new_key(&mut self) {
        let Some(room) = &mut self.room else { return };
        let key = room.attendance.key();
        if key.map(Arc::as_ptr) != room.granted.as_ref().map(Arc::as_ptr) {
            room.granted = key.cloned();
            self.grant();
        }
    }

    /// Gives the name of one who came.
    fn came(&mut self, id: ParticipantId) -> Option<DisplayName> {
        let member = self.room.as_ref()?.attendance.member(id)?;
        self.stats.call(&member.username, &member.display_name);
        Some(member.display_name.clone())
    }

    fn add_stream(&mut self, participant: ParticipantId, stream: &Stream) {
        let room = self.room.as_ref();
        if let Some(member) = room.and_then(|room| room.attendance.member(participant)) {
            let (username, media) = (Arc::new(member.username.clone()), stream.offer.media);
            self.media
                .add_stream(participant, &username, stream.id, media, &mut self.stats);
        }
    }

    /// What everyone in the room can compare aloud, told whenever a participant comes or goes.
    fn tell_safety_number(&mut self) {
        if let Some(room) = &self.room {
            (self.report)(Report::SafetyNumber(room.attendance.safety_number()));
        }
    }

    /// Tells who is here, this endpoint first.
    pub(super) fn tell_people(&mut self) {
        let Some(room) = &self.room else { return };
        let own = Person {
            id: room.attendance.place().me,
            username: self.settings.username.clone(),
            display_name: self.settings.display_name.clone(),
            own: true,
            devices: self.devices.switched_on(),
            confirmed: room.attendance.confirmed(),
            away: false,
            via_gateway: false,
            picture: None,
        };
        let others = room.attendance.others().map(|other| Person {
            id: other.id,
            username: other.username.clone(),
            display_name: other.display_name.clone(),
            own: false,
            devices: other.devices,
            confirmed: other.devices,
            away: other.away,
            via_gateway: other.via_gateway,
            picture: picture(other),
        });
        let people = std::iter::once(own).chain(others).collect();
        (self.report)(Report::People(people));
    }

    /// Opens the devices where they are needed, and lets go of them where not.
    pub(super) fn hold_devices(&mut self) {
        let needed = !self.settings.devices_on_demand || self.room.is_some() || self.trying_devices;
        if !needed {
            self.devices.close();
            self.media.speak_through(None);
        } else if !self.devices.are_open() {
            match self.devices.open() {
                Ok(voices) => self.media.speak_through(voices),
                Err(error) => tracing::error!(%error, "devices cannot be opened"),
            }
        }
    }

    pub(super) fn leave_room(&mut self) {
        self.camera.set(None);
        self.microphone.set(None);
        if let Some(room) = self.room.take() {
            self.media.leave(&room.attendance, &mut self.stats);
        }
    }

    pub(super) fn handle_room_event(
        &mut self,
        event: &Event,
        now: Instant,
    ) -> Result<(), EngineError> {
        let Some(room) = &mut self.room else {
            return Ok(());
        };
        let handled = room.attendance.handle_event(event, now, &mut SysRng);
        handled.map_err(no_entropy)?;
        let followed = self.follow_room();
        self.tell_followed(followed);
        match event {
            Event::ClockChanged { .. } => self.shift_clocks(),
            Event::DevicesChanged { .. } | Event::AwayChanged { .. } => self.tell_people(),
            _ => {}
        }
        Ok(())
    }

    /// Tells the receiving side how each sender's clock relates to this one.
    pub(super) fn shift_clocks(&mut self) {
        let Some(own) = self.clock.told else {
            return;
        };
        for other in self.room.iter().flat_map(|room| room.attendance.others()) {
            // relay = own clock + own = their clock + theirs.
            let shift = other.clock.0.saturating_sub(own);
            for stream in &other.streams {
                self.media.set_clock_shift(stream.id, shift);
            }
        }
    }
}
