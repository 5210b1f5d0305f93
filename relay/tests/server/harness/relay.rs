//! A relay in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use conclave_protocol::id::RoomId;
use conclave_protocol::identity::PublicKey;
use conclave_protocol::wire::control::Joined;
use conclave_relay::config::{Config, Listener};
use conclave_relay::metrics::Metrics;
use conclave_relay::{Relay, Sockets};
use tokio::sync::{mpsc, oneshot};

use super::caller::Caller;
use super::endpoint::Endpoint;

/// A relay in this process.
pub(crate) struct TestRelay {
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    web: Option<SocketAddr>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) identity: PublicKey,
    pub(crate) reload: mpsc::Sender<Config>,
    pub(crate) config: Config,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    folder: Option<tempfile::TempDir>,
}

/// A configuration for many endpoints on one address.
fn generous(folder: &Path) -> Config {
    let mut config = Config::default();
    config.listen.control = (Ipv4Addr::LOCALHOST, 0).into();
    config.listen.admin = Listener::On((Ipv4Addr::LOCALHOST, 0).into());
    config.listen.web = Listener::On((Ipv4Addr::LOCALHOST, 0).into());
    config.listen.announce = false;
    // What TLS adds has tests of its own.
    config.web.plain_http = true;
    config.web.sockets_per_address = 100_000;
    config.web.handshakes_per_second = 100_000;
    config.web.handshakes_at_once = 100_000;
    config.data.dir = folder.join("data");
    config.limits.handshakes_per_second = 100_000;
    config.limits.handshakes_at_once = 100_000;
    config.limits.connections_per_address = 100_000;
    config.limits.sign_ups_at_once = 100_000;
    config
}

impl TestRelay {
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub(crate) fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = generous(folder.path());
        change(&mut config);
        let mut relay = Self::serve(config);
        relay.folder = Some(folder);
        relay
    }

    pub(crate) fn serve(config: Config) -> Self {
        let sockets = Sockets::bind(&config).unwrap();
        let address = sockets.control.local_addr().unwrap();
        let admin = sockets.admin.as_ref().unwrap().local_addr().unwrap();
        let web = sockets.web.as_ref().map(|web| web.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let (reload, reloads) = mpsc::channel(1);
        let (started, start) = std::sync::mpsc::channel();
        let for_thread = config.clone();
        let thread = std::thread::spawn(move || {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap()
                .block_on(async {
                    let relay = Relay::start(sockets, &for_thread).await.unwrap();
                    started.send((relay.metrics(), relay.identity())).unwrap();
                    let stopped = async { drop(stopped.await) };
                    relay.run(stopped, reloads).await.unwrap();
                });
        });
        let (metrics, identity) = start.recv().unwrap();
        Self {
            address,
            admin,
            web,
            metrics,
            identity,
            reload,
            config,
            stop: Some(stop),
            thread: Some(thread),
            folder: None,
        }
    }

    /// Where browsers are served.
    pub(crate) fn web(&self) -> SocketAddr {
        self.web.unwrap()
    }

    pub(crate) fn connect(&self, seed: u8) -> Endpoint {
        Endpoint::connect(self.address, seed)
    }

    /// An endpoint that is signed in.
    pub(crate) fn sign_in(&self, name: &str, seed: u8) -> Endpoint {
        let mut endpoint = self.connect(seed);
        endpoint.sign_in(name).unwrap();
        endpoint
    }

    /// An endpoint in a room.
    pub(crate) fn enter(&self, name: &str, seed: u8, room: RoomId) -> (Endpoint, Joined) {
        let mut endpoint = self.sign_in(name, seed);
        let joined = endpoint.join(room, None).unwrap();
        (endpoint, joined)
    }

    /// A call of two who publish a camera each, to see that nothing else harms it.
    pub(crate) fn call(&self) -> (Caller, Caller, RoomId) {
        let mut a = self.sign_in("Ana", 201);
        let room = a.create("call", None, 8).unwrap();
        a.join(room, None).unwrap();
        let (b, _) = self.enter("Bob", 202, room);
        (Caller::new(a), Caller::new(b), room)
    }

    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// Stops, and starts another on the same data.
    pub(crate) fn restart(mut self) -> Self {
        self.stop();
        let mut again = Self::serve(self.config.clone());
        again.folder = self.folder.take();
        again
    }
}

impl Drop for TestRelay {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
