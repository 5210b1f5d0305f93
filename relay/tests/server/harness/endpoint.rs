//! The control connection of an endpoint.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use conclave_protocol::channel::{ChannelEvent, EndpointChannel};
use conclave_protocol::id::{RequestId, RoomId, StreamId};
use conclave_protocol::name::{DisplayName, Email, Pin, RoomName, Username};
use conclave_protocol::secret::Secret;
use conclave_protocol::wire::control::{
    Answer, ClosingReason, Devices, Event, Joined, Refusal, Request, SignedIn, StreamOffer,
    ToEndpoint, ToRelay,
};

use super::{NONCE, PATIENCE, identity, say};

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

/// The connection ended.
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
    pub(crate) fn closing(&mut self) -> Option<ClosingReason> {
        let mut reason = None;
        loop {
            let ended = self.read().is_err();
            for event in self.events.drain(..) {
                if let Event::Closing { reason: why } = event {
                    reason = Some(why);
                }
            }
            if ended {
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
        self.request(say(None, line))
    }

    pub(crate) fn publish(&mut self, offer: StreamOffer) -> StreamId {
        match self.request(Request::Publish(offer)) {
            Ok(Answer::Published { stream }) => stream,
            other => panic!("{other:?}"),
        }
    }
}
