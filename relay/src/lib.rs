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
mod sockets;
mod start;
pub mod store;
mod task;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use conclave_common::clock;
use conclave_common::private_dir::PrivateDirError;
use conclave_protocol::identity::PublicKey;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use announce::Announcement;
use config::Config;
use control::ConnectionLimits;
use gateway::{CertificateError, Gateway, WebLimits};
use health::{Deaths, Health, Part};
use mail::Event;
use media::MediaPlane;
use metrics::Metrics;
use store::OpenError;

pub use sockets::Sockets;

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
    /// A socket, a thread or a task is not available.
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

impl Relay {
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
