//! The session: connect, sign in, and do it all again when the connection goes.

use super::asked::Asked;
use super::loss::ConnectionLoss;
use super::messages::{EngineError, Intent, Report, Settings};
use super::reconnect::{AfterLoss, News};
use super::shell::Engine;
use crate::data_dir::DataDirError;
use crate::net::control::{ConnectionError, ConnectionEvent};
use conclave_common::entropy;
use conclave_protocol::id::RequestId;
use conclave_protocol::identity::PublicKey;
use conclave_protocol::secret::Secret;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::{ClosingReason, Event, Request, ToEndpoint, ToRelay};
use std::net::SocketAddr;
use std::sync::Arc;

impl Engine {
    pub(super) fn ask(&mut self, request: Request, asked: Asked) {
        if let Some(message) = self.requests.ask(request, asked) {
            self.send(message);
        }
    }

    pub(super) fn send(&mut self, message: ToRelay) {
        let sent = self
            .connection
            .as_ref()
            .is_none_or(|connection| connection.send(message));
        if !sent {
            self.lose(ConnectionLoss::Stuck, self.now);
        }
    }

    pub(super) fn handle_connection(
        &mut self,
        event: ConnectionEvent,
        now: Instant,
    ) -> Result<(), EngineError> {
        self.reconnect.heard(now, &mut self.timers);
        match event {
            ConnectionEvent::Established { relay, address } => {
                let known = self.expected_relay()?;
                if let Some(expected) = &self.settings.relay_fingerprint
                    && !relay.has_fingerprint(expected)
                {
                    let (relay, met) = (self.settings.relay.clone(), relay.fingerprint());
                    return Err(EngineError::WrongFingerprint {
                        relay,
                        expected: expected.clone(),
                        met,
                    });
                }
                self.remember_relay(&relay)?;
                if known.is_none() {
                    (self.report)(Report::FirstContact(relay));
                }
                self.open_media_socket(address);
                self.sign_in();
                Ok(())
            }
            ConnectionEvent::Message(message) => self.handle_message(*message, now),
            ConnectionEvent::Lost(error) => self.handle_lost(error, now),
        }
    }

    /// The only relay that may answer, once one was met.
    fn expected_relay(&self) -> Result<Option<PublicKey>, DataDirError> {
        let Settings {
            relay,
            relay_kept_as,
            ..
        } = &self.settings;
        self.keep.expected_relay(relay_kept_as, relay)
    }

    /// Keeps the relay's identity under its address and under how it was looked for, where none is kept yet.
    fn remember_relay(&self, met: &PublicKey) -> Result<(), DataDirError> {
        for name in [&self.settings.relay, &self.settings.relay_kept_as] {
            if self.keep.relay(name)?.is_none() {
                self.keep.remember_relay(name, met)?;
            }
        }
        Ok(())
    }

    fn open_media_socket(&mut self, relay: SocketAddr) {
        match self.network.open_socket(relay) {
            Ok((readiness, socket)) => {
                self.transport.set_socket(Some(Arc::clone(&socket)));
                self.socket = Some((readiness, socket));
            }
            Err(error) => tracing::warn!(%error, "no UDP socket: media will travel by TCP"),
        }
    }

    pub(super) fn sign_in(&mut self) {
        let resume = self.reconnect.resume_secret();
        let resuming = resume.is_some();
        let settings = &self.settings;
        let (username, email) = (settings.username.clone(), settings.email.clone());
        let display_name = settings.display_name.clone();
        self.ask(
            Request::SignIn {
                username,
                display_name,
                email,
                resume,
            },
            Asked::SignIn { resuming },
        );
    }

    fn handle_lost(&mut self, error: ConnectionError, now: Instant) -> Result<(), EngineError> {
        let loss = ConnectionLoss::from(&error);
        let after = self.reconnect.failed(error, now, &mut self.timers);
        self.carry_on(after, loss)
    }

    /// Nothing was heard for too long.
    pub(super) fn handle_silence(&mut self, now: Instant) -> Result<(), EngineError> {
        let after = self.reconnect.silent(now, &mut self.timers);
        self.carry_on(after, ConnectionLoss::Silent)
    }

    /// Tries again after a loss, unless that is of no use.
    fn carry_on(&mut self, after: AfterLoss, loss: ConnectionLoss) -> Result<(), EngineError> {
        match after {
            AfterLoss::Retry(news) => {
                self.disconnect(news, loss);
                Ok(())
            }
            AfterLoss::End(error) => Err(self.unreachable(error)),
            AfterLoss::IdentityChanged(error) => Err(self.identity_changed(error)?),
        }
    }

    fn unreachable(&self, error: ConnectionError) -> EngineError {
        let relay = self.settings.relay.clone();
        EngineError::Unreachable { relay, error }
    }

    fn identity_changed(&self, error: ConnectionError) -> Result<EngineError, DataDirError> {
        let relay = self.settings.relay.clone();
        let expected = self.expected_relay()?;
        let mut kept_as = vec![self.settings.relay_kept_as.clone(), relay.clone()];
        kept_as.dedup();
        kept_as.retain(|name| self.keep.relay(name).is_ok_and(|kept| kept == expected));
        let lines = kept_as.join(" and that of ");
        let list = self.keep.relays_path();
        Ok(EngineError::IdentityChanged {
            relay,
            error,
            kept_as: format!("the line of {lines} from {}", list.display()),
        })
    }

    /// What to say of a call that ends before it began.
    pub(super) fn never_signed_in(&mut self) -> Result<(), EngineError> {
        let error = self.reconnect.never_signed_in();
        error.map_or(Ok(()), |error| Err(self.unreachable(error)))
    }

    /// Gives the connection up; it is tried again.
    pub(super) fn lose(&mut self, loss: ConnectionLoss, now: Instant) {
        let news = self.reconnect.lost(&loss, now, &mut self.timers);
        self.disconnect(news, loss);
    }

    /// Ends what belonged to the connection, and tells why.
    pub(super) fn disconnect(&mut self, news: News, loss: ConnectionLoss) {
        self.connection = None;
        self.requests.close();
        self.lobby.lose(&mut self.timers);
        self.chat.lose();
        self.lose_room();
        self.path.end(&mut self.timers);
        self.follow_path();
        match news {
            News::Interrupted => {
                tracing::info!(reason = %loss, "connection lost");
                (self.report)(Report::Interrupted(loss));
            }
            News::NotConnected => (self.report)(Report::NotConnected(loss)),
            News::None => {}
        }
    }

    /// Begins to connect.
    pub(super) fn connect(&mut self, now: Instant) -> Result<(), EngineError> {
        let pinned = self.expected_relay()?;
        let ephemeral = self.entropy()?;
        let (relay, identity) = (self.settings.relay.clone(), self.identity.clone());
        let connection = self.network.connect(relay, identity, pinned, ephemeral);
        self.connection = Some(connection);
        self.requests.open();
        self.reconnect.heard(now, &mut self.timers);
        Ok(())
    }

    pub(super) fn ping(&mut self, now: Instant) {
        self.reconnect.pinged(now, &mut self.timers);
        self.send(ToRelay::Ping { sent: now });
    }

    pub(super) fn tick_session(&mut self, now: Instant) -> Result<(), EngineError> {
        if self.connection.is_none() {
            return Ok(());
        }
        self.tick_keys(now)?;
        self.tick_chat();
        Ok(())
    }

    pub(super) fn entropy(&self) -> Result<Secret<32>, EngineError> {
        entropy::secret().map_err(|error| crate::data_dir::DataDirError::Entropy(error).into())
    }

    pub(super) fn handle_intent(&mut self, intent: Intent) -> Result<(), EngineError> {
        match intent {
            Intent::Enter(room) => return self.enter_by_intent(room, false),
            Intent::AwaitPlace(room) => return self.enter_by_intent(room, true),
            Intent::LeaveRoom => self.leave_by_intent(),
            Intent::Say(text) => return self.say_when_joined(text, None),
            Intent::Write {
                to: None,
                text,
                written,
            } => return self.say_when_joined(text, Some(written)),
            Intent::Write {
                to: Some(to),
                text,
                written,
            } => return self.tell(to, text, written),
            Intent::SendAgain(number) => self.send_again(number),
            Intent::DiscardLine(number) => self.discard_line(number),
            Intent::Stop => {}
            Intent::EarlierChat => self.earlier_chat(),
            Intent::Microphone(on) => {
                self.devices.set_microphone(on);
                self.tell_devices();
            }
            Intent::Camera(on) => {
                self.devices.set_camera(on)?;
                self.tell_devices();
            }
            Intent::UseCamera(spec) => {
                self.devices.use_camera(spec)?;
                self.tell_devices();
            }
            Intent::UseMicrophone(spec) => {
                self.devices.use_microphone(spec)?;
                self.tell_devices();
            }
            Intent::UseSpeaker(spec) => {
                let voices = self.devices.use_speaker(spec)?;
                self.media.speak_through(voices);
            }
            Intent::TryDevices(trying) => {
                self.trying_devices = trying;
                if trying && self.room.is_none() {
                    self.devices.begin_trial();
                }
                self.hold_devices();
            }
            Intent::MakeLink {
                room,
                lifetime_minutes,
            } => self.make_link(room, lifetime_minutes),
            Intent::RevokeLinks(room) => self.revoke_links(&room),
            Intent::TestTone => self.devices.play_test_tone(),
            Intent::Volume(percent) => self.devices.set_volume(percent),
        }
        Ok(())
    }

    /// Has the others see what is on, and the screen.
    pub(super) fn tell_devices(&mut self) {
        self.show_devices();
        self.tell_people();
    }

    /// Ends the session at the relay, so that the others do not wait for it to come back.
    pub(super) async fn sign_out(&mut self) {
        let sign_out = self.requests.ask(Request::SignOut, Asked::Nothing);
        if let (Some(mut connection), Some(message)) = (self.connection.take(), sign_out) {
            let ToRelay::Request { id, .. } = message else {
                return;
            };
            let _ = connection.send(message);
            let answered = async {
                loop {
                    match connection.next().await {
                        ConnectionEvent::Message(message) if answers(&message, id) => break,
                        ConnectionEvent::Lost(_) => break,
                        _ => {}
                    }
                }
            };
            let _ = tokio::time::timeout(std::time::Duration::from_secs(1), answered).await;
        }
    }

    pub(super) fn handle_event(&mut self, event: Event, now: Instant) -> Result<(), EngineError> {
        match event {
            Event::Chat(line) => {
                self.hear_chat(line);
                Ok(())
            }
            // The device that signed in last counts; two that took turns would both be of no use.
            Event::Closing {
                reason: ClosingReason::Replaced,
            } => Err(EngineError::Replaced {
                by: self.reconnect.elsewhere(),
            }),
            Event::SignedInElsewhere { address } => {
                tracing::warn!(%address, "another device with this one's identity is signed in: was the card copied?");
                self.reconnect.set_elsewhere(address);
                Ok(())
            }
            Event::RoomChanged(room) => {
                let signed_in = self.reconnect.is_signed_in();
                let step = self.lobby.room_changed(room, signed_in);
                self.take_step(step)
            }
            Event::RoomClosed { room } => {
                self.room_closed(room);
                Ok(())
            }
            Event::Closing { reason } => {
                self.lose(ConnectionLoss::Closing(reason), now);
                Ok(())
            }
            event => self.handle_room_event(&event, now),
        }
    }
}

fn answers(message: &ToEndpoint, request: RequestId) -> bool {
    matches!(message, ToEndpoint::Reply { id, .. } if *id == request)
}
