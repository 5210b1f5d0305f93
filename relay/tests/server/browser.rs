//! A browser of the test's own: WebSocket and JSON, without a line of the gateway's code.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use conclave_protocol::id::RoomId;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::handshake::HandshakeError;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request};
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

use crate::harness::{PATIENCE, TestRelay};

/// A browser's socket.
pub(crate) struct Browser<S = TcpStream> {
    pub(crate) socket: WebSocket<S>,
    pub(crate) events: VecDeque<Value>,
    pub(crate) frames: VecDeque<Frame>,
    replies: Vec<Value>,
    pongs: usize,
    since: Instant,
    last_request: u32,
}

/// A binary frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) level: u8,
    pub(crate) stream: u32,
    pub(crate) captured_us: u64,
    pub(crate) number: u32,
    pub(crate) body: Vec<u8>,
}

impl Frame {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        assert_eq!(bytes[2..4], [0, 0]);
        Self {
            kind: bytes[0],
            level: bytes[1],
            stream: u32::from_le_bytes(bytes[4..8].try_into().unwrap()),
            captured_us: u64::from_le_bytes(bytes[8..16].try_into().unwrap()),
            number: u32::from_le_bytes(bytes[16..20].try_into().unwrap()),
            body: bytes[20..].to_vec(),
        }
    }

    pub(crate) fn emit(&self) -> Vec<u8> {
        let mut bytes = vec![self.kind, self.level, 0, 0];
        bytes.extend_from_slice(&self.stream.to_le_bytes());
        bytes.extend_from_slice(&self.captured_us.to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// A picture as the gateway takes it: between a JPEG's markers.
pub(crate) fn jpeg(length: usize, fill: u8) -> Vec<u8> {
    let mut bytes = vec![fill; length];
    bytes[..2].copy_from_slice(&[0xff, 0xd8]);
    bytes[length - 2..].copy_from_slice(&[0xff, 0xd9]);
    bytes
}

pub(crate) fn device(seed: u8) -> String {
    BASE64_URL_SAFE_NO_PAD.encode([seed; 32])
}

/// A request for a socket, as a browser on the relay's own page makes it.
pub(crate) fn upgrade(web: SocketAddr) -> Request<()> {
    let mut request = format!("ws://{web}/ws").into_client_request().unwrap();
    let headers = request.headers_mut();
    let protocol = HeaderValue::from_static("conclave.v1");
    headers.insert("sec-websocket-protocol", protocol);
    let origin = HeaderValue::from_str(&format!("http://{web}")).unwrap();
    headers.insert("origin", origin);
    request
}

/// The status of a refused request for a socket.
pub(crate) fn refused(request: Request<()>, web: SocketAddr) -> u16 {
    let stream = TcpStream::connect(web).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    match client(request, stream) {
        Err(HandshakeError::Failure(Error::Http(response))) => response.status().as_u16(),
        other => panic!("{other:?}"),
    }
}

/// What a plain request for `path` is answered with.
pub(crate) fn fetch(web: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(web).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {web}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

impl TestRelay {
    /// A browser's socket, with nothing said.
    pub(crate) fn browser(&self) -> Browser {
        let stream = TcpStream::connect(self.web()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Browser::open(stream, self.web())
    }

    /// A browser that is signed in.
    pub(crate) fn browse(&self, name: &str, seed: u8) -> Browser {
        let mut browser = self.browser();
        browser.sign_in(name, seed, None).unwrap();
        browser
    }

    /// A browser in a room.
    pub(crate) fn browse_into(&self, name: &str, seed: u8, room: RoomId) -> (Browser, Value) {
        let mut browser = self.browse(name, seed);
        let joined = browser.join(room.0, None).unwrap();
        (browser, joined)
    }
}

impl<S: Read + Write> Browser<S> {
    pub(crate) fn open(stream: S, web: SocketAddr) -> Self {
        Self::open_with(upgrade(web), stream)
    }

    pub(crate) fn open_with(request: Request<()>, stream: S) -> Self {
        Self::try_open(request, stream).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The error's words when no socket is available.
    pub(crate) fn try_open(request: Request<()>, stream: S) -> Result<Self, String> {
        let (socket, _) = client(request, stream).map_err(|error| error.to_string())?;
        Ok(Self {
            socket,
            events: VecDeque::new(),
            frames: VecDeque::new(),
            replies: Vec::new(),
            pongs: 0,
            since: Instant::now(),
            last_request: 0,
        })
    }

    /// Reads one message; the close code when that was the last.
    pub(crate) fn read(&mut self) -> Result<(), Option<u16>> {
        let read = match self.socket.read() {
            Ok(Message::Text(text)) => {
                let value: Value = serde_json::from_str(&text).unwrap();
                if value.get("reply").is_some() {
                    self.replies.push(value);
                } else if value.get("pong").is_some() {
                    self.pongs += 1;
                } else {
                    self.events.push_back(value);
                }
                Ok(())
            }
            Ok(Message::Binary(bytes)) => {
                self.frames.push_back(Frame::parse(&bytes));
                Ok(())
            }
            Ok(Message::Close(close)) => Err(close.map(|close| close.code.into())),
            // The gateway's pings must not make a test wait for ever.
            Ok(_) => {
                let waited = self.since.elapsed();
                assert!(waited < 3 * PATIENCE, "only pings came for {waited:?}");
                return Ok(());
            }
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("nothing came for {PATIENCE:?}")
            }
            Err(_) => Err(None),
        };
        self.since = Instant::now();
        read
    }

    /// Waits until the core has done everything that was asked of it before.
    pub(crate) fn settle_core(&mut self) {
        self.request(json!({"do": "list_rooms"})).unwrap();
    }

    pub(crate) fn say_text(&mut self, text: &str) {
        // A relay that has closed already says so to the reader.
        let _ = self.socket.send(Message::text(text));
    }

    pub(crate) fn say(&mut self, value: &Value) {
        self.say_text(&value.to_string());
    }

    /// Sends a request without waiting for its reply.
    pub(crate) fn ask(&mut self, mut request: Value) -> u32 {
        self.last_request += 1;
        request["id"] = self.last_request.into();
        self.say(&request);
        self.last_request
    }

    pub(crate) fn reply_to(&mut self, id: u32) -> Result<Value, String> {
        loop {
            if let Some(at) = self.replies.iter().position(|of| of["reply"] == id) {
                let mut reply = self.replies.remove(at);
                return match reply.get_mut("ok") {
                    Some(ok) => Ok(ok.take()),
                    None => Err(reply["refused"].as_str().unwrap().into()),
                };
            }
            self.read().unwrap();
        }
    }

    /// Sends a request and waits for its reply; the refusal's word when it is refused.
    pub(crate) fn request(&mut self, request: Value) -> Result<Value, String> {
        let id = self.ask(request);
        self.reply_to(id)
    }

    pub(crate) fn sign_in(
        &mut self,
        name: &str,
        seed: u8,
        resume: Option<&str>,
    ) -> Result<Value, String> {
        let mut request = json!({
            "do": "sign_in",
            "version": 1,
            "device": device(seed),
            "username": name,
            "email": format!("{}@example.org", name.to_lowercase()),
        });
        if let Some(resume) = resume {
            request["resume"] = resume.into();
        }
        self.request(request)
    }

    pub(crate) fn enter_link(
        &mut self,
        token: &str,
        name: &str,
        seed: u8,
    ) -> Result<Value, String> {
        self.request(json!({
            "do": "enter_link",
            "version": 1,
            "device": device(seed),
            "token": token,
            "display_name": name,
        }))
    }

    pub(crate) fn join(&mut self, room: u32, pin: Option<&str>) -> Result<Value, String> {
        let mut request =
            json!({"do": "join_room", "room": room, "microphone": false, "camera": false});
        if let Some(pin) = pin {
            request["pin"] = pin.into();
        }
        self.request(request)
    }

    pub(crate) fn publish(&mut self, source: u8, media: Value) -> u32 {
        let request = json!({"do": "publish", "source": source, "media": media});
        let stream = &self.request(request).unwrap()["stream"];
        u32::try_from(stream.as_u64().unwrap()).unwrap()
    }

    pub(crate) fn publish_camera(&mut self) -> u32 {
        let media = json!({"kind": "camera", "width": 640, "height": 360, "fps": 15});
        self.publish(0, media)
    }

    pub(crate) fn send(&mut self, frame: &Frame) {
        let _ = self.socket.send(Message::binary(frame.emit()));
    }

    /// Waits for the first event of this name, and drops those before it.
    pub(crate) fn event(&mut self, name: &str) -> Value {
        loop {
            while let Some(event) = self.events.pop_front() {
                if event["event"] == name {
                    return event;
                }
            }
            self.read().unwrap();
        }
    }

    /// Waits for the next media frame.
    pub(crate) fn frame(&mut self) -> Frame {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return frame;
            }
            self.read().unwrap();
        }
    }

    /// Everything that the gateway has said before it answers this ping.
    pub(crate) fn settle(&mut self) {
        let before = self.pongs;
        self.say(&json!({"do": "ping", "sent": 1}));
        while self.pongs == before {
            self.read().unwrap();
        }
    }

    /// Reads until the gateway closes; gives the reason of its closing event, and the close code.
    pub(crate) fn closing(&mut self) -> (Option<String>, Option<u16>) {
        let code = loop {
            if let Err(code) = self.read() {
                break code;
            }
        };
        let closing = self.events.iter().find(|event| event["event"] == "closing");
        let reason = closing.map(|event| event["reason"].as_str().unwrap().into());
        (reason, code)
    }
}
