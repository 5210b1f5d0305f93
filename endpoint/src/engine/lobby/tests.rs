//! The way into a room in virtual time: the test answers for the relay.

mod list;
mod losses;
mod wishes;

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
        self.want(room(name, None), false);
        joins(self.lobby.pursue(true), expected)
    }

    fn want(&mut self, room: Room, required: bool) {
        if required {
            self.lobby.require(room);
        } else {
            self.lobby.wish(room, false, NOW, &mut self.timers);
        }
    }

    /// The relay lets this endpoint into the room that it asked for last.
    fn joined(&mut self, attempt: Attempt) -> Option<Step> {
        let goal = self.lobby.goal().map(|goal| goal.name.clone());
        let name = goal.unwrap_or_else(|| RoomName::parse("a").unwrap());
        self.lobby.joined(attempt, &name, &mut self.timers)
    }

    /// A resumed session is still in this room.
    fn still_in(&mut self, name: &str) -> Option<Step> {
        let name = RoomName::parse(name).unwrap();
        self.lobby.entered(&name, &mut self.timers)
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
            why: WhyNotEntered::Refused(refusal),
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
    assert!(bench.joined(attempt).is_none());
    assert!(bench.lobby.pursue(true).is_none(), "it is reached");
}

#[test]
fn nothing_is_asked_before_the_list_is_complete_or_without_being_signed_in() {
    let mut lobby = Lobby::default();
    lobby.require(room("a", None));
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
    bench.want(room("c", Some(4)), true);
    let made = creates(bench.lobby.pursue(true));
    let joined = joins(bench.lobby.created(made, RoomId(3)), RoomId(3));
    assert!(bench.joined(joined).is_none());
}

#[test]
fn a_room_that_is_there_is_not_made() {
    let mut bench = Bench::new();
    bench.want(room("a", Some(4)), false);
    joins(bench.lobby.pursue(true), A);
}

#[test]
fn a_room_that_is_neither_there_nor_to_be_made_is_refused_here() {
    for required in [false, true] {
        let mut bench = Bench::new();
        bench.want(room("c", None), required);
        let refused = refusal(bench.lobby.pursue(true));
        let expected = ("joining the room", Refusal::NoSuchRoom, required);
        assert_eq!(refused, expected);
    }
}

#[test]
fn a_room_that_somebody_else_is_making_is_looked_for_until_it_is_listed() {
    let mut bench = Bench::new();
    bench.want(room("c", Some(4)), true);
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
    bench.want(room("b", None), false);
    assert!(
        bench.lobby.pursue(true).is_none(),
        "a second join would be refused: already in a room"
    );
    let back = bench.joined(first);
    assert!(is_back(back.as_ref()), "{back:?}");
    bench.lobby.list();
    let second = joins(bench.list(&[(A, "a"), (B, "b")]), B);
    assert!(bench.joined(second).is_none());
}

#[test]
fn a_refusal_of_a_room_that_is_wanted_no_more_is_no_news_and_the_other_is_asked_for() {
    let mut bench = Bench::new();
    let first = bench.join("a", A);
    bench.want(room("b", None), false);
    joins(bench.refuse(first, Act::Join, Refusal::RoomFull), B);
}

#[test]
fn a_room_that_is_made_when_another_is_wanted_is_not_joined() {
    let mut bench = Bench::new();
    bench.want(room("c", Some(4)), false);
    let made = creates(bench.lobby.pursue(true));
    bench.want(room("b", None), false);
    joins(bench.lobby.created(made, RoomId(3)), B);
}

#[test]
fn a_room_that_lets_one_in_who_went_back_to_the_lobby_is_left() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        let attempt = bench.join("a", A);
        bench.lobby.clear_goal(&mut bench.timers);
        let back = bench.joined(attempt);
        assert!(is_back(back.as_ref()), "{back:?}");
    }
}

#[test]
fn leaving_and_wanting_the_same_room_again_takes_a_new_join() {
    let mut bench = Bench::new();
    let first = bench.join("a", A);
    bench.lobby.clear_goal(&mut bench.timers);
    bench.want(room("a", None), false);
    let back = bench.joined(first);
    assert!(
        is_back(back.as_ref()),
        "its nonce may be another's: {back:?}"
    );
}
