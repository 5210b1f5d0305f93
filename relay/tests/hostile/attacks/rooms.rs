//! Attacks on rooms, links and accounts.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::Command;

use conclave_protocol::id::RoomId;
use conclave_protocol::name::Pin;
use conclave_protocol::wire::control::{Answer, Devices, Request, RoomSummary};
use serde_json::json;

use super::{Turn, ask, seed};
use crate::browser::device;
use crate::harness::endpoint::Closed;
use crate::harness::{Endpoint, NONCE};

/// Changes of settings a second of each session: ten times what it may.
const SETTINGS: u32 = 10;
/// Sessions that change settings.
const SETTERS: u8 = 8;
/// Guesses a second: more than any budget gives.
const GUESSES: u32 = 10;
/// Rooms joined and left a second by each session: as many as it may, of which every member hears.
const COMINGS: u32 = 2;
/// Accounts a second: as many as one network has handshakes.
const SIGN_UPS: u32 = 20;

/// Makes and revokes links, and lets browsers in and keeps them out, from many sessions at once.
pub(super) fn settings(turn: &mut Turn<'_>) {
    let room = turn.target.room;
    while turn.is_on() {
        let mut eves = turn.enter_many(SETTERS);
        let mut n = 0;
        let _closed = turn.each(SETTINGS, || {
            n += 1;
            let request = match n % 3 {
                0 => Request::MakeLink {
                    room,
                    lifetime_minutes: 1,
                },
                1 => Request::RevokeLinks { room },
                _ => Request::AllowBrowsers {
                    room,
                    allowed: false,
                },
            };
            // All of them before the first answer, so that they meet in the relay.
            let asked: Result<Vec<_>, _> =
                eves.iter_mut().map(|e| e.ask(request.clone())).collect();
            for (eve, id) in eves.iter_mut().zip(asked?) {
                let _whichever = eve.reply_to(id)?;
                eve.events.clear();
                eve.datagrams.clear();
            }
            Ok::<_, Closed>(())
        });
    }
}

/// Guesses a room's PIN by endpoints, and links by a browser.
pub(super) fn guesses(turn: &mut Turn<'_>) {
    while turn.is_on() {
        let (Some(mut keeper), Some(mut eve)) = (turn.sign_in(0), turn.sign_in(1)) else {
            continue;
        };
        let (Some(room), Some(mut browser)) = (vault(&mut keeper), super::web::open(turn)) else {
            continue;
        };
        let mut n = 0;
        let _closed = turn.each(GUESSES, || {
            n += 1;
            let pin = Pin::parse(&format!("{:04}", n % 10_000)).unwrap();
            let request = Request::JoinRoom {
                room,
                pin: Some(pin),
                devices: Devices::default(),
                nonce: NONCE,
            };
            ask(&mut eve, request)?;
            ask(&mut eve, Request::LeaveRoom)?;
            let link = json!({
                "do": "enter_link", "version": 1, "device": device(seed(0)), "username": "Eve",
                "token": format!("{n:043}"),
            });
            browser.ask(link);
            super::web::read_all(&mut browser)
        });
    }
}

/// A room with a PIN, which may be there from an earlier turn.
fn vault(keeper: &mut Endpoint) -> Option<RoomId> {
    const NAME: &str = "vault";
    if let Ok(room) = keeper.create(NAME, Some("4711"), 8) {
        return Some(room);
    }
    match keeper.request(Request::ListRooms { after: None }) {
        Ok(Answer::Rooms { rooms, .. }) => {
            let is_vault = |room: &&RoomSummary| room.name.as_str() == NAME;
            rooms.iter().find(is_vault).map(|room| room.id)
        }
        _ => None,
    }
}

/// Comes and goes, so that everyone changes keys, and breaks off every tenth time.
pub(super) fn comings(turn: &mut Turn<'_>) {
    let room = turn.target.room;
    while turn.is_on() {
        let mut eves = turn.enter_many(2);
        let mut n = 0;
        let _closed = turn.each(COMINGS, || {
            n += 1;
            if n % 10 == 0 {
                return Err(Closed);
            }
            for eve in &mut eves {
                ask(eve, Request::LeaveRoom)?;
                ask(
                    eve,
                    Request::JoinRoom {
                        room,
                        pin: None,
                        devices: Devices::default(),
                        nonce: NONCE,
                    },
                )?;
            }
            Ok(())
        });
    }
}

/// The relay's address in a network of the attacker's: all of its addresses are this machine's, as a host with IPv6 has
/// them.
const NETWORK: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 1, 0, 0, 0, 0);

/// Makes an account from each of many addresses of one network.
pub(super) fn sign_ups(turn: &mut Turn<'_>) {
    let route = [
        "-6",
        "route",
        "replace",
        "local",
        "2001:db8:1::/48",
        "dev",
        "lo",
    ];
    let is_routed = Command::new("ip").args(route).status();
    assert!(is_routed.is_ok_and(|status| status.success()), "no IPv6");
    let relay = SocketAddr::from((NETWORK, turn.target.relay.control.port()));
    let mut held = VecDeque::new();
    let mut n = 0;
    let _ = turn.each(SIGN_UPS, || {
        n += 1;
        let from = IpAddr::from(Ipv6Addr::from_bits(NETWORK.to_bits() | (n + 1)));
        let name = format!("Sybil{n}");
        let connected = connect_from(from, relay).and_then(|s| Endpoint::try_connect(s, 99));
        if let Ok(mut sybil) = connected {
            let _whichever = sybil.sign_in(&name);
            held.push_back(sybil);
        }
        // Fewer than one network may have connections.
        if held.len() > 200 {
            held.pop_front();
        }
        Ok::<_, Closed>(())
    });
    assert!(!held.is_empty(), "no endpoint came over IPv6");
}

fn connect_from(from: IpAddr, relay: SocketAddr) -> Result<TcpStream, Closed> {
    let socket = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None).unwrap();
    socket.set_freebind_v6(true).unwrap();
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&relay.into()).map_err(|_| Closed)?;
    Ok(socket.into())
}
