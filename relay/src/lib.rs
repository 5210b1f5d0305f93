//! The relay: rooms, chat and routing for endpoints on a LAN.
//!
//! [`Relay::start`] takes bound sockets and a configuration, [`Relay::run`] serves until it is told to
//! stop; so tests own both. Inside, one loop owns [the core](conclave_relay_core), one task each a control
//! connection, one thread the [`media`] plane and one the [`store`]. Nothing here can read what participants send
//! each other, but for the [`gateway`], which holds the keys of browsers.
#![forbid(unsafe_code)]

mod admin;
pub mod announce;
mod clock_steps;
pub mod config;
pub mod control;
mod crowd;
pub mod data_dir;
pub mod gateway;
pub mod health;
pub mod mail;
pub mod media;
pub mod metrics;
mod server;
pub mod store;
mod task;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use conclave_common::private_dir::PrivateDirError;
use conclave_common::{clock, entropy};
use conclave_protocol::identity::PublicKey;
use conclave_relay_core::fan_out::Routes;
use conclave_relay_core::{Core, Entropy, Web};
use rustc_hash::FxHashMap;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use announce::Announcement;
use config::{Config, Listener};
use control::{ConnectionIds, ConnectionLimits, Shared};
use data_dir::DataDir;
use gateway::{CertificateError, Gateway, Surroundings, WebLimits};
use health::{Deaths, Health, Part, Pulse};
use mail::{EVENTS, Event};
use media::MediaPlane;
use metrics::Metrics;
use server::Server;
use store::pin::PinWorker;
use store::{Database, OpenError, Store};

/// The sockets that a relay serves.
pub struct Sockets {
    /// Control connections.
    pub control: TcpListener,
    /// Media, on the same port.
    pub media: UdpSocket,
    /// Browsers.
    pub web: Option<TcpListener>,
    /// Metrics and health.
    pub admin: Option<TcpListener>,
}

/// Why a relay does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be bound.
    #[error("cannot listen on {address}: {error}")]
    Bind {
        /// The address to listen at.
        address: SocketAddr,
        /// The system's reason.
        error: std::io::Error,
    },
    /// A socket, a thread or a task cannot be had.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
    /// The data folder cannot be used.
    #[error(transparent)]
    Data(#[from] PrivateDirError),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// Browsers cannot be served.
    #[error("cannot serve browsers: {0}")]
    Web(#[from] CertificateError),
}

impl Sockets {
    /// Binds what the configuration names; a port 0 is the same free one for TCP and UDP.
    ///
    /// # Errors
    /// [`StartError::Bind`] with the address that cannot be had.
    pub fn bind(config: &Config) -> Result<Self, StartError> {
        let bind_tcp =
            |address| listen(address).map_err(|error| StartError::Bind { address, error });
        let mut tries = 0;
        let (control, media) = loop {
            let control = bind_tcp(config.listen.control)?;
            let address = control.local_addr()?;
            match UdpSocket::bind(address) {
                Ok(media) => break (control, media),
                // Another program may hold the port for UDP alone.
                Err(_) if config.listen.control.port() == 0 && tries < 16 => tries += 1,
                Err(error) => return Err(StartError::Bind { address, error }),
            }
        };
        let bind = |listener| match listener {
            Listener::Off => Ok(None),
            Listener::On(address) => bind_tcp(address).map(Some),
        };
        let (web, admin) = (bind(config.listen.web)?, bind(config.listen.admin)?);
        Ok(Self {
            control,
            media,
            web,
            admin,
        })
    }
}

/// A relay that accepts connections.
pub struct Relay {
    events: mpsc::Sender<Event>,
    server: JoinHandle<()>,
    accepting: JoinHandle<()>,
    web: Option<(Arc<Gateway>, JoinHandle<()>)>,
    admin: Option<JoinHandle<()>>,
    media: MediaPlane,
    connection_limits: Arc<ArcSwap<ConnectionLimits>>,
    web_limits: Arc<ArcSwap<WebLimits>>,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    deaths: Deaths,
    identity: PublicKey,
    announcement: Option<Announcement>,
}

struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        entropy::fill(bytes).expect("a system that gave random bytes at start goes on to");
    }
}

/// Starts the threads that store and that compare PINs; both answer to the loop.
fn start_workers(
    database: Database,
    metrics: &Arc<Metrics>,
    health: &Arc<Health>,
    events: &mpsc::Sender<Event>,
) -> Result<(Store, PinWorker), StartError> {
    let stored = events.clone();
    let pulse = health.pulse(Part::Store);
    let store = Store::start(database, Arc::clone(metrics), pulse, move |answer| {
        // Without the loop no task waits for the answer.
        let _ = stored.blocking_send(Event::Stored(answer));
    })?;
    let compared = events.clone();
    let pins = PinWorker::start(health.pulse(Part::Pins), move |token, answer| {
        let _ = compared.blocking_send(Event::Pin { token, answer });
    })?;
    Ok((store, pins))
}

/// What the core must know to make links for browsers.
fn served_at(web: &TcpListener, config: &Config, data: &DataDir) -> Result<Web, StartError> {
    Ok(Web {
        key: gateway::link_key(&data.gateway_secret()?),
        port: web.local_addr()?.port(),
        https: !config.web.plain_http,
        base: config.web.public_url.0.clone(),
    })
}

impl Relay {
    /// Opens the data folder and starts every part; needs a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`] names the part.
    pub async fn start(sockets: Sockets, config: &Config) -> Result<Self, StartError> {
        let data = DataDir::open(&config.data.dir)?;
        let identity = data.identity()?;
        let public = identity.public();
        let database = Database::open(&data.database()?, config.store_limits())?;
        let remembered = database.remembered()?;

        let metrics = Arc::new(Metrics::default());
        let (health, deaths) = Health::new();
        let (events, inbox) = mpsc::channel(EVENTS);
        let (store, pins) = start_workers(database, &metrics, &health, &events)?;
        let routes = Arc::new(ArcSwap::from_pointee(Routes::default()));
        let media = MediaPlane::start(
            sockets.media,
            Arc::clone(&routes),
            config.media_limits(),
            Arc::clone(&metrics),
            health.pulse(Part::Media),
        )?;
        let mut core = Core::new(config.core_limits(), remembered, Box::new(SystemEntropy));
        if let Some(web) = &sockets.web {
            core.serve_browsers(served_at(web, config, &data)?);
        }
        let server = Server {
            core,
            outboxes: FxHashMap::default(),
            store,
            pins,
            media: media.handle(),
            routes,
            metrics: Arc::clone(&metrics),
            pulse: health.pulse(Part::Loop),
        };
        let connections = Arc::<ConnectionIds>::default();
        let web_limits = Arc::new(ArcSwap::from_pointee(config.web_limits()));
        let web = match sockets.web {
            Some(web) => {
                let surroundings = Surroundings {
                    events: events.clone(),
                    media: media.handle(),
                    metrics: Arc::clone(&metrics),
                    connections: Arc::clone(&connections),
                    limits: Arc::clone(&web_limits),
                    data,
                };
                let gateway = Arc::new(Gateway::new(surroundings, config.gateway_settings())?);
                let serving = Arc::clone(&gateway).serve(into_tokio(web)?);
                let serving = alive(health.pulse(Part::Browsers), serving);
                Some((gateway, tokio::spawn(serving)))
            }
            None => None,
        };
        let shared = Arc::new(Shared {
            identity,
            events: events.clone(),
            media: media.handle(),
            metrics: Arc::clone(&metrics),
            connections,
        });
        let address = sockets.control.local_addr()?;
        let listener = into_tokio(sockets.control)?;
        let admin = sockets.admin.map(into_tokio).transpose()?;
        let connection_limits = Arc::new(ArcSwap::from_pointee(config.connection_limits()));
        let accept = control::accept(listener, shared, Arc::clone(&connection_limits));
        let accept = alive(health.pulse(Part::Endpoints), accept);
        let admin = admin.map(|admin| {
            let serving = admin::serve(admin, Arc::clone(&metrics), Arc::clone(&health));
            tokio::spawn(alive(health.pulse(Part::Admin), serving))
        });
        let announcement = config
            .listen
            .announce
            .then(|| Announcement::start(address, &config.listen.name, &public))
            .flatten();
        Ok(Self {
            events,
            server: tokio::spawn(server.run(inbox)),
            accepting: tokio::spawn(accept),
            web,
            admin,
            media,
            connection_limits,
            web_limits,
            metrics,
            health,
            deaths,
            identity: public,
            announcement,
        })
    }

    /// What it counts.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// Whether its parts are alive.
    #[must_use]
    pub fn health(&self) -> Arc<Health> {
        Arc::clone(&self.health)
    }

    /// What endpoints know it by.
    #[must_use]
    pub const fn identity(&self) -> PublicKey {
        self.identity
    }

    /// Serves until `shutdown` completes, then tells everyone and waits at most 5 s for them.
    ///
    /// Limits of each configuration that comes through `reloads` are taken over.
    ///
    /// # Errors
    /// [`PartEnded`] when a part of the relay ended by itself; the others are then ended like at a shutdown.
    pub async fn run(
        mut self,
        shutdown: impl Future<Output = ()>,
        mut reloads: mpsc::Receiver<Config>,
    ) -> Result<(), PartEnded> {
        tokio::pin!(shutdown);
        let ended = loop {
            tokio::select! {
                () = &mut shutdown => break Ok(()),
                part = self.deaths.first() => break Err(PartEnded(part)),
                Some(config) = reloads.recv() => {
                    self.connection_limits.store(Arc::new(config.connection_limits()));
                    self.web_limits.store(Arc::new(config.web_limits()));
                    if let Some((gateway, _)) = &self.web {
                        gateway.renew_certificate();
                    }
                    let _ = self.events.send(Event::Limits(config.core_limits())).await;
                    tracing::info!("limits read again");
                }
            }
        };
        match &ended {
            Ok(()) => tracing::info!("stopping"),
            Err(error) => tracing::error!(%error, "stopping"),
        }
        self.accepting.abort();
        if let Some((_, accepting)) = &self.web {
            accepting.abort();
        }
        let withdrawal = async {
            if let Some(announcement) = self.announcement {
                announcement.withdraw().await;
            }
        };
        let drain = async {
            let _ = self.events.send(Event::Stop).await;
            if let Err(error) = self.server.await {
                tracing::error!(%error, "the loop did not end well");
            }
        };
        let drain = tokio::time::timeout(DRAIN_AT_MOST, drain);
        let (_, drained) = tokio::join!(withdrawal, drain);
        if drained.is_err() {
            tracing::error!("the loop does not end");
        }
        if let Some(admin) = self.admin {
            admin.abort();
        }
        let media = self.media;
        if let Err(error) = tokio::task::spawn_blocking(move || media.finish()).await {
            tracing::error!(%error, "the media plane did not end well");
        }
        ended
    }
}

/// A part of a running relay that ended, though the relay was not stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} ended by itself, which is a bug: the relay cannot go on without it")]
pub struct PartEnded(pub Part);

/// Why [`run`] ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A part of it ended.
    #[error(transparent)]
    Part(#[from] PartEnded),
}

/// How long the loop may take to end: its own time for connections, and the last commits.
const DRAIN_AT_MOST: Duration = Duration::from_secs(10);

/// The task of a part, whose end is told.
async fn alive(pulse: Pulse, task: impl Future<Output = ()>) {
    let _pulse = pulse;
    task.await;
}

/// Starts a relay and serves until `shutdown` completes.
///
/// # Errors
/// [`RunError`] when it does not start, or a part of it ends by itself.
pub async fn run(
    sockets: Sockets,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let relay = Relay::start(sockets, &config).await?;
    let (_never, reloads) = mpsc::channel(1);
    Ok(relay.run(shutdown, reloads).await?)
}

/// Connections that may wait to be accepted: a whole school after a power cut. The kernel may give less.
const BACKLOG: i32 = 4096;
/// Bytes of the kernel's queues for one control connection, which accepted ones inherit.
///
/// Higher speeds media over TCP on long paths; lower bounds what one peer can make the kernel hold.
const CONTROL_SOCKET_BYTES: usize = 128 * 1024;

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // A restart must not wait for the connections of before.
    socket.set_reuse_address(true)?;
    socket.set_recv_buffer_size(CONTROL_SOCKET_BYTES)?;
    socket.set_send_buffer_size(CONTROL_SOCKET_BYTES)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn into_tokio(listener: TcpListener) -> std::io::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}
