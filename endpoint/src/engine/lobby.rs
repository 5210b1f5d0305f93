//! The lobby: which rooms there are, and the way from a room's name into it; it is made if that is wanted.

use super::requests::Asked;
use super::{Engine, EngineError, Report, Room};
use conclave_protocol::id::RoomId;
use conclave_protocol::member_key::JoinNonce;
use conclave_protocol::name::RoomName;
use conclave_protocol::wire::control::{Refusal, Request, RoomSummary};
use std::collections::BTreeMap;

/// The rooms that the relay told of.
#[derive(Default)]
pub(super) struct Lobby {
    rooms: BTreeMap<RoomId, RoomSummary>,
    /// Whether all pages have come.
    complete: bool,
    /// Whether something changed that has not been told.
    changed: bool,
}

/// A room to be in.
pub(super) struct Goal {
    pub(super) room: Room,
    /// Being refused ends the engine, for there is nobody to choose another.
    pub(super) required: bool,
    /// The way there is being asked for.
    pub(super) asked: bool,
}

impl Engine {
    pub(super) fn list_rooms(&mut self) {
        self.lobby = Lobby::default();
        self.ask(Request::ListRooms { after: None }, Asked::ListRooms);
    }

    pub(super) fn listed(
        &mut self,
        rooms: Vec<RoomSummary>,
        more: bool,
    ) -> Result<(), EngineError> {
        self.lobby
            .rooms
            .extend(rooms.into_iter().map(|room| (room.id, room)));
        if let (true, Some((&last, _))) = (more, self.lobby.rooms.last_key_value()) {
            let after = Some(last);
            self.ask(Request::ListRooms { after }, Asked::ListRooms);
            return Ok(());
        }
        (self.lobby.complete, self.lobby.changed) = (true, true);
        self.pursue()
    }

    /// A room by its name, as far as the relay has told.
    pub(super) fn listed_room(&self, name: &RoomName) -> Option<RoomId> {
        let wanted = name.key();
        let mut rooms = self.lobby.rooms.values();
        rooms
            .find(|room| room.name.key() == wanted)
            .map(|room| room.id)
    }

    pub(super) fn room_changed(&mut self, room: RoomSummary) {
        self.lobby.rooms.insert(room.id, room);
        self.lobby.changed = true;
    }

    pub(super) fn room_closed(&mut self, room: RoomId) {
        self.lobby.rooms.remove(&room);
        self.lobby.changed = true;
        if self.room.as_ref().is_some_and(|inside| inside.id() == room) {
            self.goal = None;
            self.back_to_lobby();
        }
    }

    /// Tells the rooms, when that is news to somebody who is not in one.
    pub(super) fn tell_rooms(&mut self) {
        if self.lobby.complete && self.room.is_none() && std::mem::take(&mut self.lobby.changed) {
            (self.report)(Report::Rooms(self.lobby.rooms.values().cloned().collect()));
        }
    }

    /// Takes the next step towards the room that this endpoint is to be in.
    pub(super) fn pursue(&mut self) -> Result<(), EngineError> {
        if !self.lobby.complete || !self.reconnect.is_signed_in() {
            return Ok(());
        }
        let Some(goal) = self.goal.as_mut().filter(|goal| !goal.asked) else {
            return Ok(());
        };
        goal.asked = true;
        let (name, pin, create) = (
            goal.room.name.clone(),
            goal.room.pin.clone(),
            goal.room.create,
        );
        match (self.listed_room(&name), create) {
            (Some(room), _) => return self.join(room),
            (None, Some(capacity)) => {
                self.ask(
                    Request::CreateRoom {
                        name,
                        pin,
                        capacity,
                    },
                    Asked::CreateRoom,
                );
            }
            (None, None) => return self.not_entered("joining the room", Refusal::NoSuchRoom),
        }
        Ok(())
    }

    pub(super) fn join(&mut self, room: RoomId) -> Result<(), EngineError> {
        let nonce = JoinNonce(*self.entropy()?.expose());
        self.session.join_nonce = Some(nonce);
        let pin = self.goal.as_ref().and_then(|goal| goal.room.pin.clone());
        let devices = self.parts.devices();
        let request = Request::JoinRoom {
            room,
            pin,
            devices,
            nonce,
        };
        self.ask(request, Asked::JoinRoom);
        Ok(())
    }

    /// The relay says no: that is the end of an engine with nobody at it, and an answer to one with a person.
    pub(super) fn not_entered(
        &mut self,
        act: &'static str,
        refusal: Refusal,
    ) -> Result<(), EngineError> {
        if self.goal.as_ref().is_some_and(|goal| goal.required) {
            return Err(EngineError::Refused { act, refusal });
        }
        self.goal = None;
        (self.report)(Report::NotEntered { act, refusal });
        Ok(())
    }

    pub(super) fn enter_by_intent(&mut self, room: Room) -> Result<(), EngineError> {
        if self.room.is_some() {
            self.leave_by_intent();
        }
        self.goal = Some(Goal {
            room,
            required: false,
            asked: false,
        });
        self.pursue()
    }

    pub(super) fn leave_by_intent(&mut self) {
        self.goal = None;
        if self.room.is_some() {
            if self.reconnect.is_signed_in() {
                self.ask(Request::LeaveRoom, Asked::Nothing);
            }
            self.back_to_lobby();
        }
    }

    /// Out of the room: what was used there is let go of.
    pub(super) fn back_to_lobby(&mut self) {
        self.leave_room();
        self.hold_devices();
        self.session.told_lines.clear();
        (self.report)(Report::LeftRoom);
        if self.reconnect.is_signed_in() {
            self.list_rooms();
        }
    }
}
