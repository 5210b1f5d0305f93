//! The lines that others wrote: each told once, in order, without holes.

use super::*;

#[test]
fn a_line_that_comes_as_event_and_history_is_told_once() {
    let mut bench = Bench::inside();
    bench.hear(line(5, "ana", 0));
    bench.hear(line(5, "ana", 0));
    bench.chat.lose();
    bench.join();
    bench.page(&[4, 5], false);
    assert_eq!(bench.ids(), [5, 4], "what was never told before comes, too");
}

#[test]
fn lines_missed_in_an_outage_are_asked_for_page_by_page_down_to_the_last_known_one() {
    let mut bench = Bench::inside();
    for id in [1, 2] {
        bench.hear(line(id, "ana", 0));
    }
    bench.chat.lose();
    bench.join();
    bench.page(&[50, 51, 52], true);
    bench.page(&[20, 21, 22], true);
    bench.page(&[2, 3, 4], true);
    assert_eq!(bench.ids(), [1, 2, 3, 4, 20, 21, 22, 50, 51, 52]);
    let before: Vec<_> = bench.pages[1..].iter().map(|(before, _)| *before).collect();
    assert_eq!(before, [None, Some(ChatId(50)), Some(ChatId(20))]);
}

#[test]
fn lines_missed_in_an_outage_are_asked_for_down_to_the_first_one_where_none_was_known() {
    let mut bench = Bench::inside();
    bench.chat.lose();
    bench.join();
    bench.page(&[50, 51, 52], true);
    bench.page(&[20, 21, 22], false);
    assert_eq!(bench.ids(), [20, 21, 22, 50, 51, 52]);
}

#[test]
fn a_relay_that_gives_the_same_page_again_is_not_asked_for_ever() {
    let mut bench = Bench::inside();
    bench.chat.lose();
    bench.join();
    bench.page(&[50, 51, 52], true);
    let asked = bench.pages.len();
    bench.page(&[50, 51, 52], true);
    assert_eq!(bench.pages.len(), asked);
    assert_eq!(bench.ids(), [50, 51, 52]);
}

#[test]
fn a_relay_that_gives_pages_without_end_is_asked_for_as_many_lines_as_are_remembered() {
    let mut bench = Bench::inside();
    bench.chat.lose();
    bench.join();
    let mut pages = 0;
    for first in (1..1_000_000_u64).rev().step_by(20) {
        let asked = bench.pages.len();
        let page: Vec<_> = (first..first + 20).collect();
        bench.page(&page, true);
        pages += 1;
        if bench.pages.len() == asked {
            break;
        }
    }
    assert_eq!(pages, 4_096_usize.div_ceil(20));
}

#[test]
fn a_line_that_comes_while_pages_are_missing_is_told_behind_them() {
    let mut bench = Bench::inside();
    bench.hear(line(1, "ana", 0));
    bench.chat.lose();
    bench.join();
    bench.hear(line(9, "ana", 0));
    bench.page(&[5, 6], true);
    assert_eq!(bench.ids(), [1]);
    bench.page(&[1, 2], false);
    assert_eq!(bench.ids(), [1, 2, 5, 6, 9]);
}

#[test]
fn an_outage_between_two_pages_leaves_no_hole() {
    let mut bench = Bench::inside();
    bench.hear(line(1, "ana", 0));
    bench.chat.lose();
    bench.join();
    bench.page(&[8, 9], true);
    bench.chat.lose();
    bench.join();
    bench.page(&[11, 12], true);
    bench.page(&[8, 9], true);
    bench.page(&[1, 2], true);
    assert_eq!(bench.ids(), [1, 2, 8, 9, 11, 12]);
}

#[test]
fn whether_there_are_earlier_lines_is_what_the_first_page_of_the_stay_said() {
    let mut bench = Bench::new();
    bench.join();
    bench.page(&[8, 9], true);
    bench.chat.lose();
    bench.join();
    bench.page(&[8, 9], true);
    assert_eq!(bench.history, [true, true]);
    bench.chat.earlier();
    bench.follow();
    assert_eq!(bench.pages.last().unwrap().0, Some(ChatId(8)));
    bench.page(&[6, 7], false);
    assert_eq!(bench.history.last(), Some(&false));
    assert_eq!(bench.ids(), [8, 9, 6, 7]);
}

#[test]
fn one_earlier_page_is_asked_for_at_a_time_and_none_outside_a_room() {
    let mut bench = Bench::inside();
    bench.chat.earlier();
    bench.chat.earlier();
    bench.follow();
    assert_eq!(bench.pages.len(), 2);
    bench.chat.leave();
    bench.chat.earlier();
    bench.follow();
    assert_eq!(bench.pages.len(), 2);
}

#[test]
fn a_page_that_is_refused_for_a_while_is_asked_for_after_it() {
    let mut bench = Bench::new();
    bench.join();
    let (_, visit) = bench.pages[0];
    let wait = Refusal::RateLimited { retry_after_ms: 80 };
    bench.chat.page(visit, Err(wait), &name("me"), NOW);
    bench.chat.handle_time(NOW + Micros::from_millis(80));
    bench.follow();
    assert_eq!(bench.pages.len(), 2);
    bench.page(&[1], false);
    assert_eq!(bench.ids(), [1]);
}

#[test]
fn a_page_that_is_refused_for_good_holds_up_no_line() {
    let mut bench = Bench::new();
    bench.join();
    bench.hear(line(7, "ana", 0));
    let (_, visit) = bench.pages[0];
    let refused = Err(Refusal::StorageFailed);
    bench.chat.page(visit, refused, &name("me"), NOW);
    bench.follow();
    assert_eq!(bench.ids(), [7]);
}
