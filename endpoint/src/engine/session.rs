//! The session: connect, sign in, and do it all again when the connection goes.

use super::clock_offset::ClockEstimate;
use super::{Engine, EngineError, Intent, Report, Settings, Written};
use crate::control::{Connection, ConnectionError, ConnectionEvent};
use crate::entropy;
use crate::keep::KeepError;
use crate::udp::MediaSocket;
use conclave_protocol::channel::ChannelError;
use conclave_protocol::hand_out::Sent;
use conclave_protocol::id::{ChatId, RequestId};
use conclave_protocol::identity::PublicKey;
use conclave_protocol::member_key::JoinNonce;
use conclave_protocol::name::{ChatText, Username};
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::Uplink;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{ClosingReason, Event, Request, ToEndpoint, ToRelay};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

/// Waits between attempts to connect: the first and the longest.
pub(super) const FIRST_RETRY: Micros = Micros::from_millis(200);
const LONGEST_RETRY: Micros = Micros::from_secs(1);
/// How often the relay is asked for its clock; also breaks every silence.
const PING_EVERY: Micros = Micros::from_secs(2);
/// Without a word for so long the connection counts as dead.
const DEAD_AFTER: Micros = Micros::from_secs(7);
/// Pings in quick succession after signing in, for a first idea of the clock.
const QUICK_PINGS: u32 = 5;

/// What of a session outlives its connections.
pub(super) struct Session {
    /// Requests that are not answered yet.
    pub(super) pending: BTreeMap<RequestId, Asked>,
    pub(super) next_request: u32,
    pub(super) retry_at: Instant,
    pub(super) retry_after: Micros,
    /// Where another device with this one's identity is.
    pub(super) elsewhere: Option<std::net::IpAddr>,
    pub(super) first_try: Instant,
    pub(super) was_signed_in: bool,
    /// Whether this connection is signed in.
    pub(super) is_signed_in: bool,
    pub(super) reconnects: u64,
    pub(super) last_heard: Instant,
    pub(super) resume: Option<Secret<32>>,
    /// Of the join that was asked for last, until this endpoint is in the room.
    pub(super) join_nonce: Option<JoinNonce>,
    pub(super) hop_secret: Option<Secret<32>>,
    pub(super) uplink: Option<Arc<Uplink>>,
    pub(super) next_ping: Instant,
    pub(super) pings: u32,
    pub(super) clock: ClockEstimate,
    /// When to look for the room again.
    pub(super) look_again_at: Option<Instant>,
    /// Why there was no connection the last time.
    pub(super) last_error: Option<ConnectionError>,
    pub(super) unsaid: VecDeque<Unsaid>,
    /// The last lines that were told: replies, events and history overlap.
    pub(super) told_lines: BTreeSet<ChatId>,
}

/// A line of chat for everyone that waits for the room, and who wants to hear what becomes of it.
pub(super) type Unsaid = (Box<ChatText>, Option<Written>);

/// What a request was for.
#[derive(Debug)]
pub(super) enum Asked {
    SignIn {
        resuming: bool,
    },
    ListRooms,
    CreateRoom,
    JoinRoom,
    CreateRoomToInvite {
        lifetime_minutes: u16,
    },
    MakeLink,
    Say {
        to: Option<Username>,
        text: Box<ChatText>,
        written: Option<Written>,
    },
    History,
    Publish(super::publish::Source),
    SendKeys(Sent),
    Nothing,
}

impl Session {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            pending: BTreeMap::new(),
            next_request: 0,
            retry_at: now,
            retry_after: FIRST_RETRY,
            elsewhere: None,
            first_try: now,
            was_signed_in: false,
            is_signed_in: false,
            reconnects: 0,
            last_heard: now,
            resume: None,
            join_nonce: None,
            hop_secret: None,
            uplink: None,
            next_ping: now,
            pings: 0,
            clock: ClockEstimate::default(),
            look_again_at: None,
            last_error: None,
            unsaid: VecDeque::new(),
            told_lines: BTreeSet::new(),
        }
    }

    pub(super) const fn is_signed_in(&self) -> bool {
        self.is_signed_in
    }

    pub(super) const fn reconnects(&self) -> u64 {
        self.reconnects
    }

    /// How far the relay's clock is ahead of this one, as far as that is known.
    pub(super) fn clock_offset(&self) -> Option<i64> {
        self.clock.told
    }
}

impl Engine {
    pub(super) fn ask(&mut self, request: Request, asked: Asked) {
        let id = RequestId(self.session.next_request);
        self.session.next_request = self.session.next_request.wrapping_add(1);
        self.session.pending.insert(id, asked);
        self.send(ToRelay::Request { id, request });
    }

    pub(super) fn send(&mut self, message: ToRelay) {
        let sent = self
            .connection
            .as_ref()
            .is_none_or(|connection| connection.send(message));
        if !sent {
            self.lose("the relay takes nothing any more".into(), self.now);
        }
    }

    pub(super) fn handle_connection(
        &mut self,
        event: ConnectionEvent,
        now: Instant,
    ) -> Result<(), EngineError> {
        self.session.last_heard = now;
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
    fn expected_relay(&self) -> Result<Option<PublicKey>, KeepError> {
        let Settings {
            relay,
            relay_kept_as,
            ..
        } = &self.settings;
        self.keep.expected_relay(relay_kept_as, relay)
    }

    /// Keeps the relay's identity under its address and under how it was looked for, where none is kept yet.
    fn remember_relay(&self, met: &PublicKey) -> Result<(), KeepError> {
        for name in [&self.settings.relay, &self.settings.relay_kept_as] {
            if self.keep.relay(name)?.is_none() {
                self.keep.remember_relay(name, met)?;
            }
        }
        Ok(())
    }

    fn open_media_socket(&mut self, relay: SocketAddr) {
        let socket =
            MediaSocket::open(relay).and_then(|socket| Ok((socket.readiness()?, Arc::new(socket))));
        match socket {
            Ok((readiness, socket)) => {
                self.transport.set_socket(Some(Arc::clone(&socket)));
                self.socket = Some((readiness, socket));
            }
            Err(error) => tracing::warn!(%error, "no UDP socket: media will travel by TCP"),
        }
    }

    pub(super) fn sign_in(&mut self) {
        let resume = self.session.resume.clone();
        let asked = Asked::SignIn {
            resuming: resume.is_some(),
        };
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
            asked,
        );
    }

    fn handle_lost(&mut self, error: ConnectionError, now: Instant) -> Result<(), EngineError> {
        if matches!(
            error,
            ConnectionError::Channel(ChannelError::IdentityChanged { .. })
        ) {
            let relay = self.settings.relay.clone();
            let expected = self.expected_relay()?;
            let mut kept_as = vec![self.settings.relay_kept_as.clone(), relay.clone()];
            kept_as.dedup();
            kept_as.retain(|name| self.keep.relay(name).is_ok_and(|kept| kept == expected));
            let lines = kept_as.join(" and that of ");
            let list = self.keep.relays_path();
            return Err(EngineError::IdentityChanged {
                relay,
                error,
                kept_as: format!("the line of {lines} from {}", list.display()),
            });
        }
        let patient = self.session.was_signed_in
            || now.since(self.session.first_try) < self.settings.patience;
        let hopeless = matches!(
            error,
            ConnectionError::Channel(ChannelError::RelayVersion { .. })
        );
        if !patient || hopeless {
            return Err(EngineError::Unreachable {
                relay: self.settings.relay.clone(),
                error,
            });
        }
        // The same reason again is no news.
        let reason = error.to_string();
        let told = self.session.last_error.as_ref().map(ToString::to_string);
        if !self.session.is_signed_in && told.as_ref() != Some(&reason) {
            (self.report)(Report::NotConnected(reason.clone()));
        }
        self.lose(reason, now);
        self.session.last_error = Some(error);
        Ok(())
    }

    /// What to say of a call that ends before it began.
    pub(super) fn never_signed_in(&mut self) -> Result<(), EngineError> {
        if self.session.was_signed_in {
            return Ok(());
        }
        let error = self
            .session
            .last_error
            .take()
            .unwrap_or(ConnectionError::TimedOut);
        Err(EngineError::Unreachable {
            relay: self.settings.relay.clone(),
            error,
        })
    }

    /// Gives the connection up and sets the time of the next attempt.
    pub(super) fn lose(&mut self, reason: String, now: Instant) {
        self.connection = None;
        self.session.pending.clear();
        self.session.look_again_at = None;
        if let Some(goal) = &mut self.goal {
            goal.asked = false;
        }
        self.forget_envelopes();
        self.session.retry_at = now + self.session.retry_after;
        self.session.retry_after = Micros(self.session.retry_after.0 * 3 / 2).min(LONGEST_RETRY);
        // Told once: that it is tried again and again is understood.
        if std::mem::replace(&mut self.session.is_signed_in, false) {
            self.path.end(&mut self.timers);
            self.follow_path();
            tracing::info!(reason, "connection lost");
            (self.report)(Report::Interrupted(reason));
        }
    }

    pub(super) fn tick_session(&mut self, now: Instant) -> Result<(), EngineError> {
        if self.connection.is_none() {
            if now >= self.session.retry_at {
                let pinned = self.expected_relay()?;
                let ephemeral = self.entropy()?;
                let relay = self.settings.relay.clone();
                self.connection = Some(Connection::open(
                    relay,
                    self.identity.clone(),
                    pinned,
                    ephemeral,
                ));
                self.session.last_heard = now;
            }
            return Ok(());
        }
        self.tick_keys(now)?;
        for of in self.media.senders_without_key(now) {
            self.ask(Request::AskKeys { of }, Asked::Nothing);
        }
        if self.session.look_again_at.is_some_and(|at| now >= at) {
            self.session.look_again_at = None;
            if let Some(goal) = &mut self.goal {
                goal.asked = false;
            }
            self.list_rooms();
        }
        if now.since(self.session.last_heard) > DEAD_AFTER {
            self.lose(
                format!("nothing heard for {} s", DEAD_AFTER.0 / 1_000_000),
                now,
            );
        } else if self.session.uplink.is_some() && now >= self.session.next_ping {
            self.session.pings += 1;
            let quick = self.session.pings < QUICK_PINGS;
            self.session.next_ping = now + if quick { Micros::ZERO } else { PING_EVERY };
            self.send(ToRelay::Ping { sent: now });
        }
        Ok(())
    }

    pub(super) fn entropy(&self) -> Result<Secret<32>, EngineError> {
        entropy::secret().map_err(|error| crate::keep::KeepError::Entropy(error).into())
    }

    pub(super) fn handle_intent(
        &mut self,
        intent: Intent,
        now: Instant,
    ) -> Result<(), EngineError> {
        match intent {
            Intent::Enter(room) => return self.enter_by_intent(room, now),
            Intent::LeaveRoom => self.leave_by_intent(now),
            Intent::Say(text) => self.say_when_joined(text, None),
            Intent::Write {
                to: None,
                text,
                written,
            } => self.say_when_joined(text, Some(written)),
            Intent::Write {
                to: Some(to),
                text,
                written,
            } => self.tell(to, text, written),
            Intent::Stop => {}
            Intent::EarlierChat => self.earlier_chat(),
            Intent::Microphone(on) => {
                self.parts.set_microphone(on);
                self.tell_devices();
            }
            Intent::Camera(on) => {
                self.parts.set_camera(on)?;
                self.tell_devices();
            }
            Intent::UseCamera(spec) => {
                self.parts.use_camera(spec)?;
                self.tell_devices();
            }
            Intent::UseMicrophone(spec) => {
                self.parts.use_microphone(spec)?;
                self.tell_devices();
            }
            Intent::UseSpeaker(spec) => {
                let voices = self.parts.use_speaker(spec)?;
                self.media.speak_through(voices);
            }
            Intent::TryDevices(trying) => {
                self.trying_devices = trying;
                self.hold_devices();
            }
            Intent::MakeLink {
                room,
                lifetime_minutes,
            } => self.make_link(room, lifetime_minutes),
            Intent::RevokeLinks(room) => self.revoke_links(&room),
            Intent::TestTone => self.parts.play_test_tone(),
            Intent::Volume(percent) => self.parts.set_volume(percent),
        }
        Ok(())
    }

    /// Tells everyone what is on, and publishes what was not there before.
    fn tell_devices(&mut self) {
        if self.room.is_some() {
            self.ask(Request::SetDevices(self.parts.devices()), Asked::Nothing);
            self.publish();
            self.tell_people();
        }
    }

    /// Ends the session at the relay, so that nobody waits for it to come back.
    pub(super) async fn sign_out(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            let id = RequestId(self.session.next_request);
            let _ = connection.send(ToRelay::Request {
                id,
                request: Request::SignOut,
            });
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
                self.chat(line);
                Ok(())
            }
            // Whoever signed in last is meant; two that took turns would both be of no use.
            Event::Closing {
                reason: ClosingReason::Replaced,
            } => Err(EngineError::Replaced {
                by: self.session.elsewhere,
            }),
            Event::SignedInElsewhere { address } => {
                tracing::warn!(%address, "another device with this one's identity is signed in: was the card copied?");
                self.session.elsewhere = Some(address);
                Ok(())
            }
            Event::RoomChanged(room) => {
                self.room_changed(room);
                Ok(())
            }
            Event::RoomClosed { room } => {
                self.room_closed(room, now);
                Ok(())
            }
            Event::Closing { reason } => {
                self.lose(format!("the relay closes: {reason:?}"), now);
                Ok(())
            }
            event => self.handle_room_event(event, now),
        }
    }
}

fn answers(message: &ToEndpoint, request: RequestId) -> bool {
    matches!(message, ToEndpoint::Reply { id, .. } if *id == request)
}
