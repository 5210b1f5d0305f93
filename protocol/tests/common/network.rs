//! A path in virtual time: delay, jitter, loss, duplicates and reordering, all from one seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use conclave_protocol::time::{Instant, Micros};

use super::random::Random;

/// What a path does to packets.
#[derive(Clone, Copy)]
pub struct Path {
    pub delay: Micros,
    /// Each packet takes up to this much longer, independently: more than the packets' spacing reorders them.
    pub jitter: Micros,
    pub lost_per_mille: u64,
    pub doubled_per_mille: u64,
}

impl Path {
    pub const PERFECT: Self = Self {
        delay: Micros::from_millis(5),
        jitter: Micros::ZERO,
        lost_per_mille: 0,
        doubled_per_mille: 0,
    };
    pub const ROUGH: Self = Self {
        delay: Micros::from_millis(20),
        jitter: Micros::from_millis(30),
        lost_per_mille: 50,
        doubled_per_mille: 50,
    };
}

/// Packets on their way.
pub struct Network<T> {
    path: Path,
    random: Random,
    way: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    packets: Vec<Option<T>>,
    sent: u64,
}

impl<T: Clone> Network<T> {
    pub const fn new(path: Path, seed: u64) -> Self {
        Self {
            path,
            random: Random::new(seed),
            way: BinaryHeap::new(),
            packets: Vec::new(),
            sent: 0,
        }
    }

    pub fn send(&mut self, packet: &T, now: Instant) {
        let copies = 1 + u64::from(self.random.happens(self.path.doubled_per_mille));
        for _ in 0..copies {
            if self.random.happens(self.path.lost_per_mille) {
                continue;
            }
            let jitter = Micros(self.random.below(self.path.jitter.0 + 1));
            self.deliver_at(packet, now + self.path.delay + jitter);
        }
    }

    /// A packet with a known time of arrival.
    pub fn deliver_at(&mut self, packet: &T, at: Instant) {
        self.packets.push(Some(packet.clone()));
        self.way
            .push(Reverse((at, self.sent, self.packets.len() - 1)));
        self.sent += 1;
    }

    /// The next packet that arrives until `now`, and its time.
    pub fn arrived(&mut self, now: Instant) -> Option<(Instant, T)> {
        let &Reverse((at, _, index)) = self.way.peek()?;
        if at > now {
            return None;
        }
        self.way.pop();
        self.packets[index].take().map(|packet| (at, packet))
    }
}
