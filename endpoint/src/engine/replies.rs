//! What the relay sends: each message to where it belongs, each reply to what was asked.

use super::clock_offset::ClockEstimate;
use super::session::{Asked, FIRST_RETRY};
use super::{Engine, EngineError, Report};
use conclave_protocol::sender::Uplink;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{Answer, ChatLine, Refusal, Request, SignedIn, ToEndpoint};
use std::sync::Arc;

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
                let Some(asked) = self.session.pending.remove(&id) else {
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
            (Asked::SignIn { resuming: true }, Err(Refusal::SessionOver)) => {
                self.forget_session();
                self.sign_in();
                Ok(())
            }
            (Asked::SignIn { .. }, Err(Refusal::RateLimited { retry_after_ms })) => {
                let reason = match self.session.elsewhere {
                    Some(address) => format!(
                        "the device at {address} has this one's identity and is signed in: was the card copied?"
                    ),
                    None => "the relay asks to wait".into(),
                };
                self.lose(reason.clone(), now);
                if self.session.elsewhere.is_some() {
                    (self.report)(Report::NotConnected(reason));
                }
                self.session.retry_at = now + Micros::from_millis(retry_after_ms.into());
                Ok(())
            }
            (Asked::SignIn { .. }, Err(refusal)) => Err(EngineError::Refused {
                act: "signing in",
                refusal,
            }),
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
        if std::mem::replace(&mut self.session.was_signed_in, true) {
            self.session.reconnects += 1;
        }
        self.session.is_signed_in = true;
        self.session.retry_after = FIRST_RETRY;
        self.session.elsewhere = None;
        // A resumed session goes on with its hop keys and its counter.
        if self.session.hop_secret.as_ref() != Some(&signed_in.hop_secret) {
            self.session.uplink = Some(Arc::new(Uplink::new(
                signed_in.session,
                &signed_in.hop_secret,
            )));
            self.session.hop_secret = Some(signed_in.hop_secret);
        }
        self.session.resume = Some(signed_in.resume_secret);
        self.session.pings = 0;
        self.session.next_ping = now;
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

    fn forget_session(&mut self) {
        self.session.resume = None;
        self.session.hop_secret = None;
        self.session.uplink = None;
    }
}
