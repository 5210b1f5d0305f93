//! The loop that owns the core: one [`Event`] at a time in, its effects carried out.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::{Refusal, ToEndpoint};
use conclave_relay_core::fan_out::Routes;
use conclave_relay_core::{ConnectionId, Core, Effect, Ending, MediaCommand};
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::mpsc;

use crate::clock;
#[cfg(test)]
use crate::health::Part;
use crate::health::{BEAT_EACH, Pulse};
use crate::mail::{Event, Outbox, Unsent};
use crate::media::{MediaHandle, PlaneCommand};
use crate::metrics::Metrics;
use crate::store::pin::PinWorker;
use crate::store::{Store, Stored};

/// Events between two times that effects are carried out. Higher publishes routes less often under
/// load; lower has fewer messages queued at once.
const BATCH: usize = 16;
/// How long connections may take to read the closing.
pub(crate) const DRAIN: Duration = Duration::from_secs(5);

/// The core with its hands.
pub(crate) struct Server {
    /// First, so that its end is told before those of the threads that end with the rest.
    pub(crate) pulse: Pulse,
    pub(crate) core: Core,
    pub(crate) outboxes: FxHashMap<ConnectionId, Outbox>,
    pub(crate) store: Store,
    pub(crate) pins: PinWorker,
    pub(crate) media: MediaHandle,
    pub(crate) routes: Arc<ArcSwap<Routes>>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Server {
    /// Runs until [`Event::Stop`] came and every connection has read its closing, or time is up.
    pub(crate) async fn run(mut self, mut events: mpsc::Receiver<Event>) {
        let mut open = FxHashSet::default();
        let mut stop_at = None;
        loop {
            let now = clock::now();
            self.pulse.beat();
            let wait = self.core.next_time().since(now).as_duration();
            let wait = wait.min(BEAT_EACH);
            let wait = stop_at.map_or(wait, |at: tokio::time::Instant| {
                wait.min(at.saturating_duration_since(tokio::time::Instant::now()))
            });
            let event = tokio::time::timeout(wait, events.recv()).await;
            let now = clock::now();
            self.core.set_time(now, clock::steady(), clock::wall());
            match event {
                Ok(Some(first)) => {
                    let mut next = Some(first);
                    let mut left = BATCH;
                    while let Some(event) = next {
                        match &event {
                            Event::Connected { connection, .. } => {
                                open.insert(*connection);
                            }
                            // A task that ended early may not have told of its connection before.
                            Event::Disconnected { connection } => {
                                open.remove(connection);
                            }
                            Event::Stop => stop_at = Some(tokio::time::Instant::now() + DRAIN),
                            _ => {}
                        }
                        self.handle(now, event);
                        // What waits already shares one change of the routes.
                        left -= 1;
                        next = (left > 0).then(|| events.try_recv().ok()).flatten();
                    }
                }
                Ok(None) => break,
                Err(_) => {}
            }
            if stop_at.is_some() {
                // Connections accepted during shutdown are told, too.
                self.core.handle_stop();
            }
            self.core.handle_time(now);
            self.carry_out(now);
            if let Some(at) = stop_at
                && (open.is_empty() || tokio::time::Instant::now() >= at)
            {
                break;
            }
        }
        self.finish(events).await;
    }

    /// Lets the store write what it holds.
    async fn finish(self, mut events: mpsc::Receiver<Event>) {
        events.close();
        while events.try_recv().is_ok() {}
        // The store may be waiting to hand in an answer, which is not read any more.
        drop(events);
        let store = self.store;
        let finished = tokio::task::spawn_blocking(move || store.finish()).await;
        if let Err(error) = finished {
            tracing::error!(%error, "the store did not finish");
        }
    }

    fn handle(&mut self, now: Instant, event: Event) {
        match event {
            Event::Connected {
                connection,
                peer,
                outbox,
            } => {
                self.outboxes.insert(connection, outbox);
                self.core.handle_connected(connection, peer);
            }
            Event::Request {
                connection,
                id,
                request,
            } => self.core.handle_request(connection, id, request),
            Event::Guest {
                connection,
                id,
                guest,
            } => self.core.handle_guest(connection, id, guest),
            Event::Disconnected { connection } => {
                self.outboxes.remove(&connection);
                self.core.handle_disconnected(now, connection);
            }
            Event::Stored(Stored { token, answer }) => self.core.handle_stored(token, answer),
            Event::Pin { token, answer } => self.core.handle_pin(token, answer),
            Event::Limits(limits) => self.core.handle_limits(limits),
            Event::Stop => {}
            #[cfg(test)]
            Event::Panic(Part::Media) => self.media.tell(PlaneCommand::Panic),
            #[cfg(test)]
            Event::Panic(Part::Store) => self.store.panic(),
            #[cfg(test)]
            Event::Panic(Part::Pins) => self.pins.panic(),
            #[cfg(test)]
            Event::Panic(_) => panic!("injected"),
        }
    }

    fn carry_out(&mut self, now: Instant) {
        // Before any reply: a stream is routed before its publisher knows its number.
        if let Some(routes) = self.core.take_routes() {
            self.routes.store(routes);
        }
        while let Some(effect) = self.core.next_effect() {
            match effect {
                Effect::Send { to, message } => {
                    self.send(to, message, now);
                }
                Effect::End { connection, ending } => {
                    if let Some(outbox) = self.outboxes.remove(&connection)
                        && let Ending::Now(reason) = ending
                    {
                        outbox.end_now(reason);
                    }
                }
                Effect::Store(command) => {
                    let token = command.token();
                    if !self.store.send(command) {
                        self.metrics.store_failures.inc();
                        let refused = Err(Refusal::StorageFailed);
                        self.core.handle_stored(token, refused);
                    }
                }
                Effect::Pin(command) => {
                    let token = command.token();
                    if !self.pins.send(command) {
                        let retry_after_ms = 1_000;
                        let refused = Err(Refusal::RateLimited { retry_after_ms });
                        self.core.handle_pin(token, refused);
                    }
                }
                Effect::Media(command) => self.tell_media(command),
            }
        }
        if let Some(routes) = self.core.take_routes() {
            self.routes.store(routes);
        }
        self.show_counts();
    }

    fn send(&mut self, to: ConnectionId, message: Arc<ToEndpoint>, now: Instant) {
        let sent = self.outboxes.get(&to).map(|outbox| outbox.send(message));
        match sent {
            Some(Err(Unsent::Full)) => {
                if self.core.handle_too_slow(to) {
                    self.metrics.sessions_too_slow.inc();
                }
            }
            Some(Err(Unsent::Closed)) => {
                self.outboxes.remove(&to);
                self.core.handle_disconnected(now, to);
            }
            Some(Ok(())) | None => {}
        }
    }

    fn show_counts(&mut self) {
        self.metrics
            .web_links_refused
            .inc_by(self.core.take_refused_links());
        let (sessions, rooms, participants) = self.core.counts();
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.sessions.set(gauge(sessions));
        self.metrics.rooms.set(gauge(rooms));
        self.metrics.participants.set(gauge(participants));
    }

    fn tell_media(&self, command: MediaCommand) {
        match command {
            MediaCommand::Open {
                session,
                secret,
                fallback,
                address,
            } => {
                if let Some(outbox) = self.outboxes.get(&fallback) {
                    self.media.tell(PlaneCommand::Open {
                        session,
                        secret,
                        fallback: outbox.media(),
                        address,
                    });
                }
            }
            MediaCommand::Close { session } => self.media.tell(PlaneCommand::Close { session }),
        }
    }
}
