//! Telling the LAN where this relay is: DNS-SD over multicast DNS (RFC 6762, RFC 6763).
//!
//! What is announced is for people who choose a relay, and proves nothing: anyone on the network can announce
//! anything, so endpoints still pin the identity that they meet. A network without multicast is no error.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use conclave_common::lan::{self, Announced, MAX_NAME_BYTES, SERVICE};
use conclave_protocol::identity::PublicKey;
use mdns_sd::{DaemonEvent, IfKind, IfPredicate, Receiver, ServiceDaemon, ServiceInfo};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

/// How long the first announcement may take before it is said that there is none: probing alone takes 0.75 s.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the withdrawal may take; it is sent twice, 120 ms apart, as multicast gets lost.
const WITHDRAWAL: Duration = Duration::from_millis(150);

/// What a relay calls itself where relays are listed: at most 63 bytes in one line; empty for the host's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelayName(String);

/// Why a text is no relay's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelayNameError {
    /// It does not fit.
    #[error("a relay's name has at most {MAX_NAME_BYTES} bytes")]
    TooLong,
    /// It would not be one line.
    #[error("the character {0:?} is not allowed in a relay's name")]
    Character(char),
}

impl RelayName {
    /// The name, or the host's when it is empty.
    #[must_use]
    pub fn or_host(&self) -> String {
        if !self.0.is_empty() {
            return self.0.clone();
        }
        let system = rustix::system::uname();
        let host = system.nodename().to_string_lossy();
        let label = host.split('.').next().unwrap_or_default();
        match Self::try_from(label.to_owned()) {
            Ok(name) if !name.0.is_empty() => name.0,
            _ => "relay".into(),
        }
    }
}

impl TryFrom<String> for RelayName {
    type Error = RelayNameError;
    fn try_from(text: String) -> Result<Self, RelayNameError> {
        let text = text.trim();
        if text.len() > MAX_NAME_BYTES {
            return Err(RelayNameError::TooLong);
        }
        match text.chars().find(|c| c.is_control()) {
            Some(character) => Err(RelayNameError::Character(character)),
            None => Ok(Self(text.into())),
        }
    }
}

impl From<RelayName> for String {
    fn from(name: RelayName) -> Self {
        name.0
    }
}

/// An announcement that lasts until it is withdrawn or dropped.
pub(crate) struct Announcement {
    daemon: ServiceDaemon,
    fullname: String,
    watching: JoinHandle<()>,
}

impl Announcement {
    /// Announces the control port on the interfaces that `control` listens on; what fails is logged.
    pub(crate) fn start(
        control: SocketAddr,
        name: &RelayName,
        identity: &PublicKey,
    ) -> Option<Self> {
        let started = Self::try_start(control, &name.or_host(), identity);
        let warn = |error| tracing::warn!(%error, "not announced: endpoints need the address");
        started.map_err(warn).ok()
    }

    fn try_start(control: SocketAddr, name: &str, identity: &PublicKey) -> mdns_sd::Result<Self> {
        let service = service(control, name, identity)?;
        let fullname = service.get_fullname().to_owned();
        let daemon = ServiceDaemon::new()?;
        // Nothing is sent to, or heard from, networks that this relay does not serve.
        daemon.disable_interface(IfKind::All)?;
        daemon.enable_interface(interfaces(control.ip()))?;
        let watching = tokio::spawn(watch(daemon.monitor()?, name.to_owned()));
        daemon.register(service)?;
        Ok(Self {
            daemon,
            fullname,
            watching,
        })
    }

    /// Tells the LAN that the relay goes.
    pub(crate) async fn withdraw(self) {
        if self.daemon.unregister(&self.fullname).is_ok() {
            tokio::time::sleep(WITHDRAWAL).await;
        }
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        self.watching.abort();
        // An error means that its thread is gone already.
        let _ = self.daemon.shutdown();
    }
}

/// What is announced: names of DNS that no other relay has, and what people are shown.
fn service(control: SocketAddr, name: &str, identity: &PublicKey) -> mdns_sd::Result<ServiceInfo> {
    let address = control.ip();
    let addresses: &[IpAddr] = if address.is_unspecified() {
        &[]
    } else {
        &[address]
    };
    let properties = Announced::new(name, identity).properties();
    let mut service = ServiceInfo::new(
        SERVICE,
        &lan::instance(name, identity),
        &lan::host(identity),
        addresses,
        control.port(),
        &properties[..],
    )?;
    service.set_interfaces(vec![interfaces(address)]);
    Ok(if address.is_unspecified() {
        service.enable_addr_auto()
    } else {
        service
    })
}

/// The interfaces that a listener on this address serves.
fn interfaces(address: IpAddr) -> IfKind {
    match address {
        IpAddr::V4(address) if address.is_loopback() => IfKind::LoopbackV4,
        IpAddr::V6(address) if address.is_loopback() => IfKind::LoopbackV6,
        IpAddr::V4(address) if address.is_unspecified() => IfKind::IPv4,
        IpAddr::V6(address) if address.is_unspecified() => IfKind::All,
        address => IfKind::Predicate(IfPredicate::new(move |interface| interface.ip() == address)),
    }
}

async fn watch(events: Receiver<DaemonEvent>, name: String) {
    let announced = async {
        loop {
            match events.recv_async().await {
                Ok(DaemonEvent::Announce(..)) => break,
                Ok(DaemonEvent::Error(error)) => tracing::debug!(%error, "announcing"),
                Ok(_) => {}
                Err(_) => std::future::pending().await,
            }
        }
    };
    tokio::pin!(announced);
    if tokio::time::timeout(PATIENCE, &mut announced)
        .await
        .is_err()
    {
        tracing::warn!(
            "not announced so far: no network takes multicast; endpoints need the address"
        );
        announced.await;
    }
    tracing::info!(name, "announced on the LAN");
    // A queue that no task empties would be dropped by its sender with a line in its log.
    while events.recv_async().await.is_ok() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(control: &str, name: &str) -> ServiceInfo {
        service(control.parse().unwrap(), name, &PublicKey([7; 32])).unwrap()
    }

    #[test]
    fn a_name_is_one_line_that_fits_a_label() {
        for good in [
            "",
            "Cellar",
            "Rechenzentrum Süd (2. Stock)",
            &"x".repeat(63),
        ] {
            assert!(RelayName::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["a\nb", "a\u{1b}[1m", &"x".repeat(64), &"ü".repeat(32)] {
            assert!(RelayName::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_relay_without_a_name_has_its_hosts() {
        assert!(!RelayName::default().or_host().is_empty());
        let named = RelayName::try_from(" Cellar ".to_owned()).unwrap();
        assert_eq!(named.or_host(), "Cellar");
    }

    #[test]
    fn the_longest_name_still_fits_beside_the_words() {
        let long = "ü".repeat(31);
        let service = announced("192.0.2.1:7470", &long);
        let label = service.get_fullname().split('.').next().unwrap();
        assert!(label.len() <= MAX_NAME_BYTES, "{label}");
        assert_eq!(service.get_property_val_str("name"), Some(long.as_str()));
    }

    #[test]
    fn an_address_is_announced_alone_and_a_wildcard_as_what_the_host_has() {
        let one = announced("192.0.2.1:7470", "Cellar");
        let expected: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(one.get_addresses().iter().collect::<Vec<_>>(), [&expected]);
        assert!(!one.is_addr_auto());
        let all = announced("0.0.0.0:7470", "Cellar");
        assert!(all.is_addr_auto() && all.get_addresses().is_empty());
        assert_eq!(all.get_port(), 7470);
    }

    #[test]
    fn what_a_relay_is_bound_to_says_where_it_is_announced() {
        let of = |address: &str| interfaces(address.parse().unwrap());
        assert!(matches!(of("127.0.0.2"), IfKind::LoopbackV4));
        assert!(matches!(of("::1"), IfKind::LoopbackV6));
        assert!(matches!(of("0.0.0.0"), IfKind::IPv4));
        assert!(matches!(of("::"), IfKind::All));
        assert!(matches!(of("192.0.2.1"), IfKind::Predicate(_)));
    }
}
