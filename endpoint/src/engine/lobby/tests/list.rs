//! The list of rooms: its pages, and when it is reported.

use super::*;

#[test]
fn pages_are_asked_for_from_the_last_room_of_the_page_before() {
    let mut lobby = Lobby::default();
    lobby.list();
    let page = vec![summary(RoomId(1), "a"), summary(RoomId(2), "b")];
    // Made meanwhile, and told by an event: its number is beyond that of rooms which are yet to be listed.
    lobby.room_changed(summary(RoomId(90), "new"), true);
    let next = lobby.listed(page, true, true);
    assert!(
        matches!(
            next,
            Some(Step::List {
                after: Some(RoomId(2))
            })
        ),
        "{next:?}"
    );
    assert!(lobby.news(false).is_none(), "not complete yet");
    lobby.listed(vec![summary(RoomId(3), "c")], false, true);
    let told = lobby.news(false).unwrap();
    assert_eq!(told.len(), 4);
}

#[test]
fn rooms_are_told_once_until_they_change_and_to_nobody_inside_one() {
    let mut bench = Bench::new();
    assert_eq!(bench.lobby.news(false).map(|rooms| rooms.len()), Some(2));
    assert!(bench.lobby.news(false).is_none());
    bench.lobby.room_closed(B, None);
    assert!(bench.lobby.news(true).is_none());
    assert_eq!(
        bench.lobby.news(false).map(|rooms| rooms.len()),
        Some(1),
        "it is told after leaving"
    );
}

#[test]
fn a_list_that_is_made_again_forgets_rooms_that_are_gone() {
    let mut bench = Bench::new();
    bench.lobby.list();
    bench.list(&[(B, "b")]);
    assert_eq!(bench.lobby.find(&RoomName::parse("a").unwrap()), None);
}
