//! Browsers that come back while their old socket is stuck.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use conclave_protocol::id::RoomId;
use serde_json::{Value, json};

use crate::browser::{Browser, Frame, jpeg, upgrade};
use crate::harness::{PATIENCE, TestRelay, wait_until};

/// A network between one browser and the relay, which can stop to carry what the relay sends.
struct Network {
    address: SocketAddr,
    is_paused: Arc<AtomicBool>,
}

impl Network {
    fn before(relay: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let is_paused = Arc::<AtomicBool>::default();
        let paused = Arc::clone(&is_paused);
        std::thread::spawn(move || {
            let (browser, _) = listener.accept().unwrap();
            let up = TcpStream::connect(relay).unwrap();
            let (from, to) = (browser.try_clone().unwrap(), up.try_clone().unwrap());
            std::thread::spawn(move || carry(from, to, &AtomicBool::new(false)));
            carry(up, browser, &paused);
        });
        Self { address, is_paused }
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, is_paused: &AtomicBool) {
    let mut buffer = [0; 16 * 1024];
    loop {
        while is_paused.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let Ok(read @ 1..) = from.read(&mut buffer) else {
            break;
        };
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

#[test]
fn a_browser_keeps_its_room_when_its_old_socket_is_stuck_with_video() {
    let relay = TestRelay::start();
    let network = Network::before(relay.web());
    let stream = TcpStream::connect(network.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut ana = Browser::open_with(upgrade(relay.web()), stream);
    let signed_in = ana.sign_in("Ana", 1, None).unwrap();
    let mut resume = signed_in["resume"].as_str().unwrap().to_owned();
    let made = ana.request(json!({"do": "create_room", "name": "x", "capacity": 4}));
    let room = RoomId(made.unwrap()["room"].as_u64().unwrap() as u32);
    let me = ana.join(room.0, None).unwrap()["me"].clone();
    let (mut bob, _) = relay.browse_into("Bob", 2, room);
    let camera = bob.publish_camera();
    ana.event("stream_published");
    bob.settle_core();
    let picture = Frame {
        kind: 1,
        level: 0,
        stream: camera,
        captured_us: 1,
        number: 0,
        body: jpeg(200_000, 1),
    };
    bob.send(&picture);
    ana.frame();

    network.is_paused.store(true, Ordering::Release);
    let metrics = &relay.metrics;
    let dropped = metrics.web_frames_dropped.get();
    wait_until("her queues to be full", || {
        bob.send(&picture);
        bob.settle();
        metrics.web_frames_dropped.get() > dropped + 10
    });
    // Again and again, as the socket before each time still has what to write.
    for _ in 0..3 {
        let mut again = relay.browser();
        let resumed = again.sign_in("Ana", 1, Some(&resume)).unwrap();
        assert_eq!(resumed["room"]["me"], me, "{resumed}");
        resume = resumed["resume"].as_str().unwrap().to_owned();
        std::mem::forget(again);
    }
    assert!(
        bob.events.iter().all(|e| e["event"] != "participant_left"),
        "she never left"
    );
}

/// Two browsers in a room that is full with them, the second one's number, and its way back.
fn full_room(relay: &TestRelay) -> (Browser, Browser, RoomId, Value, String) {
    let mut ana = relay.browse("Ana", 1);
    let made = ana.request(json!({"do": "create_room", "name": "x", "capacity": 2}));
    let room = RoomId(made.unwrap()["room"].as_u64().unwrap() as u32);
    ana.join(room.0, None).unwrap();
    let mut bob = relay.browser();
    let signed_in = bob.sign_in("Bob", 2, None).unwrap();
    let joined = bob.join(room.0, None).unwrap();
    assert!(
        joined["roster"]
            .as_array()
            .unwrap()
            .iter()
            .all(|of| of["away"] == false)
    );
    let resume = signed_in["resume"].as_str().unwrap().to_owned();
    (ana, bob, room, joined["me"].clone(), resume)
}

#[test]
fn a_closed_socket_is_away_at_once_and_here_again_when_it_is_resumed() {
    let relay = TestRelay::start();
    let (mut ana, mut bob, _, is_bob, mut resume) = full_room(&relay);
    for _ in 0..2 {
        drop(bob);
        let away = ana.event("away_changed");
        assert_eq!(
            (&away["participant"], &away["away"]),
            (&is_bob, &true.into())
        );
        bob = relay.browser();
        let resumed = bob.sign_in("Bob", 2, Some(&resume)).unwrap();
        assert_eq!(resumed["room"]["me"], is_bob, "{resumed}");
        resume = resumed["resume"].as_str().unwrap().to_owned();
        let here = ana.event("away_changed");
        assert_eq!(
            (&here["participant"], &here["away"]),
            (&is_bob, &false.into())
        );
    }
}

#[test]
fn the_place_of_a_closed_socket_in_a_full_room_is_for_the_next_one_who_wants_it() {
    let relay = TestRelay::start();
    let (mut ana, bob, room, is_bob, resume) = full_room(&relay);
    let mut cai = relay.browse("Cai", 3);
    assert_eq!(cai.join(room.0, None), Err("room_full".into()));
    drop(bob);
    ana.event("away_changed");
    let mut joined = None;
    wait_until("a place in the room", || {
        // Asking too often is refused, too.
        joined = cai.join(room.0, None).ok();
        joined.is_some()
    });
    let joined = joined.unwrap();
    assert_eq!(joined["roster"].as_array().unwrap().len(), 2, "{joined}");
    let left = ana.event("participant_left");
    assert_eq!(
        (&left["participant"], &left["reason"]),
        (&is_bob, &"lost".into())
    );
    let refused = relay.browser().sign_in("Bob", 2, Some(&resume));
    assert_eq!(refused, Err("session_over".into()));
}

#[test]
fn a_line_that_is_sent_again_after_a_lost_socket_is_there_once() {
    let relay = TestRelay::start();
    let (mut ana, mut bob, _, _, resume) = full_room(&relay);
    let mark = (1_u64 << 53) - 1;
    let say = json!({"do": "say", "text": "hello", "mark": mark});
    let first = bob.request(say.clone()).unwrap();
    assert_eq!(ana.event("chat")["mark"], mark);
    drop(bob);
    let mut bob = relay.browser();
    bob.sign_in("Bob", 2, Some(&resume)).unwrap();
    assert_eq!(bob.request(say), Ok(first.clone()));
    // The gateway draws a mark for a line without one.
    for _ in 0..2 {
        let line = bob.request(json!({"do": "say", "text": "again"})).unwrap();
        assert_ne!(line["id"], first["id"]);
        assert_eq!(ana.event("chat")["id"], line["id"]);
    }
    let too_large = json!({"do": "say", "text": "hello", "mark": mark + 1});
    assert_eq!(bob.request(too_large), Err("out_of_range".into()));
    let history = ana.request(json!({"do": "history"})).unwrap();
    assert_eq!(history["lines"].as_array().unwrap().len(), 3, "{history}");
}
