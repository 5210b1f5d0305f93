//! The chat of a room.

use super::*;

#[test]
fn chat_is_shown_counted_and_written() {
    let mut bench = Bench::in_room();
    bench.tell(Report::History { more: false });
    bench.tell(Report::Chat {
        line: line(1, "ana", "Hello room"),
        own: false,
        number: None,
    });
    assert_eq!(bench.window.global::<conclave_ui::Room>().get_unread(), 1);
    bench.touch("Chat");
    bench.assert_says("Hello room");
    assert_eq!(bench.window.global::<conclave_ui::Room>().get_unread(), 0);
    bench.intents();
    bench.write("Message", "Hello Ana");
    bench.touch("Send");
    let said = bench.intents();
    assert!(
        matches!(&said[..], [Intent::Say(text)] if text.as_str() == "Hello Ana"),
        "{said:?}"
    );
}

fn own_line(number: u32, text: &str, state: LineState) -> Report {
    Report::OwnLine {
        number: LineNumber(number),
        to: None,
        text: Box::new(ChatText::parse(text).unwrap()),
        state,
    }
}

#[test]
fn an_own_line_is_on_its_way_until_it_is_stored() {
    let mut bench = Bench::in_room();
    bench.touch("Chat");
    bench.tell(own_line(1, "Hello Ana", LineState::Waiting));
    bench.assert_says("Hello Ana");
    bench.assert_says("Sending…");
    bench.tell(Report::Chat {
        line: line(1, "kiosk", "Hello Ana"),
        own: true,
        number: Some(LineNumber(1)),
    });
    bench.assert_says("Hello Ana");
    assert!(!bench.says("Sending…"));
    assert_eq!(bench.window.global::<conclave_ui::Room>().get_unread(), 0);
}

#[test]
fn an_own_line_that_was_refused_says_why_and_is_sent_again_or_discarded() {
    let mut bench = Bench::in_room();
    bench.touch("Chat");
    bench.intents();
    let refused = LineState::Failed(Refusal::RateLimited {
        retry_after_ms: 3_000,
    });
    for number in [1, 2] {
        bench.tell(own_line(number, "Hello Ana", refused));
    }
    bench.assert_says("Not sent: Too many attempts. Try again in 3 seconds.");
    bench.touch("Send again");
    assert!(matches!(
        bench.intents()[..],
        [Intent::SendAgain(LineNumber(1))]
    ));
    bench.tell(own_line(1, "Hello Ana", LineState::Waiting));
    bench.assert_says("Sending…");
    bench.touch("Discard");
    assert!(matches!(
        bench.intents()[..],
        [Intent::DiscardLine(LineNumber(2))]
    ));
    bench.tell(Report::LineGone(LineNumber(2)));
    assert!(!bench.says("Not sent"));
}
