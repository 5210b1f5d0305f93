//! Faults that only a bug could cause, injected into a relay in this process.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use conclave_protocol::channel::{ChannelEvent, EndpointChannel};
use conclave_protocol::id::RequestId;
use conclave_protocol::identity::Identity;
use conclave_protocol::name::{DisplayName, Email, Username};
use conclave_protocol::secret::Secret;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::{Answer, Request, ToEndpoint, ToRelay};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

use super::*;
use crate::config::Listener;

/// How long a test waits for what must come: a lost session waits 30 s to be resumed.
const PATIENCE: Duration = Duration::from_secs(60);

struct Running {
    control: SocketAddr,
    web: SocketAddr,
    metrics: Arc<Metrics>,
    stop: oneshot::Sender<()>,
    events: mpsc::Sender<Event>,
    ended: tokio::task::JoinHandle<Result<(), PartEnded>>,
    _folder: tempfile::TempDir,
}

async fn start() -> Running {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.listen.control = free;
    config.listen.web = Listener::On(free);
    config.listen.admin = Listener::On(free);
    config.listen.announce = false;
    config.web.plain_http = true;
    config.data.dir = folder.path().join("data");
    let sockets = Sockets::bind(&config).unwrap();
    let control = sockets.control.local_addr().unwrap();
    let web = sockets.web.as_ref().unwrap().local_addr().unwrap();
    let relay = Relay::start(sockets, &config).await.unwrap();
    let metrics = relay.metrics();
    let events = relay.events.clone();
    let (stop, stopped) = oneshot::channel();
    let (_never, reloads) = mpsc::channel(1);
    let ended = tokio::spawn(relay.run(async { drop(stopped.await) }, reloads));
    Running {
        control,
        web,
        metrics,
        stop,
        events,
        ended,
        _folder: folder,
    }
}

impl Running {
    async fn wait_until(&self, what: &str, there: impl Fn(&Metrics) -> bool) {
        let waiting = async {
            while !there(&self.metrics) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "{what} did not happen");
    }
}

/// The control connection of an endpoint that has signed in.
async fn sign_in(control: SocketAddr, name: &str) -> (tokio::net::TcpStream, EndpointChannel) {
    sign_in_as(control, name, 7).await
}

async fn sign_in_as(
    control: SocketAddr,
    name: &str,
    seed: u8,
) -> (tokio::net::TcpStream, EndpointChannel) {
    let mut stream = tokio::net::TcpStream::connect(control).await.unwrap();
    let identity = Identity::from_secret(Secret([seed; 32]));
    let mut channel = EndpointChannel::initiator(&identity, None, Secret([8; 32]));
    let mut is_asked = false;
    loop {
        if channel.is_established() && !is_asked {
            is_asked = true;
            let request = Request::SignIn {
                username: Username::parse(name).unwrap(),
                display_name: DisplayName::parse(name).unwrap(),
                email: Email::parse("a@example.org").unwrap(),
                resume: None,
            };
            let id = RequestId(1);
            channel.send(&ToRelay::Request { id, request }).unwrap();
        }
        stream.write_all(&channel.take_output()).await.unwrap();
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the relay closed the connection");
        let mut input = &buffer[..read];
        while let Some(event) = channel.receive(&mut input).unwrap() {
            if let ChannelEvent::Message(ToEndpoint::Reply { result, .. }) = event {
                assert!(matches!(result, Ok(Answer::SignedIn(_))), "{result:?}");
                return (stream, channel);
            }
        }
    }
}

/// A browser's socket that has signed in.
fn browse(web: SocketAddr, name: &str) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(web).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request = format!("ws://{web}/ws").into_client_request().unwrap();
    let protocol = HeaderValue::from_static("conclave.v1");
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", protocol);
    let (mut socket, _) = client(request, stream).unwrap();
    let device = "A".repeat(43);
    let ask = format!(
        r#"{{"id":1,"do":"sign_in","version":1,"device":"{device}","username":"{name}","email":"b@example.org"}}"#
    );
    socket.send(Message::text(ask)).unwrap();
    while !socket.read().unwrap().is_text() {}
    socket
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_a_connection_s_task_is_the_end_of_that_connection_alone() {
    let relay = start().await;
    let (mut ana, mut channel) = sign_in(relay.control, "Ana").await;
    let web = relay.web;
    let bob = tokio::task::spawn_blocking(move || browse(web, "Bob"));
    let mut bob = bob.await.unwrap();
    let (_cem, _) = sign_in_as(relay.control, "Cem", 9).await;
    assert_eq!(relay.metrics.sessions.get(), 3);
    let sent = Instant(u64::MAX);
    channel.send(&ToRelay::Ping { sent }).unwrap();
    ana.write_all(&channel.take_output()).await.unwrap();
    bob.send(Message::text("panic")).unwrap();
    relay
        .wait_until("both panics", |m| m.task_panics.get() == 2)
        .await;
    relay
        .wait_until("the places of both", |m| {
            m.web_sockets.get() == 0 && m.web_connections.get() == 0 && m.connections.get() == 1
        })
        .await;
    relay
        .wait_until("the ends of both sessions", |m| m.sessions.get() == 1)
        .await;
    drop(relay.stop);
    assert_eq!(relay.ended.await.unwrap(), Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_panics_is_the_end_of_the_relay() {
    for part in [Part::Loop, Part::Media, Part::Store, Part::Pins] {
        let relay = start().await;
        let (mut ana, _channel) = sign_in(relay.control, "Ana").await;
        relay.events.send(Event::Panic(part)).await.unwrap();
        let ended = tokio::time::timeout(PATIENCE, relay.ended).await;
        assert_eq!(ended.unwrap().unwrap(), Err(PartEnded(part)));
        // Everyone is let go, so that they look for another one.
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, ana.read_to_end(&mut rest))
            .await
            .unwrap();
    }
}
