//! From a touch on a room to being in it, and what is said when it comes to nothing.

use super::*;

fn engine_has_ended(bench: &mut Bench) {
    bench.intents = None;
    bench.settings = None;
}

fn replaced() -> EngineError {
    EngineError::Replaced {
        by: Some([192, 0, 2, 7].into()),
    }
}

#[test]
fn after_a_sign_in_elsewhere_a_touch_signs_in_again_and_goes_on_to_what_was_touched() {
    let mut bench = Bench::idle(&[room(1, "Maple", 0), room(2, "Birch", 2)]);
    for (touched, wanted) in [("Start the meeting", "Maple"), ("Join Birch", "Birch")] {
        engine_has_ended(&mut bench);
        bench.end(replaced());
        bench.assert_says("signed in on another device");
        assert!(bench.settings.is_none(), "the account is meant to be there");
        bench.touch(touched);
        assert!(bench.settings.is_some(), "a sign-in");
        let room = bench.entered().expect("an intent to enter");
        assert_eq!(room.name.as_str(), wanted);
        bench.tell(Report::SignedIn);
        bench.tell(Report::Joined {
            room: self::room(1, wanted, 1),
            others: vec![],
            back: false,
        });
        assert_eq!(bench.page(), Page::Room);
        bench.touch("Leave");
    }
}

#[test]
fn a_touch_between_two_tries_to_sign_in_waits_for_none() {
    let mut bench = Bench::idle(&[room(1, "Maple", 0)]);
    engine_has_ended(&mut bench);
    bench.end(refused(Refusal::RelayFull));
    bench.touch("Start the meeting");
    assert!(bench.settings.is_some() && bench.entered().is_some());
}

#[test]
fn a_touch_on_an_engine_that_has_just_ended_is_for_the_next_one() {
    let mut bench = Bench::idle(&[room(1, "Maple", 0)]);
    let old = bench.app.number();
    engine_has_ended(&mut bench);
    bench.touch("Start the meeting");
    assert!(bench.entered().is_some());
    bench
        .app
        .act(|app| app.take(old, News::Ended(Err(replaced()))));
    assert!(!bench.says("signed in on another device"));
}

#[test]
fn while_the_relay_is_away_a_touch_shows_that_it_waits_and_can_be_taken_back() {
    let mut bench = Bench::idle(&[room(1, "Maple", 0)]);
    bench.tell(Report::Interrupted(ConnectionLoss::Silent));
    bench.touch("Start the meeting");
    assert!(bench.entered().is_some());
    bench.assert_says("Joining Maple…");
    bench.assert_says("Trying again…");
    bench.touch("Cancel");
    assert!(matches!(bench.intents()[..], [Intent::LeaveRoom]));
    assert!(!bench.says("Joining Maple…"));
    // What the relay still grants is not shown.
    bench.tell(Report::SignedIn);
    bench.is_let_in();
    assert_eq!(bench.page(), Page::Idle);
    bench.element("Start the meeting");
}

#[test]
fn a_touch_that_came_to_nothing_is_void_and_says_so() {
    let mut bench = Bench::idle(&[room(1, "Maple", 0)]);
    bench.tell(Report::Interrupted(ConnectionLoss::Silent));
    bench.touch("Start the meeting");
    bench.intents();
    bench.time_passes_while_joining();
    bench.assert_says("the room was not joined");
    assert!(matches!(bench.intents()[..], [Intent::LeaveRoom]));
    bench.tell(Report::SignedIn);
    bench.is_let_in();
    assert_eq!(bench.page(), Page::Idle, "and nothing starts later");
    bench.assert_says("the room was not joined");
    bench.touch("Start the meeting");
    assert!(!bench.says("the room was not joined"));
}

#[test]
fn making_a_room_that_takes_too_long_is_taken_back_with_its_form() {
    let mut bench = Bench::new(ACCOUNT, false);
    bench.tell(Report::SignedIn);
    bench.tell(Report::Rooms(vec![]));
    bench.touch("New room");
    bench.write("Name of the room", "Birch");
    bench.touch("Create");
    bench.intents();
    bench.time_passes_while_joining();
    bench.assert_says("the room was not joined");
    assert!(matches!(bench.intents()[..], [Intent::LeaveRoom]));
    bench.touch("Create");
    assert!(bench.entered().is_some());
    bench.touch("Close");
    assert!(matches!(bench.intents()[..], [Intent::LeaveRoom]));
}

#[test]
fn a_room_that_is_joined_at_once_is_joined_without_words() {
    let mut bench = Bench::idle(&[room(1, "Maple", 0)]);
    bench.touch("Start the meeting");
    assert!(!bench.says("Joining Maple…"));
}
