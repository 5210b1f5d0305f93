//! Signing in, going on after a drop, and the ends of sessions.

use conclave_protocol::id::{RequestId, RoomId, SessionId};
use conclave_protocol::name::{DisplayName, Email, Username};
use conclave_protocol::secret::Secret;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{
    Answer, ClosingReason, Event, LeaveReason, Refusal, SignedIn,
};

use super::effect::{ConnectionId, Effect, Ending, MediaCommand};
use super::limits::RequestLimits;
use super::session::{Session, Stage};
use super::storage::{NewAccount, StoreCommand};
use super::{Core, Pending};

/// How long a dropped session waits for its endpoint.
pub const RESUME_FOR: Micros = Micros::from_secs(30);

/// A sign-in that waits for the store.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) connection: ConnectionId,
    pub(super) request: RequestId,
    username: Username,
    pub(super) display_name: DisplayName,
    email: Email,
    identity: [u8; 32],
}

/// Who signs in, as they say.
pub(super) struct Claimed {
    pub(super) username: Username,
    pub(super) display_name: DisplayName,
    pub(super) email: Email,
}

impl Core {
    /// Begins a sign-in; `None` while the store looks the account up.
    pub(super) fn sign_in(
        &mut self,
        connection: ConnectionId,
        request: RequestId,
        claimed: Claimed,
        resume: Option<Secret<32>>,
    ) -> Option<Result<Answer, Refusal>> {
        let state = self.connections.get_mut(&connection)?;
        if state.stage != Stage::Fresh {
            return Some(Err(Refusal::AlreadySignedIn));
        }
        if let Err(refusal) = state.limit.check() {
            return Some(Err(refusal));
        }
        let identity = state.peer.identity;
        let Claimed {
            username,
            display_name,
            email,
        } = claimed;
        if let Some(secret) = resume {
            return Some(self.resume(connection, &username, identity, &secret, false));
        }
        if self.sessions.len() >= self.limits.sessions
            && !self.accounts.contains_key(&username.key())
        {
            self.limit_reached("limits.sessions", self.limits.sessions, connection);
            return Some(Err(Refusal::RelayFull));
        }
        state.stage = Stage::SigningIn;
        let arrival = Box::new(Arrival {
            connection,
            request,
            username,
            display_name,
            email,
            identity,
        });
        self.look_up(arrival, NewAccount::Tell);
        None
    }

    fn look_up(&mut self, arrival: Box<Arrival>, new: NewAccount) {
        let (username, email) = (arrival.username.clone(), arrival.email.clone());
        let identity = arrival.identity;
        let token = self.wait_for(Pending::SignIn(arrival));
        let at = self.wall.now();
        self.effects.push_back(Effect::Store(StoreCommand::SignIn {
            token,
            username,
            email,
            identity,
            at,
            new,
        }));
    }

    /// Goes on with a sign-in whose name belongs to no account: accounts are for good, so they are not for
    /// the asking.
    pub(super) fn sign_up(&mut self, arrival: Box<Arrival>) -> Result<(), Refusal> {
        // A guest who is here keeps the name while they are.
        if self.accounts.contains_key(&arrival.username.key()) {
            return Err(Refusal::NameTaken);
        }
        // Who is gone makes no account.
        if let Some(state) = self.connections.get(&arrival.connection) {
            if let Err(refusal) = self.growth.check_sign_up(state.peer.address) {
                let limit = self.limits.sign_ups_at_once as usize;
                self.limit_reached("limits.sign_ups_at_once", limit, arrival.connection);
                return Err(refusal);
            }
            self.look_up(arrival, NewAccount::MakeBelow(self.limits.accounts));
        }
        Ok(())
    }

    pub(super) fn resume(
        &mut self,
        connection: ConnectionId,
        username: &Username,
        identity: [u8; 32],
        secret: &Secret<32>,
        is_guest: bool,
    ) -> Result<Answer, Refusal> {
        let id = *self
            .accounts
            .get(&username.key())
            .ok_or(Refusal::SessionOver)?;
        let session = self.sessions.get_mut(&id).ok_or(Refusal::SessionOver)?;
        let is_theirs = session.peer.identity == identity && session.guest.is_some() == is_guest;
        let is_known =
            session.resume_secret == *secret || session.former_secret.as_ref() == Some(secret);
        if !is_theirs || !is_known {
            return Err(Refusal::SessionOver);
        }
        session.former_secret = Some(secret.clone());
        let before = session.connection.take();
        if let Some(before) = before {
            self.end(before, Some(ClosingReason::Replaced));
        }
        tracing::info!(session = id.0, "resumed");
        self.attach(connection, id)
    }

    /// Goes on with a sign-in when the store has looked the account up.
    pub(super) fn signed_in(
        &mut self,
        connection: ConnectionId,
        request: RequestId,
        display_name: DisplayName,
        account: Result<Username, Refusal>,
    ) {
        let Some(state) = self.connections.get_mut(&connection) else {
            return;
        };
        state.stage = Stage::Fresh;
        let result = account.and_then(|username| {
            if let Some(before) = self.accounts.get(&username.key()).copied() {
                self.take_over(connection, before)?;
                self.end_session(before, LeaveReason::Left, Some(ClosingReason::Replaced));
            }
            self.open_session(connection, (username, display_name), None)
        });
        self.reply(connection, request, result);
    }

    /// Two with one identity would put each other out for ever: the one who comes may have to wait, and each is told of
    /// the other.
    fn take_over(&mut self, connection: ConnectionId, before: SessionId) -> Result<(), Refusal> {
        let newcomer = self
            .connections
            .get(&connection)
            .map(|state| state.peer.address);
        let Some(session) = self.sessions.get(&before) else {
            return Ok(());
        };
        let (Some(newcomer), Some(there)) = (newcomer, session.connection) else {
            return Ok(());
        };
        let here = session.peer.address;
        let taken = self.takeovers.take(&session.key(), self.clock.instant());
        tracing::warn!(
            session = before.0,
            there = %here,
            newcomer = %newcomer,
            is_refused = taken.is_err(),
            "a device signs in that is signed in already: if this goes on, its card was copied"
        );
        let (to, address) = match taken {
            Ok(()) => (there, newcomer),
            Err(_) => (connection, here),
        };
        self.send(to, Event::SignedInElsewhere { address });
        taken.map_err(|wait| Refusal::RateLimited {
            retry_after_ms: u32::try_from(wait.0 / 1_000).unwrap_or(u32::MAX).max(1),
        })
    }

    /// Opens a session under a name that no other session has.
    pub(super) fn open_session(
        &mut self,
        connection: ConnectionId,
        (username, display_name): (Username, DisplayName),
        guest: Option<RoomId>,
    ) -> Result<Answer, Refusal> {
        if self.sessions.len() >= self.limits.sessions {
            self.limit_reached("limits.sessions", self.limits.sessions, connection);
            return Err(Refusal::RelayFull);
        }
        let state = self.connections.get(&connection);
        let peer = state.ok_or(Refusal::SessionOver)?.peer;
        let id = self.draw_session_id();
        let address = peer.address;
        tracing::info!(session = id.0, %address, guest = guest.is_some(), "signed in");
        let key = username.key();
        let limits = self.resting.take(&key);
        self.accounts.insert(key, id);
        self.sessions.insert(
            id,
            Box::new(Session {
                username,
                display_name,
                peer,
                guest,
                resume_secret: Secret([0; 32]),
                former_secret: None,
                connection: None,
                over_at: None,
                watching: false,
                joining: false,
                made: None,
                clock: conclave_protocol::units::ClockOffset(0),
                membership: None,
                limits: limits.unwrap_or_else(|| RequestLimits::new(&self.clock)),
            }),
        );
        self.attach(connection, id)
    }

    /// Gives a session its connection and fresh secrets.
    fn attach(&mut self, connection: ConnectionId, id: SessionId) -> Result<Answer, Refusal> {
        let (mut hop_secret, mut resume_secret) = (Secret([0; 32]), Secret([0; 32]));
        self.entropy.fill(&mut hop_secret.0);
        self.entropy.fill(&mut resume_secret.0);
        let state = self
            .connections
            .get_mut(&connection)
            .ok_or(Refusal::SessionOver)?;
        let session = self.sessions.get_mut(&id).ok_or(Refusal::SessionOver)?;
        state.stage = Stage::SignedIn(id);
        session.connection = Some(connection);
        let was_away = session.over_at.take().is_some();
        session.peer = state.peer;
        session.joining = false;
        session.resume_secret = resume_secret.clone();
        let username = session.username.clone();
        let address = session.peer.address;
        if was_away {
            self.tell_away(id, false);
        }
        self.effects.push_back(Effect::Media(MediaCommand::Open {
            session: id,
            secret: hop_secret.clone(),
            fallback: connection,
            address,
        }));
        Ok(Answer::SignedIn(Box::new(SignedIn {
            session: id,
            hop_secret,
            resume_secret,
            resume_for: RESUME_FOR,
            username,
            room: self.joined(id),
        })))
    }

    /// Tells the others in the room that a member's connection is lost, or is there again.
    fn tell_away(&mut self, id: SessionId, away: bool) {
        let membership = self.sessions.get(&id).and_then(|s| s.membership.as_ref());
        if let Some(participant) = membership.map(|membership| membership.participant) {
            self.tell_others(id, Event::AwayChanged { participant, away });
        }
    }

    /// A number that cannot be guessed: forgers would have to find one first.
    fn draw_session_id(&mut self) -> SessionId {
        loop {
            let mut bytes = [0; 4];
            self.entropy.fill(&mut bytes);
            let id = SessionId(u32::from_le_bytes(bytes));
            if !self.sessions.contains_key(&id) {
                return id;
            }
        }
    }

    /// A connection is gone: its session waits.
    pub(super) fn detach(&mut self, now: Instant, connection: ConnectionId) {
        let Some(state) = self.connections.remove(&connection) else {
            return;
        };
        let Stage::SignedIn(id) = state.stage else {
            return;
        };
        if let Some(session) = self.sessions.get_mut(&id)
            && session.connection == Some(connection)
        {
            let over_at = now + RESUME_FOR;
            session.connection = None;
            session.over_at = Some(over_at);
            self.waiting.push_back((over_at, id));
            tracing::info!(session = id.0, "connection lost");
            self.tell_away(id, true);
        }
    }

    /// Ends the sessions that waited in vain.
    pub(super) fn end_unresumed(&mut self, now: Instant) {
        while let Some(&(over_at, id)) = self.waiting.front() {
            if over_at > now {
                break;
            }
            self.waiting.pop_front();
            // A session that came back meanwhile waits for nothing, or for a later time.
            if self.sessions.get(&id).and_then(|s| s.over_at) == Some(over_at) {
                self.end_session(id, LeaveReason::Lost, None);
            }
        }
    }

    /// Ends a session for good.
    pub(super) fn end_session(
        &mut self,
        id: SessionId,
        reason: LeaveReason,
        closing: Option<ClosingReason>,
    ) {
        self.leave(id, reason);
        let Some(session) = self.sessions.remove(&id) else {
            return;
        };
        tracing::info!(session = id.0, ?reason, "session over");
        let key = session.key();
        self.accounts.remove(&key);
        self.effects
            .push_back(Effect::Media(MediaCommand::Close { session: id }));
        if let Some(connection) = session.connection {
            self.end(connection, closing);
        }
        self.resting.put(key, session.limits, self.clock.instant());
    }

    /// Ends a connection, saying why if there is a why.
    pub(super) fn end(&mut self, connection: ConnectionId, closing: Option<ClosingReason>) {
        self.connections.remove(&connection);
        let ending = match closing {
            Some(ClosingReason::TooSlow) => Ending::Now(ClosingReason::TooSlow),
            Some(reason) => {
                self.send(connection, Event::Closing { reason });
                Ending::Drained
            }
            None => Ending::Drained,
        };
        self.effects.push_back(Effect::End { connection, ending });
    }
}
