//! Browsers that receive and count: as little of WebSocket as that needs, over plain TCP or TLS.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use conclave_protocol::id::RoomId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value, json};
use tokio_rustls::rustls::{ClientConnection, StreamOwned};

use crate::relay::RelayProcess;
use crate::trusting::trusting;
use crate::{RECEIVERS, Receivers};

/// How often each says that it is there.
const PING_EVERY: Duration = Duration::from_secs(5);

pub(crate) struct Browsers {
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    pictures: AtomicU64,
    blocks: AtomicU64,
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Browsers {
    pub(crate) fn join(relay: &RelayProcess, room: RoomId, tls: bool) -> Self {
        let browsers: Vec<_> = (0..RECEIVERS)
            .map(|n| {
                let stream = TcpStream::connect(relay.web).unwrap();
                let wire = match tls {
                    true => Wire::Tls(Box::new(trusting(stream))),
                    false => Wire::Plain(stream),
                };
                let mut browser = Browser::new(wire);
                browser.open(&relay.web.to_string());
                browser.request(json!({
                    "id": 1, "do": "sign_in", "version": 1, "username": format!("Browser{n}"),
                    "device": BASE64_URL_SAFE_NO_PAD.encode([n as u8; 32]),
                    "email": format!("browser{n}@example.org"),
                }));
                browser.request(json!({
                    "id": 2, "do": "join_room", "room": room.0, "microphone": false, "camera": false,
                }));
                browser
            })
            .collect();
        Self::drain(browsers, true)
    }

    /// Those that read what is written to the sockets.
    pub(crate) fn of_floor() -> (Self, Vec<TcpStream>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (browsers, sockets) = (0..RECEIVERS)
            .map(|_| {
                let browser = Browser::new(Wire::Plain(TcpStream::connect(address).unwrap()));
                let socket = listener.accept().unwrap().0;
                socket.set_nodelay(true).unwrap();
                (browser, socket)
            })
            .unzip();
        (Self::drain(browsers, false), sockets)
    }

    fn drain(mut browsers: Vec<Browser>, speak: bool) -> Self {
        let counts = Arc::<Counts>::default();
        let counted = Arc::clone(&counts);
        std::thread::spawn(move || drain(&mut browsers, &counted, speak));
        Self { counts }
    }
}

impl Receivers for Browsers {
    fn pictures(&self) -> u64 {
        self.counts.pictures.load(Ordering::Relaxed)
    }

    fn blocks(&self) -> u64 {
        self.counts.blocks.load(Ordering::Relaxed)
    }

    fn refresh(&mut self) {}
}

fn drain(browsers: &mut [Browser], counts: &Counts, speak: bool) {
    let mut memory = vec![0; 256 * 1024];
    let wait = Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    let mut ping_at = Instant::now();
    for browser in &mut *browsers {
        browser.wire.socket().set_nonblocking(true).unwrap();
        // What came in one piece with an answer.
        let rest = std::mem::take(&mut browser.unread);
        browser.count(&rest, counts);
    }
    loop {
        let ready: Vec<_> = {
            let sockets = browsers.iter().map(|browser| browser.wire.socket());
            let mut fds: Vec<_> = sockets.map(|s| PollFd::new(s, PollFlags::IN)).collect();
            let _ = poll(&mut fds, Some(&wait));
            fds.iter().map(|fd| !fd.revents().is_empty()).collect()
        };
        for (browser, _) in browsers.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            while let Ok(length @ 1..) = browser.wire.read(&mut memory) {
                browser.count(&memory[..length], counts);
            }
        }
        if speak && ping_at <= Instant::now() {
            ping_at = Instant::now() + PING_EVERY;
            for browser in &mut *browsers {
                browser.say(&json!({"do": "ping", "sent": 1}));
            }
        }
    }
}

struct Browser {
    wire: Wire,
    unread: Vec<u8>,
    /// Bytes of the frame that are still to come.
    skip: usize,
    header: Vec<u8>,
}

/// Opcode, length of the header and of what follows it, once they are there (RFC 6455, §5.2).
fn frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let &[first, length, ref rest @ ..] = bytes else {
        return None;
    };
    let (header, length) = match length {
        126 => (4, u16::from_be_bytes(*rest.first_chunk()?).into()),
        127 => (10, u64::from_be_bytes(*rest.first_chunk()?) as usize),
        short => (2, short.into()),
    };
    Some((first & 0x0f, header, length))
}

impl Browser {
    fn new(wire: Wire) -> Self {
        Self {
            wire,
            unread: Vec::new(),
            skip: 0,
            header: Vec::new(),
        }
    }

    fn open(&mut self, host: &str) {
        let head = format!(
            "GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
             Sec-WebSocket-Protocol: conclave.v1\r\n\r\n"
        );
        self.wire.write_all(head.as_bytes()).unwrap();
        loop {
            let end = self.unread.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                assert!(self.unread.starts_with(b"HTTP/1.1 101"));
                self.unread.drain(..end + 4);
                return;
            }
            self.read();
        }
    }

    fn read(&mut self) {
        let mut memory = [0; 4096];
        let length = self.wire.read(&mut memory).unwrap();
        assert!(length > 0, "closed");
        self.unread.extend_from_slice(&memory[..length]);
    }

    fn say(&mut self, value: &Value) {
        let text = value.to_string();
        let mut bytes = vec![0x81, 0x80 | 126];
        bytes.extend_from_slice(&u16::try_from(text.len()).unwrap().to_be_bytes());
        // A mask of zeros leaves the text as it is.
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(text.as_bytes());
        self.wire.write_all(&bytes).unwrap();
        self.wire.flush().unwrap();
    }

    fn request(&mut self, value: Value) {
        self.say(&value);
        loop {
            let there = frame(&self.unread)
                .filter(|(_, header, length)| self.unread.len() >= header + length);
            let Some((opcode, header, length)) = there else {
                self.read();
                continue;
            };
            let frame: Vec<_> = self.unread.drain(..header + length).collect();
            if opcode == 1 {
                let text: Value = serde_json::from_slice(&frame[header..]).unwrap();
                if text["reply"] == value["id"] {
                    assert!(text.get("ok").is_some(), "{text}");
                    return;
                }
            }
        }
    }

    fn count(&mut self, mut bytes: &[u8], counts: &Counts) {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let over = self.skip.min(bytes.len());
                (self.skip, bytes) = (self.skip - over, &bytes[over..]);
                continue;
            }
            self.header.push(bytes[0]);
            bytes = &bytes[1..];
            let Some((opcode, header, length)) = frame(&self.header) else {
                continue;
            };
            if self.header.len() < header {
                continue;
            }
            self.header.clear();
            self.skip = length;
            if opcode == 2 {
                let counter = match length {
                    ..1000 => &counts.blocks,
                    _ => &counts.pictures,
                };
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl Wire {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(tls) => &tls.sock,
        }
    }
}

impl Read for Wire {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(out),
            Self::Tls(tls) => tls.read(out),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}
