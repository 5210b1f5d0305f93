//! What a relay must survive: each is refused by type or met with silence, counted, bounded in memory, and
//! a call that goes on meanwhile is not harmed.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use conclave_protocol::id::{Epoch, ParticipantId, RoomId, StreamId};
use conclave_protocol::units::ClockOffset;
use conclave_protocol::wire::control::{
    Answer, ClosingReason, Devices, Event, LeaveReason, Refusal, Request, Want,
};
use conclave_protocol::wire::framing::{parse_version_refusal, preface};

use crate::harness::{
    Endpoint, NONCE, TestRelay, camera, elsewhere, resident_kib, say, wait_until,
};
use crate::raw::RawEndpoint;

/// Memory that hostile input may cost in these tests, in KiB: buffers of the kernel are not in it.
const MAY_GROW_KIB: u64 = 32 * 1024;

/// Reads until the relay closes; gives what it sent.
fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
    stream
        .set_read_timeout(Some(crate::harness::PATIENCE))
        .unwrap();
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("not closed"),
        // A reset is an end, too.
        _ => bytes,
    }
}

#[test]
fn the_longest_length_prefix_closes_the_connection_before_a_login() {
    let relay = TestRelay::start();
    let mut stream = TcpStream::connect(relay.address).unwrap();
    stream.write_all(&preface()).unwrap();
    stream.write_all(&[0xff, 0xff]).unwrap();
    assert!(until_closed(&mut stream).is_empty());
    assert_eq!(relay.metrics.handshakes_failed.get(), 1);
}

#[test]
fn the_longest_length_prefix_closes_the_connection_after_a_login() {
    let relay = TestRelay::start();
    let (mut ana, mut bob, _) = relay.call();
    let mut eve = relay.sign_in("Eve", 3);
    eve.stream.write_all(&[0xff, 0xff]).unwrap();
    assert_eq!(eve.closing(), None);
    wait_until("the count", || relay.metrics.messages_malformed.get() == 1);
    bob.check_frame_from(&mut ana);
}

#[test]
fn three_hundred_mebibytes_without_a_login_cost_nothing() {
    let relay = TestRelay::start();
    let (mut ana, mut bob, _) = relay.call();
    let before = resident_kib();
    let block = vec![0x16; 1024 * 1024];
    for beginning in [&preface()[..], &preface()[..4], b"GET / HTTP/1.1\r\n", b""] {
        let mut stream = TcpStream::connect(relay.address).unwrap();
        let _ = stream.write_all(beginning);
        // The relay may close at any of these, and must at the first.
        let taken = (0..300)
            .take_while(|_| stream.write_all(&block).is_ok())
            .count();
        assert!(taken < 16, "{taken} MiB were taken");
    }
    wait_until("the counts", || relay.metrics.handshakes_failed.get() == 4);
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < MAY_GROW_KIB, "{grown} KiB more");
    bob.check_frame_from(&mut ana);
}

#[test]
fn another_version_is_told_what_is_spoken_here() {
    let relay = TestRelay::start();
    let mut stream = TcpStream::connect(relay.address).unwrap();
    let mut hello = preface();
    hello[5] = 9;
    stream.write_all(&hello).unwrap();
    let answer = until_closed(&mut stream);
    let spoken = parse_version_refusal(answer.as_slice().try_into().unwrap());
    assert_eq!(spoken, Some((1, 1)));
}

#[test]
fn sealed_bytes_that_are_no_value_end_their_connection_alone() {
    let relay = TestRelay::start();
    let (mut ana, mut bob, _) = relay.call();
    let sign_in = |name: &[u8]| {
        let mut bytes = vec![0, 1, 0, name.len() as u8];
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(b"\x0bev@some.test\x00");
        bytes
    };
    let long_datagram = {
        let mut bytes = vec![1, 0xb1, 0x09];
        bytes.resize(3 + 1201, 0);
        bytes
    };
    let bad: Vec<Vec<u8>> = vec![
        vec![],
        vec![0xff],
        vec![0xff; 16 * 1024],
        // A request of a kind that does not exist.
        vec![0, 1, 77],
        // LeaveRoom, and one byte more.
        vec![0, 1, 4, 0],
        // A sign-in that stops in its name.
        vec![0, 1, 0, 9, b'e', b'v'],
        // Names that the rules forbid.
        sign_in(b"e"),
        sign_in(b"-eve"),
        sign_in(b"e v"),
        sign_in(b"ev\x1b"),
        sign_in(b"ev\xff"),
        sign_in(&[b'e'; 33]),
        // A name whose length is beyond all memory.
        vec![0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f],
        // A datagram longer than any.
        long_datagram,
        // Envelopes by the billion.
        vec![0, 1, 11, 0xff, 0xff, 0xff, 0xff, 0x0f],
    ];
    let before = resident_kib();
    for bytes in &bad {
        let mut raw = RawEndpoint::connect(relay.address);
        raw.send(bytes);
        assert_eq!(
            raw.closing(),
            Some(ClosingReason::Malformed),
            "{bytes:02x?}"
        );
    }
    assert_eq!(relay.metrics.messages_malformed.get(), bad.len() as u64);
    assert!(resident_kib().saturating_sub(before) < MAY_GROW_KIB);
    bob.check_frame_from(&mut ana);
    ana.check_frame_from(&mut bob);
}

#[test]
fn replayed_and_reordered_ciphertext_ends_the_connection() {
    let relay = TestRelay::start();
    for order in [&[0, 0][..], &[1, 0], &[0, 2]] {
        let mut raw = RawEndpoint::connect(relay.address);
        let sealed: Vec<_> = (0..3).map(|_| raw.seal(&[0, 1, 4])).collect();
        for at in order {
            raw.write(&sealed[*at]);
        }
        assert_eq!(raw.closing(), None, "{order:?}");
    }
    wait_until("the counts", || relay.metrics.messages_malformed.get() == 3);
}

fn every_request_but_sign_in() -> Vec<Request> {
    let (room, stream) = (RoomId(1), StreamId(1));
    let name = conclave_protocol::name::RoomName::parse("room").unwrap();
    vec![
        Request::ListRooms { after: None },
        Request::CreateRoom {
            name,
            pin: None,
            capacity: 2,
        },
        Request::JoinRoom {
            room,
            pin: None,
            devices: Devices::default(),
            nonce: NONCE,
        },
        Request::LeaveRoom,
        say(None, "hello"),
        Request::History { before: None },
        Request::Publish(camera()),
        Request::Unpublish { stream },
        Request::SetDevices(Devices::default()),
        Request::SetClock {
            offset: ClockOffset(1),
        },
        Request::SendKeys {
            envelopes: Vec::new(),
        },
        Request::AskKeys {
            of: ParticipantId(1),
        },
        Request::Subscribe {
            stream,
            want: Want::All,
        },
        Request::SignOut,
    ]
}

#[test]
fn every_request_before_a_login_is_refused() {
    let relay = TestRelay::start();
    let mut eve = relay.connect(3);
    for request in every_request_but_sign_in() {
        assert_eq!(
            eve.request(request.clone()),
            Err(Refusal::NotSignedIn),
            "{request:?}"
        );
    }
    eve.sign_in("Eve").unwrap();
}

#[test]
fn what_needs_a_room_is_refused_outside_of_it() {
    let relay = TestRelay::start();
    let (_ana, _bob, _room) = relay.call();
    let mut eve = relay.sign_in("Eve", 3);
    let free = |request: &Request| {
        matches!(
            request,
            Request::ListRooms { .. }
                | Request::CreateRoom { .. }
                | Request::JoinRoom { .. }
                | Request::SetClock { .. }
                | Request::SignOut
        )
    };
    for request in every_request_but_sign_in() {
        if !free(&request) {
            assert_eq!(
                eve.request(request.clone()),
                Err(Refusal::NotInRoom),
                "{request:?}"
            );
        }
    }
}

#[test]
fn sign_ins_are_limited_on_one_connection() {
    let relay = TestRelay::start();
    let _ana = relay.sign_in("Ana", 1);
    let mut eve = relay.connect(3);
    let refusals: Vec<_> = (0..10).map(|_| eve.sign_in("Ana").unwrap_err()).collect();
    assert_eq!(refusals[0], Refusal::NameTaken);
    assert!(matches!(refusals[9], Refusal::RateLimited { .. }));
}

#[test]
fn ten_thousand_half_open_connections_keep_nobody_out() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    // Both ends of an accepted one are this process's.
    let at_once = usize::try_from(limit.current.unwrap_or(40_000) / 4)
        .unwrap()
        .min(10_000);

    let relay = TestRelay::start();
    let (mut ana, mut bob, room) = relay.call();
    let before = resident_kib();
    let mut opened = 0;
    while opened < 10_000 {
        let wave: Vec<_> = (0..at_once.min(10_000 - opened))
            .filter_map(|_| TcpStream::connect(relay.address).ok())
            .collect();
        assert!(!wave.is_empty());
        opened += wave.len();
        // From another address one still gets in, and the call goes on.
        let socket = socket(9);
        socket.connect(&relay.address.into()).unwrap();
        let mut eve = Endpoint::try_connect(socket.into(), 3).unwrap();
        eve.sign_in("Eve").unwrap();
        eve.join(room, None).unwrap();
        ana.refresh();
        bob.refresh();
        bob.check_frame_from(&mut ana);
        eve.request(Request::SignOut).unwrap();
        let half_open = relay.metrics.half_open.get();
        assert!(half_open <= 64, "{half_open} half-open from one address");
        let grown = resident_kib().saturating_sub(before);
        assert!(grown < MAY_GROW_KIB, "{grown} KiB more");
        drop(wave);
    }
    wait_until("the refusals", || {
        relay.metrics.connections_refused.get() > 9_000
    });
    wait_until("the end of all", || relay.metrics.half_open.get() == 0);
}

#[test]
fn a_handshake_that_takes_too_long_is_ended() {
    let relay = TestRelay::start();
    let mut stream = TcpStream::connect(relay.address).unwrap();
    stream.write_all(&preface()).unwrap();
    assert!(until_closed(&mut stream).is_empty());
    assert_eq!(relay.metrics.handshakes_timed_out.get(), 1);
    wait_until("its place", || relay.metrics.half_open.get() == 0);
}

#[test]
fn handshakes_from_one_address_are_limited() {
    let relay = TestRelay::start_with(|config| {
        config.limits.handshakes_per_second = 1;
        config.limits.handshakes_at_once = 3;
    });
    let mut connected = 0;
    for _ in 0..20 {
        let stream = TcpStream::connect(relay.address).unwrap();
        connected += usize::from(Endpoint::try_connect(stream, 1).is_ok());
    }
    assert!((3..10).contains(&connected), "{connected} connected");
    assert!(relay.metrics.handshakes_limited.get() > 10);
}

#[test]
fn who_never_reads_is_put_out_and_nobody_else_waits() {
    let relay = TestRelay::start();
    let (mut ana, mut bob, room) = relay.call();
    // A small window, so that the kernel's queues are full soon.
    let socket = socket(1);
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&relay.address.into()).unwrap();
    let mut eve = Endpoint::try_connect(socket.into(), 3).unwrap();
    eve.sign_in("Eve").unwrap();
    let joined = eve.join(room, None).unwrap();
    let before = resident_kib();
    let writer = std::thread::spawn(move || {
        // Each is answered, and no answer is read.
        let request = || Request::Unpublish {
            stream: StreamId(999),
        };
        while eve.ask(request()).is_ok() {}
    });
    // Meanwhile the others talk, and hear when she is gone.
    let mut left = None;
    while left.is_none() {
        // A connection may ping five times a second: more are not answered.
        std::thread::sleep(Duration::from_millis(250));
        ana.refresh();
        bob.refresh();
        bob.check_frame_from(&mut ana);
        left = ana.control.events.drain(..).find_map(|event| match event {
            Event::ParticipantLeft {
                participant,
                reason,
            } => Some((participant, reason)),
            _ => None,
        });
    }
    assert_eq!(left, Some((joined.me, LeaveReason::TooSlow)));
    assert_eq!(relay.metrics.sessions_too_slow.get(), 1);
    writer.join().unwrap();
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < MAY_GROW_KIB, "{grown} KiB more");
    assert!(matches!(
        bob.control.say("all well"),
        Ok(Answer::Said { .. })
    ));
}

/// A TCP socket bound to 127.0.0.`last`.
fn socket(last: u8) -> socket2::Socket {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::from((elsewhere(last), 0)).into())
        .unwrap();
    socket
}

#[test]
fn who_joins_during_a_broadcast_misses_nothing_from_then_on() {
    let relay = TestRelay::start();
    let mut ana = relay.sign_in("Ana", 1);
    let room = ana.create("room", None, 32).unwrap();
    ana.join(room, None).unwrap();
    let writer = std::thread::spawn(move || {
        let said = (0..25).map(|n| match ana.say(&format!("line {n}")) {
            Ok(Answer::Said { id, .. }) => id,
            other => panic!("{other:?}"),
        });
        said.last().unwrap()
    });
    let mut joiners: Vec<_> = (10..15)
        .map(|seed| relay.enter(&format!("Joiner{seed}"), seed, room).0)
        .collect();
    let last = writer.join().unwrap();
    // A line more, so that who came after the last one sees an end, too.
    let end = match joiners[0].say("end") {
        Ok(Answer::Said { id, .. }) => id,
        other => panic!("{other:?}"),
    };
    assert_eq!(end.0, last.0 + 1);
    for joiner in &mut joiners {
        let mut seen: Vec<u64> = Vec::new();
        while seen.last() != Some(&end.0) {
            seen.push(joiner.event(|event| match event {
                Event::Chat(line) => Some(line.id.0),
                _ => None,
            }));
        }
        let unbroken: Vec<u64> = (seen[0]..=end.0).collect();
        assert_eq!(seen, unbroken);
    }
}

#[test]
fn a_full_disk_refuses_chat_and_the_rest_goes_on() {
    let relay = TestRelay::start_with(|config| config.data.max_bytes = 80_000);
    let (mut ana, mut bob, _) = relay.call();
    let line = "x".repeat(2000);
    let mut stored = 0;
    let refusal = loop {
        match ana.control.say(&line) {
            Ok(_) => stored += 1,
            Err(Refusal::RateLimited { retry_after_ms }) => {
                std::thread::sleep(Duration::from_millis(retry_after_ms.into()));
            }
            Err(refusal) => break refusal,
        }
        assert!(stored < 60, "nothing is ever full");
    };
    assert_eq!(refusal, Refusal::StorageFailed);
    assert!(stored > 0);
    assert!(relay.metrics.store_failures.get() > 0);
    // No member was shown the line that is not kept.
    bob.control.settle();
    let shown = bob
        .control
        .events
        .drain(..)
        .filter(|event| matches!(event, Event::Chat(_)));
    assert_eq!(shown.count(), stored);
    bob.check_frame_from(&mut ana);
    assert!(matches!(
        bob.control.request(Request::History { before: None }),
        Ok(Answer::History { .. })
    ));
    bob.control.request(Request::LeaveRoom).unwrap();
}

#[test]
fn silence_ends_a_connection_and_its_session_waits() {
    let relay = TestRelay::start();
    let mut ana = relay.sign_in("Ana", 1);
    ana.stream
        .set_read_timeout(Some(Duration::from_secs(40)))
        .unwrap();
    let secret = ana.signed_in.clone().unwrap().resume_secret;
    assert_eq!(ana.closing(), Some(ClosingReason::Silent));
    assert_eq!(relay.metrics.connections_silent.get(), 1);
    relay
        .connect(1)
        .sign_in_as("Ana", "ana@example.org", Some(secret))
        .unwrap();
}

#[test]
fn too_many_envelopes_streams_and_lines_are_refused() {
    let relay = TestRelay::start();
    let (mut ana, _bob, _) = relay.call();
    let envelope = conclave_protocol::wire::control::AddressedEnvelope {
        to: ParticipantId(1),
        envelope: conclave_protocol::wire::control::KeyEnvelope {
            epoch: Epoch(0),
            suite: conclave_protocol::wire::control::Suite::Aes256Gcm,
            encapsulated: [0; 32],
            sealed: [0; 48],
        },
    };
    let envelopes = vec![envelope; 129];
    assert_eq!(
        ana.control.request(Request::SendKeys { envelopes }),
        Err(Refusal::TooMany)
    );
    assert_eq!(
        ana.control.request(Request::Publish(camera())),
        Err(Refusal::TooMany)
    );
    let limited =
        (0..100).filter(|_| matches!(ana.control.say("again"), Err(Refusal::RateLimited { .. })));
    assert!(limited.count() > 20);
}
