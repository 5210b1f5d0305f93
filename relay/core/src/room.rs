//! A room, and the ways in and out of it.

use std::collections::VecDeque;

use conclave_protocol::id::{ParticipantId, RequestId, RoomId, SessionId};
use conclave_protocol::member_key::JoinNonce;
use conclave_protocol::name::{Pin, RoomName};
use conclave_protocol::time::Micros;
use conclave_protocol::wire::control::{
    Answer, Devices, Event, Joined, LeaveReason, MAX_ROOM_CAPACITY, Refusal, RoomSummary, Stream,
    Want,
};

use super::account::RESUME_FOR;
use super::effect::{ConnectionId, Effect};
use super::fan_out::{Receiver, StreamRoute, kind_of};
use super::guesses::Guess;
use super::session::{Membership, Peer};
use super::storage::{PinCommand, PinHash, StoredRoom};
use super::{Core, Pending};

/// A room that exists.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) id: RoomId,
    pub(super) name: RoomName,
    pub(super) pin: Option<PinHash>,
    pub(super) capacity: u16,
    /// The key of the account that made it; rooms of old have none.
    pub(super) creator: Option<String>,
    /// Links of earlier ones have expired.
    pub(super) link_generation: u32,
    /// Whether participants may be here whose keys the gateway holds.
    pub(super) browsers_allowed: bool,
    /// In the order in which they came.
    pub(super) members: Vec<SessionId>,
    /// Identities that came in with the PIN, the one that came in last at the end.
    pub(super) known: VecDeque<[u8; 32]>,
}

/// Devices a locked room knows again. Higher costs 32 B each; lower makes more of them count as guessers when many
/// come back at once.
const KNOWN_DEVICES: usize = 4 * MAX_ROOM_CAPACITY as usize;

/// How long a full room keeps the place of a member who is away. Longer keeps a newcomer out for one who closed the
/// page; shorter takes it from one whose network blinks.
const PLACE_KEPT_FOR: Micros = Micros::from_secs(2);

impl From<StoredRoom> for Room {
    /// The room as it was stored, without members.
    fn from(stored: StoredRoom) -> Self {
        let StoredRoom {
            id,
            name,
            pin,
            capacity,
            creator,
            link_generation,
            browsers_allowed,
        } = stored;
        Self {
            id,
            name,
            pin,
            capacity,
            creator,
            link_generation,
            browsers_allowed,
            members: Vec::new(),
            known: VecDeque::new(),
        }
    }
}

impl Room {
    pub(super) fn summary(&self) -> RoomSummary {
        RoomSummary {
            id: self.id,
            name: self.name.clone(),
            members: u16::try_from(self.members.len()).unwrap_or(u16::MAX),
            capacity: self.capacity,
            locked: self.pin.is_some(),
        }
    }

    fn lets_in(&self, peer: &Peer) -> Result<(), Refusal> {
        if peer.via_gateway && !self.browsers_allowed {
            return Err(Refusal::BrowsersRefused);
        }
        Ok(())
    }

    fn remember(&mut self, identity: [u8; 32]) {
        self.known.retain(|known| *known != identity);
        if self.known.len() >= KNOWN_DEVICES {
            self.known.pop_front();
        }
        self.known.push_back(identity);
    }

    fn is_full(&self) -> bool {
        self.members.len() >= usize::from(self.capacity)
    }
}

/// A join whose PIN is being compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) connection: ConnectionId,
    pub(super) request: RequestId,
    pub(super) session: SessionId,
    pub(super) room: RoomId,
    pub(super) devices: Devices,
    pub(super) nonce: JoinNonce,
    /// What the PIN counts as while it is being compared.
    pub(super) guess: Option<Guess>,
}

impl Core {
    /// Begins a join; `None` while the PIN is being compared.
    pub(super) fn join(
        &mut self,
        entry: Entry,
        pin: Option<Pin>,
    ) -> Option<Result<Answer, Refusal>> {
        match self.knock(entry, pin) {
            Ok(Some(command)) => {
                self.effects.push_back(Effect::Pin(command));
                None
            }
            Ok(None) => Some(self.enter(entry)),
            Err(refusal) => Some(Err(refusal)),
        }
    }

    fn knock(&mut self, mut entry: Entry, pin: Option<Pin>) -> Result<Option<PinCommand>, Refusal> {
        let session = self
            .sessions
            .get(&entry.session)
            .ok_or(Refusal::NotSignedIn)?;
        if session.membership.is_some() || session.joining {
            return Err(Refusal::AlreadyInRoom);
        }
        let room = self.rooms.get(&entry.room).ok_or(Refusal::NoSuchRoom)?;
        // A link is worth as much as the PIN.
        let hash = room.pin.as_ref().filter(|_| session.guest.is_none());
        let Some(hash) = hash else {
            room.lets_in(&session.peer)?;
            return self.place_in(room).map(|_| None);
        };
        let pin = pin.ok_or(Refusal::WrongPin)?;
        room.lets_in(&session.peer)?;
        self.place_in(room)?;
        let guess = Guess {
            address: session.peer.address,
            room: entry.room.0,
            is_known: room.known.contains(&session.peer.identity),
        };
        self.guesses.take(&session.key(), guess)?;
        entry.guess = Some(guess);
        let hash = hash.clone();
        let token = self.wait_for(Pending::Join(entry));
        if let Some(session) = self.sessions.get_mut(&entry.session) {
            session.joining = true;
        }
        Ok(Some(PinCommand::Compare { token, pin, hash }))
    }

    /// Goes on with a join when its PIN has been compared.
    pub(super) fn enter_if(&mut self, entry: Entry, matches: Result<bool, Refusal>) {
        if let Some(guess) = entry.guess.filter(|_| matches != Ok(false)) {
            let account = self.sessions.get(&entry.session).map(|s| s.key());
            self.guesses.was_right(account.as_deref(), guess);
        }
        let Some(session) = self.sessions.get_mut(&entry.session) else {
            return;
        };
        session.joining = false;
        // Who lost the connection meanwhile would not know that they are in.
        if session.connection != Some(entry.connection) {
            return;
        }
        let result = match matches {
            Ok(true) => {
                let identity = session.peer.identity;
                if let Some(room) = self.rooms.get_mut(&entry.room) {
                    room.remember(identity);
                }
                self.enter(entry)
            }
            Ok(false) => Err(Refusal::WrongPin),
            Err(refusal) => Err(refusal),
        };
        self.reply(entry.connection, entry.request, result);
    }

    fn enter(&mut self, entry: Entry) -> Result<Answer, Refusal> {
        let session = self
            .sessions
            .get(&entry.session)
            .ok_or(Refusal::NotSignedIn)?;
        if session.membership.is_some() {
            return Err(Refusal::AlreadyInRoom);
        }
        let room = self.rooms.get(&entry.room).ok_or(Refusal::NoSuchRoom)?;
        room.lets_in(&session.peer)?;
        if let Some(absent) = self.place_in(room)? {
            self.end_session(absent, LeaveReason::Lost, None);
        }
        let session = self
            .sessions
            .get_mut(&entry.session)
            .ok_or(Refusal::NotSignedIn)?;
        let room = self.rooms.get_mut(&entry.room).ok_or(Refusal::NoSuchRoom)?;
        self.last_participant += 1;
        session.membership = Some(Membership {
            room: entry.room,
            participant: ParticipantId(self.last_participant),
            nonce: entry.nonce,
            devices: entry.devices,
            streams: Vec::new(),
        });
        room.members.push(entry.session);
        self.participants += 1;
        let newcomer = session.participant();
        tracing::info!(
            room = entry.room.0,
            participant = self.last_participant,
            "joined"
        );
        if let Some(newcomer) = newcomer {
            self.tell_others(entry.session, Event::ParticipantJoined(Box::new(newcomer)));
        }
        self.choose_all(entry.room, entry.session, Want::All);
        self.lobby.mark(entry.room);
        self.joined(entry.session)
            .map(|joined| Answer::Joined(Box::new(joined)))
            .ok_or(Refusal::NotInRoom)
    }

    /// The place for one more member: a free one, or that of the member to be ended for them, who has been away the
    /// longest.
    fn place_in(&self, room: &Room) -> Result<Option<SessionId>, Refusal> {
        if !room.is_full() {
            return Ok(None);
        }
        // When it is over says when it began.
        let latest = self.clock.instant() + Micros(RESUME_FOR.0 - PLACE_KEPT_FOR.0);
        let away = |id: &SessionId| Some((self.sessions.get(id)?.over_at?, *id));
        let away = room.members.iter().filter_map(away);
        let longest = away.min_by_key(|(over_at, _)| *over_at);
        let longest = longest.filter(|(over_at, _)| *over_at <= latest);
        longest.map(|(_, id)| Some(id)).ok_or(Refusal::RoomFull)
    }

    /// The room that a session is in, from the inside.
    pub(super) fn joined(&self, session: SessionId) -> Option<Joined> {
        let membership = self.sessions.get(&session)?.membership.as_ref()?;
        let room = self.rooms.get(&membership.room)?;
        Some(Joined {
            room: room.summary(),
            me: membership.participant,
            roster: room
                .members
                .iter()
                .filter_map(|id| self.sessions.get(id)?.participant())
                .collect(),
        })
    }

    /// Takes a session out of its room, if it is in one; tells whether it was.
    pub(super) fn leave(&mut self, id: SessionId, reason: LeaveReason) -> bool {
        let Some(session) = self.sessions.get(&id) else {
            return false;
        };
        let Some(membership) = &session.membership else {
            return false;
        };
        let (room, participant) = (membership.room, membership.participant);
        tracing::info!(room = room.0, participant = participant.0, ?reason, "left");
        self.tell_others(
            id,
            Event::ParticipantLeft {
                participant,
                reason,
            },
        );
        let gone = self
            .sessions
            .get_mut(&id)
            .and_then(|session| session.membership.take());
        if let Some(room) = self.rooms.get_mut(&room) {
            room.members.retain(|member| *member != id);
            self.participants -= 1;
        }
        for stream in gone.into_iter().flat_map(|gone| gone.streams) {
            self.routing.remove(stream.id);
        }
        self.choose_all(room, id, Want::Nothing);
        self.lobby.mark(room);
        true
    }

    /// Has `session` receive what it wants of every stream that others in the room publish.
    fn choose_all(&mut self, room: RoomId, session: SessionId, want: Want) {
        let members = self.rooms.get(&room).map_or(&[][..], |room| &room.members);
        let others = members.iter().filter(|id| **id != session);
        let memberships = others.filter_map(|id| self.sessions.get(id)?.membership.as_ref());
        for stream in memberships.flat_map(|membership| &membership.streams) {
            self.routing.choose(stream.id, session, want);
        }
    }

    /// Routes a new stream to everyone in the room but its owner.
    pub(super) fn route_stream(&mut self, room: RoomId, owner: SessionId, stream: &Stream) {
        let members = self.rooms.get(&room).map_or(&[][..], |room| &room.members);
        let receivers = members.iter().filter(|id| **id != owner);
        let bytes_per_second = stream.offer.media.bytes_per_second();
        let route = StreamRoute {
            owner,
            room,
            kind: kind_of(stream.offer.media),
            bytes_per_second: u32::try_from(bytes_per_second).unwrap_or(u32::MAX),
            receivers: receivers
                .filter_map(|id| Receiver::wanting(*id, Want::All))
                .collect(),
        };
        self.routing.set(stream.id, route);
    }
}
