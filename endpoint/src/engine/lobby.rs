//! The lobby: from a room's name to the room, which is made if that is wanted.

use super::session::Asked;
use super::{Engine, EngineError};
use conclave_protocol::id::RoomId;
use conclave_protocol::wire::control::{Refusal, Request};

impl Engine {
    pub(super) fn list_rooms(&mut self) {
        self.session.listed.clear();
        self.ask(Request::ListRooms { after: None }, Asked::ListRooms);
    }

    pub(super) fn choose_room(&mut self, more: bool) -> Result<(), EngineError> {
        let wanted = self.settings.room.name.key();
        if let Some(room) = self
            .session
            .listed
            .iter()
            .find(|room| room.name.key() == wanted)
        {
            let room = room.id;
            self.session.listed.clear();
            self.join(room);
        } else if let (true, Some(last)) = (more, self.session.listed.last()) {
            let after = Some(last.id);
            self.ask(Request::ListRooms { after }, Asked::ListRooms);
        } else if let Some(capacity) = self.settings.room.create {
            let (name, pin) = (
                self.settings.room.name.clone(),
                self.settings.room.pin.clone(),
            );
            self.ask(
                Request::CreateRoom {
                    name,
                    pin,
                    capacity,
                },
                Asked::CreateRoom,
            );
        } else {
            return Err(EngineError::Refused {
                act: "joining the room",
                refusal: Refusal::NoSuchRoom,
            });
        }
        Ok(())
    }

    pub(super) fn join(&mut self, room: RoomId) {
        let (pin, devices) = (self.settings.room.pin.clone(), self.parts.devices());
        self.ask(Request::JoinRoom { room, pin, devices }, Asked::JoinRoom);
    }
}
