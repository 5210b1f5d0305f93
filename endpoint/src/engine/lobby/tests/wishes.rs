//! Wishes of persons: how long they count, and what a full room means for them.

use super::*;

fn full(id: RoomId, name: &str) -> RoomSummary {
    RoomSummary {
        members: 8,
        ..summary(id, name)
    }
}

fn expires_in_s(bench: &Bench) -> Option<u64> {
    let at = bench.timers.at(Timer::WishExpires)?;
    Some(at.since(NOW).as_millis() / 1_000)
}

fn no_connection(step: Option<Step>) -> bool {
    matches!(
        step,
        Some(Step::NotEntered {
            why: WhyNotEntered::NoConnection,
            required: false,
            ..
        })
    )
}

#[test]
fn a_wish_that_is_not_fulfilled_expires_and_nothing_is_asked_later() {
    let mut lobby = Bench {
        lobby: Lobby::default(),
        timers: Timers::default(),
    };
    lobby.want(room("a", None), false);
    assert_eq!(expires_in_s(&lobby), Some(15));
    assert!(no_connection(lobby.lobby.expire()));
    lobby.lobby.list();
    assert!(
        lobby.list(&[(A, "a")]).is_none(),
        "the relay is back too late"
    );
}

#[test]
fn a_room_that_lets_one_in_after_the_wish_expired_is_left() {
    let mut bench = Bench::new();
    let attempt = bench.join("a", A);
    assert!(no_connection(bench.lobby.expire()));
    assert!(is_back(bench.joined(attempt).as_ref()));
}

#[test]
fn in_the_room_a_wish_counts_until_the_person_leaves_however_often_the_connection_is_lost() {
    let mut bench = Bench::new();
    let mut attempt = bench.join("a", A);
    for _ in 0..2 {
        assert!(bench.joined(attempt).is_none());
        assert_eq!(expires_in_s(&bench), None);
        assert!(bench.lobby.expire().is_none());
        bench.lobby.lose(&mut bench.timers);
        bench.lobby.list();
        attempt = joins(bench.list(&[(A, "a")]), A);
    }
}

#[test]
fn a_room_that_must_be_entered_is_tried_for_ever() {
    let mut bench = Bench::new();
    bench.want(room("a", None), true);
    assert_eq!(expires_in_s(&bench), None);
}

#[test]
fn a_resumed_session_in_another_room_than_the_wanted_one_goes_back_and_on_to_that() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        let attempt = bench.join("a", A);
        bench.joined(attempt);
        bench.lobby.lose(&mut bench.timers);
        bench.want(room("b", None), false);
        assert!(is_back(bench.still_in("a").as_ref()));
        bench.lobby.list();
        let attempt = joins(bench.list(&[(A, "a"), (B, "b")]), B);
        assert!(bench.joined(attempt).is_none());
        bench.lobby.clear_goal(&mut bench.timers);
    }
}

#[test]
fn a_full_room_is_waited_for_where_the_person_wants_that_and_joined_when_it_has_a_place() {
    let mut bench = Bench::new();
    bench
        .lobby
        .wish(room("a", None), true, NOW, &mut bench.timers);
    assert_eq!(expires_in_s(&bench), Some(600));
    let mut attempt = joins(bench.lobby.pursue(true), A);
    for _ in 0..2 {
        let waits = bench.refuse(attempt, Act::Join, Refusal::RoomFull);
        assert!(matches!(waits, Some(Step::AwaitPlace)), "{waits:?}");
        assert!(bench.lobby.room_changed(full(A, "a"), true).is_none());
        assert!(bench.lobby.room_changed(summary(B, "b"), true).is_none());
        attempt = joins(bench.lobby.room_changed(summary(A, "a"), true), A);
    }
    assert!(bench.joined(attempt).is_none());
}

#[test]
fn a_full_room_is_tried_now_and_then_for_a_member_who_is_away_gives_their_place_to_who_asks() {
    let mut bench = Bench::new();
    bench
        .lobby
        .wish(room("a", None), true, NOW, &mut bench.timers);
    let attempt = joins(bench.lobby.pursue(true), A);
    bench.refuse(attempt, Act::Join, Refusal::RoomFull);
    assert_eq!(bench.looks_again_in_ms(), Some(3_000));
    bench.lobby.look_again();
    joins(bench.list(&[(A, "a")]), A);
}

#[test]
fn a_place_that_is_waited_for_in_vain_is_told_as_a_full_room() {
    let mut bench = Bench::new();
    bench
        .lobby
        .wish(room("a", None), true, NOW, &mut bench.timers);
    let attempt = joins(bench.lobby.pursue(true), A);
    bench.refuse(attempt, Act::Join, Refusal::RoomFull);
    let told = refusal(bench.lobby.expire());
    assert_eq!(told, ("joining the room", Refusal::RoomFull, false));
}
