//! Who may connect: bounds on connections, on half-open ones, and on handshakes from one address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::clock;
use crate::core::limits::{Keyed, SetClock, quota};
use crate::metrics::Metrics;

/// How many connections may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// All of them.
    pub connections: usize,
    /// Those from one address.
    pub connections_per_address: usize,
    /// Those whose handshake is not done.
    pub half_open: usize,
    /// Those whose handshake is not done, from one address.
    pub half_open_per_address: usize,
    /// Handshakes a second from one address.
    pub handshakes_per_second: u32,
    /// Handshakes at once from one address.
    pub handshakes_at_once: u32,
}

/// Counts connections; shared by the accepting task and the connections.
pub(super) struct Admission {
    counts: Arc<Mutex<Counts>>,
    handshakes: Keyed<IpAddr>,
    clock: SetClock,
    limits: Arc<ArcSwap<ConnectionLimits>>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Counts {
    connections: usize,
    half_open: usize,
    by_address: HashMap<IpAddr, Here>,
}

/// Connections from one address.
#[derive(Clone, Copy, Default)]
struct Here {
    connections: usize,
    half_open: usize,
}

/// A connection's place; given back when dropped.
pub(super) struct Place {
    counts: Arc<Mutex<Counts>>,
    metrics: Arc<Metrics>,
    address: IpAddr,
}

/// A half-open connection's place; given back when dropped.
pub(super) struct HalfOpen {
    counts: Arc<Mutex<Counts>>,
    metrics: Arc<Metrics>,
    address: IpAddr,
}

impl Admission {
    pub(super) fn new(limits: Arc<ArcSwap<ConnectionLimits>>, metrics: Arc<Metrics>) -> Self {
        let clock = SetClock::default();
        let first = limits.load();
        let quota = quota(first.handshakes_per_second, first.handshakes_at_once);
        drop(first);
        Self {
            counts: Arc::default(),
            handshakes: Keyed::new(quota, &clock),
            clock,
            limits,
            metrics,
        }
    }

    /// Takes a place for a connection from `address`, if there is one.
    pub(super) fn admit(&self, address: IpAddr) -> Option<(Place, HalfOpen)> {
        let limits = self.limits.load();
        {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            let here = counts.by_address.get(&address).copied().unwrap_or_default();
            if counts.connections >= limits.connections
                || counts.half_open >= limits.half_open
                || here.connections >= limits.connections_per_address
                || here.half_open >= limits.half_open_per_address
            {
                self.metrics.connections_refused.inc();
                return None;
            }
            self.clock.set(clock::now());
            if self.handshakes.check(&address).is_err() {
                self.metrics.handshakes_limited.inc();
                return None;
            }
            counts.connections += 1;
            counts.half_open += 1;
            let here = counts.by_address.entry(address).or_default();
            here.connections += 1;
            here.half_open += 1;
        }
        self.metrics.connections_accepted.inc();
        self.metrics.connections.inc();
        self.metrics.half_open.inc();
        let place = Place {
            counts: Arc::clone(&self.counts),
            metrics: Arc::clone(&self.metrics),
            address,
        };
        let half_open = HalfOpen {
            counts: Arc::clone(&self.counts),
            metrics: Arc::clone(&self.metrics),
            address,
        };
        Some((place, half_open))
    }

    /// Forgets addresses that have been quiet.
    pub(super) fn forget_idle(&self) {
        self.clock.set(clock::now());
        self.handshakes.forget_idle();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.connections -= 1;
        if let Entry::Occupied(mut here) = counts.by_address.entry(self.address) {
            here.get_mut().connections -= 1;
            // A connection outlives its handshake, so nothing is half-open then.
            if here.get().connections == 0 {
                here.remove();
            }
        }
        self.metrics.connections.dec();
    }
}

impl Drop for HalfOpen {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.half_open -= 1;
        if let Some(here) = counts.by_address.get_mut(&self.address) {
            here.half_open -= 1;
        }
        self.metrics.half_open.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_takes_no_more_than_its_share_of_connections() {
        let limits = ConnectionLimits {
            connections: 100,
            connections_per_address: 2,
            half_open: 100,
            half_open_per_address: 100,
            handshakes_per_second: 100,
            handshakes_at_once: 100,
        };
        let admission = Admission::new(
            Arc::new(ArcSwap::from_pointee(limits)),
            Arc::new(Metrics::default()),
        );
        let (here, there) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let (first, half_open) = admission.admit(here).unwrap();
        // A handshake that is done leaves the connection standing.
        drop(half_open);
        let _second = admission.admit(here).unwrap();
        assert!(admission.admit(here).is_none());
        let _elsewhere = admission.admit(there).unwrap();
        drop(first);
        assert!(admission.admit(here).is_some());
    }
}
