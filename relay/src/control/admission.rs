//! Who may connect: bounds on connections, on half-open ones, and on handshakes from one network.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::clock;
use crate::crowd::{Crowd, Ticket};
use crate::metrics::{Held, Metrics};
use conclave_relay_core::address::{Network, SITE_SHARE};
use conclave_relay_core::limit_log::LimitLog;
use conclave_relay_core::quota::{ByAddress, SetClock};

/// How many connections may be open. An "address" is an IPv4 address or an IPv6 network (/64); a /48 has 16 shares.
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
    handshakes: ByAddress,
    clock: SetClock,
    limits: Arc<ArcSwap<ConnectionLimits>>,
    log: LimitLog,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Counts {
    connections: usize,
    half_open: Crowd,
    /// Of networks and of sites.
    by_network: HashMap<Network, Here>,
}

/// Connections from one network or site.
#[derive(Clone, Copy, Default)]
struct Here {
    connections: usize,
    half_open: usize,
}

/// A connection's place; given back when dropped.
pub(super) struct Place {
    counts: Arc<Mutex<Counts>>,
    address: IpAddr,
    _held: Held,
}

/// A half-open connection's place; given back when dropped.
pub(super) struct HalfOpen {
    counts: Arc<Mutex<Counts>>,
    address: IpAddr,
    ticket: Ticket,
    _held: Held,
}

/// A network with one share, and the site of an IPv6 one with many.
fn shares(address: IpAddr) -> impl Iterator<Item = (Network, usize)> {
    let site = Network::site(address).map(|site| (site, SITE_SHARE as usize));
    site.into_iter().chain([(Network::of(address), 1)])
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Admission {
    pub(super) fn new(limits: Arc<ArcSwap<ConnectionLimits>>, metrics: Arc<Metrics>) -> Self {
        let clock = SetClock::default();
        let first = limits.load();
        let each = Duration::from_secs(1) / first.handshakes_per_second.max(1);
        let handshakes = ByAddress::new(each, first.handshakes_at_once, &clock);
        drop(first);
        Self {
            counts: Arc::default(),
            handshakes,
            clock,
            limits,
            log: LimitLog::default(),
            metrics,
        }
    }

    /// Takes a place for a connection from `address`, if there is one.
    pub(super) fn admit(&self, address: IpAddr) -> Option<(Place, HalfOpen)> {
        let limits = self.limits.load();
        let now = clock::now();
        let mut counts = lock(&self.counts);
        if let Some((key, limit)) = counts.full(address, &limits) {
            self.metrics.connections_refused.inc();
            self.log.reached(key, limit, address, now);
            return None;
        }
        self.clock.set(now);
        if self.handshakes.check(address).is_err() {
            self.metrics.handshakes_limited.inc();
            let (key, limit) = ("limits.handshakes_per_second", limits.handshakes_per_second);
            self.log.reached(key, limit, address, now);
            return None;
        }
        if counts.half_open.len() >= limits.half_open {
            counts.half_open.make_room(address);
            self.metrics.half_open_pushed_out.inc();
            self.log
                .reached("limits.half_open", limits.half_open, address, now);
        }
        counts.connections += 1;
        for (network, _) in shares(address) {
            let here = counts.by_network.entry(network).or_default();
            here.connections += 1;
            here.half_open += 1;
        }
        let ticket = counts.half_open.enter(address);
        drop(counts);
        self.metrics.connections_accepted.inc();
        let place = Place {
            counts: Arc::clone(&self.counts),
            address,
            _held: Held::new(&self.metrics.connections),
        };
        let half_open = HalfOpen {
            counts: Arc::clone(&self.counts),
            address,
            ticket,
            _held: Held::new(&self.metrics.half_open),
        };
        Some((place, half_open))
    }

    /// Forgets addresses that have been quiet.
    pub(super) fn forget_idle(&self) {
        self.clock.set(clock::now());
        self.handshakes.forget_idle();
    }
}

impl Counts {
    /// The key of the limit that keeps another connection of `address` out, with its value.
    fn full(&self, address: IpAddr, limits: &ConnectionLimits) -> Option<(&'static str, usize)> {
        if self.connections >= limits.connections {
            return Some(("limits.connections", limits.connections));
        }
        shares(address).find_map(|(network, share)| {
            let here = self.by_network.get(&network)?;
            let bounds = [
                (
                    here.connections,
                    "limits.connections_per_address",
                    limits.connections_per_address,
                ),
                (
                    here.half_open,
                    "limits.half_open_per_address",
                    limits.half_open_per_address,
                ),
            ];
            let is_full =
                |(count, _, most): &(usize, _, usize)| *count >= most.saturating_mul(share);
            bounds
                .into_iter()
                .find(is_full)
                .map(|(_, key, most)| (key, most))
        })
    }
}

impl HalfOpen {
    /// Waits until another connection takes this place.
    pub(super) async fn pushed_out(&self) {
        self.ticket.pushed_out().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.connections -= 1;
        for (network, _) in shares(self.address) {
            if let Entry::Occupied(mut here) = counts.by_network.entry(network) {
                here.get_mut().connections -= 1;
                // A connection outlives its handshake, so nothing is half-open then.
                if here.get().connections == 0 {
                    here.remove();
                }
            }
        }
    }
}

impl Drop for HalfOpen {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.half_open.leave(&self.ticket);
        for (network, _) in shares(self.address) {
            if let Some(here) = counts.by_network.get_mut(&network) {
                here.half_open -= 1;
            }
        }
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

    fn admission(limits: ConnectionLimits) -> Admission {
        let limits = Arc::new(ArcSwap::from_pointee(limits));
        Admission::new(limits, Arc::new(Metrics::default()))
    }

    const MANY: ConnectionLimits = ConnectionLimits {
        connections: 10_000,
        connections_per_address: 1_000,
        half_open: 10_000,
        half_open_per_address: 1_000,
        handshakes_per_second: 10_000,
        handshakes_at_once: 10_000,
    };

    #[test]
    fn addresses_of_one_network_have_one_share_and_a_site_has_sixteen() {
        let limits = ConnectionLimits {
            connections_per_address: 4,
            ..MANY
        };
        let admission = admission(limits);
        let mut places = Vec::new();
        for n in 1..=100 {
            places.extend(admission.admit(format!("2001:db8::{n:x}").parse().unwrap()));
        }
        assert_eq!(places.len(), 4);
        for n in 1..=100 {
            places.extend(admission.admit(format!("2001:db8:0:{n:x}::1").parse().unwrap()));
        }
        assert_eq!(places.len(), 4 * 16);
        assert!(admission.admit("2001:db8:1::1".parse().unwrap()).is_some());
        let mapped = "::ffff:192.0.2.1".parse().unwrap();
        let plain = "192.0.2.1".parse().unwrap();
        for n in 0..8 {
            places.extend(admission.admit(if n % 2 == 0 { mapped } else { plain }));
        }
        assert_eq!(places.len(), 4 * 16 + 4);
        drop(places);
        assert!(lock(&admission.counts).by_network.is_empty());
    }

    #[tokio::test]
    async fn half_open_connections_of_many_addresses_keep_nobody_out() {
        let limits = ConnectionLimits {
            half_open: 64,
            half_open_per_address: 16,
            ..MANY
        };
        let admission = admission(limits);
        let silent: Vec<_> = (0..64)
            .map(|n| admission.admit(IpAddr::from([10, 0, 0, n % 4])).unwrap())
            .collect();
        for _ in 0..8 {
            let (place, half_open) = admission.admit(IpAddr::from([192, 0, 2, 1])).unwrap();
            tokio::select! {
                biased;
                () = half_open.pushed_out() => panic!("the newcomer has to go"),
                () = std::future::ready(()) => {}
            }
            drop((half_open, place));
        }
        let metrics = &admission.metrics;
        assert_eq!(metrics.half_open_pushed_out.get(), 1);
        silent[0].1.pushed_out().await;
        drop(silent);
        assert_eq!((metrics.connections.get(), metrics.half_open.get()), (0, 0));
    }
}
