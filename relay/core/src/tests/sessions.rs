//! Sessions: their names, what survives a lost connection, and what ends them.

use super::*;

#[test]
fn the_nonce_of_a_join_is_in_the_roster_and_stays_when_the_session_is_resumed() {
    let (mut bench, ana, bob, room) = Bench::call();
    let nonce = JoinNonce([0x0b; 32]);
    let again = Request::JoinRoom {
        room,
        pin: None,
        devices: Devices::default(),
        nonce,
    };
    bench.request(bob, Request::LeaveRoom).unwrap();
    bench.request(bob, again).unwrap();
    let told = bench.events(ana).into_iter().find_map(|event| match event {
        Event::ParticipantJoined(bob) => Some(bob.nonce),
        _ => None,
    });
    assert_eq!(told, Some(nonce));
    bench.request(bob, Request::SignOut).unwrap();

    let carl = bench.connect(3, 3);
    let signed_in = bench.sign_in(carl, "Carl").unwrap();
    let me = bench.join(carl, room).unwrap().me;
    bench.core.handle_disconnected(bench.now, carl);
    let carl = bench.connect(4, 3);
    let resume = Some(signed_in.resume_secret);
    let resumed = bench.sign_in_with(carl, "Carl", resume).unwrap();
    let roster = resumed.room.unwrap().roster;
    let own = roster.iter().find(|member| member.id == me).unwrap();
    assert_eq!(own.nonce, NONCE);
}

#[test]
fn others_see_the_display_name_and_the_account_stays_the_username() {
    let (mut bench, ana, bob, room) = Bench::call();
    let sign_in = |bench: &mut Bench, of, username: &str, name: &str| {
        let request = Request::SignIn {
            username: Username::parse(username).unwrap(),
            display_name: DisplayName::parse(name).unwrap(),
            email: Email::parse("a@b").unwrap(),
            resume: None,
        };
        bench.request(of, request).unwrap();
    };
    bench.request(ana, Request::SignOut).unwrap();
    bench.events(bob);
    let again = bench.connect(3, 1);
    sign_in(&mut bench, again, "ana", "Ana Lima");
    bench.join(again, room).unwrap();
    let came = bench.events(bob).into_iter().find_map(|event| match event {
        Event::ParticipantJoined(who) => Some((who.username, who.display_name)),
        _ => None,
    });
    let (username, display_name) = came.unwrap();
    assert_eq!(
        (username.as_str(), display_name.as_str()),
        ("ana", "Ana Lima")
    );
    bench.say(again, "hello");
    let line = bench.events(bob).into_iter().find_map(|event| match event {
        Event::Chat(line) => Some(line),
        _ => None,
    });
    let line = line.unwrap();
    assert_eq!(
        (line.from.as_str(), line.from_name.as_str()),
        ("ana", "Ana Lima")
    );

    // Two may be called the same, but an account is its device's under any display name.
    let cem = bench.connect(4, 4);
    sign_in(&mut bench, cem, "cem", "Ana Lima");
    let joined = bench.join(cem, room).unwrap();
    let named = |who: &&Participant| who.display_name.as_str() == "Ana Lima";
    assert_eq!(joined.roster.iter().filter(named).count(), 2);
}

#[test]
fn a_dropped_session_is_over_after_thirty_seconds_and_not_before() {
    let (mut bench, ana, bob, _) = Bench::call();
    bench.core.handle_disconnected(bench.now, bob);
    bench.carry_out();
    bench.events(ana);
    bench.pass(Micros(RESUME_FOR.0 - 1));
    assert_eq!(bench.events(ana), []);
    bench.pass(Micros(1));
    let events = bench.events(ana);
    assert!(
        matches!(
            events[..],
            [Event::ParticipantLeft {
                reason: LeaveReason::Lost,
                ..
            }]
        ),
        "{events:?}"
    );
    assert!(matches!(
        bench.media.last(),
        Some(MediaCommand::Close { .. })
    ));
}

#[test]
fn a_session_that_dropped_twice_waits_from_the_second_drop() {
    let mut bench = Bench::new();
    let first = bench.connect(1, 1);
    let secret = bench.sign_in(first, "Ana").unwrap().resume_secret;
    bench.core.handle_disconnected(bench.now, first);
    bench.pass(Micros::from_secs(20));
    let second = bench.connect(2, 1);
    let secret = bench
        .sign_in_with(second, "Ana", Some(secret))
        .unwrap()
        .resume_secret;
    bench.core.handle_disconnected(bench.now, second);
    bench.pass(Micros::from_secs(20));
    let third = bench.connect(3, 1);
    bench.sign_in_with(third, "Ana", Some(secret)).unwrap();
}

#[test]
fn a_resumption_takes_over_from_a_connection_that_has_not_noticed() {
    let (mut bench, ana, bob, room) = Bench::call();
    bench.core.handle_disconnected(bench.now, bob);
    let again = bench.connect(3, 2);
    let signed_in = bench.sign_in_with(again, "Bob", None);
    // Without the secret it is another session: the first one left.
    assert!(signed_in.unwrap().room.is_none());
    bench.join(again, room).unwrap();
    bench.sent.clear();

    let secret = bench
        .core
        .sessions
        .values()
        .find(|s| s.username.as_str() == "Bob");
    let secret = secret.unwrap().resume_secret.clone();
    let newest = bench.connect(4, 2);
    let signed_in = bench.sign_in_with(newest, "Bob", Some(secret)).unwrap();
    assert_eq!(signed_in.room.unwrap().roster.len(), 2);
    assert_eq!(bench.ended, [(again, Ending::Drained)]);
    let closing = Event::Closing {
        reason: ClosingReason::Replaced,
    };
    assert_eq!(bench.events(again), [closing]);
    assert_eq!(bench.events(ana), []);
    // The old connection's end changes nothing any more.
    bench.core.handle_disconnected(bench.now, again);
    bench.pass(Micros::from_secs(60));
    assert_eq!(bench.events(ana), []);
}

#[test]
fn a_slow_reader_ends_alone() {
    let (mut bench, ana, bob, _) = Bench::call();
    bench.core.handle_too_slow(bob);
    bench.carry_out();
    assert_eq!(bench.ended, [(bob, Ending::Now(ClosingReason::TooSlow))]);
    let events = bench.events(ana);
    assert!(matches!(
        events[..],
        [Event::ParticipantLeft {
            reason: LeaveReason::TooSlow,
            ..
        }]
    ));
    let request = bench.say(ana, "on we go");
    assert!(matches!(bench.reply(ana, request), Some(Ok(_))));
}

#[test]
fn what_overflows_after_a_slow_reader_ended_is_not_another_slow_reader() {
    let (mut bench, _, bob, _) = Bench::call();
    assert!(bench.core.handle_too_slow(bob));
    assert!(!bench.core.handle_too_slow(bob));
    bench.carry_out();
    assert_eq!(bench.ended, [(bob, Ending::Now(ClosingReason::TooSlow))]);
}

#[test]
fn what_comes_for_a_connection_that_is_gone_goes_nowhere() {
    let mut bench = Bench::new();
    let ana = bench.connect(1, 1);
    bench.held = Some(Vec::new());
    bench.ask(
        ana,
        Request::SignIn {
            username: Username::parse("Ana").unwrap(),
            display_name: DisplayName::parse("Ana").unwrap(),
            email: Email::parse("a@b").unwrap(),
            resume: None,
        },
    );
    bench.core.handle_disconnected(bench.now, ana);
    let held = bench.held.take().unwrap();
    bench.store(&held[0]);
    bench.carry_out();
    assert_eq!(bench.core.counts().0, 0);
    assert!(bench.sent.is_empty());
    bench
        .core
        .handle_request(ana, RequestId(9), Request::SignOut);
    bench.core.handle_too_slow(ana);
    bench.core.handle_pin(Token(77), Err(Refusal::WrongPin));
    bench.core.handle_stored(Token(77), Ok(StoreAnswer::Done));
    bench.carry_out();
    assert!(bench.sent.is_empty());
}

#[test]
fn two_devices_with_one_identity_are_told_of_each_other_and_slow_down() {
    let mut bench = Bench::new();
    let [here, there] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
    let mut takeovers = 0;
    let mut in_place = bench.connect_from(1, 1, here);
    bench.sign_in(in_place, "Ana").unwrap();
    // Ten minutes of two that come back each 2 s.
    for n in 2..302 {
        bench.pass(Micros::from_secs(2));
        let address = if n % 2 == 0 { there } else { here };
        let other = bench.connect_from(n, 1, address);
        match bench.sign_in(other, "Ana") {
            Ok(_) => {
                takeovers += 1;
                let told = bench.events(in_place);
                assert_eq!(told[0], Event::SignedInElsewhere { address });
                assert!(matches!(told[1], Event::Closing { .. }), "{told:?}");
                in_place = other;
            }
            Err(Refusal::RateLimited { retry_after_ms }) => {
                assert!(retry_after_ms <= 480_000);
                let told = bench.events(other);
                assert!(
                    matches!(told[..], [Event::SignedInElsewhere { .. }]),
                    "{told:?}"
                );
                bench.core.handle_disconnected(bench.now, other);
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!((4..9).contains(&takeovers), "{takeovers}");
    // Who lost the connection takes nothing over.
    bench.core.handle_disconnected(bench.now, in_place);
    let again = bench.connect_from(400, 1, here);
    bench.sign_in(again, "Ana").unwrap();
}
