//! What the relay sends: each message to where it belongs, each reply to what was asked.

use super::clock_offset::ClockEstimate;
use super::reconnect::AfterRefusal;
use super::requests::Asked;
use super::{Engine, EngineError, Report};
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{Answer, ChatLine, Refusal, Request, SignedIn, ToEndpoint};

/// How long to wait for a room that somebody else is making.
const LOOK_AGAIN_AFTER: Micros = Micros::from_millis(100);
impl Engine {
    pub(super) fn handle_message(
        &mut self,
        message: ToEndpoint,
        now: Instant,
    ) -> Result<(), EngineError> {
        match message {
            ToEndpoint::Reply { id, result } => {
                let Some(asked) = self.requests.answered(id) else {
                    return Ok(());
                };
                self.handle_reply(asked, result, now)
            }
            ToEndpoint::Event(event) => self.handle_event(event, now),
            ToEndpoint::Datagram(mut datagram) => {
                self.handle_datagram(&mut datagram, now);
                Ok(())
            }
            ToEndpoint::Pong { sent, relay } => {
                if let Some(offset) = self.session.clock.update(sent, relay, now) {
                    self.ask(Request::SetClock { offset }, Asked::Nothing);
                    self.shift_clocks();
                }
                Ok(())
            }
        }
    }

    fn handle_reply(
        &mut self,
        asked: Asked,
        result: Result<Answer, Refusal>,
        now: Instant,
    ) -> Result<(), EngineError> {
        match (asked, result) {
            (Asked::SignIn { .. }, Ok(Answer::SignedIn(signed_in))) => {
                self.signed_in(*signed_in, now)
            }
            (Asked::SignIn { resuming }, Err(refusal)) => {
                self.sign_in_refused(resuming, refusal, now)
            }
            (Asked::ListRooms, Ok(Answer::Rooms { rooms, more })) => self.listed(rooms, more),
            (asked @ (Asked::CreateRoomToInvite { .. } | Asked::MakeLink), result) => {
                self.invited(&asked, result);
                Ok(())
            }
            (Asked::CreateRoom, Ok(Answer::Created { room })) => self.join(room),
            // Somebody else is making it: it is listed as soon as it is stored.
            (Asked::CreateRoom, Err(Refusal::RoomExists)) => {
                self.session.look_again_at = Some(now + LOOK_AGAIN_AFTER);
                Ok(())
            }
            (
                Asked::ListRooms | Asked::CreateRoom | Asked::JoinRoom,
                Err(Refusal::RateLimited { retry_after_ms }),
            ) => {
                self.session.look_again_at = Some(now + Micros::from_millis(retry_after_ms.into()));
                Ok(())
            }
            (Asked::CreateRoom, Err(refusal)) => self.not_entered("creating the room", refusal),
            (Asked::JoinRoom, Ok(Answer::Joined(joined))) => self.enter(*joined, false, now),
            (Asked::JoinRoom, Err(refusal)) => self.not_entered("joining the room", refusal),
            (Asked::Say { to, text, written }, Ok(Answer::Said { id, at })) => {
                let line = ChatLine {
                    id,
                    at,
                    from: self.settings.username.clone(),
                    from_name: self.settings.display_name.clone(),
                    to,
                    text,
                };
                self.chat(line);
                if let Some(written) = written {
                    let _ = written.send(Ok(()));
                }
                Ok(())
            }
            (Asked::Say { written, .. }, Err(refusal)) => {
                match written {
                    Some(written) => drop(written.send(Err(refusal))),
                    None => (self.report)(Report::NotSaid(refusal)),
                }
                Ok(())
            }
            (Asked::History, Ok(Answer::History { lines, more })) => {
                lines.into_iter().for_each(|line| self.chat(line));
                (self.report)(Report::History { more });
                Ok(())
            }
            (Asked::Publish(source), Ok(Answer::Published { stream })) => {
                self.published(source, Some(stream));
                Ok(())
            }
            (Asked::Publish(source), Err(refusal)) => {
                tracing::warn!(?source, %refusal, "the relay does not take this stream");
                self.published(source, None);
                Ok(())
            }
            (Asked::SendKeys(sent), result) => {
                self.keys_answered(sent, &result, now);
                Ok(())
            }
            (asked, Err(refusal)) => {
                tracing::warn!(?asked, %refusal, "the relay refused");
                Ok(())
            }
            (_, Ok(_)) => Ok(()),
        }
    }

    fn signed_in(&mut self, signed_in: SignedIn, now: Instant) -> Result<(), EngineError> {
        self.reconnect.signed_in(&signed_in, now, &mut self.timers);
        self.session.clock = ClockEstimate::default();
        self.path.begin(now, &mut self.timers);
        self.follow_path();
        (self.report)(Report::SignedIn);
        match signed_in.room {
            Some(joined) => self.enter(joined, true, now),
            None => {
                self.list_rooms();
                Ok(())
            }
        }
    }

    fn sign_in_refused(
        &mut self,
        resuming: bool,
        refusal: Refusal,
        now: Instant,
    ) -> Result<(), EngineError> {
        let timers = &mut self.timers;
        match self.reconnect.refused(resuming, refusal, now, timers) {
            AfterRefusal::BeginAnew => self.sign_in(),
            AfterRefusal::Wait(loss, news) => self.disconnect(news, loss.to_string()),
            AfterRefusal::End => {
                let act = "signing in";
                return Err(EngineError::Refused { act, refusal });
            }
        }
        Ok(())
    }
}
