//! Chat by itself: what is asked of the relay, and what is told.

use super::*;
use tokio::sync::oneshot;

fn text(line: &str) -> Box<ChatText> {
    Box::new(ChatText::parse(line).unwrap())
}

fn name() -> Username {
    Username::parse("ben").unwrap()
}

/// The lines that these requests say, in their order.
fn lines(requests: &[Ask]) -> Vec<String> {
    let said = requests.iter().filter_map(|ask| match &ask.0 {
        Request::Say { text, .. } => Some(text.to_string()),
        _ => None,
    });
    said.collect()
}

/// Before which line these requests ask for history.
fn history(requests: &[Ask]) -> Vec<Option<ChatId>> {
    let asked = requests.iter().filter_map(|ask| match &ask.0 {
        Request::History { before } => Some(*before),
        _ => None,
    });
    asked.collect()
}

fn visit(asked: &Asked) -> Visit {
    match asked {
        Asked::Say { visit, .. } | Asked::History { visit } => *visit,
        other => panic!("{other:?}"),
    }
}

fn inside() -> Chat {
    let mut chat = Chat::default();
    chat.join();
    chat
}

#[test]
fn a_line_is_said_at_once_in_the_room() {
    let said = inside().say(text("hello"), None);
    assert!(
        matches!(&said, Said::Ask(ask) if matches!(&ask.0, Request::Say { to: None, text, .. } if text.as_str() == "hello")),
        "{said:?}"
    );
}

#[test]
fn lines_wait_for_the_room_and_are_said_once_in_their_order() {
    let mut chat = Chat::default();
    for line in ["one", "two", "three"] {
        assert!(matches!(chat.say(text(line), None), Said::Waits));
    }
    assert_eq!(lines(&chat.join()), ["one", "two", "three"]);
    assert_eq!(lines(&chat.join()), [""; 0]);
}

#[test]
fn lines_wait_while_the_connection_is_lost_each_time_that_it_is() {
    let mut chat = inside();
    for line in ["first loss", "second loss"] {
        chat.lose();
        assert!(matches!(chat.say(text(line), None), Said::Waits));
        let requests = chat.join();
        assert_eq!(lines(&requests), [line]);
        assert_eq!(history(&requests), [None], "what others wrote meanwhile");
    }
}

#[test]
fn the_line_after_the_last_that_may_wait_is_refused_and_its_writer_hears_of_it() {
    let mut chat = Chat::default();
    for _ in 0..MOST_WAITING {
        assert!(matches!(chat.say(text("x"), None), Said::Waits));
    }
    let (written, _answer) = oneshot::channel();
    let said = chat.say(text("x"), Some(written));
    assert!(
        matches!(said, Said::Refused(Refusal::TooMany, Some(_))),
        "{said:?}"
    );
    assert_eq!(lines(&chat.join()).len(), MOST_WAITING);
    chat.leave();
    assert!(matches!(chat.say(text("x"), None), Said::Waits));
}

#[test]
fn a_line_that_waited_for_one_room_is_never_said_in_another() {
    let mut chat = inside();
    chat.lose();
    chat.say(text("for the first room"), None);
    let given_back: Vec<_> = chat
        .leave()
        .iter()
        .map(|(text, _)| text.to_string())
        .collect();
    assert_eq!(given_back, ["for the first room"]);
    assert_eq!(lines(&chat.join()), [""; 0]);
}

#[test]
fn who_waits_for_an_answer_gets_it_through_the_request() {
    let mut chat = Chat::default();
    let (written, mut answer) = oneshot::channel();
    chat.say(text("hello"), Some(written));
    for ask in chat.join() {
        let (_, asked) = *ask;
        if let Asked::Say { written, .. } = asked {
            written.unwrap().send(Ok(())).unwrap();
        }
    }
    assert_eq!(answer.try_recv(), Ok(Ok(())));
}

#[test]
fn a_line_for_one_is_addressed_to_them() {
    let (written, _answer) = oneshot::channel();
    let said = inside().tell(ParticipantId(7), Some(name()), text("psst"), written);
    let Said::Ask(ask) = said else {
        panic!("{said:?}");
    };
    let (Request::Say { to, .. }, Asked::Say { to: called, .. }) = *ask else {
        panic!("{ask:?}");
    };
    assert_eq!((to, called), (Some(ParticipantId(7)), Some(name())));
}

#[test]
fn a_line_for_one_never_waits() {
    let refusal = |chat: &Chat, name| {
        let (written, _answer) = oneshot::channel();
        match chat.tell(ParticipantId(7), name, text("psst"), written) {
            Said::Refused(refusal, Some(_)) => refusal,
            other => panic!("{other:?}"),
        }
    };
    let mut chat = inside();
    assert_eq!(refusal(&chat, None), Refusal::NoSuchParticipant);
    chat.lose();
    assert_eq!(refusal(&chat, Some(name())), Refusal::NotInRoom);
    assert_eq!(refusal(&Chat::default(), Some(name())), Refusal::NotInRoom);
}

#[test]
fn a_line_that_comes_as_reply_event_and_history_is_told_once() {
    let mut chat = inside();
    assert!(chat.is_news(ChatId(5)));
    assert!(!chat.is_news(ChatId(5)));
    chat.join();
    assert!(!chat.is_news(ChatId(5)), "after a loss, too");
    assert!(chat.is_news(ChatId(4)), "an earlier one is news");
}

#[test]
fn earlier_lines_are_asked_for_before_the_first_that_was_told() {
    let mut chat = inside();
    for id in [8, 9, 7] {
        chat.is_news(ChatId(id));
    }
    assert_eq!(history(&[chat.earlier().unwrap()]), [Some(ChatId(7))]);
}

#[test]
fn outside_a_room_there_is_no_earlier_chat() {
    let mut chat = inside();
    chat.leave();
    assert!(chat.earlier().is_none());
}

#[test]
fn as_many_told_lines_are_remembered_as_there_is_history_and_the_newest_stay() {
    let mut chat = inside();
    let count = HISTORY_LINES as u64 * 3;
    for id in 0..count {
        assert!(chat.is_news(ChatId(id)));
    }
    assert_eq!(chat.told.len(), HISTORY_LINES);
    assert!(!chat.is_news(ChatId(count - HISTORY_LINES as u64)));
}

#[test]
fn what_is_answered_or_heard_after_the_room_was_left_is_not_told_in_the_next() {
    let mut chat = Chat::default();
    for _ in 0..2 {
        let asked = visit(&chat.join()[0].1);
        assert!(chat.is_current(asked));
        chat.leave();
        assert!(!chat.is_current(asked), "in the lobby");
        assert!(!chat.is_news(ChatId(3)), "in the lobby");
        chat.join();
        assert!(!chat.is_current(asked), "in the next room");
        assert_eq!(
            history(&[chat.earlier().unwrap()]),
            [None],
            "no line of the former room counts"
        );
        chat.leave();
    }
}

#[test]
fn what_was_asked_before_a_loss_is_current_after_it() {
    let mut chat = inside();
    let before = visit(&chat.earlier().unwrap().1);
    chat.lose();
    assert!(chat.earlier().is_none(), "no answer would come");
    chat.join();
    assert!(chat.is_current(before));
}
