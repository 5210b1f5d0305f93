//! The way into a room in virtual time: the test answers for the relay.

use super::*;

const NOW: Instant = Instant(1_000_000);
const A: RoomId = RoomId(1);
const B: RoomId = RoomId(2);

fn summary(id: RoomId, name: &str) -> RoomSummary {
    RoomSummary {
        id,
        name: RoomName::parse(name).unwrap(),
        members: 0,
        capacity: 8,
        locked: false,
    }
}

fn room(name: &str, create: Option<u16>) -> Room {
    Room {
        name: RoomName::parse(name).unwrap(),
        pin: None,
        create,
    }
}

struct Bench {
    lobby: Lobby,
    timers: Timers,
}

impl Bench {
    /// Signed in where there are the rooms a and b.
    fn new() -> Self {
        let mut bench = Self {
            lobby: Lobby::default(),
            timers: Timers::default(),
        };
        bench.lobby.list();
        let none = bench.list(&[(A, "a"), (B, "b")]);
        assert!(none.is_none(), "{none:?}");
        bench
    }

    fn list(&mut self, rooms: &[(RoomId, &str)]) -> Option<Step> {
        let rooms = rooms.iter().map(|(id, name)| summary(*id, name));
        self.lobby.listed(rooms.collect(), false, true)
    }

    /// Begins to join, and gives the attempt.
    fn join(&mut self, name: &str, expected: RoomId) -> Attempt {
        self.lobby.set_goal(room(name, None), false);
        joins(self.lobby.pursue(true), expected)
    }

    fn refuse(&mut self, attempt: Attempt, act: Act, refusal: Refusal) -> Option<Step> {
        self.lobby
            .refused(attempt, act, refusal, NOW, &mut self.timers)
    }

    fn looks_again_in_ms(&self) -> Option<u64> {
        let at = self.timers.at(Timer::LookAgain)?;
        Some(at.since(NOW).as_millis())
    }
}

fn joins(step: Option<Step>, expected: RoomId) -> Attempt {
    match step {
        Some(Step::Join { room, attempt, .. }) if room == expected => attempt,
        other => panic!("{other:?}"),
    }
}

fn creates(step: Option<Step>) -> Attempt {
    match step {
        Some(Step::Create { attempt, .. }) => attempt,
        other => panic!("{other:?}"),
    }
}

fn refusal(step: Option<Step>) -> (&'static str, Refusal, bool) {
    match step {
        Some(Step::NotEntered {
            act,
            refusal,
            required,
        }) => (act, refusal, required),
        other => panic!("{other:?}"),
    }
}

fn is_back(step: Option<&Step>) -> bool {
    matches!(step, Some(Step::GoBack))
}

#[test]
fn a_room_that_is_listed_is_joined_by_whatever_case_its_name_is_written_in() {
    let mut bench = Bench::new();
    let attempt = bench.join("A", A);
    assert!(bench.lobby.joined(attempt).is_none());
    assert!(bench.lobby.pursue(true).is_none(), "it is reached");
}

#[test]
fn nothing_is_asked_before_the_list_is_complete_or_without_being_signed_in() {
    let mut lobby = Lobby::default();
    lobby.set_goal(room("a", None), false);
    assert!(lobby.pursue(true).is_none());
    lobby.list();
    let page = lobby.listed(vec![summary(A, "a")], true, true);
    assert!(matches!(page, Some(Step::List { after: Some(A) })));
    assert!(lobby.pursue(true).is_none());
    assert!(lobby.listed(vec![summary(B, "b")], false, false).is_none());
    joins(lobby.pursue(true), A);
}

#[test]
fn a_step_that_is_asked_for_is_not_asked_for_twice() {
    let mut bench = Bench::new();
    bench.join("a", A);
    assert!(bench.lobby.pursue(true).is_none());
    bench.lobby.list();
    assert!(bench.list(&[(A, "a")]).is_none());
}

#[test]
fn a_room_that_is_not_there_is_made_and_then_joined() {
    let mut bench = Bench::new();
    bench.lobby.set_goal(room("c", Some(4)), true);
    let made = creates(bench.lobby.pursue(true));
    let joined = joins(bench.lobby.created(made, RoomId(3)), RoomId(3));
    assert!(bench.lobby.joined(joined).is_none());
}

#[test]
fn a_room_that_is_there_is_not_made() {
    let mut bench = Bench::new();
    bench.lobby.set_goal(room("a", Some(4)), false);
    joins(bench.lobby.pursue(true), A);
}

#[test]
fn a_room_that_is_neither_there_nor_to_be_made_is_refused_here() {
    for required in [false, true] {
        let mut bench = Bench::new();
        bench.lobby.set_goal(room("c", None), required);
        let refused = refusal(bench.lobby.pursue(true));
        let expected = ("joining the room", Refusal::NoSuchRoom, required);
        assert_eq!(refused, expected);
    }
}

#[test]
fn a_room_that_somebody_else_is_making_is_looked_for_until_it_is_listed() {
    let mut bench = Bench::new();
    bench.lobby.set_goal(room("c", Some(4)), true);
    let mut step = bench.lobby.pursue(true);
    for _ in 0..3 {
        let attempt = creates(step);
        let none = bench.refuse(attempt, Act::Create, Refusal::RoomExists);
        assert!(none.is_none(), "{none:?}");
        assert_eq!(bench.looks_again_in_ms(), Some(100));
        assert!(matches!(
            bench.lobby.look_again(),
            Step::List { after: None }
        ));
        step = bench.list(&[(A, "a")]);
    }
    bench.refuse(creates(step), Act::Create, Refusal::RoomExists);
    bench.lobby.look_again();
    joins(bench.list(&[(RoomId(3), "c")]), RoomId(3));
}

#[test]
fn a_relay_that_asks_to_wait_is_asked_again_after_that_each_time() {
    let mut bench = Bench::new();
    let mut attempt = bench.join("a", A);
    for retry_after_ms in [700, 1_300] {
        let refusal = Refusal::RateLimited { retry_after_ms };
        assert!(bench.refuse(attempt, Act::Join, refusal).is_none());
        assert_eq!(bench.looks_again_in_ms(), Some(retry_after_ms.into()));
        bench.lobby.look_again();
        attempt = joins(bench.list(&[(A, "a")]), A);
    }
}

#[test]
fn a_refusal_is_told_with_what_was_asked_and_is_not_asked_again() {
    let refusals = [
        (Act::Join, "joining the room", Refusal::WrongPin),
        (Act::Join, "joining the room", Refusal::RoomFull),
        (Act::Join, "joining the room", Refusal::RoomExists),
        (Act::Create, "creating the room", Refusal::StorageFailed),
    ];
    for (act, name, reason) in refusals {
        let mut bench = Bench::new();
        let attempt = bench.join("a", A);
        let told = refusal(bench.refuse(attempt, act, reason));
        assert_eq!(told, (name, reason, false));
        assert!(bench.lobby.pursue(true).is_none());
        assert!(bench.lobby.goal().is_none());
        assert_eq!(bench.looks_again_in_ms(), None);
    }
}

#[test]
fn after_a_refusal_the_same_room_can_be_tried_again() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        let attempt = bench.join("a", A);
        let told = refusal(bench.refuse(attempt, Act::Join, Refusal::WrongPin));
        assert_eq!(told.1, Refusal::WrongPin);
    }
}

#[test]
fn a_person_who_changes_their_mind_before_the_answer_comes_to_the_room_wanted_last() {
    let mut bench = Bench::new();
    let first = bench.join("a", A);
    bench.lobby.set_goal(room("b", None), false);
    assert!(
        bench.lobby.pursue(true).is_none(),
        "a second join would be refused: already in a room"
    );
    let back = bench.lobby.joined(first);
    assert!(is_back(back.as_ref()), "{back:?}");
    bench.lobby.list();
    let second = joins(bench.list(&[(A, "a"), (B, "b")]), B);
    assert!(bench.lobby.joined(second).is_none());
}

#[test]
fn a_refusal_of_a_room_that_is_wanted_no_more_is_no_news_and_the_other_is_asked_for() {
    let mut bench = Bench::new();
    let first = bench.join("a", A);
    bench.lobby.set_goal(room("b", None), false);
    joins(bench.refuse(first, Act::Join, Refusal::RoomFull), B);
}

#[test]
fn a_room_that_is_made_when_another_is_wanted_is_not_joined() {
    let mut bench = Bench::new();
    bench.lobby.set_goal(room("c", Some(4)), false);
    let made = creates(bench.lobby.pursue(true));
    bench.lobby.set_goal(room("b", None), false);
    joins(bench.lobby.created(made, RoomId(3)), B);
}

#[test]
fn a_room_that_lets_one_in_who_went_back_to_the_lobby_is_left() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        let attempt = bench.join("a", A);
        bench.lobby.clear_goal();
        let back = bench.lobby.joined(attempt);
        assert!(is_back(back.as_ref()), "{back:?}");
    }
}

#[test]
fn leaving_and_wanting_the_same_room_again_takes_a_new_join() {
    let mut bench = Bench::new();
    let first = bench.join("a", A);
    bench.lobby.clear_goal();
    bench.lobby.set_goal(room("a", None), false);
    let back = bench.lobby.joined(first);
    assert!(
        is_back(back.as_ref()),
        "its nonce may be another's: {back:?}"
    );
}

#[test]
fn after_a_loss_the_room_is_joined_again_each_time() {
    let mut bench = Bench::new();
    let mut attempt = bench.join("a", A);
    for _ in 0..3 {
        assert!(bench.lobby.joined(attempt).is_none());
        bench.lobby.lose(&mut bench.timers);
        bench.lobby.list();
        attempt = joins(bench.list(&[(A, "a")]), A);
    }
}

#[test]
fn a_loss_while_a_step_is_asked_for_asks_for_it_again() {
    let mut bench = Bench::new();
    let lost = bench.join("a", A);
    bench.lobby.lose(&mut bench.timers);
    bench.lobby.list();
    let attempt = joins(bench.list(&[(A, "a")]), A);
    assert_ne!(attempt, lost);
}

#[test]
fn a_resumed_session_that_is_still_in_the_room_asks_for_nothing() {
    let mut bench = Bench::new();
    let attempt = bench.join("a", A);
    bench.lobby.joined(attempt);
    for _ in 0..2 {
        bench.lobby.lose(&mut bench.timers);
        assert!(bench.lobby.entered().is_none());
        bench.lobby.list();
        assert!(bench.list(&[(A, "a")]).is_none());
    }
}

#[test]
fn a_resumed_session_whose_room_is_wanted_no_more_goes_back() {
    let mut bench = Bench::new();
    let attempt = bench.join("a", A);
    bench.lobby.joined(attempt);
    bench.lobby.lose(&mut bench.timers);
    bench.lobby.clear_goal();
    assert!(is_back(bench.lobby.entered().as_ref()));
}

#[test]
fn a_loss_stops_looking_for_the_room() {
    let mut bench = Bench::new();
    let attempt = bench.join("a", A);
    let wait = Refusal::RateLimited { retry_after_ms: 50 };
    bench.refuse(attempt, Act::Join, wait);
    bench.lobby.lose(&mut bench.timers);
    assert_eq!(bench.looks_again_in_ms(), None);
}

#[test]
fn a_room_that_closes_under_one_is_not_looked_for_again() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        let attempt = bench.join("a", A);
        bench.lobby.joined(attempt);
        assert!(!bench.lobby.room_closed(B, Some(A)), "another one");
        assert!(bench.lobby.goal().is_some());
        assert!(bench.lobby.room_closed(A, Some(A)));
        assert!(bench.lobby.goal().is_none());
        bench.lobby.list();
        assert!(bench.list(&[(A, "a"), (B, "b")]).is_none());
    }
}

#[test]
fn a_room_that_closed_during_a_loss_is_told_to_a_person_and_ends_an_engine_without_one() {
    for required in [false, true] {
        let mut bench = Bench::new();
        bench.lobby.set_goal(room("a", None), required);
        let attempt = joins(bench.lobby.pursue(true), A);
        bench.lobby.joined(attempt);
        bench.lobby.lose(&mut bench.timers);
        bench.lobby.list();
        let told = refusal(bench.list(&[(B, "b")]));
        assert_eq!(told, ("joining the room", Refusal::NoSuchRoom, required));
    }
}

#[test]
fn a_room_that_closes_on_the_way_into_it_is_refused_by_its_answer() {
    let mut bench = Bench::new();
    let attempt = bench.join("a", A);
    assert!(!bench.lobby.room_closed(A, None));
    let told = refusal(bench.refuse(attempt, Act::Join, Refusal::NoSuchRoom));
    assert_eq!(told.1, Refusal::NoSuchRoom);
}

#[test]
fn pages_are_asked_for_from_the_last_room_of_the_page_before() {
    let mut lobby = Lobby::default();
    lobby.list();
    let page = vec![summary(RoomId(1), "a"), summary(RoomId(2), "b")];
    // Made meanwhile, and told by an event: its number is beyond that of rooms which are yet to be listed.
    lobby.room_changed(summary(RoomId(90), "new"));
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
