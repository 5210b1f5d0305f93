//! A relay of the test's own, and endpoints that say exactly what the test wants them to say.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::channel::{ChannelEvent, EndpointChannel};
use conclave_protocol::hop::{HopKeys, body_up};
use conclave_protocol::id::{
    Epoch, FrameNumber, RequestId, RoomId, SequenceNumber, SessionId, SourceId, StreamId,
};
use conclave_protocol::identity::{Identity, PublicKey};
use conclave_protocol::member_key::JoinNonce;
use conclave_protocol::name::{ChatText, DisplayName, Email, Pin, RoomName, Username};
use conclave_protocol::secret::Secret;
use conclave_protocol::units::PictureSize;
use conclave_protocol::wire::control::{
    Answer, Devices, Event, Joined, Layer, Media, Picture, Refusal, Request, SignedIn, StreamOffer,
    ToEndpoint, ToRelay,
};
use conclave_protocol::wire::feedback::{Padding, Probe};
use conclave_protocol::wire::header::{Header, Kind, TAG_BYTES};
use conclave_relay::config::{Config, Listener};
use conclave_relay::metrics::Metrics;
use conclave_relay::{Relay, Sockets};
use tokio::sync::{mpsc, oneshot};

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Of every join of these endpoints.
pub(crate) const NONCE: JoinNonce = JoinNonce([0x0a; 32]);

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
pub(crate) fn generous(folder: &Path) -> Config {
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

/// Waits until a count is there.
pub(crate) fn wait_until(what: &str, mut there: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !there() {
        assert!(Instant::now() < until, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Resident memory of this process in KiB.
pub(crate) fn resident_kib() -> u64 {
    resident_kib_of(Path::new("/proc/self/status"))
}

pub(crate) fn resident_kib_of(status: &Path) -> u64 {
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

pub(crate) fn identity(seed: u8) -> Identity {
    Identity::from_secret(Secret([seed; 32]))
}

pub(crate) fn text(text: &str) -> Box<ChatText> {
    Box::new(ChatText::parse(text).unwrap())
}

pub(crate) fn camera() -> StreamOffer {
    StreamOffer {
        source: SourceId(0),
        media: Media::Camera(Picture {
            layer: Layer::Full,
            size: PictureSize {
                width: 1280,
                height: 720,
            },
            fps: 30,
        }),
    }
}

/// The control connection of an endpoint.
pub(crate) struct Endpoint {
    pub(crate) stream: TcpStream,
    pub(crate) channel: EndpointChannel,
    pub(crate) relay: SocketAddr,
    pub(crate) signed_in: Option<SignedIn>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) datagrams: VecDeque<Vec<u8>>,
    pub(crate) pongs: usize,
    pub(crate) replies: VecDeque<(RequestId, Result<Answer, Refusal>)>,
    last_request: u32,
}

/// A connection that is over.
#[derive(Debug)]
pub(crate) struct Closed;

impl Endpoint {
    pub(crate) fn connect(relay: SocketAddr, seed: u8) -> Self {
        Self::try_connect(TcpStream::connect(relay).unwrap(), seed).unwrap()
    }

    pub(crate) fn try_connect(stream: TcpStream, seed: u8) -> Result<Self, Closed> {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut ephemeral = Secret([0; 32]);
        getrandom::fill(&mut ephemeral.0).unwrap();
        let mut endpoint = Self {
            relay: stream.peer_addr().map_err(|_| Closed)?,
            stream,
            channel: EndpointChannel::initiator(&identity(seed), None, ephemeral),
            signed_in: None,
            events: VecDeque::new(),
            datagrams: VecDeque::new(),
            pongs: 0,
            replies: VecDeque::new(),
            last_request: 0,
        };
        while !endpoint.channel.is_established() {
            endpoint.flush()?;
            endpoint.read()?;
        }
        endpoint.flush()?;
        Ok(endpoint)
    }

    pub(crate) fn flush(&mut self) -> Result<(), Closed> {
        let output = self.channel.take_output();
        self.stream.write_all(&output).map_err(|_| Closed)
    }

    /// Reads what is there, waiting for it.
    pub(crate) fn read(&mut self) -> Result<(), Closed> {
        let mut buffer = [0; 65536];
        let read = match self.stream.read(&mut buffer) {
            Ok(0) => return Err(Closed),
            Ok(read) => read,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("nothing came for {PATIENCE:?}")
            }
            Err(_) => return Err(Closed),
        };
        let mut input = &buffer[..read];
        while let Some(event) = self.channel.receive(&mut input).unwrap() {
            match event {
                ChannelEvent::Established { .. } => {}
                ChannelEvent::Message(ToEndpoint::Reply { id, result }) => {
                    self.replies.push_back((id, result));
                }
                ChannelEvent::Message(ToEndpoint::Event(event)) => self.events.push_back(event),
                ChannelEvent::Message(ToEndpoint::Datagram(datagram)) => {
                    self.datagrams.push_back(datagram);
                }
                ChannelEvent::Message(ToEndpoint::Pong { .. }) => self.pongs += 1,
            }
        }
        Ok(())
    }

    pub(crate) fn send(&mut self, message: &ToRelay) -> Result<(), Closed> {
        self.channel.send(message).unwrap();
        self.flush()
    }

    /// Sends a request without waiting for its reply.
    pub(crate) fn ask(&mut self, request: Request) -> Result<RequestId, Closed> {
        self.last_request += 1;
        let id = RequestId(self.last_request);
        self.send(&ToRelay::Request { id, request })?;
        Ok(id)
    }

    pub(crate) fn reply_to(&mut self, id: RequestId) -> Result<Result<Answer, Refusal>, Closed> {
        loop {
            if let Some(at) = self.replies.iter().position(|(of, _)| *of == id) {
                return Ok(self.replies.remove(at).unwrap().1);
            }
            self.read()?;
        }
    }

    /// Sends a request and waits for its reply.
    pub(crate) fn request(&mut self, request: Request) -> Result<Answer, Refusal> {
        let id = self.ask(request).unwrap();
        self.reply_to(id).unwrap()
    }

    /// Waits for the first event that fits, and drops those before it.
    pub(crate) fn event<T>(&mut self, mut fits: impl FnMut(Event) -> Option<T>) -> T {
        loop {
            while let Some(event) = self.events.pop_front() {
                if let Some(found) = fits(event) {
                    return found;
                }
            }
            self.read().unwrap();
        }
    }

    /// Reads until the relay closes; gives the reason it named, if it did.
    pub(crate) fn closing(&mut self) -> Option<conclave_protocol::wire::control::ClosingReason> {
        let mut reason = None;
        loop {
            let over = self.read().is_err();
            for event in self.events.drain(..) {
                if let Event::Closing { reason: why } = event {
                    reason = Some(why);
                }
            }
            if over {
                return reason;
            }
        }
    }

    /// Everything that the relay has sent before it answers this ping.
    pub(crate) fn settle(&mut self) {
        let before = self.pongs;
        let sent = conclave_protocol::time::Instant(1);
        self.send(&ToRelay::Ping { sent }).unwrap();
        while self.pongs == before {
            self.read().unwrap();
        }
    }

    pub(crate) fn sign_in(&mut self, name: &str) -> Result<SignedIn, Refusal> {
        self.sign_in_as(name, &format!("{}@example.org", name.to_lowercase()), None)
    }

    pub(crate) fn sign_in_as(
        &mut self,
        name: &str,
        email: &str,
        resume: Option<Secret<32>>,
    ) -> Result<SignedIn, Refusal> {
        let username = Username::parse(name).unwrap();
        let request = Request::SignIn {
            display_name: DisplayName::from(&username),
            username,
            email: Email::parse(email).unwrap(),
            resume,
        };
        match self.request(request)? {
            Answer::SignedIn(signed_in) => {
                self.signed_in = Some((*signed_in).clone());
                Ok(*signed_in)
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn create(
        &mut self,
        name: &str,
        pin: Option<&str>,
        capacity: u16,
    ) -> Result<RoomId, Refusal> {
        let request = Request::CreateRoom {
            name: RoomName::parse(name).unwrap(),
            pin: pin.map(|pin| Pin::parse(pin).unwrap()),
            capacity,
        };
        match self.request(request)? {
            Answer::Created { room } => Ok(room),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn join(&mut self, room: RoomId, pin: Option<&str>) -> Result<Joined, Refusal> {
        let request = Request::JoinRoom {
            room,
            pin: pin.map(|pin| Pin::parse(pin).unwrap()),
            devices: Devices::default(),
            nonce: NONCE,
        };
        match self.request(request)? {
            Answer::Joined(joined) => Ok(*joined),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn say(&mut self, line: &str) -> Result<Answer, Refusal> {
        self.request(Request::Say {
            to: None,
            text: text(line),
        })
    }

    pub(crate) fn publish(&mut self, offer: StreamOffer) -> StreamId {
        match self.request(Request::Publish(offer)) {
            Ok(Answer::Published { stream }) => stream,
            other => panic!("{other:?}"),
        }
    }
}

/// An endpoint with its media socket and one camera stream.
pub(crate) struct Caller {
    pub(crate) control: Endpoint,
    pub(crate) udp: UdpSocket,
    pub(crate) session: SessionId,
    pub(crate) keys: HopKeys,
    pub(crate) counter: u64,
    /// The highest counter of the answers that came.
    seen: Option<u64>,
    pub(crate) stream: StreamId,
    frame: u32,
    sequence: u64,
}

impl Caller {
    /// Takes an endpoint in a room, proves its path and publishes.
    pub(crate) fn new(control: Endpoint) -> Self {
        let mut caller = Self::unproven(control);
        caller.probe();
        caller
    }

    /// The same without a proven path.
    pub(crate) fn unproven(mut control: Endpoint) -> Self {
        let signed_in = control.signed_in.clone().unwrap();
        let stream = control.publish(camera());
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        udp.connect(control.relay).unwrap();
        udp.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            control,
            udp,
            session: signed_in.session,
            keys: HopKeys::derive(&signed_in.hop_secret),
            counter: 0,
            seen: None,
            stream,
            frame: 0,
            sequence: 0,
        }
    }

    pub(crate) fn next_counter(&mut self) -> u64 {
        self.counter += 1;
        self.counter - 1
    }

    pub(crate) fn probe_bytes(&mut self) -> Vec<u8> {
        self.padded_probe_bytes(0)
    }

    /// A probe of so many bytes.
    pub(crate) fn padded_probe_bytes(&mut self, length: usize) -> Vec<u8> {
        let ask = Probe::Ask {
            sent: conclave_protocol::time::Instant(7),
            seen: self.seen,
            padding: Padding::NONE,
        };
        let mut out = [0; MAX_DATAGRAM];
        let counter = self.next_counter();
        let length = self
            .keys
            .seal_up(
                self.session,
                counter,
                Kind::Probe,
                &ask.padded_to(body_up(length)),
                &mut out,
            )
            .unwrap();
        out[..length].to_vec()
    }

    /// Probes until the relay answers over UDP and knows that its answer came: by then it has taken what was sent
    /// before.
    ///
    /// Where others fill the relay's queue the kernel may drop a probe, so it is sent again, as endpoints do.
    pub(crate) fn probe(&mut self) {
        let again = Some(Duration::from_millis(250));
        self.udp.set_read_timeout(again).unwrap();
        let until = Instant::now() + PATIENCE;
        for _ in ["is there a way", "it was seen"] {
            while !self.is_answered() {
                assert!(Instant::now() < until, "no probe was answered");
            }
        }
        self.udp.set_read_timeout(Some(PATIENCE)).unwrap();
    }

    fn is_answered(&mut self) -> bool {
        let probe = self.probe_bytes();
        self.udp.send(&probe).unwrap();
        let mut buffer = [0; 2048];
        loop {
            let length = match self.udp.recv(&mut buffer) {
                Ok(length) => length,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    return false;
                }
            };
            if buffer[0] == Kind::Probe as u8 {
                let (counter, answer): (u64, Probe) =
                    self.keys.open_down(&mut buffer[..length]).unwrap();
                assert!(matches!(answer, Probe::Answer { sent, .. } if sent.0 == 7));
                self.seen = self.seen.max(Some(counter));
                return true;
            }
        }
    }

    /// Shows the relay that both ways still stand.
    pub(crate) fn refresh(&mut self) {
        self.probe();
        self.control.settle();
    }

    /// A packet of this caller's stream; its payload is not really sealed, which no relay can tell.
    pub(crate) fn packet(
        &mut self,
        kind: Kind,
        fragment: u16,
        fragments: u16,
        payload: usize,
    ) -> Vec<u8> {
        let header = Header {
            kind,
            level: 0,
            epoch: Epoch(0),
            stream: self.stream,
            sequence: SequenceNumber(self.sequence),
            timestamp: conclave_protocol::time::Instant(u64::from(self.frame) * 33_333 + 1),
            frame: FrameNumber(self.frame),
            fragment,
            fragments,
        };
        self.sequence += 1;
        let mut packet = header.emit().to_vec();
        packet.resize(packet.len() + payload + TAG_BYTES, fragment as u8);
        packet
    }

    pub(crate) fn tagged(&mut self, packet: &[u8]) -> Vec<u8> {
        let counter = self.next_counter();
        let mut datagram = self.keys.tag_media(self.session, counter, packet).to_vec();
        datagram.extend_from_slice(packet);
        datagram
    }

    /// One frame's packets, as receivers must get them.
    pub(crate) fn frame(&mut self, fragments: u16) -> Vec<Vec<u8>> {
        self.frame += 1;
        (0..fragments)
            .map(|i| {
                let payload = if i + 1 == fragments { 300 } else { 1124 };
                self.packet(Kind::Video, i, fragments, payload)
            })
            .collect()
    }

    /// Sends one frame over UDP.
    pub(crate) fn send_frame(&mut self, fragments: u16) -> Vec<Vec<u8>> {
        let packets = self.frame(fragments);
        for packet in &packets {
            let datagram = self.tagged(packet);
            self.udp.send(&datagram).unwrap();
        }
        packets
    }

    /// The next media packet over UDP.
    pub(crate) fn receive(&mut self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        loop {
            let length = self.udp.recv(&mut buffer).unwrap();
            if buffer[0] != Kind::Probe as u8 {
                return buffer[..length].to_vec();
            }
        }
    }

    /// Sees that a frame of the other's arrives whole and untouched.
    pub(crate) fn check_frame_from(&mut self, other: &mut Caller) {
        for packet in other.send_frame(34) {
            assert_eq!(self.receive(), packet);
        }
    }
}

/// The program, serving; killed when dropped.
pub(crate) struct Serving {
    pub(crate) child: Child,
    pub(crate) control: SocketAddr,
}

impl Serving {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[], Stdio::inherit())
    }

    /// With more in its environment, and its log going there.
    pub(crate) fn start_with(folder: &Path, more: &[(&str, &str)], log: Stdio) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_conclave-relay"))
            .args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .args(["--web", "off"])
            .arg("--data-dir")
            .arg(folder.join("data"))
            .env("CONCLAVE_RELAY__LOG__FILTER", "warn")
            .env("CONCLAVE_RELAY__LISTEN__ANNOUNCE", "false")
            .env("CONCLAVE_RELAY__LIMITS__HANDSHAKES_AT_ONCE", "100000")
            .env("CONCLAVE_RELAY__LIMITS__CONNECTIONS_PER_ADDRESS", "100000")
            .env("CONCLAVE_RELAY__LIMITS__SIGN_UPS_AT_ONCE", "100000")
            .envs(more.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let control = line
            .split_whitespace()
            .find_map(|word| word.strip_prefix("control="))
            .unwrap_or_else(|| panic!("{line:?}"));
        Self {
            control: control.parse().unwrap(),
            child,
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address of loopback other than 127.0.0.1.
pub(crate) fn elsewhere(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, last).into()
}
