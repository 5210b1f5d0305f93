//! What the relay sends: each message to where it belongs, each reply to what was asked.

use super::asked::Asked;
use super::clock_offset::ClockEstimate;
use super::lobby::Act;
use super::messages::{EngineError, Report};
use super::reconnect::AfterRefusal;
use super::shell::Engine;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{Answer, Refusal, Request, SignedIn, ToEndpoint};

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
                if let Some(offset) = self.clock.update(sent, relay, now) {
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
            (Asked::ListRooms, Err(Refusal::RateLimited { retry_after_ms })) => {
                let wait = Micros::from_millis(retry_after_ms.into());
                self.lobby.list_later(wait, now, &mut self.timers);
                Ok(())
            }
            (Asked::CreateRoom(attempt), Ok(Answer::Created { room })) => {
                self.created(attempt, room)
            }
            (Asked::CreateRoom(attempt), Err(refusal)) => {
                self.step_refused(attempt, Act::Create, refusal, now)
            }
            (Asked::JoinRoom(attempt), Ok(Answer::Joined(joined))) => {
                self.joined(attempt, *joined, now)
            }
            (Asked::JoinRoom(attempt), Err(refusal)) => {
                self.step_refused(attempt, Act::Join, refusal, now)
            }
            (asked @ (Asked::Say { .. } | Asked::History { .. }), result) => {
                self.chat_answered(&asked, result, now);
                Ok(())
            }
            (Asked::Member(asked), result) => {
                self.member_answered(asked, &result, now);
                Ok(())
            }
            (asked, Err(refusal)) => {
                tracing::warn!(?asked, %refusal, "the relay refused");
                Ok(())
            }
            (_, Ok(_)) => Ok(()),
        }
    }

    fn chat_answered(&mut self, asked: &Asked, result: Result<Answer, Refusal>, now: Instant) {
        let own = (&self.settings.username, &self.settings.display_name);
        match (asked, result) {
            (Asked::Say { number, visit }, Ok(Answer::Said { id, at })) => {
                self.chat.said((*number, *visit), own, Ok((id, at)), now);
            }
            (Asked::Say { number, visit }, Err(refusal)) => {
                self.chat.said((*number, *visit), own, Err(refusal), now);
            }
            (Asked::History { visit }, Ok(Answer::History { lines, more })) => {
                self.chat.page(*visit, Ok((lines, more)), own.0, now);
            }
            (Asked::History { visit }, Err(refusal)) => {
                self.chat.page(*visit, Err(refusal), own.0, now);
            }
            _ => {}
        }
        self.follow_chat();
    }

    fn signed_in(&mut self, signed_in: SignedIn, now: Instant) -> Result<(), EngineError> {
        self.reconnect.signed_in(&signed_in, now, &mut self.timers);
        self.clock = ClockEstimate::default();
        self.path.begin(now, &mut self.timers);
        self.follow_path();
        (self.report)(Report::SignedIn);
        match signed_in.room {
            Some(joined) => self.still_in(joined, now),
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
            AfterRefusal::Wait(loss, news) => self.disconnect(news, loss),
            AfterRefusal::End => {
                let act = "signing in";
                return Err(EngineError::Refused { act, refusal });
            }
        }
        Ok(())
    }
}
