//! The idle page of a kiosk, and the code on it.

use super::*;

#[test]
fn a_kiosk_signs_in_by_itself_and_one_touch_starts_its_meeting() {
    let mut bench = Bench::idle(&[]);
    assert_eq!(bench.page(), Page::Idle);
    assert_eq!(bench.settings.as_ref().unwrap().relay, "relay.lan:7470");
    bench.touch("Start the meeting");
    let room = bench.entered().expect("an intent to enter");
    assert_eq!((room.name.as_str(), room.create.is_some()), ("Maple", true));
    bench.tell(Report::Joined {
        room: self::room(1, "Maple", 1),
        others: vec![],
        back: false,
    });
    assert_eq!(bench.page(), Page::Room);
    bench.touch("Leave");
    assert_eq!(bench.page(), Page::Idle);
    assert!(
        bench
            .intents()
            .iter()
            .any(|intent| matches!(intent, Intent::LeaveRoom))
    );
}

#[test]
fn an_idle_kiosk_says_that_its_relay_is_away_and_that_its_room_is_full() {
    let mut bench = Bench::new(ACCOUNT, true);
    bench.tell(Report::NotConnected(ConnectionLoss::Silent));
    bench.assert_says("relay.lan");
    bench.tell(Report::SignedIn);
    bench.tell(Report::Rooms(vec![room(1, "Maple", 8)]));
    bench.touch("Join the meeting");
    bench.tell(not_entered(Refusal::RoomFull));
    assert_eq!(bench.page(), Page::Idle);
    bench.assert_says("full");
}

/// The links that a kiosk asks for in the second after it signed in, by their minutes.
fn idle_links(room: &str, rooms: &[RoomSummary]) -> Vec<u16> {
    let mut bench = Bench::new(&format!("{ACCOUNT}\n{room}"), true);
    bench.tell(Report::SignedIn);
    bench.tell(Report::Rooms(rooms.to_vec()));
    bench.app.act(App::tick);
    let intents = bench.intents().into_iter();
    let minutes = |intent| match intent {
        Intent::MakeLink {
            lifetime_minutes, ..
        } => Some(lifetime_minutes),
        _ => None,
    };
    intents.filter_map(minutes).collect()
}

#[test]
fn the_code_of_an_idle_kiosk_is_for_minutes_and_never_a_way_past_a_pin() {
    let (open, closed) = (room(1, "Maple", 0), locked(1, "Maple"));
    assert_eq!(idle_links("", std::slice::from_ref(&open)), [5]);
    assert_eq!(idle_links("", &[]), [5]);
    assert_eq!(idle_links("", std::slice::from_ref(&closed)), [0; 0]);
    assert_eq!(idle_links("pin = '4711'", &[]), [0; 0]);
    let asked_for = "pin = '4711'\nidle_code = 'on'";
    assert_eq!(idle_links(asked_for, &[closed]), [5]);
    assert_eq!(idle_links("idle_code = 'off'", &[open]), [0; 0]);
}

#[test]
fn the_code_goes_with_the_idle_page() {
    let mut bench = Bench::idle(&[room(1, "Maple", 0)]);
    bench.app.act(App::tick);
    bench.tell(Report::Link(Ok("https://relay.lan:7480/#token".into())));
    let shown = |bench: &Bench| bench.window.global::<conclave_ui::App>().get_has_code();
    assert!(shown(&bench));
    bench.touch("Settings");
    assert!(!shown(&bench));
}

#[test]
fn a_kiosk_that_was_refused_tries_again_by_itself() {
    let mut bench = Bench::idle(&[]);
    bench.end(refused(Refusal::RelayFull));
    assert_eq!(bench.page(), Page::Idle);
    bench.settings = None;
    bench.app.act(|app| {
        app.sign_in_again_at = Some(conclave_protocol::time::Instant(0));
        app.tick();
    });
    bench.take_orders();
    assert!(bench.settings.is_some());
}
