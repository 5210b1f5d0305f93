//! A room that is asked for twice: who lost the connection before the answer came asks again, and is answered with the
//! room that the first request made.

use conclave_protocol::id::{RequestId, RoomId, SessionId};
use conclave_protocol::name::{Pin, RoomName};
use conclave_protocol::wire::control::{Answer, Refusal};

use super::effect::{ConnectionId, Effect};
use super::lobby::Draft;
use super::storage::PinCommand;
use super::{Core, Pending};

/// A request for a room that its session made, whose PIN is being compared with the room's.
pub(super) struct SameRoom {
    connection: ConnectionId,
    request: RequestId,
    room: RoomId,
}

impl Core {
    /// There is a room of this name: answers with it the session that made it last, where that asks for the same.
    pub(super) fn create_again(
        &mut self,
        (connection, request, session): (ConnectionId, RequestId, SessionId),
        name: &RoomName,
        pin: Option<Pin>,
        capacity: u16,
    ) -> Result<(), Refusal> {
        let made = self.sessions.get(&session).and_then(|asker| asker.made);
        let made = made
            .and_then(|id| self.rooms.get(&id))
            .filter(|room| room.name == *name && room.capacity == capacity);
        let Some(made) = made else {
            let is_it = |draft: &Draft| {
                (draft.session, &draft.name) == (session, name)
                    && (draft.capacity, &draft.asked_pin) == (capacity, &pin)
            };
            return self.await_draft(connection, request, is_it);
        };
        let room = made.id;
        match (made.pin.clone(), pin) {
            (None, None) => self.reply(connection, request, Ok(Answer::Created { room })),
            (Some(hash), Some(pin)) => {
                let token = self.wait_for(Pending::SameRoom(SameRoom {
                    connection,
                    request,
                    room,
                }));
                self.effects
                    .push_back(Effect::Pin(PinCommand::Compare { token, pin, hash }));
            }
            _ => return Err(Refusal::RoomExists),
        }
        Ok(())
    }

    /// The room is still on its way to the disk: what comes of it is the answer to this request, where nobody hears the
    /// answer to the first one any more.
    fn await_draft(
        &mut self,
        connection: ConnectionId,
        request: RequestId,
        is_it: impl Fn(&Draft) -> bool,
    ) -> Result<(), Refusal> {
        let connections = &self.connections;
        let is_unheard = |draft: &Draft| !connections.contains_key(&draft.connection);
        let mut waiting = self.pending.values_mut();
        let draft = waiting.find_map(|pending| match pending {
            Pending::HashPin(draft) | Pending::Create(draft) => {
                (is_it(draft) && is_unheard(draft)).then_some(draft)
            }
            _ => None,
        });
        let draft = draft.ok_or(Refusal::RoomExists)?;
        (draft.connection, draft.request) = (connection, request);
        Ok(())
    }

    /// Goes on with a request when its PIN has been compared.
    pub(super) fn created_again(&mut self, asked: &SameRoom, compared: Result<bool, Refusal>) {
        let result = compared.and_then(|is_same| match is_same {
            true => Ok(Answer::Created { room: asked.room }),
            false => Err(Refusal::RoomExists),
        });
        self.reply(asked.connection, asked.request, result);
    }
}
