//! Chat: a line counts once it is stored.

use proptest::prelude::*;

use super::*;

#[test]
fn a_line_is_shown_and_acknowledged_only_when_it_is_stored() {
    let (mut bench, ana, bob, _) = Bench::call();
    bench.held = Some(Vec::new());
    let request = bench.say(ana, "hello");
    assert_eq!(bench.reply(ana, request), None);
    assert_eq!(bench.events(bob), []);
    let held = bench.held.take().unwrap();
    bench.store(&held[0]);
    bench.carry_out();
    assert!(matches!(
        bench.reply(ana, request),
        Some(Ok(Answer::Said { .. }))
    ));
    assert!(matches!(bench.events(bob)[..], [Event::Chat(_)]));
}

#[test]
fn a_line_that_cannot_be_stored_is_shown_to_nobody() {
    let (mut bench, ana, bob, _) = Bench::call();
    bench.disk_full = true;
    let request = bench.say(ana, "hello");
    assert_eq!(bench.reply(ana, request), Some(Err(Refusal::StorageFailed)));
    assert_eq!(bench.events(bob), []);
    assert_eq!(bench.create(ana, "other"), Err(Refusal::StorageFailed));
    bench.disk_full = false;
    bench.create(ana, "other").unwrap();
}

fn said(bench: &mut Bench, of: ConnectionId, request: RequestId) -> (ChatId, UnixMillis) {
    match bench.reply(of, request) {
        Some(Ok(Answer::Said { id, at })) => (id, at),
        other => panic!("{other:?}"),
    }
}

/// The lines of which a member was told, with their numbers.
fn told(bench: &mut Bench, to: ConnectionId) -> Vec<(ChatId, String)> {
    let events = bench.events(to).into_iter();
    let lines = events.filter_map(|event| match event {
        Event::Chat(line) => Some((line.id, line.text.to_string())),
        _ => None,
    });
    lines.collect()
}

#[test]
fn a_line_that_is_sent_again_is_acknowledged_as_before_and_told_to_nobody() {
    let (mut bench, ana, bob, _) = Bench::call();
    let first = bench.say_as(ana, "hello", 77);
    let first = said(&mut bench, ana, first);
    for who in [ana, bob] {
        assert_eq!(told(&mut bench, who), [(first.0, "hello".into())]);
    }
    bench.pass(Micros::from_secs(5));
    let again = bench.say_as(ana, "hello", 77);
    assert_eq!(said(&mut bench, ana, again), first);
    assert_eq!(told(&mut bench, bob), []);
    assert_eq!(told(&mut bench, ana), []);
}

#[test]
fn a_direct_line_that_is_sent_again_is_acknowledged_also_when_its_reader_has_left() {
    let (mut bench, ana, bob, room) = Bench::call();
    bench.request(bob, Request::LeaveRoom).unwrap();
    let reader = bench.join(bob, room).unwrap().me;
    let direct = |bench: &mut Bench, mark| {
        let text = Box::new(ChatText::parse("for you").unwrap());
        let (to, mark) = (Some(reader), LineMark(mark));
        bench.ask(ana, Request::Say { to, text, mark })
    };
    let first = direct(&mut bench, 77);
    let first = said(&mut bench, ana, first);
    bench.request(bob, Request::LeaveRoom).unwrap();
    bench.sent.clear();
    let again = direct(&mut bench, 77);
    assert_eq!(said(&mut bench, ana, again), first);
    assert_eq!(told(&mut bench, ana), []);
    let other = direct(&mut bench, 78);
    let refused = Some(Err(Refusal::NoSuchParticipant));
    assert_eq!(bench.reply(ana, other), refused);
}

#[test]
fn the_same_mark_of_another_writer_or_in_another_room_is_of_another_line() {
    let (mut bench, ana, bob, _) = Bench::call();
    bench.say_as(ana, "of Ana", 77);
    bench.say_as(bob, "of Bob", 77);
    let other = bench.create(ana, "other").unwrap();
    for who in [ana, bob] {
        bench.request(who, Request::LeaveRoom).unwrap();
        bench.join(who, other).unwrap();
    }
    bench.say_as(ana, "elsewhere", 77);
    let texts: Vec<_> = told(&mut bench, bob)
        .into_iter()
        .map(|line| line.1)
        .collect();
    assert_eq!(texts, ["of Ana", "of Bob", "elsewhere"]);
}

#[test]
fn a_mark_that_readers_of_json_would_round_is_refused() {
    let (mut bench, ana, bob, _) = Bench::call();
    for mark in [LineMark::END, u64::MAX] {
        let request = bench.say_as(ana, "hello", mark);
        assert_eq!(bench.reply(ana, request), Some(Err(Refusal::OutOfRange)));
    }
    assert_eq!(told(&mut bench, bob), []);
    let request = bench.say_as(ana, "hello", LineMark::END - 1);
    said(&mut bench, ana, request);
}

/// What happens to a writer's line and connection.
#[derive(Clone, Copy, Debug)]
enum Step {
    Write,
    /// The store does what waits for it.
    Store,
    Lose,
    /// Signs in again, and sends again what has no answer.
    Resume,
}

proptest! {
    #[test]
    fn a_line_that_is_sent_until_it_is_answered_is_told_once(
        steps in prop::collection::vec(
            prop_oneof![
                3 => Just(Step::Write),
                2 => Just(Step::Store),
                2 => Just(Step::Lose),
                2 => Just(Step::Resume),
            ],
            1..16,
        ),
    ) {
        let mut bench = Bench::new();
        let bob = bench.connect(1, 1);
        bench.sign_in(bob, "Bob").unwrap();
        let room = bench.create(bob, "room").unwrap();
        bench.join(bob, room).unwrap();
        let mut ana = bench.connect(2, 2);
        let mut secret = bench.sign_in(ana, "Ana").unwrap().resume_secret;
        bench.join(ana, room).unwrap();
        bench.sent.clear();

        let (mut is_up, mut connections) = (true, 2);
        // By its mark: the requests for it on this connection, and the first answer.
        let mut lines: Vec<(Vec<RequestId>, Option<ChatId>)> = Vec::new();
        for step in steps.into_iter().chain([Step::Lose, Step::Resume, Step::Store]) {
            // As fast as the limit of lines allows.
            bench.pass(Micros::from_millis(1_500));
            match step {
                Step::Write if is_up => {
                    bench.held.get_or_insert_default();
                    let mark = lines.len() as u64;
                    let request = bench.say_as(ana, &format!("line {mark}"), mark);
                    lines.push((vec![request], None));
                }
                Step::Store => {
                    for command in bench.held.take().unwrap_or_default() {
                        bench.store(&command);
                    }
                    bench.carry_out();
                }
                Step::Lose if is_up => {
                    bench.core.handle_disconnected(bench.now, ana);
                    bench.carry_out();
                    lines.iter_mut().for_each(|line| line.0.clear());
                    is_up = false;
                }
                Step::Resume if !is_up => {
                    connections += 1;
                    ana = bench.connect(connections, 2);
                    let resumed = bench.sign_in_with(ana, "Ana", Some(secret)).unwrap();
                    secret = resumed.resume_secret;
                    bench.held.get_or_insert_default();
                    for (mark, (requests, answer)) in lines.iter_mut().enumerate() {
                        if answer.is_none() {
                            let text = format!("line {mark}");
                            requests.push(bench.say_as(ana, &text, mark as u64));
                        }
                    }
                    is_up = true;
                }
                _ => {}
            }
            for (requests, answer) in &mut lines {
                requests.retain(|request| match bench.reply(ana, *request) {
                    Some(Ok(Answer::Said { id, .. })) => {
                        assert!(answer.is_none_or(|answer| answer == id));
                        *answer = Some(id);
                        false
                    }
                    Some(other) => panic!("{other:?}"),
                    None => true,
                });
            }
        }
        let mut expected: Vec<_> = lines
            .iter()
            .enumerate()
            .map(|(mark, (_, id))| (id.expect("every line is answered"), format!("line {mark}")))
            .collect();
        expected.sort();
        prop_assert_eq!(told(&mut bench, bob), expected);
    }
}
