//! The session: connect, sign in, find the room, and do it all again when the connection goes.

use super::{Engine, EngineError, Intent, Report};
use crate::clock;
use crate::control::{Connection, ConnectionError, ConnectionEvent};
use crate::entropy;
use crate::outbound::Path;
use crate::udp::MediaSocket;
use conclave_protocol::channel::ChannelError;
use conclave_protocol::id::{ChatId, ParticipantId, RequestId, RoomId};
use conclave_protocol::name::ChatText;
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::Uplink;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::units::ClockOffset;
use conclave_protocol::wire::control::{
    Answer, ChatLine, ClosingReason, Event, HISTORY_LINES, Refusal, Request, RoomSummary, SignedIn,
    ToEndpoint, ToRelay,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

/// Waits between attempts to connect: the first and the longest.
const FIRST_RETRY: Micros = Micros::from_millis(200);
const LONGEST_RETRY: Micros = Micros::from_secs(1);
/// How often the relay is asked for its clock; also breaks every silence.
const PING_EVERY: Micros = Micros::from_secs(2);
/// Without a word for so long the connection counts as dead.
const DEAD_AFTER: Micros = Micros::from_secs(7);
/// Pings in quick succession after signing in, for a first idea of the clock.
const QUICK_PINGS: u32 = 5;
/// A change of the clock offset that is worth telling, in µs.
const OFFSET_STEP_US: u64 = 500;
/// How long to wait for a room that somebody else is making.
const LOOK_AGAIN_AFTER: Micros = Micros::from_millis(100);
/// How long to wait before a key is handed out again that the relay did not pass on.
const KEYS_AGAIN_AFTER: Micros = Micros::from_millis(500);
/// Chat lines that may wait for the room to be joined.
const MOST_UNSAID: usize = 64;

/// What of a session outlives its connections.
pub(super) struct Session {
    /// Requests that are not answered yet.
    pending: BTreeMap<RequestId, Asked>,
    next_request: u32,
    retry_at: Instant,
    retry_after: Micros,
    first_try: Instant,
    was_signed_in: bool,
    /// Whether this connection is signed in.
    is_signed_in: bool,
    reconnects: u64,
    last_heard: Instant,
    resume: Option<Secret<32>>,
    hop_secret: Option<Secret<32>>,
    pub(super) uplink: Option<Arc<Uplink>>,
    next_ping: Instant,
    pings: u32,
    clock: ClockEstimate,
    /// The rooms of the listing so far.
    listed: Vec<RoomSummary>,
    /// When to look for the room again.
    look_again_at: Option<Instant>,
    /// Why there was no connection the last time.
    last_error: Option<ConnectionError>,
    unsaid: VecDeque<Box<ChatText>>,
    /// The last lines that were told: replies, events and history overlap.
    told_lines: BTreeSet<ChatId>,
}

/// What a request was for.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    SignIn { resuming: bool },
    ListRooms,
    CreateRoom,
    JoinRoom,
    Say(Box<ChatText>),
    History,
    Publish(super::room::Source),
    SendKeys { to: Vec<ParticipantId> },
    Nothing,
}

/// The relay's clock against this one, from the quickest of the last answers.
#[derive(Default)]
struct ClockEstimate {
    best: Option<(Micros, i64)>,
    answers: u32,
    told: Option<i64>,
}

impl ClockEstimate {
    /// Takes a ping's answer; gives the offset when it is news.
    fn update(&mut self, sent: Instant, relay: Instant, now: Instant) -> Option<ClockOffset> {
        let round_trip = now.since(sent);
        let middle = sent.0.cast_signed() + round_trip.0.cast_signed() / 2;
        let offset = relay.0.cast_signed().wrapping_sub(middle);
        // After 30 answers, a minute, even the best is forgotten: clocks drift.
        if self.answers.is_multiple_of(30) {
            self.best = None;
        }
        self.answers += 1;
        if self.best.is_none_or(|(quickest, _)| round_trip < quickest) {
            self.best = Some((round_trip, offset));
        }
        let (_, offset) = self.best?;
        let news = self
            .told
            .is_none_or(|told| told.abs_diff(offset) > OFFSET_STEP_US);
        news.then(|| {
            self.told = Some(offset);
            ClockOffset(offset)
        })
    }
}

impl Session {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            pending: BTreeMap::new(),
            next_request: 0,
            retry_at: now,
            retry_after: FIRST_RETRY,
            first_try: now,
            was_signed_in: false,
            is_signed_in: false,
            reconnects: 0,
            last_heard: now,
            resume: None,
            hop_secret: None,
            uplink: None,
            next_ping: now,
            pings: 0,
            clock: ClockEstimate::default(),
            listed: Vec::new(),
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
            self.lose("the relay takes nothing any more".into(), clock::now());
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
                let known = self.keep.relay(&self.settings.relay)?;
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
                if known.is_none() {
                    self.keep.remember_relay(&self.settings.relay, &relay)?;
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

    fn sign_in(&mut self) {
        let resume = self.session.resume.clone();
        let asked = Asked::SignIn {
            resuming: resume.is_some(),
        };
        let (username, email) = (self.settings.username.clone(), self.settings.email.clone());
        self.ask(
            Request::SignIn {
                username,
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
            return Err(EngineError::IdentityChanged {
                relay,
                error,
                list: self.keep.relays_path(),
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
        self.lose(error.to_string(), now);
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
        self.forget_envelopes();
        self.session.retry_at = now + self.session.retry_after;
        self.session.retry_after = Micros(self.session.retry_after.0 * 3 / 2).min(LONGEST_RETRY);
        // Told once: that it is tried again and again is understood.
        if std::mem::replace(&mut self.session.is_signed_in, false) {
            self.set_path(Path::None);
            tracing::info!(reason, "connection lost");
            (self.report)(Report::Interrupted(reason));
        }
    }

    pub(super) fn tick_session(&mut self, now: Instant) -> Result<(), EngineError> {
        if self.connection.is_none() {
            if now >= self.session.retry_at {
                let pinned = self.keep.relay(&self.settings.relay)?;
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

    fn handle_message(&mut self, message: ToEndpoint, now: Instant) -> Result<(), EngineError> {
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
                self.lose("the relay asks to wait".into(), now);
                self.session.retry_at = now + Micros::from_millis(retry_after_ms.into());
                Ok(())
            }
            (Asked::SignIn { .. }, Err(refusal)) => Err(EngineError::Refused {
                act: "signing in",
                refusal,
            }),
            (Asked::ListRooms, Ok(Answer::Rooms { rooms, more })) => {
                self.session.listed.extend(rooms);
                self.choose_room(more)
            }
            (Asked::CreateRoom, Ok(Answer::Created { room })) => {
                self.join(room);
                Ok(())
            }
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
            (Asked::CreateRoom, Err(refusal)) => Err(EngineError::Refused {
                act: "creating the room",
                refusal,
            }),
            (Asked::JoinRoom, Ok(Answer::Joined(joined))) => self.enter(*joined, false, now),
            (Asked::JoinRoom, Err(refusal)) => Err(EngineError::Refused {
                act: "joining the room",
                refusal,
            }),
            (Asked::Say(text), Ok(Answer::Said { id, at })) => {
                let line = ChatLine {
                    id,
                    at,
                    from: self.settings.username.clone(),
                    to: None,
                    text,
                };
                self.chat(line);
                Ok(())
            }
            (Asked::Say(_), Err(refusal)) => {
                (self.report)(Report::NotSaid(refusal));
                Ok(())
            }
            (Asked::History, Ok(Answer::History { lines, .. })) => {
                lines.into_iter().for_each(|line| self.chat(line));
                Ok(())
            }
            (Asked::Publish(source), Ok(Answer::Published { stream })) => {
                self.published(source, stream);
                Ok(())
            }
            (Asked::SendKeys { .. }, Ok(_)) => {
                self.use_key();
                Ok(())
            }
            (Asked::SendKeys { to }, Err(refusal)) => {
                let wait = match refusal {
                    Refusal::RateLimited { retry_after_ms } => {
                        Micros::from_millis(retry_after_ms.into())
                    }
                    _ => KEYS_AGAIN_AFTER,
                };
                self.put_off_keys(to, now + wait);
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
        self.begin_path(now);
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

    fn list_rooms(&mut self) {
        self.session.listed.clear();
        self.ask(Request::ListRooms { after: None }, Asked::ListRooms);
    }

    fn choose_room(&mut self, more: bool) -> Result<(), EngineError> {
        let wanted = self.settings.room.name.key();
        if let Some(room) = self
            .session
            .listed
            .iter()
            .find(|room| room.name.key() == wanted)
        {
            let room = room.id;
            self.session.listed.clear();
            self.join(room);
        } else if let (true, Some(last)) = (more, self.session.listed.last()) {
            let after = Some(last.id);
            self.ask(Request::ListRooms { after }, Asked::ListRooms);
        } else if let Some(capacity) = self.settings.room.create {
            let (name, pin) = (
                self.settings.room.name.clone(),
                self.settings.room.pin.clone(),
            );
            self.ask(
                Request::CreateRoom {
                    name,
                    pin,
                    capacity,
                },
                Asked::CreateRoom,
            );
        } else {
            return Err(EngineError::Refused {
                act: "joining the room",
                refusal: Refusal::NoSuchRoom,
            });
        }
        Ok(())
    }

    fn join(&mut self, room: RoomId) {
        let (pin, devices) = (self.settings.room.pin.clone(), self.parts.devices());
        self.ask(Request::JoinRoom { room, pin, devices }, Asked::JoinRoom);
    }

    /// Asks for what was written while this endpoint was away, and says what waited.
    pub(super) fn catch_up_chat(&mut self) {
        self.ask(Request::History { before: None }, Asked::History);
        while let Some(text) = self.session.unsaid.pop_front() {
            self.say(text);
        }
    }

    fn say(&mut self, text: Box<ChatText>) {
        self.ask(
            Request::Say {
                to: None,
                text: text.clone(),
            },
            Asked::Say(text),
        );
    }

    fn chat(&mut self, line: ChatLine) {
        if !self.session.told_lines.insert(line.id) {
            return;
        }
        if self.session.told_lines.len() > HISTORY_LINES {
            self.session.told_lines.pop_first();
        }
        if let Some(recorder) = &self.recorder {
            recorder.chat(&line);
        }
        let own = line.from.key() == self.settings.username.key();
        (self.report)(Report::Chat { line, own });
    }

    pub(super) fn handle_intent(&mut self, intent: Intent) {
        match intent {
            Intent::Say(text) if self.room.is_some() && self.connection.is_some() => self.say(text),
            Intent::Say(text) if self.session.unsaid.len() < MOST_UNSAID => {
                self.session.unsaid.push_back(text)
            }
            Intent::Say(_) | Intent::Stop => {}
            Intent::Microphone(on) => {
                self.parts.set_microphone(on);
                self.ask(Request::SetDevices(self.parts.devices()), Asked::Nothing);
            }
            Intent::Camera(on) => {
                self.parts.set_camera(on);
                self.ask(Request::SetDevices(self.parts.devices()), Asked::Nothing);
            }
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

    fn handle_event(&mut self, event: Event, now: Instant) -> Result<(), EngineError> {
        match event {
            Event::Chat(line) => {
                self.chat(line);
                Ok(())
            }
            // Whoever signed in last is meant; two that took turns would both be of no use.
            Event::Closing {
                reason: ClosingReason::Replaced,
            } => Err(EngineError::Replaced),
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
