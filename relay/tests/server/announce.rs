//! What the LAN hears of a relay. All of it stays on loopback.

use std::time::{Duration, Instant};

use conclave_common::lan::SERVICE;
use conclave_relay::announce::RelayName;
use mdns_sd::{IfKind, Receiver, ResolvedService, ServiceDaemon, ServiceEvent};

use crate::harness::{PATIENCE, TestRelay};

/// A look at what is announced on loopback, by the service's full name.
struct Look {
    daemon: ServiceDaemon,
    events: Receiver<ServiceEvent>,
}

impl Look {
    fn start() -> Self {
        let daemon = ServiceDaemon::new().unwrap();
        daemon.disable_interface(IfKind::All).unwrap();
        daemon.enable_interface(IfKind::LoopbackV4).unwrap();
        let events = daemon.browse(SERVICE).unwrap();
        Self { daemon, events }
    }

    fn until<T>(&self, wanted: impl Fn(&ServiceEvent) -> Option<T>) -> Option<T> {
        self.within(PATIENCE, wanted)
    }

    fn within<T>(
        &self,
        patience: Duration,
        wanted: impl Fn(&ServiceEvent) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + patience;
        while let Ok(event) = self.events.recv_deadline(deadline) {
            if let Some(found) = wanted(&event) {
                return Some(found);
            }
        }
        None
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        let _ = self.daemon.shutdown();
    }
}

fn announced_as(name: &str) -> impl Fn(&ServiceEvent) -> Option<ResolvedService> {
    move |event| match event {
        ServiceEvent::ServiceResolved(service) => {
            (service.get_property_val_str("name") == Some(name)).then(|| (**service).clone())
        }
        _ => None,
    }
}

fn name(of: &str) -> String {
    format!("{of} {}", std::process::id())
}

#[test]
fn a_relay_is_found_while_it_serves_and_gone_when_it_stops() {
    let name = name("found");
    let look = Look::start();
    let mut relay = TestRelay::start_with(|config| {
        config.listen.announce = true;
        config.listen.name = RelayName::try_from(name.clone()).unwrap();
    });
    let service = look.until(announced_as(&name)).expect("it is announced");
    assert_eq!(service.port, relay.address.port());
    let addresses: Vec<_> = service.addresses.iter().map(|a| a.to_ip_addr()).collect();
    assert_eq!(addresses, [relay.address.ip()]);
    assert_eq!(service.get_property_val_str("v"), Some("1"));
    let fingerprint = service.get_property_val_str("fp").unwrap();
    assert!(relay.identity.has_fingerprint(fingerprint));

    relay.stop();
    let gone = look.until(|event| match event {
        ServiceEvent::ServiceRemoved(_, fullname) => (*fullname == service.fullname).then_some(()),
        _ => None,
    });
    assert_eq!(gone, Some(()), "it is not withdrawn");
}

#[test]
fn two_relays_of_one_name_are_both_found() {
    let name = name("twice");
    let look = Look::start();
    let start = || {
        TestRelay::start_with(|config| {
            config.listen.announce = true;
            config.listen.name = RelayName::try_from(name.clone()).unwrap();
        })
    };
    let relays = [start(), start()];
    let mut missing: Vec<_> = relays.iter().map(|relay| relay.address.port()).collect();
    while !missing.is_empty() {
        let found = look.until(announced_as(&name)).expect("both are announced");
        missing.retain(|port| *port != found.port);
    }
}

#[test]
fn a_relay_that_is_not_to_be_announced_is_not() {
    let name = name("quiet");
    let look = Look::start();
    let _relay = TestRelay::start_with(|config| {
        config.listen.name = RelayName::try_from(name.clone()).unwrap();
    });
    let found = look.within(Duration::from_secs(3), announced_as(&name));
    assert!(found.is_none());
}
