//! The world of a story in virtual time: seats, the relay, and a network between them that can fail.

use super::relay::Relay;
use super::seat::{Dialled, Seat};
use crate::data_dir::DataDir;
use crate::net::control::{ConnectionError, ConnectionEvent};
use conclave_protocol::identity::Identity;
use conclave_protocol::secret::Secret;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{ToEndpoint, ToRelay};
use conclave_relay_core::ConnectionId;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use tokio::sync::mpsc::error::TryRecvError;

/// One step of time: the accuracy of everything here.
pub(super) const STEP: Micros = Micros::from_millis(20);
const LATENCY: Micros = Micros::from_millis(2);
/// A connection attempt that nothing answers.
const CONNECT_TIMEOUT: Micros = Micros::from_secs(4);
/// The relay ends a connection on which it hears nothing for so long.
const RELAY_SILENCE: Micros = Micros::from_secs(15);
/// Devices give something each so many steps.
const PLAY_EACH: u64 = 5;

/// How the network fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outage {
    /// Connections are reset, and new ones refused.
    Reset,
    /// Nothing arrives, in either direction.
    BlackHole,
}

/// The way between one seat and the relay.
#[derive(Default)]
struct Way {
    outage: Option<(Outage, Instant)>,
    dialled: Option<(Dialled, Instant)>,
    up: VecDeque<(Instant, ToRelay)>,
    down: VecDeque<(Instant, Arc<ToEndpoint>)>,
    connection: Option<ConnectionId>,
    established: bool,
    /// Connections that the seat has given up and the relay does not know of.
    abandoned: Vec<(ConnectionId, Instant)>,
}

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) relay: Relay,
    pub(super) seats: Vec<Seat>,
    ways: Vec<Way>,
    steps: u64,
}

fn public_key() -> conclave_protocol::identity::PublicKey {
    Identity::from_secret(Secret([9; 32])).public()
}

impl World {
    pub(super) fn new(capacity: u16, pin: Option<&str>) -> Self {
        let now = Instant(1_000_000_000);
        Self {
            now,
            relay: Relay::new(capacity, pin, now),
            seats: Vec::new(),
            ways: Vec::new(),
            steps: 0,
        }
    }

    pub(super) fn seat(&mut self, name: &'static str, keep: DataDir) -> usize {
        self.seats.push(Seat::new(name, keep, self.now));
        self.ways.push(Way::default());
        self.seats.len() - 1
    }

    pub(super) fn begin_outage(&mut self, seat: usize, outage: Outage, lasts: Micros) {
        self.ways[seat].outage = Some((outage, self.now + lasts));
        if outage == Outage::Reset {
            self.reset(seat);
        }
    }

    pub(super) const fn steps_taken(&self) -> u64 {
        self.steps
    }

    /// Packets of sound, or of pictures, that the relay has taken from a seat by its present connection.
    pub(super) fn taken(&self, seat: usize, is_sound: bool) -> u64 {
        let connection = self.ways[seat].connection;
        let taken = connection.and_then(|of| self.relay.taken.get(&(of, is_sound)));
        taken.copied().unwrap_or_default()
    }

    pub(super) fn is_out(&self, seat: usize) -> bool {
        self.ways[seat].outage.is_some()
    }

    /// The relay stops and starts: every connection is lost.
    pub(super) fn restart_relay(&mut self) {
        self.relay.restart();
        for seat in 0..self.seats.len() {
            self.ways[seat].connection = None;
            self.ways[seat].abandoned.clear();
            self.reset(seat);
        }
    }

    /// Both ends lose the connection at once.
    fn reset(&mut self, seat: usize) {
        let way = &mut self.ways[seat];
        way.up.clear();
        way.down.clear();
        if let Some(connection) = way.connection.take() {
            self.relay.disconnect(connection);
        }
        if self.ways[seat].dialled.take().is_some() {
            self.lose(seat, ConnectionError::Closed);
        }
    }

    fn lose(&mut self, seat: usize, error: ConnectionError) {
        self.ways[seat].established = false;
        let now = self.now;
        self.seats[seat].with(now, |engine| {
            engine.handle_connection(ConnectionEvent::Lost(error), now)
        });
    }

    pub(super) fn pass(&mut self, span: Micros) {
        let until = self.now + span;
        while self.now < until {
            self.step();
        }
    }

    pub(super) fn step(&mut self) {
        self.now += STEP;
        self.steps += 1;
        self.relay.pass(self.now);
        for seat in 0..self.seats.len() {
            self.turn_way(seat);
        }
        self.sort_down();
        for seat in 0..self.seats.len() {
            self.deliver(seat);
            if self.steps.is_multiple_of(PLAY_EACH) {
                self.seats[seat].stage.play(self.now);
            }
            self.seats[seat].turn(self.now);
        }
    }

    fn turn_way(&mut self, seat: usize) {
        let now = self.now;
        if self.ways[seat]
            .outage
            .is_some_and(|(_, until)| until <= now)
        {
            self.ways[seat].outage = None;
        }
        if let Some(dialled) = self.seats[seat].dialled() {
            self.abandon(seat);
            self.ways[seat].dialled = Some((dialled, now));
        }
        self.read_up(seat);
        let outage = self.ways[seat].outage.map(|(outage, _)| outage);
        self.dial(seat, outage);
        if outage != Some(Outage::BlackHole) {
            self.send_up(seat);
            let abandoned = std::mem::take(&mut self.ways[seat].abandoned);
            for (connection, _) in abandoned {
                self.relay.disconnect(connection);
            }
        } else {
            let silent = |(_, since): &(ConnectionId, Instant)| now.since(*since) >= RELAY_SILENCE;
            let way = &mut self.ways[seat];
            let over: Vec<_> = way.abandoned.extract_if(.., |one| silent(one)).collect();
            for (connection, _) in over {
                self.relay.disconnect(connection);
            }
        }
    }

    /// The engine has dropped its connection: the relay hears of it when the network lets it.
    fn abandon(&mut self, seat: usize) {
        let now = self.now;
        let way = &mut self.ways[seat];
        way.dialled = None;
        way.established = false;
        way.up.clear();
        way.down.clear();
        way.abandoned
            .extend(way.connection.take().map(|connection| (connection, now)));
    }

    fn read_up(&mut self, seat: usize) {
        let now = self.now;
        let way = &mut self.ways[seat];
        let Some((dialled, _)) = &mut way.dialled else {
            return;
        };
        loop {
            match dialled.outgoing.try_recv() {
                Ok(message) => way.up.push_back((now + LATENCY, message)),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.abandon(seat);
                    break;
                }
            }
        }
    }

    fn dial(&mut self, seat: usize, outage: Option<Outage>) {
        let now = self.now;
        let way = &mut self.ways[seat];
        let Some((_, since)) = &way.dialled else {
            return;
        };
        if way.established {
            return;
        }
        match outage {
            Some(Outage::Reset) => {
                way.dialled = None;
                let refused = io::Error::from_raw_os_error(libc::ECONNREFUSED);
                self.lose(seat, ConnectionError::Io(refused));
            }
            Some(Outage::BlackHole) => {
                if now.since(*since) >= CONNECT_TIMEOUT {
                    way.dialled = None;
                    self.lose(seat, ConnectionError::TimedOut);
                }
            }
            None => {
                way.established = true;
                let identity = self.seats[seat].engine.as_ref();
                let identity = identity.map(|engine| engine.identity.public().0);
                let Some(identity) = identity else { return };
                let number = u8::try_from(seat).unwrap();
                let connection = self.relay.connect(identity, number);
                self.ways[seat].connection = Some(connection);
                let event = ConnectionEvent::Established {
                    relay: public_key(),
                    address: ([127, 0, 0, 1], 9).into(),
                };
                self.seats[seat].with(now, |engine| engine.handle_connection(event, now));
            }
        }
    }

    fn send_up(&mut self, seat: usize) {
        let way = &mut self.ways[seat];
        let Some(connection) = way.connection else {
            return;
        };
        while let Some((_, message)) = way.up.pop_front_if(|(at, _)| *at <= self.now) {
            self.relay.take(connection, message);
        }
    }

    /// What the relay has sent goes on its way, and connections that it ended are lost.
    fn sort_down(&mut self) {
        let at = self.now + LATENCY;
        for (to, message) in std::mem::take(&mut self.relay.down) {
            if let Some(way) = self.ways.iter_mut().find(|way| way.connection == Some(to)) {
                way.down.push_back((at, message));
            }
        }
        for connection in std::mem::take(&mut self.relay.ended) {
            let of = |way: &Way| way.connection == Some(connection);
            if let Some(seat) = self.ways.iter().position(of) {
                self.relay.disconnect(connection);
                self.ways[seat].connection = None;
            }
        }
    }

    fn deliver(&mut self, seat: usize) {
        let now = self.now;
        if self.ways[seat].outage.is_some() {
            return;
        }
        while let Some((_, message)) = self.ways[seat].down.pop_front_if(|(at, _)| *at <= now) {
            let event = ConnectionEvent::Message(Box::new((*message).clone()));
            self.seats[seat].with(now, |engine| engine.handle_connection(event, now));
        }
        // A connection that the relay has ended is lost once everything before has arrived.
        let way = &mut self.ways[seat];
        if way.established && way.connection.is_none() && way.down.is_empty() {
            way.dialled = None;
            self.lose(seat, ConnectionError::Closed);
        }
    }
}
