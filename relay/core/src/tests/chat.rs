//! Chat: a line counts once it is stored.

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
