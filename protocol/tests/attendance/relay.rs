//! A relay of one room: it numbers members and streams, sends every member the events, and passes keys on, within a
//! limit from one member to another. Messages under way on a connection are lost with it.

use crate::common::random::Random;
use conclave_protocol::attendance::Asked;
use conclave_protocol::id::{ParticipantId, RoomId, StreamId};
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{
    Answer, Event, Joined, LeaveReason, Participant, Refusal, Request, RoomSummary, Stream,
    StreamOffer,
};
use std::collections::{BTreeMap, VecDeque};

/// The relay's limit of messages from one member to another.
const BURST: u64 = 8;
const EACH: Micros = Micros::from_millis(500);

pub enum Message {
    Event(Box<Event>),
    Reply(Asked, Result<Answer, Refusal>),
}

/// One connection's two directions, each of which keeps its order.
#[derive(Default)]
struct Ways {
    up: VecDeque<(Instant, Request, Asked)>,
    down: VecDeque<(Instant, Message)>,
}

pub struct Relay {
    pub roster: BTreeMap<ParticipantId, Participant>,
    /// The connections that are up.
    connections: BTreeMap<ParticipantId, Ways>,
    last_participant: u32,
    last_stream: u32,
    /// When all messages of one member to another may be sent again.
    whole_at: BTreeMap<(ParticipantId, ParticipantId), Instant>,
    /// Answers that refuse without a specific reason, per mille.
    pub refuses: u64,
    pub random: Random,
}

impl Relay {
    pub fn new(seed: u64) -> Self {
        Self {
            roster: BTreeMap::new(),
            connections: BTreeMap::new(),
            last_participant: 0,
            last_stream: 0,
            whole_at: BTreeMap::new(),
            refuses: 0,
            random: Random::new(seed),
        }
    }

    pub fn is_connected(&self, id: ParticipantId) -> bool {
        self.connections.contains_key(&id)
    }

    /// Whether no message is under way.
    pub fn is_idle(&self) -> bool {
        let mut ways = self.connections.values();
        ways.all(|ways| ways.up.is_empty() && ways.down.is_empty())
    }

    pub fn next_id(&mut self) -> ParticipantId {
        self.last_participant += 1;
        ParticipantId(self.last_participant)
    }

    pub fn join(&mut self, member: Participant, now: Instant) {
        let id = member.id;
        self.tell_others(id, &Event::ParticipantJoined(Box::new(member.clone())), now);
        self.roster.insert(id, member);
        self.connections.insert(id, Ways::default());
    }

    pub fn leave(&mut self, id: ParticipantId, now: Instant) {
        self.connections.remove(&id);
        if self.roster.remove(&id).is_some() {
            let left = Event::ParticipantLeft {
                participant: id,
                reason: LeaveReason::Left,
            };
            self.tell_others(id, &left, now);
        }
    }

    pub fn lose(&mut self, id: ParticipantId, now: Instant) {
        if self.connections.remove(&id).is_some() {
            self.set_away(id, true, now);
        }
    }

    pub fn resume(&mut self, id: ParticipantId, now: Instant) -> Joined {
        self.connections.insert(id, Ways::default());
        self.set_away(id, false, now);
        self.joined(id)
    }

    fn set_away(&mut self, participant: ParticipantId, away: bool, now: Instant) {
        if let Some(member) = self.roster.get_mut(&participant) {
            member.away = away;
            self.tell_others(participant, &Event::AwayChanged { participant, away }, now);
        }
    }

    pub fn joined(&self, me: ParticipantId) -> Joined {
        Joined {
            room: RoomSummary {
                id: RoomId(1),
                name: "room".parse().unwrap(),
                members: 0,
                capacity: 128,
                locked: false,
            },
            me,
            roster: self.roster.values().cloned().collect(),
        }
    }

    pub fn publish(&mut self, id: ParticipantId, offer: StreamOffer, now: Instant) -> StreamId {
        self.last_stream += 1;
        let stream = Stream {
            id: StreamId(self.last_stream),
            offer,
        };
        self.roster
            .get_mut(&id)
            .unwrap()
            .streams
            .push(stream.clone());
        let published = Event::StreamPublished {
            participant: id,
            stream,
        };
        self.tell_others(id, &published, now);
        StreamId(self.last_stream)
    }

    pub fn unpublish(&mut self, id: ParticipantId, stream: StreamId, now: Instant) {
        let streams = &mut self.roster.get_mut(&id).unwrap().streams;
        streams.retain(|own| own.id != stream);
        self.tell_others(id, &Event::StreamUnpublished { stream }, now);
    }

    /// A request is sent; without a connection it is lost.
    pub fn send(&mut self, from: ParticipantId, ask: (Request, Asked), now: Instant) {
        let at = now + self.delay();
        if let Some(ways) = self.connections.get_mut(&from) {
            let at = ways.up.back().map_or(at, |(last, ..)| at.max(*last));
            ways.up.push_back((at, ask.0, ask.1));
        }
    }

    /// Takes the requests that have arrived.
    pub fn take_requests(&mut self, now: Instant) {
        for id in self.connections.keys().copied().collect::<Vec<_>>() {
            while let Some((request, sent)) = self.arrived_request(id, now) {
                let answer = self.answer(id, request, now);
                self.tell(id, Message::Reply(sent, answer), now);
            }
        }
    }

    fn arrived_request(&mut self, id: ParticipantId, now: Instant) -> Option<(Request, Asked)> {
        let up = &mut self.connections.get_mut(&id)?.up;
        let (_, request, sent) = up.pop_front_if(|(at, ..)| *at <= now)?;
        Some((request, sent))
    }

    /// The next message that has arrived at a member.
    pub fn arrived(&mut self, id: ParticipantId, now: Instant) -> Option<Message> {
        let down = &mut self.connections.get_mut(&id)?.down;
        let (_, message) = down.pop_front_if(|(at, _)| *at <= now)?;
        Some(message)
    }

    fn answer(
        &mut self,
        from: ParticipantId,
        request: Request,
        now: Instant,
    ) -> Result<Answer, Refusal> {
        if self.random.happens(self.refuses) {
            return Err(Refusal::RateLimited { retry_after_ms: 30 });
        }
        match request {
            Request::SendKeys { envelopes } => {
                let mut put_off = Vec::new();
                for addressed in envelopes {
                    let to = addressed.to;
                    if !self.roster.contains_key(&to) {
                        continue;
                    }
                    if self.may_send(from, to, now) {
                        let envelope = addressed.envelope;
                        let event = Event::Keys { from, envelope };
                        self.tell(to, Message::Event(Box::new(event)), now);
                    } else {
                        put_off.push(to);
                    }
                }
                if put_off.is_empty() {
                    return Ok(Answer::Done);
                }
                Ok(Answer::KeysPutOff {
                    to: put_off,
                    retry_after_ms: 500,
                })
            }
            Request::AskKeys { of } => {
                if !self.roster.contains_key(&of) {
                    return Err(Refusal::NoSuchParticipant);
                }
                if !self.may_send(from, of, now) {
                    return Err(Refusal::RateLimited {
                        retry_after_ms: 500,
                    });
                }
                let event = Event::KeysWanted { by: from };
                self.tell(of, Message::Event(Box::new(event)), now);
                Ok(Answer::Done)
            }
            other => panic!("a member asks for {other:?}"),
        }
    }

    fn may_send(&mut self, from: ParticipantId, to: ParticipantId, now: Instant) -> bool {
        let whole_at = self.whole_at.entry((from, to)).or_insert(now);
        let next = (*whole_at).max(now) + EACH;
        let may = next <= now + Micros(EACH.0 * BURST);
        *whole_at = if may { next } else { *whole_at };
        may
    }

    fn tell_others(&mut self, of: ParticipantId, event: &Event, now: Instant) {
        for id in self.roster.keys().copied().collect::<Vec<_>>() {
            if id != of {
                self.tell(id, Message::Event(Box::new(event.clone())), now);
            }
        }
    }

    fn tell(&mut self, id: ParticipantId, message: Message, now: Instant) {
        let at = now + self.delay();
        if let Some(ways) = self.connections.get_mut(&id) {
            let at = ways.down.back().map_or(at, |(last, _)| at.max(*last));
            ways.down.push_back((at, message));
        }
    }

    fn delay(&mut self) -> Micros {
        Micros::from_millis(self.random.below(80))
    }
}
