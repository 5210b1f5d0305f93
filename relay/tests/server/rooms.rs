//! Accounts, rooms, chat and the roster as endpoints meet them.

use conclave_protocol::id::{Epoch, ParticipantId, RoomId, StreamId};
use conclave_protocol::secret::Secret;
use conclave_protocol::units::ClockOffset;
use conclave_protocol::wire::control::{
    AddressedEnvelope, Answer, ClosingReason, Devices, Event, HISTORY_LINES_A_PAGE, KeyEnvelope,
    LeaveReason, MAX_ROOM_CAPACITY, Refusal, Request, Suite, Want,
};

use crate::harness::{Endpoint, TestRelay, camera, say};

#[test]
fn the_first_device_binds_a_name_and_its_address() {
    let relay = TestRelay::start();
    let signed_in = relay.connect(1).sign_in("Ana").unwrap();
    assert_eq!(signed_in.username.as_str(), "Ana");
    // The name is compared without case, and comes back as it was first written.
    let again = relay.connect(1).sign_in("ANA").unwrap();
    assert_eq!(again.username.as_str(), "Ana");
    assert_eq!(relay.connect(2).sign_in("ana"), Err(Refusal::NameTaken));
    let other_mail = relay
        .connect(1)
        .sign_in_as("Ana", "other@example.org", None);
    assert_eq!(other_mail, Err(Refusal::EmailDiffers));
    let mut twice = relay.sign_in("Bob", 2);
    assert_eq!(twice.sign_in("Bob"), Err(Refusal::AlreadySignedIn));
}

#[test]
fn two_meet_in_a_room_and_chat_in_one_order() {
    let relay = TestRelay::start();
    let mut ana = relay.sign_in("Ana", 1);
    let room = ana.create("Stand-up", None, 8).unwrap();
    let joined = ana.join(room, None).unwrap();
    assert_eq!(joined.roster.len(), 1);
    let (mut bob, joined) = relay.enter("Bob", 2, room);
    assert_eq!(joined.roster.len(), 2);
    assert_eq!(joined.room.members, 2);
    let newcomer = ana.event(|event| match event {
        Event::ParticipantJoined(who) => Some(who),
        _ => None,
    });
    assert_eq!(
        (newcomer.username.as_str(), newcomer.id),
        ("Bob", joined.me)
    );

    let mut said = Vec::new();
    for line in ["one", "two", "three"] {
        match bob.say(line).unwrap() {
            Answer::Said { id, .. } => said.push(id),
            other => panic!("{other:?}"),
        }
    }
    for endpoint in [&mut ana, &mut bob] {
        let ids: Vec<_> = (0..3).map(|_| chat(endpoint).id).collect();
        assert_eq!(ids, said);
    }
    assert!(said.is_sorted());
}

fn chat(endpoint: &mut Endpoint) -> conclave_protocol::wire::control::ChatLine {
    endpoint.event(|event| match event {
        Event::Chat(line) => Some(line),
        _ => None,
    })
}

#[test]
fn a_direct_line_is_for_two_alone_also_in_history() {
    let relay = TestRelay::start();
    let mut ana = relay.sign_in("Ana", 1);
    let room = ana.create("room", None, 8).unwrap();
    ana.join(room, None).unwrap();
    let (mut bob, bob_joined) = relay.enter("Bob", 2, room);
    let (mut eve, _) = relay.enter("Eve", 3, room);
    let direct = say(Some(bob_joined.me), "for Bob");
    ana.request(direct).unwrap();
    ana.say("for all").unwrap();
    assert_eq!(chat(&mut bob).text.as_str(), "for Bob");
    assert_eq!(
        chat(&mut ana).to.map(|to| to.to_string()),
        Some("Bob".into())
    );
    assert_eq!(chat(&mut eve).text.as_str(), "for all");
    for (endpoint, lines) in [(&mut ana, 2), (&mut bob, 2), (&mut eve, 1)] {
        match endpoint.request(Request::History { before: None }) {
            Ok(Answer::History {
                lines: found,
                more: false,
            }) => assert_eq!(found.len(), lines),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn history_goes_back_page_by_page() {
    let relay = TestRelay::start();
    let mut ana = relay.sign_in("Ana", 1);
    let room = ana.create("room", None, 8).unwrap();
    ana.join(room, None).unwrap();
    let count = HISTORY_LINES_A_PAGE + 3;
    for n in 0..count {
        ana.say(&format!("line {n}")).unwrap();
    }
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let Ok(Answer::History { mut lines, more }) = ana.request(Request::History { before })
        else {
            panic!("no history");
        };
        before = lines.first().map(|line| line.id);
        lines.extend(found);
        found = lines;
        if !more {
            break;
        }
    }
    let texts: Vec<_> = found.iter().map(|line| line.text.to_string()).collect();
    let said: Vec<_> = (0..count).map(|n| format!("line {n}")).collect();
    assert_eq!(texts, said);
}

#[test]
fn a_locked_room_opens_to_its_pin_and_guessing_is_limited() {
    let relay = TestRelay::start();
    let mut ana = relay.sign_in("Ana", 1);
    let room = ana.create("vault", Some("4711"), 8).unwrap();
    assert_eq!(ana.join(room, None), Err(Refusal::WrongPin));
    assert_eq!(ana.join(room, Some("0000")), Err(Refusal::WrongPin));
    assert!(ana.join(room, Some("4711")).unwrap().room.locked);

    let mut eve = relay.sign_in("Eve", 2);
    let mut limited = 0;
    for guess in 0..20 {
        match eve.join(room, Some(&format!("{guess:04}"))) {
            Err(Refusal::WrongPin) => {}
            Err(Refusal::RateLimited { retry_after_ms }) => {
                assert!(retry_after_ms > 0);
                limited += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(limited >= 14, "{limited} of 20 guesses limited");
    // Who sits inside notices nothing, and others may still come in.
    ana.say("still here").unwrap();
    let mut bob = relay.sign_in("Bob", 3);
    bob.join(room, Some("4711")).unwrap();
}

#[test]
fn rooms_have_unique_names_and_bounds() {
    let relay = TestRelay::start_with(|config| config.limits.rooms = 3);
    let mut ana = relay.sign_in("Ana", 1);
    let room = ana.create("Room", None, 1).unwrap();
    assert_eq!(ana.create("rOOM", None, 1), Err(Refusal::RoomExists));
    assert_eq!(ana.create("none", None, 0), Err(Refusal::OutOfRange));
    assert_eq!(
        ana.create("huge", None, MAX_ROOM_CAPACITY + 1),
        Err(Refusal::OutOfRange)
    );
    ana.create("second", None, MAX_ROOM_CAPACITY).unwrap();
    ana.create("third", None, 2).unwrap();
    assert_eq!(ana.create("fourth", None, 2), Err(Refusal::TooMany));
    ana.join(room, None).unwrap();
    assert_eq!(ana.join(room, None), Err(Refusal::AlreadyInRoom));
    let mut bob = relay.sign_in("Bob", 2);
    assert_eq!(bob.join(room, None), Err(Refusal::RoomFull));
    assert_eq!(bob.join(RoomId(99), None), Err(Refusal::NoSuchRoom));
    ana.request(Request::LeaveRoom).unwrap();
    assert_eq!(ana.request(Request::LeaveRoom), Err(Refusal::NotInRoom));
    bob.join(room, None).unwrap();
}

#[test]
fn the_lobby_follows_the_counts_for_those_who_look_at_it() {
    let relay = TestRelay::start();
    let mut ana = relay.sign_in("Ana", 1);
    let room = ana.create("room", None, 8).unwrap();
    let mut watcher = relay.sign_in("Watcher", 2);
    match watcher.request(Request::ListRooms { after: None }) {
        Ok(Answer::Rooms { rooms, more: false }) => assert_eq!(rooms.len(), 1),
        other => panic!("{other:?}"),
    }
    ana.join(room, None).unwrap();
    let count = |endpoint: &mut Endpoint, wanted| {
        endpoint.event(|event| match event {
            Event::RoomChanged(summary) if summary.members == wanted => Some(summary.id),
            _ => None,
        })
    };
    assert_eq!(count(&mut watcher, 1), room);
    ana.request(Request::LeaveRoom).unwrap();
    assert_eq!(count(&mut watcher, 0), room);
    // Ana never asked for the lobby, so she got nothing of it before this answer.
    ana.create("another", None, 2).unwrap();
    assert!(
        ana.events
            .iter()
            .all(|event| !matches!(event, Event::RoomChanged(_)))
    );
}

#[test]
fn a_dropped_session_comes_back_without_a_flicker() {
    let relay = TestRelay::start();
    let mut ana = relay.sign_in("Ana", 1);
    let room = ana.create("room", None, 8).unwrap();
    ana.join(room, None).unwrap();
    let (bob, joined) = relay.enter("Bob", 2, room);
    let before = bob.signed_in.clone().unwrap();
    drop(bob);

    let mut bob = relay.connect(2);
    let secret = before.resume_secret.clone();
    let after = bob
        .sign_in_as("Bob", "bob@example.org", Some(secret))
        .unwrap();
    assert_eq!(after.session, before.session);
    assert_ne!(after.hop_secret, before.hop_secret);
    let room_again = after.room.unwrap();
    assert_eq!((room_again.me, room_again.roster.len()), (joined.me, 2));

    // The secret is for its device alone.
    let foreign = relay
        .connect(3)
        .sign_in_as("Bob", "bob@example.org", Some(after.resume_secret));
    assert_eq!(foreign, Err(Refusal::SessionOver));

    bob.say("back").unwrap();
    assert_eq!(chat(&mut ana).text.as_str(), "back");
    assert!(
        ana.events
            .iter()
            .all(|event| !matches!(event, Event::ParticipantLeft { .. }))
    );

    // It is so again, as if the answer had been lost, but not once a newer one was used.
    let mut resume = |secret: &Secret<32>| {
        bob = relay.connect(2);
        let resumed = bob.sign_in_as("Bob", "bob@example.org", Some(secret.clone()));
        resumed.map(|signed_in| signed_in.resume_secret)
    };
    let newer = resume(&before.resume_secret).unwrap();
    resume(&newer).unwrap();
    assert_eq!(resume(&before.resume_secret), Err(Refusal::SessionOver));
}

#[test]
fn a_second_sign_in_replaces_the_first() {
    let relay = TestRelay::start();
    let mut ana = relay.sign_in("Ana", 1);
    let room = ana.create("room", None, 8).unwrap();
    ana.join(room, None).unwrap();
    let (mut bob, joined) = relay.enter("Bob", 2, room);
    let _again = relay.sign_in("Bob", 2);
    assert_eq!(bob.closing(), Some(ClosingReason::Replaced));
    let left = ana.event(|event| match event {
        Event::ParticipantLeft { participant, .. } => Some(participant),
        _ => None,
    });
    assert_eq!(left, joined.me);
}

#[test]
fn signing_out_leaves_for_good() {
    let relay = TestRelay::start();
    let mut ana = relay.sign_in("Ana", 1);
    let room = ana.create("room", None, 8).unwrap();
    ana.join(room, None).unwrap();
    let (mut bob, _) = relay.enter("Bob", 2, room);
    let secret = bob.signed_in.clone().unwrap().resume_secret;
    assert_eq!(bob.request(Request::SignOut), Ok(Answer::Done));
    assert_eq!(bob.closing(), None);
    let reason = ana.event(|event| match event {
        Event::ParticipantLeft { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(reason, LeaveReason::Left);
    let resumed = relay
        .connect(2)
        .sign_in_as("Bob", "bob@example.org", Some(secret));
    assert_eq!(resumed, Err(Refusal::SessionOver));
}

#[test]
fn members_hear_of_devices_clocks_streams_and_keys() {
    let relay = TestRelay::start();
    let mut ana = relay.sign_in("Ana", 1);
    let room = ana.create("room", None, 8).unwrap();
    let ana_is = ana.join(room, None).unwrap().me;
    let (mut bob, joined) = relay.enter("Bob", 2, room);
    let devices = Devices {
        microphone: true,
        camera: true,
    };
    bob.request(Request::SetDevices(devices)).unwrap();
    let offset = ClockOffset(-42);
    bob.request(Request::SetClock { offset }).unwrap();
    let stream = bob.publish(camera());
    let envelope = KeyEnvelope {
        epoch: Epoch::new(1, 0),
        suite: Suite::Aes256Gcm,
        encapsulated: [1; 32],
        sealed: [2; 48],
    };
    let to_ana = AddressedEnvelope {
        to: ana_is,
        envelope: envelope.clone(),
    };
    let to_nobody = AddressedEnvelope {
        to: ParticipantId(999),
        envelope: envelope.clone(),
    };
    let envelopes = vec![to_nobody, to_ana];
    bob.request(Request::SendKeys { envelopes }).unwrap();
    bob.request(Request::AskKeys { of: ana_is }).unwrap();
    bob.request(Request::Unpublish { stream }).unwrap();
    let expected = [
        Event::DevicesChanged {
            participant: joined.me,
            devices,
        },
        Event::ClockChanged {
            participant: joined.me,
            clock: offset,
        },
        Event::StreamPublished {
            participant: joined.me,
            stream: conclave_protocol::wire::control::Stream {
                id: stream,
                offer: camera(),
            },
        },
        Event::Keys {
            from: joined.me,
            envelope,
        },
        Event::KeysWanted { by: joined.me },
        Event::StreamUnpublished { stream },
    ];
    let mut heard = Vec::new();
    while heard.len() < expected.len() {
        heard.push(
            ana.event(|event| (!matches!(event, Event::ParticipantJoined(_))).then_some(event)),
        );
    }
    assert_eq!(heard, expected);
    let unknown = Request::AskKeys {
        of: ParticipantId(999),
    };
    assert_eq!(bob.request(unknown), Err(Refusal::NoSuchParticipant));
    let foreign = Request::Unpublish {
        stream: StreamId(999),
    };
    assert_eq!(bob.request(foreign), Err(Refusal::NoSuchStream));
    let want = Want::All;
    let foreign = Request::Subscribe {
        stream: StreamId(999),
        want,
    };
    assert_eq!(bob.request(foreign), Err(Refusal::NoSuchStream));
}

#[test]
fn at_the_stop_everyone_is_told() {
    let mut relay = TestRelay::start();
    let mut ana = relay.sign_in("Ana", 1);
    let reader = std::thread::spawn(move || ana.closing());
    relay.stop();
    assert_eq!(reader.join().unwrap(), Some(ClosingReason::RelayStops));
}

#[test]
fn a_reload_takes_new_limits() {
    let relay = TestRelay::start_with(|config| config.limits.sessions = 1);
    let _ana = relay.sign_in("Ana", 1);
    assert_eq!(relay.connect(2).sign_in("Bob"), Err(Refusal::RelayFull));
    let mut config = relay.config.clone();
    config.limits.sessions = 2;
    relay.reload.blocking_send(config.clone()).unwrap();
    // The second is queued only when the first was taken.
    relay.reload.blocking_send(config.clone()).unwrap();
    relay.reload.blocking_send(config).unwrap();
    relay.connect(2).sign_in("Bob").unwrap();
}
