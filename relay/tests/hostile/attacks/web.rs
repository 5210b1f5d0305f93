//! Attacks on the gateway for browsers.

use std::collections::VecDeque;
use std::io::Write;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::{Turn, seed};
use crate::browser::{Browser, device, upgrade};
use crate::harness::PATIENCE;
use crate::harness::endpoint::Closed;

/// Sockets a second that send a text: as many connections as one address may.
const TEXTS: u32 = 40;
/// Connections a second that stay: as many as one address may.
const SOCKETS: u32 = 40;
/// Sockets that the attacker keeps: more than one address may have.
const KEPT: usize = 120;

/// A browser's socket, with nothing said; `None`, after a pause, when the relay refuses it now.
pub(super) fn open(turn: &Turn<'_>) -> Option<Browser> {
    let web = turn.target.relay.web;
    let opened = connect(web).and_then(|stream| Browser::try_open(upgrade(web), stream).ok());
    if opened.is_none() {
        turn.pause(Duration::from_millis(200));
    }
    opened
}

fn connect(web: std::net::SocketAddr) -> Option<TcpStream> {
    let stream = TcpStream::connect(web).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream
        .set_write_timeout(Some(Duration::from_millis(100)))
        .ok()?;
    stream.set_nodelay(true).ok()?;
    Some(stream)
}

/// Reads what is there, without waiting.
pub(super) fn read_all(browser: &mut Browser) -> Result<(), Closed> {
    while is_readable(browser.socket.get_ref()) {
        browser.read().map_err(|_| Closed)?;
    }
    browser.events.clear();
    browser.frames.clear();
    Ok(())
}

fn is_readable(socket: impl AsFd) -> bool {
    let mut fds = [PollFd::new(&socket, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

/// Messages that no page sends; each is the last of its socket, or is refused.
fn messages() -> Vec<Message> {
    let long = "A".repeat(48);
    let sign_in = |field: &str, value: &str| {
        let mut request = json!({
            "id": 1, "do": "sign_in", "version": 1, "device": device(seed(0)), "username": "Eve",
            "email": "eve@example.org",
        });
        request[field] = value.into();
        Message::text(request.to_string())
    };
    vec![
        sign_in("device", &long),
        sign_in("resume", &long),
        sign_in("device", &"A".repeat(15_000)),
        sign_in("username", &"\u{202e}".repeat(5_000)),
        Message::text("[".repeat(16_000)),
        Message::text(" ".repeat(16 * 1024 + 1)),
        Message::text(r#"{"id": 1, "do": "fly"}"#),
        Message::text(""),
        Message::binary(vec![9; 40]),
        Message::binary(vec![0; 512 * 1024 + 21]),
    ]
}

pub(super) fn texts(turn: &mut Turn<'_>) {
    let web = turn.target.relay.web;
    let messages = messages();
    let mut next = messages.iter().cycle();
    let mut open = VecDeque::new();
    let _ = turn.each(TEXTS, || {
        let opened = connect(web).and_then(|stream| Browser::try_open(upgrade(web), stream).ok());
        if let Some(mut browser) = opened {
            // A relay that has closed already says so to the writer.
            let _ = browser.socket.send(next.next().unwrap().clone());
            open.push_back(browser);
        }
        if open.len() > KEPT / 4 {
            open.pop_front();
        }
        Ok::<_, Closed>(())
    });
}

/// Sockets that say nothing, heads that stop, and pages that are not read.
pub(super) fn sockets(turn: &mut Turn<'_>) {
    let web = turn.target.relay.web;
    let mut open = VecDeque::new();
    let mut kinds = (0..3).cycle();
    let _ = turn.each(SOCKETS, || {
        let kind = kinds.next();
        let Some(mut stream) = connect(web) else {
            return Ok(());
        };
        let upgrade = if kind == Some(0) {
            "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
             Sec-WebSocket-Protocol: conclave.v1\r\n"
        } else {
            "GET / HTTP/1.1\r\n"
        };
        let end = if kind == Some(1) { "X-Slow: " } else { "\r\n" };
        let _ = write!(stream, "{upgrade}Host: {web}\r\n{end}");
        open.push_back(stream);
        if open.len() > KEPT {
            open.pop_front();
        }
        Ok::<_, Closed>(())
    });
}

/// Browsers in the room of the call that are there, and never read again.
pub(super) fn stuck(turn: &Turn<'_>, count: u8) -> Vec<Browser> {
    let mut stuck = Vec::new();
    for n in 0..count {
        let Some(mut browser) = open(turn) else {
            continue;
        };
        let came = browser.sign_in(&format!("Web{n}"), seed(n), None);
        let came = came.and_then(|_| browser.join(turn.target.room.0, None));
        if came.is_ok() {
            stuck.push(browser);
        }
    }
    stuck
}

/// Says that they are there.
pub(super) fn keep(browsers: &mut [Browser]) {
    for browser in browsers {
        browser.say(&json!({"do": "ping", "sent": 1}));
    }
}
