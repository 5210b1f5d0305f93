//! Links for browsers, and the settings of rooms.

use super::*;

#[test]
fn a_link_is_over_when_its_time_is() {
    link_of_a_minute(|_| {});
}

#[test]
fn a_link_is_over_when_its_time_is_though_the_clock_was_set_in_between() {
    // A board starts in 1970, and hears what day it is.
    link_of_a_minute(|bench| {
        bench.wall_ahead_ms = 1_795_000_000_000;
        bench.pass(Micros::ZERO);
    });
}

/// A guest comes by a link in the last second of its time, and no guest after that.
fn link_of_a_minute(in_between: impl FnOnce(&mut Bench)) {
    let mut bench = Bench::new();
    bench.core.serve_browsers(Web {
        key: Secret([7; 32]),
        port: 7480,
        https: true,
        base: None,
    });
    let ana = bench.connect(1, 1);
    bench.sign_in(ana, "ana").unwrap();
    let create = Request::CreateRoom {
        name: RoomName::parse("x").unwrap(),
        pin: None,
        capacity: 4,
    };
    let Ok(Answer::Created { room }) = bench.request(ana, create) else {
        panic!("not created");
    };
    let make = Request::MakeLink {
        room,
        lifetime_minutes: 1,
    };
    let Ok(Answer::Link(link)) = bench.request(ana, make) else {
        panic!("no link");
    };
    let come = |bench: &mut Bench, connection| {
        let connection = bench.connect(connection, 2);
        let id = RequestId(77);
        let guest = Guest {
            token: link.token.clone(),
            display_name: DisplayName::parse("eve").unwrap(),
            resume: None,
        };
        bench.core.handle_guest(connection, id, guest);
        bench.carry_out();
        bench.reply(connection, id).unwrap()
    };
    in_between(&mut bench);
    bench.pass(Micros::from_secs(59));
    assert!(matches!(come(&mut bench, 2), Ok(Answer::SignedIn(_))));
    bench.pass(Micros::from_secs(1));
    assert_eq!(come(&mut bench, 3), Err(Refusal::LinkInvalid));
    assert_eq!(bench.core.take_refused_links(), 1);
}

#[test]
fn without_browsers_there_are_no_links() {
    let mut bench = Bench::new();
    let ana = bench.connect(1, 1);
    bench.sign_in(ana, "ana").unwrap();
    let make = Request::MakeLink {
        room: RoomId(1),
        lifetime_minutes: 1,
    };
    assert_eq!(bench.request(ana, make), Err(Refusal::NoGateway));
}

#[test]
fn two_settings_of_a_room_at_once_do_not_undo_each_other() {
    let (mut bench, ana, bob, room) = Bench::call();
    bench.held = Some(Vec::new());
    let disallow = Request::AllowBrowsers {
        room,
        allowed: false,
    };
    let requests = [
        (ana, disallow),
        (bob, Request::RevokeLinks { room }),
        (ana, Request::RevokeLinks { room }),
    ];
    let asked = requests.map(|(who, request)| (who, bench.ask(who, request)));
    let held = bench.held.take().unwrap();
    assert_eq!(held.len(), 3);
    for command in &held {
        bench.store(command);
    }
    bench.carry_out();
    for (who, id) in asked {
        assert_eq!(bench.reply(who, id), Some(Ok(Answer::Done)));
    }
    let of = &bench.core.rooms[&room];
    assert_eq!((of.browsers_allowed, of.link_generation), (false, 2));
    let settings: Vec<_> = held
        .iter()
        .map(|command| match command {
            StoreCommand::ChangeRoom { setting, .. } => *setting,
            other => panic!("{other:?}"),
        })
        .collect();
    let revoke = RoomSetting::RevokeLinks;
    assert_eq!(
        settings,
        [RoomSetting::AllowBrowsers(false), revoke, revoke]
    );
}
