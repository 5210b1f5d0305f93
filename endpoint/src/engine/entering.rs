//! The way into a room and back as the engine carries it out.

use super::asked::Asked;
use super::asked::Attempt;
use super::lobby::{Act, Step};
use super::messages::{EngineError, Report, Room, WhyNotEntered};
use super::shell::Engine;
use super::timers::Timer;
use conclave_protocol::id::RoomId;
use conclave_protocol::member_key::JoinNonce;
use conclave_protocol::name::Pin;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::{Joined, Refusal, Request, RoomSummary};

impl Engine {
    pub(super) fn list_rooms(&mut self) {
        let Step::List { after } = self.lobby.list() else {
            return;
        };
        self.ask(Request::ListRooms { after }, Asked::ListRooms);
    }

    pub(super) fn listed(
        &mut self,
        rooms: Vec<RoomSummary>,
        more: bool,
    ) -> Result<(), EngineError> {
        let signed_in = self.reconnect.is_signed_in();
        let step = self.lobby.listed(rooms, more, signed_in);
        self.take_step(step)
    }

    pub(super) fn created(&mut self, attempt: Attempt, room: RoomId) -> Result<(), EngineError> {
        let step = self.lobby.created(attempt, room);
        self.take_step(step)
    }

    /// The relay let this endpoint in, which may want to be elsewhere by now.
    pub(super) fn joined(
        &mut self,
        attempt: Attempt,
        joined: Joined,
        now: Instant,
    ) -> Result<(), EngineError> {
        let name = &joined.room.name;
        match self.lobby.joined(attempt, name, &mut self.timers) {
            None => self.enter(joined, false, now),
            step => self.take_step(step),
        }
    }

    /// A resumed session is still in a room.
    pub(super) fn still_in(&mut self, joined: Joined, now: Instant) -> Result<(), EngineError> {
        let name = &joined.room.name;
        match self.lobby.entered(name, &mut self.timers) {
            None => self.enter(joined, true, now),
            step => self.take_step(step),
        }
    }

    pub(super) fn step_refused(
        &mut self,
        attempt: Attempt,
        act: Act,
        refusal: Refusal,
        now: Instant,
    ) -> Result<(), EngineError> {
        let timers = &mut self.timers;
        let step = self.lobby.refused(attempt, act, refusal, now, timers);
        self.take_step(step)
    }

    pub(super) fn look_again(&mut self) -> Result<(), EngineError> {
        let step = self.lobby.look_again();
        self.take_step(Some(step))
    }

    pub(super) fn take_step(&mut self, step: Option<Step>) -> Result<(), EngineError> {
        match step {
            None => {}
            Some(Step::List { after }) => {
                self.ask(Request::ListRooms { after }, Asked::ListRooms);
            }
            Some(Step::Create {
                name,
                pin,
                capacity,
                attempt,
            }) => {
                let request = Request::CreateRoom {
                    name,
                    pin,
                    capacity,
                };
                self.ask(request, Asked::CreateRoom(attempt));
            }
            Some(Step::Join { room, pin, attempt }) => self.join(room, pin, attempt)?,
            Some(Step::GoBack) => {
                self.ask(Request::LeaveRoom, Asked::Nothing);
                self.list_rooms();
            }
            Some(Step::NotEntered {
                act,
                why: WhyNotEntered::Refused(refusal),
                required: true,
            }) => return Err(EngineError::Refused { act, refusal }),
            Some(Step::NotEntered { act, why, .. }) => {
                self.timers.stop(Timer::WishExpires);
                // It was in there before the connection was lost: camera and microphone are let go of.
                if self.room.is_some() {
                    self.back_to_lobby();
                }
                self.end_chat();
                (self.report)(Report::NotEntered { act, why });
            }
            Some(Step::AwaitPlace) => {
                if self.room.is_some() {
                    self.back_to_lobby();
                }
                (self.report)(Report::WaitsForPlace);
            }
        }
        Ok(())
    }

    fn join(
        &mut self,
        room: RoomId,
        pin: Option<Pin>,
        attempt: Attempt,
    ) -> Result<(), EngineError> {
        let nonce = JoinNonce(*self.entropy()?.expose());
        self.join_nonce = Some(nonce);
        let devices = self.devices.switched_on();
        let request = Request::JoinRoom {
            room,
            pin,
            devices,
            nonce,
        };
        self.ask(request, Asked::JoinRoom(attempt));
        Ok(())
    }

    pub(super) fn room_closed(&mut self, room: RoomId) {
        let inside = self.room.as_ref().map(super::in_room::InRoom::id);
        if self.lobby.room_closed(room, inside) {
            self.back_to_lobby();
        }
    }

    /// Reports the rooms, when they have changed and this endpoint is in none.
    pub(super) fn tell_rooms(&mut self) {
        if let Some(rooms) = self.lobby.news(self.room.is_some()) {
            (self.report)(Report::Rooms(rooms));
        }
    }

    pub(super) fn enter_by_intent(
        &mut self,
        room: Room,
        awaits_place: bool,
    ) -> Result<(), EngineError> {
        if self.room.is_some() {
            self.leave_by_intent();
        } else if self.lobby.goal().is_some() {
            self.end_chat();
        }
        let timers = &mut self.timers;
        self.lobby.wish(room, awaits_place, self.now, timers);
        let step = self.lobby.pursue(self.reconnect.is_signed_in());
        self.take_step(step)
    }

    pub(super) fn leave_by_intent(&mut self) {
        self.lobby.clear_goal(&mut self.timers);
        if self.room.is_some() {
            if self.reconnect.is_signed_in() {
                self.ask(Request::LeaveRoom, Asked::Nothing);
            }
            self.back_to_lobby();
        } else {
            self.end_chat();
        }
    }

    /// Out of the room: what was used there is let go of.
    pub(super) fn back_to_lobby(&mut self) {
        self.leave_room();
        self.hold_devices();
        self.end_chat();
        (self.report)(Report::LeftRoom);
        if self.reconnect.is_signed_in() {
            self.list_rooms();
        }
    }
}
