//! The room, its members, and former members who continue to listen to everything.

use crate::common::random::Random;
use crate::member::{Kinds, Member, Packet, Published, Told, identity};
use crate::relay::{Message, Relay};
use conclave_protocol::id::{ParticipantId, SourceId};
use conclave_protocol::member_key::JoinNonce;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::units::ClockOffset;
use conclave_protocol::wire::control::{Devices, Event, Media, Participant, StreamOffer};
use std::collections::BTreeMap;

/// How often time advances, and how often members speak.
const TICK: Micros = Micros::from_millis(20);
const SPEAK_EVERY: Micros = Micros::from_millis(60);
/// Packets that are repeated, and that newcomers get from before their join.
const RECORDED: usize = 200;

pub struct World {
    pub now: Instant,
    pub relay: Relay,
    pub members: BTreeMap<ParticipantId, Member>,
    /// The former members, and when they left.
    pub left: Vec<(Instant, Member)>,
    joined_at: BTreeMap<ParticipantId, Instant>,
    /// The packets sealed recently.
    pub recorded: Vec<Packet>,
    random: Random,
    /// Lost packets, per mille.
    pub loses: u64,
    under_way: Vec<(Instant, Packet)>,
    pub speaks: bool,
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self {
            now: Instant(1_000_000),
            relay: Relay::new(seed),
            members: BTreeMap::new(),
            left: Vec::new(),
            joined_at: BTreeMap::new(),
            recorded: Vec::new(),
            random: Random::new(seed + 1),
            loses: 100,
            under_way: Vec::new(),
            speaks: true,
        }
    }

    pub fn join(&mut self, kind: Kinds, media: &[Media]) -> ParticipantId {
        let id = self.relay.next_id();
        let member = Participant {
            id,
            username: format!("member{}", id.0).parse().unwrap(),
            display_name: format!("Member {}", id.0).parse().unwrap(),
            identity: identity(id).public().0,
            nonce: JoinNonce(self.random.secret()),
            devices: Devices::default(),
            clock: ClockOffset(0),
            via_gateway: kind == Kinds::Browser,
            away: false,
            streams: Vec::new(),
        };
        self.relay.join(member, self.now);
        let joined = self.relay.joined(id);
        let random = Random::new(u64::from(id.0) << 32);
        self.members
            .insert(id, Member::enter(&joined, kind, random));
        self.joined_at.insert(id, self.now);
        for media in media {
            self.publish(id, *media);
        }
        self.send_asks();
        id
    }

    pub fn publish(&mut self, id: ParticipantId, media: Media) {
        if !self.relay.is_connected(id) {
            return;
        }
        let member = self.members.get_mut(&id).unwrap();
        if member.published.iter().any(|own| own.media == media) {
            return;
        }
        let source = SourceId(0);
        let stream = self
            .relay
            .publish(id, StreamOffer { source, media }, self.now);
        let sender = None;
        member.published.push(Published {
            stream,
            media,
            sender,
        });
    }

    pub fn unpublish(&mut self, id: ParticipantId) {
        if self.relay.is_connected(id)
            && let Some(Published { stream, .. }) =
                self.members.get_mut(&id).unwrap().published.pop()
        {
            self.relay.unpublish(id, stream, self.now);
        }
    }

    pub fn leave(&mut self, id: ParticipantId) {
        self.relay.leave(id, self.now);
        let gone = self.members.remove(&id).unwrap();
        self.left.push((self.now, gone));
    }

    pub fn lose(&mut self, id: ParticipantId) {
        self.relay.lose(id, self.now);
        self.members.get_mut(&id).unwrap().attendance.lose();
    }

    pub fn resume(&mut self, id: ParticipantId) {
        if !self.relay.is_connected(id) {
            let joined = self.relay.resume(id, self.now);
            let member = self.members.get_mut(&id).unwrap();
            member.resume(&joined, self.now);
            self.send_asks();
        }
    }

    /// The relay repeats earlier messages to a member.
    pub fn repeat(&mut self, id: ParticipantId, pick: usize) {
        let member = self.members.get_mut(&id).unwrap();
        if !self.relay.is_connected(id) || member.events.is_empty() {
            return;
        }
        let event = member.events[pick % member.events.len()].clone();
        let before = (member.others(), member.attendance.key().cloned());
        let told = member.handle_event(&event, self.now);
        assert_eq!(told, Told::default(), "told again: {event:?}");
        let after = (member.others(), member.attendance.key().cloned());
        assert!(
            before == after,
            "{event:?} changed something when told again"
        );
        assert!(
            matches!(event, Event::KeysWanted { .. }) || member.attendance.next_ask().is_none(),
            "{event:?} asked for something when told again"
        );
        self.send_asks();
    }

    /// All recently sealed packets arrive again at every member.
    pub fn replay(&mut self) {
        for packet in self.recorded.clone() {
            self.deliver(&packet);
        }
    }

    pub fn run(&mut self, time: Micros) {
        let until = self.now + time;
        while self.now < until {
            self.now += TICK;
            self.tick();
        }
    }

    fn tick(&mut self) {
        self.relay.take_requests(self.now);
        for id in self.members.keys().copied().collect::<Vec<_>>() {
            while let Some(message) = self.relay.arrived(id, self.now) {
                let member = self.members.get_mut(&id).unwrap();
                match message {
                    Message::Event(event) => {
                        member.handle_event(&event, self.now);
                        // A value is not told again: of two, the newer one counts.
                        if !matches!(*event, Event::AwayChanged { .. }) {
                            member.events.push(*event);
                        }
                    }
                    Message::Reply(sent, answer) => {
                        member.attendance.answered(sent, &answer, self.now);
                    }
                }
                self.send_asks();
            }
            self.members.get_mut(&id).unwrap().handle_time(self.now);
        }
        self.send_asks();
        if self.speaks && self.now.0 % SPEAK_EVERY.0 < TICK.0 {
            self.speak();
        }
        let now = self.now;
        let arrived = self.under_way.extract_if(.., |(at, _)| *at <= now);
        for (_, packet) in arrived.collect::<Vec<_>>() {
            self.deliver(&packet);
        }
    }

    fn speak(&mut self) {
        let (members, now) = (&mut self.members, self.now);
        let packets: Vec<_> = members.values_mut().flat_map(|m| m.speak(now)).collect();
        for packet in packets {
            // Former members hear all packets, and open none that was sealed under a later key.
            if self.relay.is_connected(packet.from) && !self.random.happens(self.loses) {
                let at = now + Micros::from_millis(self.random.below(60));
                self.under_way.push((at, packet.clone()));
            }
            self.recorded.push(packet);
        }
        let surplus = self.recorded.len().saturating_sub(RECORDED);
        self.recorded.drain(..surplus);
    }

    fn deliver(&mut self, packet: &Packet) {
        for (&id, member) in &mut self.members {
            if id == packet.from || !self.relay.is_connected(id) {
                continue;
            }
            let opens = member.open(&packet.bytes, self.now);
            assert!(
                !opens || packet.sealed >= self.joined_at[&id],
                "{id} opens what was sealed before it came"
            );
        }
    }

    fn send_asks(&mut self) {
        for (&id, member) in &mut self.members {
            while let Some(ask) = member.next_ask() {
                assert!(
                    self.relay.is_connected(id),
                    "{id} asks without a connection"
                );
                self.relay.send(id, ask, self.now);
            }
        }
    }

    /// Waits until all messages are delivered, and checks what must hold then.
    pub fn settle(&mut self) {
        (self.relay.refuses, self.loses) = (0, 0);
        for id in self.members.keys().copied().collect::<Vec<_>>() {
            self.resume(id);
        }
        // Once all members have each other's keys, earlier packets arrive again.
        self.run(Micros::from_millis(300));
        self.replay();
        // A key that was missed and refused meanwhile is requested again when packets wait for it: every member
        // speaks.
        self.speaks = true;
        self.run(Micros::from_secs(12));
        self.check_rosters();
        self.check_media();
    }

    fn check_rosters(&self) {
        let mut numbers = Vec::new();
        for (&id, member) in &self.members {
            let known: Vec<_> = member.attendance.others().map(|other| other.id).collect();
            let here: Vec<_> = self
                .members
                .keys()
                .copied()
                .filter(|&of| of != id)
                .collect();
            assert_eq!(known, here, "whom {id} knows");
            for other in member.attendance.others() {
                assert!(!other.away, "{id} holds {} to be away", other.id);
            }
            let received = member.attendance.counts().count();
            let streams = self.relay.roster.values().filter(|other| other.id != id);
            let streams = streams.flat_map(|other| &other.streams);
            let plays = member.kind.abilities().plays;
            let played = streams.filter(|stream| plays(stream.offer.media)).count();
            assert_eq!(received, played, "streams that {id} receives");
            assert_eq!(
                member.attendance.next_time(),
                None,
                "{id} waits for nothing"
            );
            numbers.push(member.attendance.safety_number());
        }
        numbers.dedup();
        assert!(numbers.len() <= 1, "one safety number: {numbers:?}");
        assert!(self.relay.is_idle(), "nothing is said any more");
    }

    fn check_media(&mut self) {
        let now = self.now;
        let packets: Vec<_> = {
            let members = self.members.values_mut();
            members.flat_map(|member| member.speak(now)).collect()
        };
        let streams: usize = self.members.values().map(|m| m.published.len()).sum();
        assert_eq!(packets.len(), streams, "everyone has a key to seal with");
        for packet in &packets {
            for (&id, member) in &mut self.members {
                let plays = member.kind.abilities().plays;
                if id != packet.from && plays(packet.media) {
                    let from = packet.from;
                    assert!(
                        member.open(&packet.bytes, now),
                        "{id} does not open {from}'s"
                    );
                }
            }
            for (at, gone) in &mut self.left {
                let id = gone.attendance.place().me;
                let opens = gone.open(&packet.bytes, now);
                assert!(!opens, "{id} left at {at:?} and opens {}'s", packet.from);
            }
        }
    }
}
