//! What is there at the moment, from what the search says.

use std::collections::BTreeMap;

use mdns_sd::ServiceEvent;

use super::FoundRelay;

/// The most relays that are listed. More are left out: announcements cost a stranger nothing.
const MAX_RELAYS: usize = 64;

/// The relays that announce themselves now, by the names of their announcements.
#[derive(Debug, Default)]
pub(super) struct Catalog(BTreeMap<String, FoundRelay>);

impl Catalog {
    /// Takes an event in; true when the list has changed.
    pub(super) fn take(&mut self, event: &ServiceEvent) -> bool {
        let before = self.list();
        match event {
            ServiceEvent::ServiceResolved(service) => {
                let key = service.fullname.to_lowercase();
                match FoundRelay::read(service) {
                    Some(relay) if self.0.len() < MAX_RELAYS || self.0.contains_key(&key) => {
                        self.0.insert(key, relay);
                    }
                    Some(_) => {}
                    None => {
                        self.0.remove(&key);
                    }
                }
            }
            ServiceEvent::ServiceRemoved(_, fullname) => {
                self.0.remove(&fullname.to_lowercase());
            }
            _ => {}
        }
        self.list() != before
    }

    /// The relays, sorted by name, each once.
    pub(super) fn list(&self) -> Vec<FoundRelay> {
        let mut relays: Vec<_> = self.0.values().cloned().collect();
        relays.sort_by(|a, b| (&a.name, &a.address).cmp(&(&b.name, &b.address)));
        relays.dedup_by(|a, b| (&a.address, &a.fingerprint) == (&b.address, &b.fingerprint));
        relays
    }
}
