//! A request on its way to the part of the core that grants or refuses it.

use conclave_protocol::id::{RequestId, SessionId};
use conclave_protocol::wire::control::{Answer, LeaveReason, Refusal, Request};

use super::Core;
use super::account::Claimed;
use super::effect::ConnectionId;
use super::room::Entry;
use super::session::Stage;

impl Core {
    /// An endpoint asks for something.
    pub fn handle_request(&mut self, connection: ConnectionId, id: RequestId, request: Request) {
        let Some(state) = self.connections.get(&connection) else {
            return;
        };
        let result = match (state.stage, request) {
            (
                _,
                Request::SignIn {
                    username,
                    display_name,
                    email,
                    resume,
                },
            ) => {
                let claimed = Claimed {
                    username,
                    display_name,
                    email,
                };
                self.sign_in(connection, id, claimed, resume)
            }
            (Stage::SignedIn(session), request) => {
                self.handle_signed_in(connection, session, id, request)
            }
            _ => Some(Err(Refusal::NotSignedIn)),
        };
        if let Some(result) = result {
            self.reply(connection, id, result);
        }
    }

    fn handle_signed_in(
        &mut self,
        connection: ConnectionId,
        session: SessionId,
        id: RequestId,
        request: Request,
    ) -> Option<Result<Answer, Refusal>> {
        let state = self.sessions.get_mut(&session)?;
        if let Err(refusal) = state.limits.check(&request).and(state.may_ask(&request)) {
            return Some(Err(refusal));
        }
        let later = |begun: Result<(), Refusal>| begun.err().map(Err);
        match request {
            Request::SignIn { .. } => Some(Err(Refusal::AlreadySignedIn)),
            Request::ListRooms { after } => {
                state.watching = true;
                Some(Ok(self.list_rooms(after)))
            }
            Request::CreateRoom {
                name,
                pin,
                capacity,
            } => later(self.create_room((connection, id, session), name, pin, capacity)),
            Request::JoinRoom {
                room,
                pin,
                devices,
                nonce,
            } => self.join(
                Entry {
                    connection,
                    request: id,
                    session,
                    room,
                    devices,
                    nonce,
                    guess: None,
                },
                pin,
            ),
            Request::LeaveRoom => Some(if self.leave(session, LeaveReason::Left) {
                Ok(Answer::Done)
            } else {
                Err(Refusal::NotInRoom)
            }),
            Request::Say { to, text, mark } => {
                later(self.say((connection, id, session), to, text, mark))
            }
            Request::History { before } => later(self.history(connection, id, session, before)),
            Request::Publish(offer) => Some(self.publish(session, offer)),
            Request::Unpublish { stream } => Some(self.unpublish(session, stream)),
            Request::SetDevices(devices) => Some(self.set_devices(session, devices)),
            Request::SetClock { offset } => Some(self.set_clock(session, offset)),
            Request::SendKeys { envelopes } => Some(self.send_keys(session, envelopes)),
            Request::AskKeys { of } => Some(self.ask_keys(session, of)),
            Request::Subscribe { stream, want } => Some(self.subscribe(session, stream, want)),
            Request::MakeLink {
                room,
                lifetime_minutes,
            } => Some(self.make_link(session, room, lifetime_minutes)),
            Request::RevokeLinks { room } => {
                later(self.revoke_links((connection, id, session), room))
            }
            Request::AllowBrowsers { room, allowed } => {
                later(self.allow_browsers((connection, id, session), room, allowed))
            }
            Request::SignOut => {
                self.reply(connection, id, Ok(Answer::Done));
                self.end_session(session, LeaveReason::Left, None);
                None
            }
        }
    }
}
