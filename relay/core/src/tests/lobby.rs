//! The lobby: watchers hear of changes, at a bounded rate.

use super::*;

#[test]
fn who_watches_a_lobby_in_which_every_room_changes_without_end_hears_a_hundred_changes_a_second() {
    let mut bench = Bench::with(LIMITS);
    for n in 1..=5 {
        let host = bench.connect(n.into(), n);
        bench.sign_in(host, &format!("Host{n}")).unwrap();
        for room in 0..10 {
            bench.create(host, &format!("room {n} {room}")).unwrap();
        }
    }
    let watcher = bench.connect(10, 10);
    bench.sign_in(watcher, "Watcher").unwrap();
    let list = Request::ListRooms { after: None };
    bench.request(watcher, list).unwrap();
    bench.pass(Micros::from_secs(2));
    bench.events(watcher);
    let rooms: Vec<_> = bench.core.rooms.keys().copied().collect();
    assert_eq!(rooms.len(), 50);
    for _ in 0..100 {
        rooms.iter().for_each(|room| bench.core.lobby.mark(*room));
        bench.pass(Micros::from_millis(100));
    }
    let heard = bench.events(watcher).len();
    assert!((900..=1_050).contains(&heard), "{heard} in ten seconds");
    for _ in 0..2 {
        bench.pass(Micros::from_secs(1));
    }
    bench.events(watcher);
    bench.core.lobby.mark(rooms[0]);
    bench.pass(Micros::from_millis(100));
    assert_eq!(bench.events(watcher).len(), 1, "one change is told at once");
}

#[test]
fn the_lobby_hears_of_many_changes_as_few() {
    let (mut bench, ana, bob, room) = Bench::call();
    let watcher = bench.connect(3, 3);
    bench.sign_in(watcher, "Watcher").unwrap();
    bench
        .request(watcher, Request::ListRooms { after: None })
        .unwrap();
    bench.pass(Micros::from_secs(1));
    bench.sent.clear();
    for _ in 0..5 {
        bench.request(bob, Request::LeaveRoom).unwrap();
        bench.join(bob, room).unwrap();
    }
    assert_eq!(bench.events(watcher), []);
    bench.pass(Micros::from_secs(1));
    let events = bench.events(watcher);
    assert!(
        matches!(&events[..], [Event::RoomChanged(summary)] if summary.members == 2),
        "{events:?}"
    );
    // Ana is in a room, where the lobby is no news.
    bench
        .request(ana, Request::ListRooms { after: None })
        .unwrap();
    bench.sent.clear();
    bench.request(bob, Request::LeaveRoom).unwrap();
    bench.pass(Micros::from_secs(1));
    assert!(
        bench
            .events(ana)
            .iter()
            .all(|e| !matches!(e, Event::RoomChanged(_)))
    );
}
