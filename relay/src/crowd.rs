//! Who came and has shown nothing yet: counted by network, and when there are too many the oldest of the heaviest goes.
//!
//! So who opens many connections pushes out their own, and not everyone else.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::Notify;

use conclave_relay_core::address::Network;

/// Those who wait, in the order in which they came.
#[derive(Default)]
pub(crate) struct Crowd {
    waiting: BTreeMap<u64, Waiting>,
    last: u64,
}

struct Waiting {
    party: Network,
    leave: Arc<Notify>,
}

/// A place among them, until it is given up by [`Crowd::leave`].
pub(crate) struct Ticket {
    number: u64,
    leave: Arc<Notify>,
}

impl Ticket {
    /// Waits until the place is another one's.
    pub(crate) async fn pushed_out(&self) {
        self.leave.notified().await;
    }
}

impl Crowd {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// One more from `address`.
    pub(crate) fn enter(&mut self, address: IpAddr) -> Ticket {
        self.last += 1;
        let number = self.last;
        let leave = Arc::new(Notify::new());
        let waiting = Waiting {
            party: party(address),
            leave: Arc::clone(&leave),
        };
        self.waiting.insert(number, waiting);
        Ticket { number, leave }
    }

    /// It waits no more, or is gone.
    pub(crate) fn leave(&mut self, ticket: &Ticket) {
        self.waiting.remove(&ticket.number);
    }

    /// Has the oldest of the party that has most places go, as one of `address` wants to come in.
    ///
    /// The newcomer counts with its party: who has most places already pushes out its own.
    pub(crate) fn make_room(&mut self, address: IpAddr) {
        let mut places = HashMap::from([(party(address), 1)]);
        for waiting in self.waiting.values() {
            *places.entry(waiting.party).or_insert(0) += 1;
        }
        let most = places.values().copied().max().unwrap_or_default();
        let oldest = self
            .waiting
            .iter()
            .find(|(_, waiting)| places.get(&waiting.party) == Some(&most))
            .map(|(number, _)| *number);
        if let Some(waiting) = oldest.and_then(|oldest| self.waiting.remove(&oldest)) {
            waiting.leave.notify_one();
        }
    }
}

/// A whole IPv6 site is one party: its networks are for the taking.
fn party(address: IpAddr) -> Network {
    Network::site(address).unwrap_or(Network::of(address))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn is_out(ticket: &Ticket) -> bool {
        ticket.pushed_out().now_or_never().is_some()
    }

    #[test]
    fn the_oldest_of_the_heaviest_party_goes() {
        let mut crowd = Crowd::default();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let honest = crowd.enter(address("192.0.2.1"));
        let hostile: Vec<_> = (1..9)
            .map(|n| crowd.enter(address(&format!("2001:db8:0:{n}::1"))))
            .collect();
        crowd.make_room(address("192.0.2.2"));
        let newcomer = crowd.enter(address("192.0.2.2"));
        assert!(is_out(&hostile[0]) && !is_out(&hostile[1]));
        crowd.make_room(address("2001:db8:0:ffff::1"));
        assert!(is_out(&hostile[1]));
        assert!(!is_out(&honest) && !is_out(&newcomer));
        crowd.leave(&hostile[0]);
        crowd.leave(&honest);
        assert_eq!(crowd.len(), 7);
    }
}
