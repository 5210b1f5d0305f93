//! Replies and events on their way to connections.

use std::sync::Arc;

use conclave_protocol::id::{RequestId, RoomId, SessionId};
use conclave_protocol::wire::control::{Answer, Event, Refusal, ToEndpoint};

use super::Core;
use super::effect::{ConnectionId, Effect};

impl Core {
    pub(super) fn reply(
        &mut self,
        to: ConnectionId,
        id: RequestId,
        result: Result<Answer, Refusal>,
    ) {
        if !self.connections.contains_key(&to) {
            return;
        }
        let entered = match &result {
            Ok(Answer::Joined(joined)) => Some(joined.room.id),
            Ok(Answer::SignedIn(signed_in)) => signed_in.room.as_ref().map(|room| room.room.id),
            _ => None,
        };
        let message = Arc::new(ToEndpoint::Reply { id, result });
        self.effects.push_back(Effect::Send { to, message });
        let room = entered.and_then(|room| self.rooms.get(&room));
        if room.is_some_and(|room| !room.browsers_allowed) {
            self.send(to, Event::BrowsersAllowed { allowed: false });
        }
    }

    pub(super) fn send(&mut self, to: ConnectionId, event: Event) {
        let message = Arc::new(ToEndpoint::Event(event));
        self.effects.push_back(Effect::Send { to, message });
    }

    pub(super) fn tell_session(&mut self, session: SessionId, message: &Arc<ToEndpoint>) {
        let connection = self.sessions.get(&session).and_then(|s| s.connection);
        if let Some(to) = connection {
            let message = Arc::clone(message);
            self.effects.push_back(Effect::Send { to, message });
        }
    }

    pub(super) fn tell_room(
        &mut self,
        room: RoomId,
        except: Option<SessionId>,
        message: &Arc<ToEndpoint>,
    ) {
        let members = self.rooms.get(&room).map_or(&[][..], |room| &room.members);
        for id in members.iter().filter(|id| Some(**id) != except) {
            if let Some(to) = self.sessions.get(id).and_then(|s| s.connection) {
                let message = Arc::clone(message);
                self.effects.push_back(Effect::Send { to, message });
            }
        }
    }

    /// Tells everyone in the session's room but itself.
    pub(super) fn tell_others(&mut self, session: SessionId, event: Event) {
        if let Ok(room) = self.room_of(session) {
            let message = Arc::new(ToEndpoint::Event(event));
            self.tell_room(room, Some(session), &message);
        }
    }
}
