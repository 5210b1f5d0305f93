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
    bench.tell(Report::OwnLine {
        number: crate::engine::LineNumber(1),
        to: None,
        text: Box::new(ChatText::parse("Hello Ana").unwrap()),
        state: crate::engine::LineState::Failed(Refusal::RateLimited {
            retry_after_ms: 3_000,
        }),
    });
    bench.assert_says("3");
}
