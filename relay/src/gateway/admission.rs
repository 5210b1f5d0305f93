//! How many browsers may be there: bounds on connections and on sockets, in all and from one address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

/// Connections that may stand beside as many as there may be sockets, for pages on their way.
const FOR_PAGES: usize = 256;
/// The same from one address: a browser opens six at a time.
const FOR_PAGES_PER_ADDRESS: usize = 32;

/// How many WebSockets may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebLimits {
    /// All of them.
    pub sockets: usize,
    /// Those from one address.
    pub sockets_per_address: usize,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// TCP connections, sockets included.
    Connection,
    /// WebSockets.
    Socket,
}

/// Counts, shared by all connections.
pub(super) struct Admission {
    counts: Arc<Mutex<Counts>>,
    limits: Arc<ArcSwap<WebLimits>>,
}

#[derive(Default)]
struct Counts {
    all: Count,
    by_address: HashMap<IpAddr, Count>,
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
}

impl Admission {
    pub(super) fn new(limits: Arc<ArcSwap<WebLimits>>) -> Self {
        Self {
            counts: Arc::default(),
            limits,
        }
    }

    /// Takes a place for `address`, if there is one; without an address it counts in all alone.
    pub(super) fn admit(&self, what: What, address: Option<IpAddr>) -> Option<Place> {
        let limits = self.limits.load();
        let (most, most_here) = match what {
            What::Socket => (limits.sockets, limits.sockets_per_address),
            What::Connection => (
                limits.sockets.saturating_add(FOR_PAGES),
                limits
                    .sockets_per_address
                    .saturating_add(FOR_PAGES_PER_ADDRESS),
            ),
        };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let here = address.and_then(|address| counts.by_address.get(&address).copied());
        if *counts.all.of(what) >= most || *here.unwrap_or_default().of(what) >= most_here {
            return None;
        }
        *counts.all.of(what) += 1;
        if let Some(address) = address {
            *counts.by_address.entry(address).or_default().of(what) += 1;
        }
        Some(Place {
            counts: Arc::clone(&self.counts),
            what,
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.all.of(self.what) -= 1;
        let Some(address) = self.address else { return };
        if let Entry::Occupied(mut here) = counts.by_address.entry(address) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_takes_no_more_than_its_share_and_gives_it_back() {
        let limits = WebLimits {
            sockets: 3,
            sockets_per_address: 2,
        };
        let admission = Admission::new(Arc::new(ArcSwap::from_pointee(limits)));
        let address = |last| Some(IpAddr::from([127, 0, 0, last]));
        let (here, there) = (address(1), address(2));
        let first = admission.admit(What::Socket, here).unwrap();
        let _second = admission.admit(What::Socket, here).unwrap();
        assert!(admission.admit(What::Socket, here).is_none());
        let _page = admission.admit(What::Connection, here).unwrap();
        let elsewhere = admission.admit(What::Socket, there).unwrap();
        assert!(
            admission.admit(What::Socket, there).is_none(),
            "all are taken"
        );
        drop(elsewhere);
        drop(first);
        assert!(admission.admit(What::Socket, here).is_some());
        assert_eq!(admission.counts.lock().unwrap().by_address.len(), 1);
    }
}
