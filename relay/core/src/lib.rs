//! Rooms, roster, chat and routing without I/O: requests and answers in, [`Effect`]s out.
//!
//! One loop owns the [`Core`]. It hands in what happened with the time, then carries out
//! [`Core::next_effect`] until there is none; before that it swaps in [`Core::take_routes`], so that a
//! stream is routed before its publisher knows its number.
//!
//! The same requests at the same times give the same effects in the same order: nothing here reads a clock, draws
//! random bytes but through [`Entropy`], or depends on the order of a hash map.
#![forbid(unsafe_code)]
#![deny(clippy::iter_over_hash_type)]

mod account;
pub mod address;
mod answers;
mod chat;
mod clock_step;
mod dispatch;
mod effect;
pub mod fan_out;
mod guesses;
pub mod limit_log;
mod limits;
mod link;
mod link_token;
mod lobby;
mod made_again;
pub mod quota;
mod recipient_limit;
mod room;
mod roster;
mod session;
pub mod storage;
mod takeover;
mod tell;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use conclave_protocol::id::{ChatId, ParticipantId, RequestId, RoomId, SessionId};
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::units::UnixMillis;
use conclave_protocol::wire::control::{ClosingReason, LeaveReason, Refusal};
use rustc_hash::FxHashMap;

pub use account::RESUME_FOR;
pub use effect::{ConnectionId, Effect, Ending, MediaCommand};
pub use link::{Guest, Web};
pub use session::Peer;

use account::Arrival;
use chat::{AskedAgain, Line};
use clock_step::WallClock;
use fan_out::{Routes, Routing};
use guesses::GuessLimits;
use limit_log::LimitLog;
use limits::{GrowthLimits, RestingLimits, SignInLimit};
use link::{GuestArrival, RoomChange};
use lobby::{Draft, Lobby};
use made_again::SameRoom;
use quota::SetClock;
use room::{Entry, Room};
use session::{Connection, Session, Stage};
use storage::{StoredRoom, Token};
use takeover::Takeovers;

/// How often limiters that are as good as new are forgotten.
const FORGET_EACH: Micros = Micros::from_secs(60);

/// Where secrets come from.
pub trait Entropy: Send {
    /// Fills `bytes` with bytes that cannot be guessed.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// How much the core holds at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreLimits {
    /// Sessions, those that wait to be resumed included.
    pub sessions: usize,
    /// Rooms.
    pub rooms: usize,
    /// Rooms that one account has made.
    pub rooms_per_account: usize,
    /// Accounts.
    pub accounts: usize,
    /// Accounts that may be made at once from one address; then one each minute.
    pub sign_ups_at_once: u32,
}

/// What was there before this start.
#[derive(Clone, Debug, Default)]
pub struct Remembered {
    /// Every room.
    pub rooms: Vec<StoredRoom>,
    /// The last line of chat.
    pub last_chat: ChatId,
}

/// What waits for the store or the PIN worker.
enum Pending {
    SignIn(Box<Arrival>),
    Guest(GuestArrival),
    RoomChange(RoomChange),
    Join(Entry),
    HashPin(Draft),
    Create(Draft),
    SameRoom(SameRoom),
    Say(Box<Line>),
    FindLine(AskedAgain),
    History {
        connection: ConnectionId,
        request: RequestId,
    },
}

/// Everything that the relay decides on, owned by one loop.
pub struct Core {
    limits: CoreLimits,
    clock: SetClock,
    wall: WallClock,
    entropy: Box<dyn Entropy>,
    connections: FxHashMap<ConnectionId, Connection>,
    /// Boxed, as the table has room for more than there are.
    sessions: FxHashMap<SessionId, Box<Session>>,
    /// By the account name's key.
    accounts: HashMap<String, SessionId>,
    rooms: BTreeMap<RoomId, Room>,
    /// Names of rooms that exist or are being made.
    room_names: HashSet<String>,
    /// How many of these an account made, by its key.
    rooms_made: HashMap<String, usize>,
    pending: FxHashMap<Token, Pending>,
    /// Detached sessions by the time when they are over.
    waiting: VecDeque<(Instant, SessionId)>,
    guesses: GuessLimits,
    growth: GrowthLimits,
    /// Limits of accounts that just signed out, for when they come back.
    resting: RestingLimits,
    takeovers: Takeovers,
    limit_log: LimitLog,
    forget_at: Instant,
    /// Where browsers are served, if they are.
    web: Option<Web>,
    refused_links: u64,
    lobby: Lobby,
    routing: Routing,
    effects: VecDeque<Effect>,
    /// Members of all rooms.
    participants: usize,
    last_participant: u32,
    last_stream: u32,
    last_room: u32,
    last_chat: u64,
    last_token: u64,
}

impl Core {
    /// A core with what was there before.
    #[must_use]
    pub fn new(limits: CoreLimits, remembered: Remembered, entropy: Box<dyn Entropy>) -> Self {
        let clock = SetClock::default();
        let mut rooms_made = HashMap::new();
        for creator in remembered
            .rooms
            .iter()
            .filter_map(|room| room.creator.clone())
        {
            *rooms_made.entry(creator).or_default() += 1;
        }
        let rooms = remembered.rooms.into_iter();
        let rooms: BTreeMap<_, _> = rooms.map(|room| (room.id, Room::from(room))).collect();
        Self {
            limits,
            guesses: GuessLimits::new(&clock),
            growth: GrowthLimits::new(limits.sign_ups_at_once, &clock),
            resting: RestingLimits::default(),
            takeovers: Takeovers::default(),
            limit_log: LimitLog::default(),
            rooms_made,
            clock,
            wall: WallClock::default(),
            entropy,
            connections: FxHashMap::default(),
            sessions: FxHashMap::default(),
            accounts: HashMap::new(),
            room_names: rooms.values().map(|room| room.name.key()).collect(),
            last_room: rooms.keys().next_back().map_or(0, |id| id.0),
            rooms,
            pending: FxHashMap::default(),
            waiting: VecDeque::new(),
            forget_at: Instant(0),
            web: None,
            refused_links: 0,
            lobby: Lobby::default(),
            routing: Routing::default(),
            effects: VecDeque::new(),
            participants: 0,
            last_participant: 0,
            last_stream: 0,
            last_chat: remembered.last_chat.0,
            last_token: 0,
        }
    }

    /// Sets the clocks; called before each `handle_…`. `steady` goes on while the machine sleeps, and is never set.
    pub fn set_time(&mut self, now: Instant, steady: Instant, wall: UnixMillis) {
        self.clock.set(now);
        if self.wall.set(steady, wall) {
            tracing::info!(
                now = wall.0,
                "the clock was set: links last as long as they were to"
            );
        }
    }

    /// A connection's handshake is done.
    pub fn handle_connected(&mut self, connection: ConnectionId, peer: Peer) {
        self.connections.insert(
            connection,
            Connection {
                peer,
                stage: Stage::Fresh,
                limit: SignInLimit::new(&self.clock),
            },
        );
    }

    /// A connection is gone.
    pub fn handle_disconnected(&mut self, now: Instant, connection: ConnectionId) {
        self.detach(now, connection);
    }

    /// A connection's queue is full: its session ends, and no other session waits for it.
    ///
    /// Tells whether that is news: what was queued before goes on to overflow.
    pub fn handle_too_slow(&mut self, connection: ConnectionId) -> bool {
        match self.connections.get(&connection).map(|c| c.stage) {
            Some(Stage::SignedIn(session)) => {
                self.end_session(session, LeaveReason::TooSlow, Some(ClosingReason::TooSlow));
            }
            Some(_) => self.end(connection, Some(ClosingReason::TooSlow)),
            None => return false,
        }
        true
    }

    /// The relay stops: everyone is told.
    pub fn handle_stop(&mut self) {
        let mut all: Vec<_> = self.connections.keys().copied().collect();
        all.sort_unstable();
        for connection in all {
            self.end(connection, Some(ClosingReason::RelayStops));
        }
    }

    /// The limits were configured again; what is there stays.
    pub fn handle_limits(&mut self, limits: CoreLimits) {
        self.limits = limits;
    }

    /// Time has come: ends what waited in vain, tells the lobby's watchers.
    pub fn handle_time(&mut self, now: Instant) {
        self.end_unresumed(now);
        self.flush_lobby(now);
        if self.forget_at <= now {
            self.forget_at = now + FORGET_EACH;
            self.guesses.forget_idle();
            self.growth.forget_idle();
            self.resting.forget_idle(now);
            self.takeovers.forget_old(now);
        }
    }

    /// When to call [`Self::handle_time`] next.
    #[must_use]
    pub fn next_time(&self) -> Instant {
        let mut next = self.forget_at;
        if let Some(&(over_at, _)) = self.waiting.front() {
            next = next.min(over_at);
        }
        self.lobby.due().map_or(next, |due| next.min(due))
    }

    /// The next thing to do.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The routes, if they changed.
    pub fn take_routes(&mut self) -> Option<Arc<Routes>> {
        self.routing.take_changed()
    }

    /// Sessions, rooms and participants now.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.sessions.len(), self.rooms.len(), self.participants)
    }

    fn wait_for(&mut self, pending: Pending) -> Token {
        self.last_token += 1;
        let token = Token(self.last_token);
        self.pending.insert(token, pending);
        token
    }

    /// The operator is told which key of the configuration refused a participant.
    fn limit_reached(&self, key: &'static str, limit: usize, connection: ConnectionId) {
        let address = self
            .connections
            .get(&connection)
            .map(|state| state.peer.address);
        if let Some(address) = address {
            self.limit_log
                .reached(key, limit, address, self.clock.instant());
        }
    }

    fn room_of(&self, session: SessionId) -> Result<RoomId, Refusal> {
        let session = self.sessions.get(&session).ok_or(Refusal::NotSignedIn)?;
        let membership = session.membership.as_ref().ok_or(Refusal::NotInRoom)?;
        Ok(membership.room)
    }

    fn member(&self, room: RoomId, participant: ParticipantId) -> Result<SessionId, Refusal> {
        let members = self.rooms.get(&room).map_or(&[][..], |room| &room.members);
        let is_it = |id: &&SessionId| {
            let membership = self.sessions.get(id).and_then(|s| s.membership.as_ref());
            membership.is_some_and(|m| m.participant == participant)
        };
        let found = members.iter().find(is_it);
        found.copied().ok_or(Refusal::NoSuchParticipant)
    }
}
