//! Chat: a line is acknowledged and passed on when it is stored, in the order in which it came.
//!
//! Who lost the connection before the answer came sends the line again with the same mark. The store finds it then, and
//! it is acknowledged, but passed on no second time.

use std::sync::Arc;

use conclave_protocol::id::{ChatId, LineMark, ParticipantId, RequestId, RoomId, SessionId};
use conclave_protocol::name::ChatText;
use conclave_protocol::wire::control::{Answer, ChatLine, Event, Refusal, ToEndpoint};

use super::effect::{ConnectionId, Effect};
use super::storage::{StoreAnswer, StoreCommand};
use super::{Core, Pending};

/// A line on its way through the store.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) connection: ConnectionId,
    pub(super) request: RequestId,
    pub(super) room: RoomId,
    pub(super) from: SessionId,
    pub(super) to: Option<SessionId>,
    pub(super) line: ChatLine,
}

/// A line for one who is not in the room: known, or refused.
#[derive(Debug)]
pub(super) struct AskedAgain {
    connection: ConnectionId,
    request: RequestId,
    refusal: Refusal,
}

impl Core {
    pub(super) fn say(
        &mut self,
        (connection, request, from): (ConnectionId, RequestId, SessionId),
        to: Option<ParticipantId>,
        text: Box<ChatText>,
        mark: LineMark,
    ) -> Result<(), Refusal> {
        if !mark.is_in_range() {
            return Err(Refusal::OutOfRange);
        }
        let room = self.room_of(from)?;
        let to = match to.map(|to| self.member(room, to)).transpose() {
            Ok(to) => to,
            Err(refusal) => {
                return self.find_line((connection, request, from), room, mark, refusal);
            }
        };
        let name = |id: SessionId| self.sessions.get(&id).map(|s| s.username.clone());
        let writer = self.sessions.get(&from).ok_or(Refusal::NotSignedIn)?;
        let line = ChatLine {
            id: ChatId(self.last_chat + 1),
            at: self.wall.now(),
            from: writer.username.clone(),
            from_name: writer.display_name.clone(),
            to: to.and_then(name),
            text,
            mark,
        };
        self.last_chat += 1;
        let is_guest = |id| self.sessions.get(&id).is_some_and(|s| s.guest.is_some());
        let (from_guest, to_guest) = (is_guest(from), to.is_some_and(is_guest));
        let token = self.wait_for(Pending::Say(Box::new(Line {
            connection,
            request,
            room,
            from,
            to,
            line: line.clone(),
        })));
        self.effects
            .push_back(Effect::Store(StoreCommand::AppendChat {
                token,
                room,
                line,
                from_guest,
                to_guest,
            }));
        Ok(())
    }

    /// Whom a line is for may have left since it was stored. Sent again it is acknowledged; a new one is refused.
    fn find_line(
        &mut self,
        (connection, request, from): (ConnectionId, RequestId, SessionId),
        room: RoomId,
        mark: LineMark,
        refusal: Refusal,
    ) -> Result<(), Refusal> {
        let writer = self.sessions.get(&from).ok_or(Refusal::NotSignedIn)?;
        let (from, from_guest) = (writer.username.clone(), writer.guest.is_some());
        let token = self.wait_for(Pending::FindLine(AskedAgain {
            connection,
            request,
            refusal,
        }));
        self.effects
            .push_back(Effect::Store(StoreCommand::FindLine {
                token,
                room,
                from,
                from_guest,
                mark,
            }));
        Ok(())
    }

    /// Answers a line for one who is not in the room when the store has looked for it.
    pub(super) fn line_found(&mut self, asked: &AskedAgain, found: Result<StoreAnswer, Refusal>) {
        let result = found.and_then(|found| match found {
            StoreAnswer::KnownLine { id, at } => Ok(Answer::Said { id, at }),
            _ => Err(asked.refusal),
        });
        self.reply(asked.connection, asked.request, result);
    }

    /// Passes a line on when it has been stored for the first time.
    pub(super) fn said(&mut self, line: Line, stored: Result<StoreAnswer, Refusal>) {
        let result = stored.map(|stored| {
            if let StoreAnswer::KnownLine { id, at } = stored {
                return Answer::Said { id, at };
            }
            let (id, at) = (line.line.id, line.line.at);
            let message = Arc::new(ToEndpoint::Event(Event::Chat(line.line)));
            match line.to {
                None => self.tell_room(line.room, None, &message),
                Some(to) => {
                    self.tell_session(line.from, &message);
                    if to != line.from {
                        self.tell_session(to, &message);
                    }
                }
            }
            Answer::Said { id, at }
        });
        self.reply(line.connection, line.request, result);
    }

    pub(super) fn history(
        &mut self,
        connection: ConnectionId,
        request: RequestId,
        session: SessionId,
        before: Option<ChatId>,
    ) -> Result<(), Refusal> {
        let room = self.room_of(session)?;
        let session = self.sessions.get(&session).ok_or(Refusal::NotSignedIn)?;
        // Another guest may have had the name.
        let reader = session.guest.is_none().then(|| session.username.clone());
        let token = self.wait_for(Pending::History {
            connection,
            request,
        });
        self.effects
            .push_back(Effect::Store(StoreCommand::ReadHistory {
                token,
                room,
                reader,
                before,
            }));
        Ok(())
    }
}
