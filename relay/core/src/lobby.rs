//! The list of rooms, and the changes that go to those who look at it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use conclave_protocol::id::{RequestId, RoomId, SessionId};
use conclave_protocol::name::{Pin, RoomName};
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{
    Answer, Event, MAX_ROOM_CAPACITY, ROOMS_A_PAGE, Refusal, ToEndpoint,
};

use super::effect::{ConnectionId, Effect};
use super::room::Room;
use super::storage::{PinCommand, PinHash};
use super::storage::{StoreCommand, StoredRoom};
use super::{Core, Pending};

/// Changes go out at most this often; lower costs a message to every watcher a join.
const FLUSH_EACH: Micros = Micros::from_millis(100);
/// A flush is followed by so long a pause for each change in it: a hundred changes a second. Lower costs each
/// watcher more messages while many rooms change; higher tells them later.
const PAUSE_A_CHANGE: Micros = Micros::from_millis(10);
/// And by so long a pause for each message to a watcher, so that many watchers do not keep the loop from its other
/// work.
const PAUSE_A_MESSAGE: Micros = Micros(10);
/// Changes in one flush: a watcher's queue holds several flushes.
const CHANGES_A_FLUSH: usize = 50;

/// Rooms whose count changed since the watchers were told.
#[derive(Debug, Default)]
pub(super) struct Lobby {
    changed: BTreeSet<RoomId>,
    next_flush: Instant,
}

impl Lobby {
    pub(super) fn mark(&mut self, room: RoomId) {
        self.changed.insert(room);
    }

    pub(super) fn due(&self) -> Option<Instant> {
        (!self.changed.is_empty()).then_some(self.next_flush)
    }
}

/// A room that is being made.
pub(super) struct Draft {
    pub(super) connection: ConnectionId,
    pub(super) request: RequestId,
    pub(super) session: SessionId,
    pub(super) name: RoomName,
    pub(super) capacity: u16,
    pub(super) pin: Option<PinHash>,
    /// The PIN as it was asked for.
    pub(super) asked_pin: Option<Pin>,
    /// The account's key.
    pub(super) creator: String,
    pub(super) id: RoomId,
}

impl Core {
    pub(super) fn list_rooms(&self, after: Option<RoomId>) -> Answer {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self.rooms.range((from, Bound::Unbounded));
        let rooms = rest
            .by_ref()
            .take(ROOMS_A_PAGE)
            .map(|(_, room)| room.summary())
            .collect();
        Answer::Rooms {
            rooms,
            more: rest.next().is_some(),
        }
    }

    /// Begins to make a room: its name is taken from here on.
    pub(super) fn create_room(
        &mut self,
        (connection, request, session): (ConnectionId, RequestId, SessionId),
        name: RoomName,
        pin: Option<Pin>,
        capacity: u16,
    ) -> Result<(), Refusal> {
        if !(1..=MAX_ROOM_CAPACITY).contains(&capacity) {
            return Err(Refusal::OutOfRange);
        }
        if self.room_names.contains(&name.key()) {
            return self.create_again((connection, request, session), &name, pin, capacity);
        }
        if self.room_names.len() >= self.limits.rooms {
            self.limit_reached("limits.rooms", self.limits.rooms, connection);
            return Err(Refusal::TooMany);
        }
        let asker = self.sessions.get(&session).ok_or(Refusal::NotSignedIn)?;
        let creator = asker.key();
        let made = self.rooms_made.get(&creator).copied().unwrap_or(0);
        if made >= self.limits.rooms_per_account {
            let limit = self.limits.rooms_per_account;
            self.limit_reached("limits.rooms_per_account", limit, connection);
            return Err(Refusal::TooMany);
        }
        self.growth.check_room(asker.peer.address)?;
        self.rooms_made.insert(creator.clone(), made + 1);
        self.room_names.insert(name.key());
        self.last_room += 1;
        let draft = Draft {
            connection,
            request,
            session,
            name,
            capacity,
            pin: None,
            asked_pin: pin,
            creator,
            id: RoomId(self.last_room),
        };
        self.begin_room(draft);
        Ok(())
    }

    fn begin_room(&mut self, draft: Draft) {
        match draft.asked_pin.clone() {
            Some(pin) => {
                let token = self.wait_for(Pending::HashPin(draft));
                self.effects
                    .push_back(Effect::Pin(PinCommand::Hash { token, pin }));
            }
            None => self.store_room(draft),
        }
    }

    /// Goes on with a room when its PIN has been hashed.
    pub(super) fn store_room_with(&mut self, mut draft: Draft, hash: Result<PinHash, Refusal>) {
        match hash {
            Ok(hash) => {
                draft.pin = Some(hash);
                self.store_room(draft);
            }
            Err(refusal) => self.drop_draft(draft, refusal),
        }
    }

    fn store_room(&mut self, draft: Draft) {
        let room = StoredRoom {
            id: draft.id,
            name: draft.name.clone(),
            pin: draft.pin.clone(),
            capacity: draft.capacity,
            creator: Some(draft.creator.clone()),
            link_generation: 0,
            browsers_allowed: true,
        };
        let at = self.wall.now();
        let token = self.wait_for(Pending::Create(draft));
        self.effects
            .push_back(Effect::Store(StoreCommand::CreateRoom { token, room, at }));
    }

    /// Opens a room when it has been stored.
    pub(super) fn open_room(&mut self, draft: Draft, stored: Result<(), Refusal>) {
        if let Err(refusal) = stored {
            return self.drop_draft(draft, refusal);
        }
        let room = Room {
            id: draft.id,
            name: draft.name,
            pin: draft.pin,
            capacity: draft.capacity,
            creator: Some(draft.creator),
            link_generation: 0,
            browsers_allowed: true,
            members: Vec::new(),
            known: VecDeque::new(),
        };
        tracing::info!(
            room = room.id.0,
            locked = room.pin.is_some(),
            "room created"
        );
        self.rooms.insert(draft.id, room);
        self.lobby.mark(draft.id);
        if let Some(session) = self.sessions.get_mut(&draft.session) {
            session.made = Some(draft.id);
        }
        self.reply(
            draft.connection,
            draft.request,
            Ok(Answer::Created { room: draft.id }),
        );
    }

    fn drop_draft(&mut self, draft: Draft, refusal: Refusal) {
        self.room_names.remove(&draft.name.key());
        if let Entry::Occupied(mut made) = self.rooms_made.entry(draft.creator) {
            *made.get_mut() -= 1;
            if *made.get() == 0 {
                made.remove();
            }
        }
        self.reply(draft.connection, draft.request, Err(refusal));
    }

    /// Tells the watchers what changed, when it is time.
    pub(super) fn flush_lobby(&mut self, now: Instant) {
        if self.lobby.due().is_none_or(|due| due > now) {
            return;
        }
        let mut watchers: Vec<ConnectionId> = self
            .sessions
            .values()
            .filter(|session| session.watching && session.membership.is_none())
            .filter_map(|session| session.connection)
            .collect();
        watchers.sort_unstable();
        let pause = PAUSE_A_CHANGE
            .0
            .max(PAUSE_A_MESSAGE.0 * watchers.len() as u64);
        let mut changes = 0;
        for _ in 0..CHANGES_A_FLUSH {
            let Some(id) = self.lobby.changed.pop_first() else {
                break;
            };
            let Some(room) = self.rooms.get(&id) else {
                continue;
            };
            changes += 1;
            let message = Arc::new(ToEndpoint::Event(Event::RoomChanged(room.summary())));
            for &to in &watchers {
                let message = Arc::clone(&message);
                self.effects.push_back(Effect::Send { to, message });
            }
        }
        self.lobby.next_flush = now + FLUSH_EACH.max(Micros(pause * changes));
    }
}
