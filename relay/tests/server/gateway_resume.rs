//! Browsers that come back while their old socket is stuck.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use conclave_protocol::id::RoomId;
use serde_json::json;

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
