//! What a browser may not do, and what it costs others when it does.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use conclave_protocol::id::RoomId;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::browser::{Browser, Frame, fetch, jpeg, refused, upgrade};
use crate::harness::{PATIENCE, TestRelay, resident_kib, wait_until};

#[test]
fn the_page_is_served_and_nothing_else() {
    let relay = TestRelay::start();
    let page = fetch(relay.web(), "/");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    for header in [
        "content-security-policy: default-src 'none'",
        "referrer-policy: no-referrer",
    ] {
        assert!(page.contains(header), "{header}");
    }
    assert!(!page.to_lowercase().contains("set-cookie"));
    for path in ["/other", "/../Cargo.toml", "/metrics"] {
        assert!(
            fetch(relay.web(), path).starts_with("HTTP/1.1 404"),
            "{path}"
        );
    }
}

#[test]
fn a_socket_is_for_the_relay_s_own_page_and_its_own_words() {
    let relay = TestRelay::start();
    let web = relay.web();
    let mut foreign = upgrade(web);
    let origin = HeaderValue::from_static("https://evil.example");
    foreign.headers_mut().insert("origin", origin);
    assert_eq!(refused(foreign, web), 403);
    let mut wordless = upgrade(web);
    let chat = HeaderValue::from_static("chat");
    wordless
        .headers_mut()
        .insert("sec-websocket-protocol", chat);
    assert_eq!(refused(wordless, web), 400);
    assert!(fetch(web, "/ws").starts_with("HTTP/1.1 400"));
    let metrics = &relay.metrics;
    assert_eq!(
        (
            metrics.web_foreign_origin.get(),
            metrics.web_no_subprotocol.get()
        ),
        (1, 2)
    );
}

#[test]
fn a_page_of_another_name_that_leads_here_gets_nothing() {
    let relay = TestRelay::start_with(|config| {
        config.web.names = String::from("meet.lan").try_into().unwrap();
    });
    let web = relay.web();
    let named = |host: &str| {
        let mut request = upgrade(web);
        let value = |text: String| HeaderValue::from_str(&text).unwrap();
        let headers = request.headers_mut();
        headers.insert("host", value(format!("{host}:7480")));
        headers.insert("origin", value(format!("http://{host}:7480")));
        request
    };
    assert_eq!(refused(named("evil"), web), 421);
    assert_eq!(refused(named("meet.lan.evil.example"), web), 421);
    for own in ["meet.lan", "localhost", "192.0.2.7"] {
        let stream = TcpStream::connect(web).unwrap();
        Browser::open_with(named(own), stream);
    }
    let mut stream = TcpStream::connect(web).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let ask = b"GET / HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n";
    stream.write_all(ask).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    assert!(answer.contains("web.names"), "{answer}");
    assert_eq!(relay.metrics.web_unknown_host.get(), 3);
}

#[test]
fn a_page_whose_socket_is_refused_can_ask_why() {
    let relay = TestRelay::start_with(|config| {
        config.web.sockets = 3;
        config.web.sockets_per_address = 2;
        config.web.trusted_proxy = String::from("127.0.0.1").try_into().unwrap();
    });
    let web = relay.web();
    let open = |address| {
        let mut request = upgrade(web);
        let address = HeaderValue::from_static(address);
        request.headers_mut().insert("x-forwarded-for", address);
        Browser::open_with(request, TcpStream::connect(web).unwrap())
    };
    let _two = [open("192.0.2.1"), open("192.0.2.1")];
    let why = |address: &str| {
        let mut stream = TcpStream::connect(web).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!("Host: {web}\r\nX-Forwarded-For: {address}\r\nConnection: close");
        let ask = format!("GET /ws HTTP/1.1\r\n{head}\r\n\r\n");
        stream.write_all(ask.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let refused = why("192.0.2.1");
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.ends_with("address_full"), "{refused}");
    assert!(why("192.0.2.2").starts_with("HTTP/1.1 400"));
    let _third = open("192.0.2.2");
    assert!(why("192.0.2.3").ends_with("relay_full"));
}

#[test]
fn a_text_that_cannot_be_understood_closes_the_socket() {
    let relay = TestRelay::start();
    for text in [
        "",
        "hello",
        "[]",
        "{}",
        r#"{"id": 1}"#,
        r#"{"id": 1, "do": "fly"}"#,
        r#"{"do": "leave_room"}"#,
        r#"{"id": -1, "do": "leave_room"}"#,
        r#"{"id": 1, "do": "leave_room", "more": 1}"#,
        r#"{"id": 1, "do": "join_room", "room": "x", "microphone": true, "camera": true}"#,
        r#"{"id": 1, "do": "ping", "sent": 1}"#,
    ] {
        let mut browser = relay.browser();
        browser.say_text(text);
        assert_eq!(
            browser.closing(),
            (Some("malformed".into()), Some(1007)),
            "{text}"
        );
    }
    let mut browser = relay.browser();
    browser.say_text(&"[".repeat(16_000));
    assert_eq!(browser.closing().1, Some(1007));
    let mut browser = relay.browser();
    browser.say_text(&" ".repeat(16 * 1024 + 1));
    assert_eq!(browser.closing().1, Some(1009));
    assert_eq!(relay.metrics.web_malformed.get(), 12);
    assert_eq!(relay.metrics.web_too_long.get(), 1);
}

#[test]
fn a_field_that_breaks_its_rule_is_named_and_the_socket_stays() {
    let relay = TestRelay::start();
    let mut browser = relay.browser();
    let sign_in = |field: &str, value: &str| {
        let mut request = json!({
            "do": "sign_in",
            "version": 1,
            "device": crate::browser::device(1),
            "username": "Ana",
            "email": "ana@example.org",
        });
        request[field] = value.into();
        request
    };
    for (field, value) in [
        ("username", "a b"),
        ("email", "nobody"),
        ("device", "AAAA"),
        ("device", "!"),
        ("device", &"A".repeat(42)),
        ("device", &"A".repeat(44)),
        ("device", &"A".repeat(48)),
        ("device", &"A".repeat(15_000)),
        ("resume", "short"),
        ("resume", &"A".repeat(48)),
    ] {
        let id = browser.ask(sign_in(field, value));
        assert_eq!(browser.reply_to(id), Err("invalid".into()), "{field}");
    }
    assert_eq!(
        browser.request(json!({"do": "list_rooms"})),
        Err("not_signed_in".into())
    );
    browser.sign_in("Ana", 1, None).unwrap();
    assert_eq!(
        browser.sign_in("Ana", 1, None),
        Err("already_signed_in".into())
    );
}

#[test]
fn media_that_cannot_be_understood_is_counted_and_in_the_end_too_much() {
    let relay = TestRelay::start();
    let mut ana = relay.browse("Ana", 1);
    for _ in 0..99 {
        ana.socket.send(Message::binary(vec![9; 40])).unwrap();
    }
    ana.settle();
    assert_eq!(relay.metrics.web_frames_malformed.get(), 99);
    // Of no stream, which may be a matter of timing.
    let frame = Frame {
        kind: 1,
        level: 0,
        stream: 77,
        captured_us: 0,
        number: 0,
        body: jpeg(100, 0),
    };
    ana.send(&frame);
    ana.settle();
    assert_eq!(relay.metrics.web_frames_unpublished.get(), 1);
    ana.socket.send(Message::binary(Vec::new())).unwrap();
    assert_eq!(ana.closing().1, Some(1008));
    let mut bob = relay.browse("Bob", 2);
    let _ = bob.socket.send(Message::binary(vec![0; 512 * 1024 + 21]));
    assert_eq!(bob.closing().1, Some(1009));
}

#[test]
fn who_says_nothing_or_half_a_head_is_closed() {
    let relay = TestRelay::start();
    let mut silent = relay.browser();
    let mut half = TcpStream::connect(relay.web()).unwrap();
    half.set_read_timeout(Some(PATIENCE)).unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        .unwrap();
    let begun = Instant::now();
    assert_eq!(silent.closing(), (Some("silent".into()), Some(1008)));
    let mut rest = Vec::new();
    let _ = half.read_to_end(&mut rest);
    let waited = begun.elapsed();
    assert!(
        (Duration::from_secs(8)..Duration::from_secs(15)).contains(&waited),
        "{waited:?}"
    );
    assert_eq!(relay.metrics.web_silent.get(), 1);
}

#[test]
fn more_sockets_than_allowed_are_refused_and_places_come_back() {
    let relay = TestRelay::start_with(|config| config.web.sockets = 2);
    let first = relay.browser();
    let _second = relay.browser();
    assert_eq!(refused(upgrade(relay.web()), relay.web()), 503);
    assert!(
        fetch(relay.web(), "/").starts_with("HTTP/1.1 200"),
        "a page still comes"
    );
    drop(first);
    wait_until("the place", || relay.metrics.web_sockets.get() == 1);
    relay.browser();
}

#[test]
fn behind_a_trusted_proxy_each_browser_counts_for_itself() {
    let from = |web, chain: &'static str| {
        let mut request = upgrade(web);
        let chain = HeaderValue::from_static(chain);
        request.headers_mut().insert("x-forwarded-for", chain);
        request
    };
    for trusted in [true, false] {
        let relay = TestRelay::start_with(|config| {
            config.web.sockets_per_address = 1;
            if trusted {
                config.web.trusted_proxy = String::from("127.0.0.1").try_into().unwrap();
            }
        });
        let web = relay.web();
        let open = |chain| {
            let stream = TcpStream::connect(web).unwrap();
            Browser::open_with(from(web, chain), stream)
        };
        let _ana = open("192.0.2.1");
        if trusted {
            let _bob = open("192.0.2.1, 192.0.2.2");
            assert_eq!(refused(from(web, "192.0.2.3, 192.0.2.2"), web), 503);
            // More than one address may have connections of its own.
            let _many: Vec<_> = (0..100).map(|_| TcpStream::connect(web).unwrap()).collect();
            assert!(fetch(web, "/").starts_with("HTTP/1.1 200"));
        } else {
            assert_eq!(refused(from(web, "192.0.2.2"), web), 503);
        }
    }
}

#[test]
fn a_browser_that_stops_reading_costs_little_and_nobody_else() {
    let relay = TestRelay::start();
    let (mut ana, mut bob, _) = relay.call();
    let mut cem = relay.browse("Cem", 4);
    let made = cem.request(json!({"do": "create_room", "name": "other", "capacity": 4}));
    let room = RoomId(made.unwrap()["room"].as_u64().unwrap() as u32);
    cem.join(room.0, None).unwrap();
    let (_stuck, _) = relay.browse_into("Eve", 3, room);
    let (mut dan, _) = relay.browse_into("Dan", 5, room);
    // Offered as more than what is sent in a moment here.
    let camera = json!({"kind": "camera", "width": 640, "height": 360, "fps": 60});
    let camera = cem.publish(0, camera);
    let microphone = cem.publish(1, json!({"kind": "audio"}));
    dan.event("stream_published");
    dan.event("stream_published");
    cem.settle_core();
    let before = resident_kib();
    let mut came = [0; 2];
    for round in 0..300u64 {
        let frame = |kind, stream, body| Frame {
            kind,
            level: 0,
            stream,
            captured_us: round,
            number: 0,
            body,
        };
        cem.send(&frame(1, camera, jpeg(100_000, 1)));
        cem.send(&frame(0, microphone, vec![0; 640]));
        // Who shares the room with her misses none, and waits for none.
        for got in [dan.frame(), dan.frame()] {
            assert_eq!((u64::from(got.number), got.captured_us), (round, round));
            came[usize::from(got.kind)] += 1;
        }
    }
    assert_eq!(came, [300, 300]);
    wait_until("drops", || relay.metrics.web_frames_dropped.get() > 100);
    let grown = resident_kib().saturating_sub(before);
    assert!(
        grown < 16 * 1024,
        "{grown} KiB for 30 MB that were not read"
    );
    ana.refresh();
    bob.refresh();
    bob.check_frame_from(&mut ana);
}

#[test]
fn control_that_a_browser_does_not_read_ends_its_session() {
    let relay = TestRelay::start();
    let mut first = relay.sign_in("Speaker0", 10);
    let room = first.create("x", None, 32).unwrap();
    first.join(room, None).unwrap();
    let more = (1..20).map(|n| relay.enter(&format!("Speaker{n}"), 10 + n, room).0);
    let mut speakers: Vec<_> = std::iter::once(first).chain(more).collect();
    let (_stuck, _) = relay.browse_into("Eve", 3, room);
    let line = "x".repeat(2_000);
    wait_until("the end", || {
        for speaker in &mut speakers {
            let _ = speaker.say(&line);
        }
        relay.metrics.sessions_too_slow.get() == 1
    });
    for speaker in &mut speakers {
        speaker.settle();
    }
}

#[test]
fn a_lost_socket_s_session_goes_on_where_it_was() {
    let relay = TestRelay::start();
    let mut ana = relay.browser();
    let resume = ana.sign_in("Ana", 1, None).unwrap()["resume"]
        .as_str()
        .unwrap()
        .to_owned();
    let made = ana.request(json!({"do": "create_room", "name": "x", "capacity": 4}));
    let room = RoomId(made.unwrap()["room"].as_u64().unwrap() as u32);
    let me = ana.join(room.0, None).unwrap()["me"].clone();
    let (mut bob, _) = relay.browse_into("Bob", 2, room);
    ana.event("participant_joined");
    let camera = ana.publish_camera();
    let picture = |fill| Frame {
        kind: 1,
        level: 0,
        stream: camera,
        captured_us: 1,
        number: 0,
        body: jpeg(10_000, fill),
    };
    ana.settle_core();
    ana.send(&picture(1));
    assert_eq!(bob.frame().number, 0);
    drop(ana);
    let mut ana = relay.browser();
    assert_eq!(
        ana.sign_in("Ana", 9, Some(&resume)),
        Err("session_over".into()),
        "another device"
    );
    let mut ana = relay.browser();
    let resumed = ana.sign_in("Ana", 1, Some(&resume)).unwrap();
    assert_eq!(resumed["room"]["me"], me);
    // The new key is with Bob before the next picture, which goes on counting.
    ana.settle_core();
    ana.send(&picture(2));
    let got = bob.frame();
    assert_eq!((got.number, got.body), (1, jpeg(10_000, 2)));
    assert!(
        bob.events.iter().all(|e| e["event"] != "participant_left"),
        "no flicker"
    );
    // While the first socket is still open, too.
    let resume = resumed["resume"].as_str().unwrap().to_owned();
    let mut again = relay.browser();
    assert_eq!(
        again.sign_in("Ana", 1, Some(&resume)).unwrap()["room"]["me"],
        me
    );
    assert_eq!(ana.closing().0.as_deref(), Some("replaced"));
    again.settle_core();
    again.send(&picture(3));
    assert_eq!(bob.frame().number, 2);
}

#[test]
fn a_text_that_no_page_sends_leaves_nobody_behind_in_a_room() {
    let relay = TestRelay::start();
    let mut bob = relay.browse("Bob", 1);
    let made = bob.request(json!({"do": "create_room", "name": "x", "capacity": 4}));
    let room = RoomId(made.unwrap()["room"].as_u64().unwrap() as u32);
    bob.join(room.0, None).unwrap();
    let (mut eve, _) = relay.browse_into("Eve", 2, room);
    bob.event("participant_joined");
    let id = eve.ask(json!({
        "do": "sign_in",
        "version": 1,
        "device": "A".repeat(48),
        "username": "ab",
        "email": "a@b",
    }));
    assert_eq!(eve.reply_to(id), Err("invalid".into()));
    eve.request(json!({"do": "sign_out"})).unwrap();
    bob.event("participant_left");
    let metrics = &relay.metrics;
    wait_until("the end of her session", || metrics.sessions.get() == 1);
    wait_until("the end of her socket", || metrics.web_sockets.get() == 1);
    assert_eq!(metrics.task_panics.get(), 0);
}
