//! What the screen says while the relay is away, and when it is there again.

use super::*;

#[test]
fn an_amber_mark_on_the_idle_page_has_words_from_the_start_and_after_leaving_in_an_outage() {
    let mut bench = Bench::new(ACCOUNT, true);
    bench.assert_says("Connecting to the meeting server…");
    bench.tell(Report::SignedIn);
    assert!(!bench.says("Connecting"));
    bench.tell(Report::Rooms(vec![room(1, "Maple", 1)]));
    bench.touch("Join the meeting");
    bench.is_let_in();
    bench.tell(Report::Interrupted(ConnectionLoss::Silent));
    bench.touch("Leave");
    assert_eq!(bench.page(), Page::Idle);
    bench.assert_says("Cannot reach the meeting server. Trying again…");
    bench.tell(Report::SignedIn);
    assert!(!bench.says("Trying again…"));
}

#[test]
fn the_list_of_rooms_says_that_the_relay_is_away_too() {
    let bench = Bench::new(ACCOUNT, false);
    bench.tell(Report::SignedIn);
    bench.tell(Report::Rooms(vec![room(1, "Maple", 1)]));
    bench.tell(Report::Interrupted(ConnectionLoss::Silent));
    bench.assert_says("Cannot reach the meeting server. Trying again…");
}

#[test]
fn the_banner_of_a_room_stays_until_that_is_joined_again() {
    let bench = Bench::kiosk_in_room();
    bench.tell(Report::Interrupted(ConnectionLoss::Silent));
    bench.assert_says("The connection was lost. Reconnecting…");
    bench.tell(Report::SignedIn);
    bench.assert_says("The connection was lost. Reconnecting…");
    bench.is_let_in();
    assert!(!bench.says("Reconnecting…"));
}

#[test]
fn a_refused_return_ends_the_call_and_says_why() {
    let mut bench = Bench::kiosk_in_room();
    bench.tell(Report::Interrupted(ConnectionLoss::Silent));
    bench.tell(Report::SignedIn);
    bench.tell(not_entered(Refusal::NoSuchRoom));
    assert_eq!(bench.page(), Page::Idle);
    bench.assert_says("This room no longer exists.");
    bench.touch("Join the meeting");
    assert!(bench.entered().is_some());
}

#[test]
fn whose_place_was_taken_is_told_and_may_wait_for_the_next_one() {
    let mut bench = Bench::kiosk_in_room();
    bench.tell(Report::Interrupted(ConnectionLoss::Silent));
    bench.tell(Report::SignedIn);
    bench.tell(Report::LeftRoom);
    bench.tell(not_entered(Refusal::RoomFull));
    assert_eq!(bench.page(), Page::Idle);
    bench.assert_says("The room is full.");
    bench.touch("Wait for a place");
    let waits = |intent: &Intent| matches!(intent, Intent::AwaitPlace(room) if room.name.as_str() == "Maple");
    assert!(bench.intents().iter().any(waits));
    bench.tell(Report::WaitsForPlace);
    bench.assert_says("Waiting for a place…");
    bench.touch("Cancel");
    assert!(matches!(bench.intents()[..], [Intent::LeaveRoom]));
    bench.is_let_in();
    assert_eq!(bench.page(), Page::Idle);
}

#[test]
fn who_waits_for_a_place_gets_it_or_is_told_that_there_was_none() {
    let mut bench = Bench::idle(&[room(1, "Maple", 2)]);
    bench.touch("Join the meeting");
    bench.tell(not_entered(Refusal::RoomFull));
    bench.touch("Wait for a place");
    bench.tell(Report::WaitsForPlace);
    bench.tell(not_entered(Refusal::RoomFull));
    bench.assert_says("The room is full.");
    bench.touch("Wait for a place");
    bench.is_let_in();
    assert_eq!(bench.page(), Page::Room);
}

#[test]
fn a_return_that_waits_for_a_place_leaves_the_room_meanwhile() {
    let bench = Bench::kiosk_in_room();
    bench.tell(Report::LeftRoom);
    bench.tell(Report::WaitsForPlace);
    assert_eq!(bench.page(), Page::Idle);
    bench.assert_says("Waiting for a place…");
}

#[test]
fn a_message_that_was_begun_is_there_again_in_its_room_and_in_no_other() {
    let mut bench = Bench::in_room();
    bench.touch("Chat");
    bench.write("Message", "The plan is");
    bench.touch("Leave");
    bench.tell(Report::Rooms(vec![
        room(1, "Maple", 1),
        room(2, "Birch", 1),
    ]));
    let draft = |bench: &Bench| bench.window.global::<conclave_ui::Room>().get_draft();
    bench.touch("Join Birch");
    bench.tell(Report::Joined {
        room: room(2, "Birch", 1),
        others: vec![],
        back: false,
    });
    assert_eq!(draft(&bench), "");
    bench.touch("Leave");
    bench.touch("Join Maple");
    bench.is_let_in();
    assert_eq!(draft(&bench), "The plan is");
}

#[test]
fn what_an_engine_that_ended_did_not_send_is_in_the_field_again() {
    let mut bench = Bench::kiosk_in_room();
    bench.touch("Chat");
    bench.tell(Report::OwnLine {
        number: LineNumber(1),
        to: None,
        text: Box::new(ChatText::parse("The plan is").unwrap()),
        state: LineState::Waiting,
    });
    bench.write("Message", "to begin");
    bench.end(EngineError::Replaced { by: None });
    bench.touch("Join the meeting");
    bench.is_let_in();
    assert_eq!(
        bench.window.global::<conclave_ui::Room>().get_draft(),
        "The plan is to begin"
    );
}

#[test]
fn a_message_that_no_engine_hears_stays_in_its_field() {
    let mut bench = Bench::in_room();
    bench.touch("Chat");
    bench.write("Message", "Hello Ana");
    bench.intents = None;
    bench.touch("Send");
    bench.assert_says("This did not work.");
    assert_eq!(
        bench.window.global::<conclave_ui::Room>().get_draft(),
        "Hello Ana"
    );
}
