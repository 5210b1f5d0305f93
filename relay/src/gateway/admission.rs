//! How many browsers may be there: bounds on connections and on sockets, in all and from one network.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::clock;
use crate::crowd::{Crowd, Ticket};
use crate::metrics::Metrics;
use conclave_relay_core::address::{Network, SITE_SHARE};
use conclave_relay_core::limit_log::LimitLog;
use conclave_relay_core::quota::{ByAddress, SetClock};

/// Connections that may be open beside the allowed sockets, for pages on their way.
const FOR_PAGES: usize = 256;
/// Of them, places for those who were pushed out and have not left yet.
const LEAVING: usize = 32;
/// The same from one address: a browser opens six at a time.
const FOR_PAGES_PER_ADDRESS: usize = 32;

/// How many browsers may be there. An "address" is an IPv4 address or an IPv6 network (/64); a /48 has 16 shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebLimits {
    /// WebSockets, all of them.
    pub sockets: usize,
    /// Those from one address.
    pub sockets_per_address: usize,
    /// Connections a second from one address.
    pub handshakes_per_second: u32,
    /// Connections at once from one address.
    pub handshakes_at_once: u32,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// TCP connections, sockets included.
    Connection,
    /// WebSockets.
    Socket,
}

/// The limit that refuses a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// That of all.
    Relay,
    /// That of one address.
    Address,
}

/// Counts, shared by all connections.
pub(super) struct Admission {
    counts: Arc<Mutex<Counts>>,
    handshakes: ByAddress,
    clock: SetClock,
    limits: Arc<ArcSwap<WebLimits>>,
    log: LimitLog,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Counts {
    all: Count,
    /// Connections that are no socket yet.
    pages: Crowd,
    /// Of networks and of sites.
    by_network: HashMap<Network, Count>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    connections: usize,
    sockets: usize,
}

impl Count {
    const fn of(&mut self, what: What) -> &mut usize {
        match what {
            What::Connection => &mut self.connections,
            What::Socket => &mut self.sockets,
        }
    }
}

/// A place; given back when dropped.
pub(super) struct Place {
    counts: Arc<Mutex<Counts>>,
    what: What,
    address: Option<IpAddr>,
    /// Of a connection that may be pushed out.
    ticket: Option<Ticket>,
}

/// A network with one share, and the site of an IPv6 one with many.
fn shares(address: Option<IpAddr>) -> impl Iterator<Item = (Network, usize)> {
    address.into_iter().flat_map(|address| {
        let site = Network::site(address).map(|site| (site, SITE_SHARE as usize));
        site.into_iter().chain([(Network::of(address), 1)])
    })
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Admission {
    pub(super) fn new(limits: Arc<ArcSwap<WebLimits>>, metrics: Arc<Metrics>) -> Self {
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

    /// Takes a place for a connection of `address`, if there is one; without an address it counts in all alone.
    pub(super) fn admit_connection(&self, address: Option<IpAddr>) -> Option<Place> {
        let now = clock::now();
        self.clock.set(now);
        if let Some(address) = address
            && self.handshakes.check(address).is_err()
        {
            self.metrics.web_handshakes_limited.inc();
            let limit = self.limits.load().handshakes_per_second;
            self.log
                .reached("web.handshakes_per_second", limit, address, now);
            return None;
        }
        self.admit(What::Connection, address).ok()
    }

    /// Takes a place for a socket of `address`.
    pub(super) fn admit_socket(&self, address: IpAddr) -> Result<Place, Full> {
        self.admit(What::Socket, Some(address))
    }

    /// Which limit would keep a socket of `address` out.
    pub(super) fn socket_is_kept_out(&self, address: IpAddr) -> Option<Full> {
        let limits = self.limits.load();
        let bounds = limits.bounds(What::Socket);
        lock(&self.counts).full(What::Socket, Some(address), bounds)
    }

    fn admit(&self, what: What, address: Option<IpAddr>) -> Result<Place, Full> {
        let limits = self.limits.load();
        let bounds = limits.bounds(what);
        let mut counts = lock(&self.counts);
        if let Some(full) = counts.full(what, address, bounds) {
            self.metrics.web_limited.inc();
            self.report(full, &limits, address);
            return Err(full);
        }
        // The proxy's own connections belong to no browser: they count as one party.
        let newcomer = address.unwrap_or(IpAddr::from([0, 0, 0, 0]));
        // Before all places are taken, as who is pushed out takes a moment to leave.
        let is_tight = *counts.all.of(what) + LEAVING >= bounds.0;
        if what == What::Connection && is_tight && counts.pages.len() > 0 {
            counts.pages.make_room(newcomer);
            self.metrics.web_limited.inc();
            self.metrics.web_pushed_out.inc();
            self.report(Full::Relay, &limits, address);
        }
        *counts.all.of(what) += 1;
        for (network, _) in shares(address) {
            *counts.by_network.entry(network).or_default().of(what) += 1;
        }
        let ticket = (what == What::Connection).then(|| counts.pages.enter(newcomer));
        Ok(Place {
            counts: Arc::clone(&self.counts),
            what,
            address,
            ticket,
        })
    }

    fn report(&self, full: Full, limits: &WebLimits, address: Option<IpAddr>) {
        let (key, limit) = match full {
            Full::Relay => ("web.sockets", limits.sockets),
            Full::Address => ("web.sockets_per_address", limits.sockets_per_address),
        };
        let whose = address.map_or_else(|| "the proxy".to_owned(), |address| address.to_string());
        self.log.reached(key, limit, whose, clock::now());
    }

    /// Forgets addresses that have been quiet.
    pub(super) fn forget_idle(&self) {
        self.clock.set(clock::now());
        self.handshakes.forget_idle();
    }
}

impl WebLimits {
    /// The most of all, and of one address.
    fn bounds(&self, what: What) -> (usize, usize) {
        match what {
            What::Socket => (self.sockets, self.sockets_per_address),
            What::Connection => (
                self.sockets.saturating_add(FOR_PAGES),
                self.sockets_per_address
                    .saturating_add(FOR_PAGES_PER_ADDRESS),
            ),
        }
    }
}

impl Counts {
    fn full(
        &mut self,
        what: What,
        address: Option<IpAddr>,
        (most, most_here): (usize, usize),
    ) -> Option<Full> {
        let is_full_here = shares(address).any(|(network, share)| {
            let here = self.by_network.get(&network).copied();
            *here.unwrap_or_default().of(what) >= most_here.saturating_mul(share)
        });
        if is_full_here {
            return Some(Full::Address);
        }
        (*self.all.of(what) >= most).then_some(Full::Relay)
    }
}

impl Place {
    /// Waits until another connection takes this place.
    pub(super) async fn pushed_out(&self) {
        match &self.ticket {
            Some(ticket) => ticket.pushed_out().await,
            None => std::future::pending().await,
        }
    }

    /// The connection has become a socket, and keeps its place.
    pub(super) fn settle(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            lock(&self.counts).pages.leave(&ticket);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.settle();
        let mut counts = lock(&self.counts);
        *counts.all.of(self.what) -= 1;
        for (network, _) in shares(self.address) {
            if let Entry::Occupied(mut here) = counts.by_network.entry(network) {
                *here.get_mut().of(self.what) -= 1;
                let Count {
                    connections,
                    sockets,
                } = *here.get();
                if connections == 0 && sockets == 0 {
                    here.remove();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(sockets: usize, sockets_per_address: usize) -> Admission {
        let limits = WebLimits {
            sockets,
            sockets_per_address,
            handshakes_per_second: 1,
            handshakes_at_once: 600,
        };
        let limits = Arc::new(ArcSwap::from_pointee(limits));
        Admission::new(limits, Arc::new(Metrics::default()))
    }

    #[test]
    fn one_address_takes_no_more_than_its_share_and_gives_it_back() {
        let admission = admission(3, 2);
        let address = |last| IpAddr::from([127, 0, 0, last]);
        let (here, there) = (address(1), address(2));
        let first = admission.admit_socket(here).unwrap();
        let _second = admission.admit_socket(here).unwrap();
        assert_eq!(admission.admit_socket(here).err(), Some(Full::Address));
        let _page = admission.admit_connection(Some(here)).unwrap();
        let elsewhere = admission.admit_socket(there).unwrap();
        assert_eq!(admission.admit_socket(there).err(), Some(Full::Relay));
        assert_eq!(admission.socket_is_kept_out(there), Some(Full::Relay));
        drop(elsewhere);
        drop(first);
        assert!(admission.admit_socket(here).is_ok());
        assert_eq!(lock(&admission.counts).by_network.len(), 1);
    }

    #[tokio::test]
    async fn pages_of_a_crowd_make_place_and_sockets_stay() {
        let admission = admission(4, 1_000);
        let hostile = Some(IpAddr::from([10, 0, 0, 1]));
        let mut socket = admission.admit_connection(hostile).unwrap();
        socket.settle();
        let pages: Vec<_> = (0..227)
            .map(|_| admission.admit_connection(hostile).unwrap())
            .collect();
        let honest = admission.admit_connection(Some(IpAddr::from([10, 0, 0, 2])));
        assert!(honest.is_some());
        pages[0].pushed_out().await;
        assert_eq!(admission.metrics.web_pushed_out.get(), 1);
        assert_eq!(lock(&admission.counts).pages.len(), 227);
    }

    #[test]
    fn connections_of_one_network_in_a_short_time_are_bounded() {
        let admission = admission(10_000, 10_000);
        let admitted = (0..700)
            .filter(|n| {
                let address = format!("2001:db8::{n:x}").parse().unwrap();
                admission.admit_connection(Some(address)).is_some()
            })
            .count();
        assert!((600..605).contains(&admitted), "{admitted}");
        assert!(admission.metrics.web_handshakes_limited.get() > 90);
        assert!(
            admission
                .admit_connection(Some(IpAddr::from([10, 0, 0, 2])))
                .is_some()
        );
    }
}
