//! The list of rooms, making one, and the PIN of a locked one.

use super::*;

#[test]
fn the_lobby_lists_searches_and_joins() {
    let mut bench = Bench::new(ACCOUNT, false);
    bench.tell(Report::SignedIn);
    bench.tell(Report::Rooms(vec![
        room(1, "Maple", 2),
        room(2, "Birch", 0),
    ]));
    assert_eq!(bench.page(), Page::Lobby);
    bench.assert_says("Birch");
    bench.write("Search rooms", "map");
    assert!(
        bench.says("Maple") && !bench.says("Birch"),
        "{:?}",
        bench.labels()
    );
    bench.touch("Join Maple");
    assert_eq!(bench.entered().unwrap().name.as_str(), "Maple");
    bench.tell(not_entered(Refusal::NoSuchRoom));
    assert_eq!(bench.page(), Page::Lobby);
}

#[test]
fn a_full_room_can_be_touched_and_a_place_in_it_waited_for() {
    for page in [Page::Lobby, Page::Idle] {
        let mut bench = Bench::new(ACCOUNT, page == Page::Idle);
        bench.tell(Report::SignedIn);
        let full = RoomSummary {
            capacity: 2,
            ..room(1, "Birch", 2)
        };
        bench.tell(Report::Rooms(vec![full]));
        assert_eq!(bench.page(), page);
        bench.touch("Join Birch");
        assert_eq!(bench.entered().unwrap().name.as_str(), "Birch");
        bench.tell(not_entered(Refusal::RoomFull));
        bench.assert_says("The room is full.");
        bench.touch("Wait for a place");
        let waits = |intent: &Intent| matches!(intent, Intent::AwaitPlace(_));
        assert!(bench.intents().iter().any(waits));
    }
}

#[test]
fn a_locked_room_asks_for_its_pin_until_it_is_right() {
    let mut bench = Bench::new(ACCOUNT, false);
    bench.tell(Report::SignedIn);
    bench.tell(Report::Rooms(vec![locked(1, "Board")]));
    bench.touch("Join Board, locked");
    assert!(bench.entered().is_none(), "the PIN comes first");
    for digit in ["1", "2", "3", "4"] {
        bench.touch(digit);
    }
    bench.touch("Enter the PIN");
    assert_eq!(bench.entered().unwrap().pin.unwrap().as_str(), "1234");
    bench.tell(not_entered(Refusal::WrongPin));
    bench.assert_says("PIN");
    assert!(bench.window.global::<conclave_ui::Lobby>().get_pin_open());
    // The digits of the wrong one go.
    i_slint_backend_testing::mock_elapsed_time(std::time::Duration::from_millis(1));
    for digit in ["4", "3", "2", "1"] {
        bench.touch(digit);
    }
    bench.touch("Enter the PIN");
    assert_eq!(bench.entered().unwrap().pin.unwrap().as_str(), "4321");
    bench.tell(Report::Joined {
        room: locked(1, "Board"),
        others: vec![],
        back: false,
    });
    assert_eq!(bench.page(), Page::Room);
    bench.touch("Leave");
    assert!(!bench.window.global::<conclave_ui::Lobby>().get_pin_open());
}

#[test]
fn a_room_is_made_with_a_name_that_is_free() {
    let mut bench = Bench::new(ACCOUNT, false);
    bench.tell(Report::SignedIn);
    bench.tell(Report::Rooms(vec![room(1, "Maple", 2)]));
    bench.touch("New room");
    bench.write("Name of the room", "maple");
    bench.touch("Create");
    assert!(bench.entered().is_none(), "there is one of that name");
    bench.write("Name of the room", "Birch");
    bench.touch("Create");
    let made = bench.entered().unwrap();
    assert_eq!((made.name.as_str(), made.create), ("Birch", Some(16)));
}
