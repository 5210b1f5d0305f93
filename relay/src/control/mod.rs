//! The control plane: accepts connections and runs one task for each.

mod admission;
mod connection;
mod presence;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use conclave_protocol::identity::Identity;
use conclave_relay_core::ConnectionId;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

pub use admission::ConnectionLimits;
pub(crate) use presence::Presence;

use crate::mail::Event;
use crate::media::MediaHandle;
use crate::metrics::Metrics;
use crate::task;
use admission::Admission;

/// How often limiters that are as good as new are forgotten.
const FORGET_EACH: Duration = Duration::from_secs(60);
/// Pause after an accept that failed, as it does without file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Draws the numbers of connections, of endpoints and browsers alike.
#[derive(Debug, Default)]
pub(crate) struct ConnectionIds(AtomicU64);

impl ConnectionIds {
    /// A number that no connection has had.
    pub(crate) fn draw(&self) -> ConnectionId {
        ConnectionId(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// What every connection needs.
pub(crate) struct Shared {
    pub(crate) identity: Identity,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) media: MediaHandle,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) connections: Arc<ConnectionIds>,
}

/// Accepts connections until it is dropped.
pub(crate) async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    limits: Arc<ArcSwap<ConnectionLimits>>,
) {
    let admission = Admission::new(limits, Arc::clone(&shared.metrics));
    let mut forget = tokio::time::interval(FORGET_EACH);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = forget.tick() => {
                admission.forget_idle();
                continue;
            }
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "cannot accept");
                shared.metrics.connections_refused.inc();
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Some((place, half_open)) = admission.admit(peer.ip()) else {
            continue;
        };
        let id = shared.connections.draw();
        let shared = Arc::clone(&shared);
        let metrics = Arc::clone(&shared.metrics);
        task::spawn(&metrics, "control connection", async move {
            let _place = place;
            connection::serve(id, stream, peer, shared, half_open).await;
        });
    }
}
