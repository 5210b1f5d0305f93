//! Lost connections, and rooms that close meanwhile.

use super::*;

#[test]
fn after_a_loss_the_room_is_joined_again_each_time() {
    let mut bench = Bench::new();
    let mut attempt = bench.join("a", A);
    for _ in 0..3 {
        assert!(bench.joined(attempt).is_none());
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
    bench.joined(attempt);
    for _ in 0..2 {
        bench.lobby.lose(&mut bench.timers);
        assert!(bench.still_in("a").is_none());
        bench.lobby.list();
        assert!(bench.list(&[(A, "a")]).is_none());
    }
}

#[test]
fn a_resumed_session_whose_room_is_wanted_no_more_goes_back() {
    let mut bench = Bench::new();
    let attempt = bench.join("a", A);
    bench.joined(attempt);
    bench.lobby.lose(&mut bench.timers);
    bench.lobby.clear_goal(&mut bench.timers);
    assert!(is_back(bench.still_in("a").as_ref()));
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
        bench.joined(attempt);
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
        bench.want(room("a", None), required);
        let attempt = joins(bench.lobby.pursue(true), A);
        bench.joined(attempt);
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
