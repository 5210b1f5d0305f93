//! Limits: what one account, one address and all together may do.

use super::*;

#[test]
fn no_member_can_fill_the_queue_of_another_with_keys() {
    let (mut bench, ana, bob, _) = Bench::call();
    let to = |to| AddressedEnvelope {
        to: ParticipantId(to),
        envelope: KeyEnvelope {
            epoch: Epoch(0),
            suite: Suite::Aes256Gcm,
            encapsulated: [0; 32],
            sealed: [0; 48],
        },
    };
    // Ana is the first participant, Bob the second.
    let twice = Request::SendKeys {
        envelopes: vec![to(2), to(2)],
    };
    assert_eq!(bench.request(ana, twice), Err(Refusal::TooMany));
    assert_eq!(bench.events(bob), []);
    let mut refused = 0;
    for n in 0..100 {
        let request = if n % 2 == 0 {
            Request::SendKeys {
                envelopes: vec![to(2)],
            }
        } else {
            Request::AskKeys {
                of: ParticipantId(2),
            }
        };
        match bench.request(ana, request) {
            Ok(Answer::Done) => {}
            Ok(Answer::KeysPutOff { retry_after_ms, .. })
            | Err(Refusal::RateLimited { retry_after_ms }) => {
                assert_eq!(retry_after_ms, 500);
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((bench.events(bob).len(), refused), (8, 92));
    bench.pass(Micros::from_millis(500));
    let envelopes = vec![to(2)];
    let request = Request::SendKeys { envelopes };
    assert_eq!(bench.request(ana, request), Ok(Answer::Done));
    // What is too much for one goes to the others, and the sender is told whom it did not reach.
    let carol = bench.connect(3, 3);
    bench.sign_in(carol, "Carol").unwrap();
    let room = *bench.core.rooms.keys().next().unwrap();
    bench.join(carol, room).unwrap();
    bench.events(carol);
    let envelopes = vec![to(2), to(3)];
    let put_off = Answer::KeysPutOff {
        to: vec![ParticipantId(2)],
        retry_after_ms: 500,
    };
    bench.events(bob);
    let answer = bench.request(ana, Request::SendKeys { envelopes });
    assert_eq!(answer, Ok(put_off));
    assert_eq!((bench.events(bob).len(), bench.events(carol).len()), (0, 1));
}

#[test]
fn a_clock_that_no_clock_shows_is_refused() {
    let (mut bench, ana, bob, _) = Bench::call();
    for offset in [i64::MIN, i64::MAX, -(1 << 53) - 1, (1 << 53) + 1] {
        let offset = ClockOffset(offset);
        let refused = bench.request(ana, Request::SetClock { offset });
        assert_eq!(refused, Err(Refusal::OutOfRange), "{offset:?}");
    }
    assert_eq!(bench.events(bob), []);
    for offset in [-(1 << 53), 1 << 53] {
        let offset = ClockOffset(offset);
        bench.request(ana, Request::SetClock { offset }).unwrap();
    }
}

#[test]
fn sessions_and_rooms_are_bounded() {
    let mut bench = Bench::with(CoreLimits {
        sessions: 1,
        rooms: 1,
        ..LIMITS
    });
    let (ana, bob) = (bench.connect(1, 1), bench.connect(2, 2));
    bench.sign_in(ana, "Ana").unwrap();
    assert_eq!(bench.sign_in(bob, "Bob"), Err(Refusal::RelayFull));
    bench.create(ana, "one").unwrap();
    assert_eq!(bench.create(ana, "two"), Err(Refusal::TooMany));
    // Ana's own session makes room for her next one.
    let again = bench.connect(3, 1);
    bench.sign_in(again, "Ana").unwrap();
}

#[test]
fn every_kind_of_request_is_limited() {
    let (mut bench, ana, _, room) = Bench::call();
    let requests: [fn(RoomId) -> Request; 7] = [
        |_| Request::Subscribe {
            stream: StreamId(9),
            want: Want::All,
        },
        |_| Request::ListRooms { after: None },
        |_| Request::Say {
            to: None,
            text: Box::new(ChatText::parse("x").unwrap()),
            mark: LineMark(0),
        },
        |_| Request::History { before: None },
        |_| Request::SetClock {
            offset: ClockOffset(1),
        },
        |_| Request::AskKeys {
            of: ParticipantId(2),
        },
        |room| Request::JoinRoom {
            room,
            pin: None,
            devices: Devices::default(),
            nonce: NONCE,
        },
    ];
    for request in requests {
        bench.pass(Micros::from_secs(600));
        let limited = (0..3_000)
            .map(|_| bench.request(ana, request(room)))
            .filter(|result| matches!(result, Err(Refusal::RateLimited { .. })))
            .count();
        assert!(limited > 1_000, "{:?}: {limited}", request(room));
        bench.pass(Micros::from_secs(5));
        let later = bench.request(ana, request(room));
        assert!(
            !matches!(later, Err(Refusal::RateLimited { .. })),
            "{later:?}"
        );
    }
}

#[test]
fn one_account_makes_no_more_rooms_than_it_may_and_a_failed_one_does_not_count() {
    let mut bench = Bench::with(CoreLimits {
        rooms_per_account: 2,
        ..LIMITS
    });
    let (ana, bob) = (bench.connect(1, 1), bench.connect(2, 2));
    bench.sign_in(ana, "Ana").unwrap();
    bench.sign_in(bob, "Bob").unwrap();
    bench.disk_full = true;
    assert_eq!(bench.create(ana, "lost"), Err(Refusal::StorageFailed));
    bench.disk_full = false;
    bench.create(ana, "one").unwrap();
    bench.create(ana, "two").unwrap();
    assert_eq!(bench.create(ana, "three"), Err(Refusal::TooMany));
    // Nor after she came back.
    let again = bench.connect(3, 1);
    bench.sign_in(again, "Ana").unwrap();
    assert_eq!(bench.create(again, "three"), Err(Refusal::TooMany));
    bench.create(bob, "three").unwrap();
}

#[test]
fn many_accounts_of_one_address_do_not_fill_the_relay_with_rooms() {
    let mut bench = Bench::with(CoreLimits {
        rooms: 1_000,
        ..LIMITS
    });
    let mut made = 0;
    for n in 0..50 {
        let connection = bench.connect(n, 1);
        bench.sign_in(connection, &format!("User{n}")).unwrap();
        for room in 0..10 {
            made += u32::from(bench.create(connection, &format!("{n} {room}")).is_ok());
        }
    }
    assert_eq!(made, 60);
    let elsewhere = bench.connect(100, 2);
    bench.sign_in(elsewhere, "Elsewhere").unwrap();
    bench.create(elsewhere, "still possible").unwrap();
}

#[test]
fn new_accounts_are_bounded_by_address_and_in_all_and_known_ones_come_in() {
    let mut bench = Bench::with(CoreLimits {
        accounts: 4,
        sign_ups_at_once: 3,
        ..LIMITS
    });
    for n in 0..3 {
        let connection = bench.connect(n, 1);
        bench.sign_in(connection, &format!("User{n}")).unwrap();
    }
    let fourth = bench.connect(3, 1);
    let limited = bench.sign_in(fourth, "User3");
    assert!(matches!(limited, Err(Refusal::RateLimited { .. })));
    let known = bench.connect(4, 1);
    bench.sign_in(known, "User0").unwrap();
    let elsewhere = bench.connect(5, 2);
    bench.sign_in(elsewhere, "User3").unwrap();
    let one_too_many = bench.connect(6, 2);
    assert_eq!(
        bench.sign_in(one_too_many, "User4"),
        Err(Refusal::RelayFull)
    );
}

#[test]
fn signing_in_again_does_not_make_the_limits_new() {
    let mut bench = Bench::new();
    let first = bench.connect(1, 1);
    bench.sign_in(first, "Ana").unwrap();
    let list = || Request::ListRooms { after: None };
    while bench.request(first, list()).is_ok() {}
    bench.request(first, Request::SignOut).unwrap();
    let second = bench.connect(2, 1);
    bench.sign_in(second, "Ana").unwrap();
    let limited = bench.request(second, list());
    assert!(matches!(limited, Err(Refusal::RateLimited { .. })));
    bench.pass(Micros::from_secs(1));
    bench.request(second, list()).unwrap();
}

#[test]
fn addresses_of_one_network_are_limited_as_one() {
    let mut bench = Bench::with(CoreLimits {
        sessions: 10_000,
        ..LIMITS
    });
    let mut limited = 0;
    let sign_up = |bench: &mut Bench, n: u64, address: String| {
        let connection = bench.connect_from(n, 1, address.parse().unwrap());
        let signed_in = bench.sign_in(connection, &format!("User{n}"));
        matches!(signed_in, Err(Refusal::RateLimited { .. }))
    };
    for n in 1..=300 {
        limited += u32::from(sign_up(&mut bench, n, format!("2001:db8::{n:x}")));
    }
    assert_eq!(limited, 100, "200 at once from one network");
    for (n, other) in [
        (301, "2001:db8:0:1::1"),
        (302, "192.0.2.1"),
        (303, "2001:db8:1::1"),
    ] {
        assert!(!sign_up(&mut bench, n, other.into()), "{other}");
    }
    assert!(!sign_up(&mut bench, 304, "::ffff:192.0.2.1".into()));
}

#[test]
fn right_pins_are_no_guesses_and_known_devices_come_back_whatever_strangers_do() {
    let mut bench = Bench::with(CoreLimits {
        sessions: 1_000,
        sign_ups_at_once: 1_000,
        ..LIMITS
    });
    let everyone = IpAddr::from([10, 0, 0, 1]);
    let host = bench.connect_from(1, 1, everyone);
    bench.sign_in(host, "Host").unwrap();
    let create = Request::CreateRoom {
        name: RoomName::parse("locked").unwrap(),
        pin: Some(Pin::parse("4711").unwrap()),
        capacity: 128,
    };
    let Ok(Answer::Created { room }) = bench.request(host, create) else {
        panic!("not created");
    };
    let join = |pin: &str| Request::JoinRoom {
        room,
        pin: Some(Pin::parse(pin).unwrap()),
        devices: Devices::default(),
        nonce: NONCE,
    };
    // More than the budgets of an address and a room have, all with the right PIN.
    for n in 0..200 {
        let kiosk = bench.connect_from(100 + n, 100, everyone);
        bench.sign_in(kiosk, &format!("Kiosk{n}")).unwrap();
        assert!(bench.request(kiosk, join("4711")).is_ok(), "kiosk {n}");
        bench.request(kiosk, Request::LeaveRoom).unwrap();
    }
    // Strangers of many addresses spend the room's budget.
    for n in 0..40u8 {
        let eve = bench.connect_from(500 + u64::from(n), 200, IpAddr::from([10, 1, 0, n]));
        bench.sign_in(eve, &format!("Eve{n}")).unwrap();
        for _ in 0..4 {
            let wrong = bench.request(eve, join("0000"));
            assert!(matches!(
                wrong,
                Err(Refusal::WrongPin | Refusal::RateLimited { .. })
            ));
        }
    }
    let newcomer = bench.connect_from(900, 201, IpAddr::from([10, 2, 0, 1]));
    bench.sign_in(newcomer, "Newcomer").unwrap();
    let limited = bench.request(newcomer, join("4711"));
    assert!(
        matches!(limited, Err(Refusal::RateLimited { .. })),
        "{limited:?}"
    );
    let back = bench.connect_from(901, 100, everyone);
    bench.sign_in(back, "Kiosk7").unwrap();
    assert!(bench.request(back, join("4711")).is_ok());
}
