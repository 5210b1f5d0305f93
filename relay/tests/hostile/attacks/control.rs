//! Attacks over the control channel.

use std::collections::VecDeque;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use conclave_protocol::id::{Epoch, LineMark, ParticipantId, RoomId, StreamId};
use conclave_protocol::name::RoomName;
use conclave_protocol::units::ClockOffset;
use conclave_protocol::wire::control::{
    AddressedEnvelope, Answer, Devices, KeyEnvelope, Request, Suite, Want,
};
use conclave_protocol::wire::framing::preface;

use super::{Target, Turn, ask};
use crate::harness::endpoint::Closed;
use crate::harness::{Endpoint, camera, say};
use crate::raw::RawEndpoint;

/// Handshakes a second: as many as one address may.
const HANDSHAKES: u32 = 20;
/// Connections that the attacker keeps: more than may be half open.
const KEPT: usize = 80;
/// Requests a second of one session: as many as it may.
const REQUESTS: u32 = 200;
/// Requests for keys a second: as many as a session may.
const KEYS: u32 = 128;
/// Choices and streams a second of each session: as many as it may send of the first, five times what it may of the
/// second.
const CHOICES: u32 = 100;

/// Half-open connections, other preambles, lengths that cannot be, and sealed bytes that are no message.
pub(super) fn handshakes(turn: &mut Turn<'_>) {
    let relay = turn.target.relay.control;
    let mut open = VecDeque::new();
    let mut kinds = (0..5).cycle();
    let _ = turn.each(HANDSHAKES, || {
        let kind = kinds.next();
        if kind == Some(4) {
            if let Some(mut raw) = RawEndpoint::try_connect(relay) {
                raw.send(&[0xff; 16 * 1024]);
            }
            return Ok::<_, Closed>(());
        }
        let Ok(mut stream) = TcpStream::connect(relay) else {
            return Ok(());
        };
        let _ = stream.set_write_timeout(Some(Duration::from_millis(100)));
        let _closed = match kind {
            Some(0) => stream.write_all(&preface()[..4]),
            Some(1) => stream.write_all(&preface()),
            Some(2) => stream.write_all(&[0x16; 64 * 1024]),
            _ => match Endpoint::try_connect(stream.try_clone().unwrap(), super::seed(0)) {
                Ok(_) => stream.write_all(&[0xff; 32 * 1024]),
                Err(Closed) => Ok(()),
            },
        };
        open.push_back(stream);
        if open.len() > KEPT {
            open.pop_front();
        }
        Ok(())
    });
}

fn false_envelope(to: ParticipantId) -> AddressedEnvelope {
    let envelope = KeyEnvelope {
        epoch: Epoch(0xffff),
        suite: Suite::Aes256Gcm,
        encapsulated: [9; 32],
        sealed: [9; 48],
    };
    AddressedEnvelope { to, envelope }
}

/// A request of every kind, each as large and as extreme as it may be.
fn every_request(target: &Target<'_>) -> Vec<Request> {
    let room = target.room;
    let everything = Devices {
        microphone: true,
        camera: true,
    };
    let set_clock = |offset| Request::SetClock {
        offset: ClockOffset(offset),
    };
    let mut requests = vec![
        Request::ListRooms { after: None },
        Request::ListRooms {
            after: Some(RoomId(u32::MAX)),
        },
        Request::CreateRoom {
            name: RoomName::parse("eve's").unwrap(),
            pin: None,
            capacity: 128,
        },
        say(None, &"x".repeat(2_000)),
        Request::History { before: None },
        Request::SetDevices(everything),
        set_clock(i64::MIN),
        Request::SetDevices(Devices::default()),
        set_clock(i64::MAX),
        Request::Publish(camera()),
        Request::Unpublish {
            stream: StreamId(u32::MAX),
        },
        Request::MakeLink {
            room,
            lifetime_minutes: 10_080,
        },
        Request::RevokeLinks { room },
        Request::AllowBrowsers {
            room,
            allowed: false,
        },
    ];
    let streams = target.streams.iter();
    requests.extend(streams.map(|&stream| Request::Subscribe {
        stream,
        want: Want::AtMost { fps: 255 },
    }));
    for &member in &target.members {
        requests.push(Request::AskKeys { of: member });
        requests.push(say(Some(member), &"x".repeat(2_000)));
        let envelopes = vec![false_envelope(member); 4];
        requests.push(Request::SendKeys { envelopes });
    }
    requests
}

pub(super) fn requests(turn: &mut Turn<'_>) {
    let requests = every_request(turn.target);
    let mut next = requests.iter().cycle();
    let mut last_mark = 1 << 52;
    while turn.is_on() {
        let Some(mut eve) = turn.enter(0) else {
            continue;
        };
        let _closed = turn.each(REQUESTS, || {
            let mut request = next.next().unwrap().clone();
            // A line that is there already costs the relay less.
            if let Request::Say { mark, .. } = &mut request {
                (last_mark, *mark) = (last_mark + 1, LineMark(last_mark));
            }
            ask(&mut eve, request)
        });
    }
}

/// Two sessions that ask everyone for keys and send everyone false ones.
pub(super) fn keys(turn: &mut Turn<'_>) {
    let members = turn.target.members.clone();
    while turn.is_on() {
        let mut eves = turn.enter_many(2);
        let mut next = (0..2 * members.len()).cycle();
        let _closed = turn.each(KEYS, || {
            let n = next.next().unwrap();
            let member = members[n / 2];
            let request = if n.is_multiple_of(2) {
                Request::AskKeys { of: member }
            } else {
                let envelopes = vec![false_envelope(member)];
                Request::SendKeys { envelopes }
            };
            eves.iter_mut()
                .try_for_each(|eve| ask(eve, request.clone()))
        });
    }
}

/// Three sessions that choose, publish, take back and look at the lobby.
pub(super) fn choices(turn: &mut Turn<'_>) {
    let streams = turn.target.streams.clone();
    while turn.is_on() {
        let mut eves = turn.enter_many(3);
        let mut n = 0;
        let _closed = turn.each(CHOICES, || {
            n += 1;
            eves.iter_mut().try_for_each(|eve| {
                if n % 10 == 0 {
                    ask(eve, Request::ListRooms { after: None })?;
                    return publish_and_take_back(eve);
                }
                let want = match n % 3 {
                    0 => Want::Nothing,
                    1 => Want::AtMost { fps: 1 },
                    _ => Want::All,
                };
                let stream = streams[n % streams.len()];
                ask(eve, Request::Subscribe { stream, want })
            })
        });
    }
}

fn publish_and_take_back(eve: &mut Endpoint) -> Result<(), Closed> {
    let id = eve.ask(Request::Publish(camera()))?;
    if let Ok(Answer::Published { stream }) = eve.reply_to(id)? {
        ask(eve, Request::Unpublish { stream })?;
    }
    Ok(())
}
