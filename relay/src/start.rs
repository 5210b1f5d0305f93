//! How a relay starts: every part, in the order in which they need each other.

use std::future::Future;
use std::net::TcpListener;
use std::sync::Arc;

use arc_swap::ArcSwap;
use conclave_common::entropy;
use conclave_relay_core::fan_out::Routes;
use conclave_relay_core::{Core, Entropy, Web};
use rustc_hash::FxHashMap;
use tokio::sync::mpsc;

use crate::announce::Announcement;
use crate::config::Config;
use crate::control::{ConnectionIds, Shared};
use crate::data_dir::DataDir;
use crate::gateway::{Gateway, Surroundings};
use crate::health::{Health, Part, Pulse};
use crate::mail::{EVENTS, Event};
use crate::media::MediaPlane;
use crate::metrics::Metrics;
use crate::server::Server;
use crate::sockets::into_tokio;
use crate::store::pin::PinWorker;
use crate::store::{Database, Store};
use crate::{Relay, Sockets, StartError, admin, control, gateway};

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

/// The task of a part, whose end is told.
async fn alive(pulse: Pulse, task: impl Future<Output = ()>) {
    let _pulse = pulse;
    task.await;
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
}
