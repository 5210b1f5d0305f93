//! Finding relays on the LAN: DNS-SD over multicast DNS, as relays announce themselves.
//!
//! What is found is a hint and proves nothing, a fingerprint included: anyone on the network can announce
//! anything. Trust stays where it is, with the identity that was met first ([`crate::data_dir`]); an announced
//! fingerprint only says which of several relays is worth going to.

mod catalog;
mod spec;

use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mdns_sd::{ResolvedService, ScopedIp, ServiceDaemon};

use catalog::Catalog;
use conclave_common::fingerprint;
use conclave_common::lan::{Announced, SERVICE, is_same_name};
use conclave_protocol::wire::framing::VERSION;
pub use spec::RelaySpec;
pub(crate) use spec::is_address;

/// How long to wait for others after the first relay was found: answers come within 0.12 s (RFC 6762 §6), and
/// the question is asked again after a second.
const SETTLING: Duration = Duration::from_millis(1_200);

/// A relay that announces itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRelay {
    /// What it calls itself; one line of letters, digits and punctuation.
    pub name: String,
    /// Where it is, `HOST:PORT`.
    pub address: String,
    /// The fingerprint that was announced. It is not checked here.
    pub fingerprint: Option<String>,
    /// The version of the protocol that it speaks.
    pub version: u16,
}

/// Why there is no relay to go to.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The search cannot be started.
    #[error("cannot look for relays: {0}; name one by its address")]
    System(#[from] mdns_sd::Error),
    /// Nothing was found.
    #[error(
        "no relay was found within {} s: is one running, and does this network pass multicast (UDP port 5353)? \
         Otherwise name it by its address, --relay HOST", .0.as_secs_f32()
    )]
    None(Duration),
    /// Others were found.
    #[error("no relay {name:?} was found; there are:{}", List(.found))]
    OthersOnly {
        /// Which was wanted.
        name: String,
        /// What is there.
        found: Vec<FoundRelay>,
    },
    /// One cannot be told from another.
    #[error("several relays were found; say which, --relay auto:NAME or --relay ADDRESS:{}", List(.0))]
    Several(Vec<FoundRelay>),
    /// The only one cannot be understood.
    #[error("the relay that was found speaks protocol {}, this endpoint {VERSION}:{}", .0.version, List(std::slice::from_ref(.0)))]
    Version(FoundRelay),
}

/// A search that goes on until it is dropped.
pub struct Discovery {
    daemon: ServiceDaemon,
    /// Held while the daemon is asked to search or to end: a question that comes after its end is never answered.
    is_over: Arc<Mutex<bool>>,
    listening: Option<JoinHandle<()>>,
}

impl Discovery {
    /// Tells of every change what relays there are now, sorted by name; nothing is told while there are none.
    ///
    /// `on_change` is called on a thread of the search's own, and must not drop the search.
    ///
    /// # Errors
    /// [`DiscoveryError::System`] when no thread or socket can be had. A network without multicast is no error.
    pub fn start(
        on_change: impl Fn(Vec<FoundRelay>) + Send + 'static,
    ) -> Result<Self, DiscoveryError> {
        let daemon = ServiceDaemon::new()?;
        let mut events = daemon.browse(SERVICE)?;
        let is_over = Arc::new(Mutex::new(false));
        let (again, over) = (daemon.clone(), Arc::clone(&is_over));
        let listen = move || {
            let mut catalog = Catalog::default();
            loop {
                while let Ok(event) = events.recv() {
                    if catalog.take(&event) {
                        on_change(catalog.list());
                    }
                }
                // The search also ends when its queue overflows.
                let over = over.lock().unwrap_or_else(PoisonError::into_inner);
                match (*over, again.browse(SERVICE)) {
                    (false, Ok(restarted)) => events = restarted,
                    _ => break,
                }
            }
        };
        let listening = std::thread::Builder::new()
            .name("discovery".into())
            .spawn(listen)
            .map_err(|error| mdns_sd::Error::Msg(error.to_string()))?;
        Ok(Self {
            daemon,
            is_over,
            listening: Some(listening),
        })
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        let ended = {
            let mut is_over = self.is_over.lock().unwrap_or_else(PoisonError::into_inner);
            *is_over = true;
            self.daemon.shutdown()
        };
        if ended.is_ok()
            && let Some(listening) = self.listening.take()
        {
            let _ = listening.join();
        }
    }
}

/// Waits for the only relay on the LAN, or for the one that announces the fingerprint that is known.
///
/// # Errors
/// [`DiscoveryError`] says what was found instead, and what to do.
pub fn discover_one(known: Option<&str>, patience: Duration) -> Result<FoundRelay, DiscoveryError> {
    discover(None, known, patience)
}

/// Waits for the relay of this name on the LAN; of several for the one that announces the fingerprint that is known.
///
/// # Errors
/// [`DiscoveryError`] says what was found instead, and what to do.
pub fn discover_named(
    name: &str,
    known: Option<&str>,
    patience: Duration,
) -> Result<FoundRelay, DiscoveryError> {
    discover(Some(name), known, patience)
}

/// Everything that is found within this time.
///
/// # Errors
/// [`DiscoveryError::System`] when the search cannot be started.
pub fn discover_all(patience: Duration) -> Result<Vec<FoundRelay>, DiscoveryError> {
    collect(patience, |_| false)
}

fn discover(
    name: Option<&str>,
    known: Option<&str>,
    patience: Duration,
) -> Result<FoundRelay, DiscoveryError> {
    let known = known.and_then(fingerprint::canonical);
    let enough =
        |relay: &FoundRelay| relay.is(name) && (known.is_none() || relay.fingerprint == known);
    let found = collect(patience, |found| found.iter().any(enough))?;
    choose(found, name, known.as_deref(), patience)
}

/// Collects until the time is up, or a little longer than it takes until what is there is enough.
fn collect(
    patience: Duration,
    enough: impl Fn(&[FoundRelay]) -> bool,
) -> Result<Vec<FoundRelay>, DiscoveryError> {
    let (changed, changes) = channel();
    let _search = Discovery::start(move |found| drop(changed.send(found)))?;
    let mut deadline = Instant::now() + patience;
    let (mut found, mut settling) = (Vec::new(), false);
    loop {
        match changes.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(now) => found = now,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(found),
        }
        if !settling && enough(&found) {
            settling = true;
            deadline = deadline.min(Instant::now() + SETTLING);
        }
    }
}

fn choose(
    found: Vec<FoundRelay>,
    name: Option<&str>,
    known: Option<&str>,
    patience: Duration,
) -> Result<FoundRelay, DiscoveryError> {
    let mut fitting: Vec<_> = found
        .iter()
        .filter(|relay| relay.is(name))
        .cloned()
        .collect();
    let is_known = |relay: &FoundRelay| known.is_some() && relay.fingerprint.as_deref() == known;
    if fitting.iter().any(is_known) {
        fitting.retain(is_known);
    }
    match (fitting.pop(), fitting.is_empty(), name) {
        (Some(only), true, _) if only.version == VERSION => Ok(only),
        (Some(only), true, _) => Err(DiscoveryError::Version(only)),
        (Some(last), false, _) => {
            fitting.push(last);
            Err(DiscoveryError::Several(fitting))
        }
        (None, _, Some(name)) if !found.is_empty() => Err(DiscoveryError::OthersOnly {
            name: name.into(),
            found,
        }),
        (None, ..) => Err(DiscoveryError::None(patience)),
    }
}

impl FoundRelay {
    fn is(&self, name: Option<&str>) -> bool {
        name.is_none_or(|name| is_same_name(&self.name, name))
    }

    /// What an announcement says, if it is one of a relay and names a way to it.
    #[must_use]
    pub fn read(service: &ResolvedService) -> Option<Self> {
        let instance = service.fullname.strip_suffix(&service.ty_domain);
        let instance = instance.map(|label| label.trim_end_matches('.'));
        let said = Announced::read(instance, |key| service.get_property_val_str(key))?;
        Some(Self {
            name: said.name,
            address: best_address(service)?,
            fingerprint: said.fingerprint,
            version: said.version,
        })
    }
}

impl fmt::Display for FoundRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.name, self.address)?;
        match &self.fingerprint {
            Some(fingerprint) => write!(f, ", says that its fingerprint is {fingerprint}"),
            None => Ok(()),
        }
    }
}

/// A relay a line, after a line break.
struct List<'a>(&'a [FoundRelay]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|relay| write!(f, "\n  {relay}"))
    }
}

/// The address that is most likely to be reached, and always the same one of several: trust hangs on it.
fn best_address(service: &ResolvedService) -> Option<String> {
    let rank = |address: &ScopedIp| match address.to_ip_addr() {
        address if address.is_unspecified() || address.is_multicast() => None,
        address if address.is_loopback() => Some(4),
        IpAddr::V4(address) if address.is_link_local() => Some(2),
        IpAddr::V4(_) => Some(0),
        IpAddr::V6(address) if address.is_unicast_link_local() => Some(3),
        IpAddr::V6(_) => Some(1),
    };
    let ranked = |address: &ScopedIp| Some((rank(address)?, socket_address(address, service.port)));
    let best = service.addresses.iter().filter_map(ranked).min()?;
    Some(best.1.to_string())
}

fn socket_address(address: &ScopedIp, port: u16) -> SocketAddr {
    match address {
        ScopedIp::V6(v6) if v6.addr().is_unicast_link_local() => {
            SocketAddrV6::new(*v6.addr(), port, 0, v6.scope_id().index).into()
        }
        _ => (address.to_ip_addr(), port).into(),
    }
}

#[cfg(test)]
mod tests;
