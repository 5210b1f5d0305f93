//! The relay's own core, with a store, a network and a media plane that live in the test.

use conclave_protocol::hop::HopKeys;
use conclave_protocol::id::{ChatId, LineMark, RoomId, SessionId};
use conclave_protocol::name::{Pin, Username};
use conclave_protocol::time::Instant;
use conclave_protocol::units::UnixMillis;
use conclave_protocol::wire::control::{
    ChatLine, HISTORY_LINES_A_PAGE, Refusal, ToEndpoint, ToRelay,
};
use conclave_protocol::wire::header::{Header, Kind};
use conclave_relay_core::fan_out::Routes;
use conclave_relay_core::storage::{
    NewAccount, PinAnswer, PinCommand, PinHash, StoreAnswer, StoreCommand, StoredRoom,
};
use conclave_relay_core::{
    ConnectionId, Core, CoreLimits, Effect, Entropy, MediaCommand, Peer, Remembered,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

const LIMITS: CoreLimits = CoreLimits {
    sessions: 100,
    rooms: 100,
    rooms_per_account: 20,
    accounts: 1_000,
    sign_ups_at_once: 200,
};

/// What the relay has on its disk.
#[derive(Default)]
struct Store {
    accounts: BTreeSet<String>,
    rooms: Vec<StoredRoom>,
    lines: Vec<(RoomId, ChatLine)>,
}

struct Counting(u64);

impl Entropy for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            chunk.copy_from_slice(&self.0.to_be_bytes()[..chunk.len()]);
        }
    }
}

pub(super) struct Relay {
    core: Core,
    store: Store,
    now: Instant,
    routes: Arc<Routes>,
    /// Where a session's media comes from and goes to.
    sessions: BTreeMap<SessionId, (HopKeys, ConnectionId)>,
    last_connection: u64,
    starts: u64,
    /// Messages on their way down.
    pub(super) down: Vec<(ConnectionId, Arc<ToEndpoint>)>,
    /// Connections that the relay has ended.
    pub(super) ended: Vec<ConnectionId>,
    /// Media packets that came from each connection: of sound, and of pictures.
    pub(super) taken: BTreeMap<(ConnectionId, bool), u64>,
}

fn hash_of(pin: &Pin) -> PinHash {
    let mut hash = [0; 32];
    hash[..pin.as_str().len()].copy_from_slice(pin.as_str().as_bytes());
    PinHash {
        salt: [0; 16],
        hash,
    }
}

impl Relay {
    pub(super) fn new(capacity: u16, pin: Option<&str>, now: Instant) -> Self {
        let room = |id, name: &str, capacity, pin: Option<&str>| StoredRoom {
            id: RoomId(id),
            name: name.parse().unwrap(),
            pin: pin.map(|pin| hash_of(&Pin::parse(pin).unwrap())),
            capacity,
            creator: None,
            link_generation: 0,
            browsers_allowed: true,
        };
        let store = Store {
            rooms: vec![room(1, "room", capacity, pin), room(2, "next", 8, None)],
            ..Store::default()
        };
        let mut relay = Self {
            core: core(&store, 0),
            store,
            now,
            routes: Arc::default(),
            sessions: BTreeMap::new(),
            last_connection: 0,
            starts: 0,
            down: Vec::new(),
            ended: Vec::new(),
            taken: BTreeMap::new(),
        };
        relay.pass(now);
        relay
    }

    /// The room is gone from the disk.
    pub(super) fn remove_room(&mut self) {
        self.store.rooms.retain(|room| room.id != RoomId(1));
    }

    /// Everything but the disk begins again. All connections are gone.
    pub(super) fn restart(&mut self) {
        self.starts += 1;
        self.core = core(&self.store, self.starts);
        self.routes = Arc::default();
        self.sessions.clear();
        self.down.clear();
        self.pass(self.now);
    }

    pub(super) fn pass(&mut self, now: Instant) {
        self.now = now;
        self.core.set_time(now, now, UnixMillis(now.0 / 1_000));
        self.core.handle_time(now);
        self.carry_out();
    }

    pub(super) fn connect(&mut self, identity: [u8; 32], seat: u8) -> ConnectionId {
        self.last_connection += 1;
        let connection = ConnectionId(self.last_connection);
        let peer = Peer {
            identity,
            address: IpAddr::V4(Ipv4Addr::new(127, 0, 0, seat + 1)),
            via_gateway: false,
        };
        self.core.handle_connected(connection, peer);
        self.carry_out();
        connection
    }

    pub(super) fn disconnect(&mut self, connection: ConnectionId) {
        self.core.handle_disconnected(self.now, connection);
        self.carry_out();
    }

    pub(super) fn take(&mut self, connection: ConnectionId, message: ToRelay) {
        match message {
            ToRelay::Request { id, request } => {
                self.core.handle_request(connection, id, request);
                self.carry_out();
            }
            ToRelay::Ping { sent } => {
                let relay = self.now;
                let pong = Arc::new(ToEndpoint::Pong { sent, relay });
                self.down.push((connection, pong));
            }
            ToRelay::Datagram(datagram) => self.forward(connection, &datagram),
        }
    }

    /// Passes a packet to everyone whom its stream is routed to.
    fn forward(&mut self, connection: ConnectionId, datagram: &[u8]) {
        let mut sessions = self.sessions.iter();
        let Some((owner, (keys, _))) = sessions.find(|(_, (_, of))| *of == connection) else {
            return;
        };
        let Ok(packet) = keys.prove_media(datagram) else {
            return;
        };
        let Ok(header) = Header::parse(packet) else {
            return;
        };
        *self
            .taken
            .entry((connection, header.kind == Kind::Audio))
            .or_default() += 1;
        let Some(route) = self.routes.get(header.stream) else {
            return;
        };
        if route.owner != *owner {
            return;
        }
        for receiver in &route.receivers {
            if let Some((_, to)) = self.sessions.get(&receiver.session) {
                let message = Arc::new(ToEndpoint::Datagram(packet.to_vec()));
                self.down.push((*to, message));
            }
        }
    }

    fn carry_out(&mut self) {
        loop {
            if let Some(routes) = self.core.take_routes() {
                self.routes = routes;
            }
            match self.core.next_effect() {
                None => break,
                Some(Effect::Send { to, message }) => self.down.push((to, message)),
                Some(Effect::End { connection, .. }) => self.ended.push(connection),
                Some(Effect::Media(MediaCommand::Open {
                    session,
                    secret,
                    fallback,
                    ..
                })) => {
                    let keys = HopKeys::derive(&secret);
                    self.sessions.insert(session, (keys, fallback));
                }
                Some(Effect::Media(MediaCommand::Close { session })) => {
                    self.sessions.remove(&session);
                }
                Some(Effect::Store(command)) => {
                    let answer = self.store.answer(&command);
                    self.core.handle_stored(command.token(), answer);
                }
                Some(Effect::Pin(PinCommand::Hash { token, pin })) => {
                    let hashed = Ok(PinAnswer::Hashed(hash_of(&pin)));
                    self.core.handle_pin(token, hashed);
                }
                Some(Effect::Pin(PinCommand::Compare { token, pin, hash })) => {
                    let matches = Ok(PinAnswer::Compared(hash_of(&pin) == hash));
                    self.core.handle_pin(token, matches);
                }
            }
        }
    }

    /// The lines of a room for everyone, oldest first.
    pub(super) fn lines(&self, room: RoomId) -> Vec<ChatLine> {
        let lines = self.store.lines.iter();
        let of_room = lines.filter(|(of, line)| *of == room && line.to.is_none());
        of_room.map(|(_, line)| line.clone()).collect()
    }
}

fn core(store: &Store, starts: u64) -> Core {
    let last_chat = store.lines.iter().map(|(_, line)| line.id).max();
    let remembered = Remembered {
        rooms: store.rooms.clone(),
        last_chat: last_chat.unwrap_or_default(),
    };
    Core::new(LIMITS, remembered, Box::new(Counting(starts << 32)))
}

impl Store {
    fn answer(&mut self, command: &StoreCommand) -> Result<StoreAnswer, Refusal> {
        match command {
            StoreCommand::SignIn { username, new, .. } => {
                let is_known = self.accounts.contains(&username.key());
                if *new == NewAccount::Tell && !is_known {
                    return Ok(StoreAnswer::NoAccount);
                }
                self.accounts.insert(username.key());
                let username = username.clone();
                Ok(StoreAnswer::Account { username })
            }
            StoreCommand::CreateRoom { room, .. } => {
                self.rooms.push(room.clone());
                Ok(StoreAnswer::Done)
            }
            StoreCommand::FindName { username, .. } => Ok(match username.key() {
                key if self.accounts.contains(&key) => StoreAnswer::Done,
                _ => StoreAnswer::NoAccount,
            }),
            StoreCommand::AppendChat { room, line, .. } => Ok(self.append(*room, line)),
            StoreCommand::FindLine {
                room, from, mark, ..
            } => Ok(self.find(*room, from, *mark)),
            StoreCommand::ChangeRoom { .. } => Ok(StoreAnswer::Done),
            StoreCommand::ReadHistory {
                room,
                reader,
                before,
                ..
            } => {
                let reader = reader.as_ref().map(|reader| reader.key());
                let may_see = |line: &ChatLine| {
                    let to = line.to.as_ref().map(|to| to.key());
                    to.is_none() || to == reader || Some(line.from.key()) == reader
                };
                let before = before.unwrap_or(ChatId(u64::MAX));
                let lines = self
                    .lines
                    .iter()
                    .filter(|(of, line)| of == room && line.id < before && may_see(line));
                let lines: Vec<_> = lines.map(|(_, line)| line.clone()).collect();
                let skipped = lines.len().saturating_sub(HISTORY_LINES_A_PAGE);
                Ok(StoreAnswer::History {
                    lines: lines[skipped..].to_vec(),
                    more: skipped > 0,
                })
            }
        }
    }

    /// A line that is stored already is found by its mark.
    fn append(&mut self, room: RoomId, line: &ChatLine) -> StoreAnswer {
        let found = self.find(room, &line.from, line.mark);
        if found != StoreAnswer::NoLine {
            return found;
        }
        self.lines.push((room, line.clone()));
        StoreAnswer::Done
    }

    fn find(&self, room: RoomId, from: &Username, mark: LineMark) -> StoreAnswer {
        let is_it = |(of, stored): &&(RoomId, ChatLine)| {
            (*of, stored.from.key(), stored.mark) == (room, from.key(), mark)
        };
        let found = self.lines.iter().find(is_it);
        found.map_or(StoreAnswer::NoLine, |(_, stored)| StoreAnswer::KnownLine {
            id: stored.id,
            at: stored.at,
        })
    }
}
