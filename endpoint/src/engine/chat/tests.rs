//! Chat by itself: what is asked of the relay, and what is told.

mod history;

use super::*;
use tokio::sync::oneshot;

const NOW: Instant = Instant(1_000_000);

fn text(line: &str) -> Box<ChatText> {
    Box::new(ChatText::parse(line).unwrap())
}

fn name(name: &str) -> Username {
    Username::parse(name).unwrap()
}

/// The chat, and what has come out of it so far.
struct Bench {
    chat: Chat,
    said: Vec<(String, LineMark, LineNumber, Visit)>,
    pages: Vec<(Option<ChatId>, Visit)>,
    told: Vec<(u64, String, Option<LineNumber>)>,
    own: Vec<(LineNumber, LineState)>,
    history: Vec<bool>,
    marks: u64,
}

impl Bench {
    fn new() -> Self {
        Self {
            chat: Chat::default(),
            said: Vec::new(),
            pages: Vec::new(),
            told: Vec::new(),
            own: Vec::new(),
            history: Vec::new(),
            marks: 0,
        }
    }

    /// In a room whose history is told.
    fn inside() -> Self {
        let mut bench = Self::new();
        bench.join();
        bench.page(&[], false);
        bench
    }

    fn follow(&mut self) {
        while let Some(out) = self.chat.next_out() {
            match out {
                Out::Ask(ask) => match *ask {
                    (Request::Say { text, mark, .. }, Asked::Say { number, visit }) => {
                        self.said.push((text.to_string(), mark, number, visit));
                    }
                    (Request::History { before }, Asked::History { visit }) => {
                        self.pages.push((before, visit));
                    }
                    other => panic!("{other:?}"),
                },
                Out::Told(line, number) => {
                    self.told.push((line.id.0, line.text.to_string(), number));
                }
                Out::Own { number, state, .. } => self.own.push((number, state)),
                Out::Gone(_) => {}
                Out::History { more } => self.history.push(more),
            }
        }
    }

    fn join(&mut self) {
        self.chat.join("room", |_| Some(ParticipantId(7)));
        self.follow();
    }

    fn write(&mut self, line: &str) {
        self.marks += 1;
        self.chat
            .write(None, text(line), LineMark(self.marks), None);
        self.follow();
    }

    /// The relay answers the line that was said last.
    fn answer(&mut self, answer: Result<u64, Refusal>) {
        let (_, _, number, visit) = self.said.last().unwrap().clone();
        let answer = answer.map(|id| (ChatId(id), UnixMillis(0)));
        let own = (&name("me"), &"me".parse().unwrap());
        self.chat.said((number, visit), own, answer, NOW);
        self.follow();
    }

    /// The relay answers the page that was asked for last.
    fn page(&mut self, ids: &[u64], more: bool) {
        let (_, visit) = *self.pages.last().unwrap();
        let lines = ids.iter().map(|id| line(*id, "ana", 0)).collect();
        self.chat.page(visit, Ok((lines, more)), &name("me"), NOW);
        self.follow();
    }

    fn hear(&mut self, line: ChatLine) {
        self.chat.hear(line, &name("me"));
        self.follow();
    }

    fn lines(&self) -> Vec<&str> {
        self.said.iter().map(|(text, ..)| text.as_str()).collect()
    }

    fn ids(&self) -> Vec<u64> {
        self.told.iter().map(|(id, ..)| *id).collect()
    }

    fn states(&self) -> Vec<LineState> {
        self.own.iter().map(|(_, state)| *state).collect()
    }
}

fn line(id: u64, from: &str, mark: u64) -> ChatLine {
    ChatLine {
        id: ChatId(id),
        at: UnixMillis(0),
        from: name(from),
        from_name: from.parse().unwrap(),
        to: None,
        text: text("hello"),
        mark: LineMark(mark),
    }
}

#[test]
fn lines_wait_for_the_room_and_are_said_one_after_the_other_in_their_order() {
    let mut bench = Bench::new();
    for line in ["one", "two", "three"] {
        bench.write(line);
    }
    assert_eq!(bench.lines(), [""; 0]);
    bench.join();
    assert_eq!(bench.lines(), ["one"]);
    bench.page(&[], false);
    bench.answer(Ok(1));
    bench.answer(Ok(2));
    bench.answer(Ok(3));
    assert_eq!(bench.lines(), ["one", "two", "three"]);
    assert_eq!(bench.ids(), [1, 2, 3]);
}

#[test]
fn a_line_whose_answer_was_lost_is_said_again_under_its_mark_and_told_once() {
    let mut bench = Bench::inside();
    bench.write("hello");
    for _ in 0..2 {
        bench.chat.lose();
        bench.join();
    }
    let marks: Vec<_> = bench.said.iter().map(|(_, mark, ..)| *mark).collect();
    assert_eq!(marks, [LineMark(1); 3]);
    bench.page(&[], false);
    bench.answer(Ok(5));
    bench.hear(line(5, "me", 1));
    assert_eq!(bench.ids(), [5]);
    assert_eq!(bench.told[0].2, Some(LineNumber(1)));
}

#[test]
fn an_own_line_that_comes_as_an_event_before_its_answer_is_told_once() {
    let mut bench = Bench::inside();
    bench.write("hello");
    bench.hear(line(5, "me", 1));
    bench.answer(Ok(5));
    assert_eq!(bench.ids(), [5]);
    bench.write("next");
    assert_eq!(bench.lines(), ["hello", "next"]);
}

#[test]
fn an_own_line_that_the_history_has_after_an_outage_is_not_said_again() {
    let mut bench = Bench::inside();
    bench.write("hello");
    bench.chat.lose();
    bench.chat.join("room", |_| None);
    bench.follow();
    let (_, visit) = *bench.pages.last().unwrap();
    let lines = vec![line(9, "me", 1)];
    bench.chat.page(visit, Ok((lines, false)), &name("me"), NOW);
    bench.follow();
    assert_eq!(bench.told, [(9, "hello".into(), Some(LineNumber(1)))]);
    bench.write("next");
    assert_eq!(bench.lines().last(), Some(&"next"));
}

#[test]
fn a_refused_line_is_told_and_said_once_more_if_its_writer_wants_that() {
    let mut bench = Bench::inside();
    bench.write("hello");
    bench.answer(Err(Refusal::StorageFailed));
    let failed = LineState::Failed(Refusal::StorageFailed);
    assert_eq!(bench.states(), [LineState::Waiting, failed]);
    bench.chat.send_again(LineNumber(1));
    bench.follow();
    assert_eq!(bench.lines(), ["hello", "hello"]);
    bench.answer(Ok(4));
    bench.chat.send_again(LineNumber(1));
    bench.chat.discard(LineNumber(1));
    bench.follow();
    assert_eq!(bench.lines().len(), 2, "it is said");
}

#[test]
fn a_line_that_is_given_up_is_not_said_again() {
    let mut bench = Bench::inside();
    bench.write("hello");
    bench.answer(Err(Refusal::StorageFailed));
    bench.chat.discard(LineNumber(1));
    bench.chat.lose();
    bench.join();
    assert_eq!(bench.lines(), ["hello"]);
}

#[test]
fn a_relay_that_asks_to_wait_gets_the_line_after_that_and_the_next_one_behind_it() {
    let mut bench = Bench::inside();
    bench.write("one");
    bench.write("two");
    bench.answer(Err(Refusal::RateLimited { retry_after_ms: 50 }));
    let at = bench.chat.next_time().unwrap();
    assert_eq!(at, NOW + Micros::from_millis(50));
    bench.chat.handle_time(NOW);
    bench.follow();
    assert_eq!(bench.lines(), ["one"]);
    bench.chat.handle_time(at);
    bench.follow();
    bench.answer(Ok(1));
    assert_eq!(bench.lines(), ["one", "one", "two"]);
}

#[test]
fn the_line_after_the_last_that_may_wait_is_refused_and_stays_for_its_writer() {
    let mut bench = Bench::new();
    for _ in 0..=MOST_WAITING {
        bench.write("x");
    }
    let failed = LineState::Failed(Refusal::TooMany);
    assert_eq!(bench.states().last(), Some(&failed));
    let refused = bench.own.iter().filter(|(_, state)| *state == failed);
    assert_eq!(refused.count(), 1);
}

#[test]
fn a_line_that_waited_for_one_room_is_said_in_no_other_and_comes_back_with_its_own() {
    let mut bench = Bench::inside();
    bench.chat.lose();
    bench.write("for the first room");
    bench.chat.leave();
    bench.follow();
    let failed = LineState::Failed(Refusal::NotInRoom);
    assert_eq!(bench.states().last(), Some(&failed));
    bench.own.clear();
    bench.chat.join("another", |_| None);
    bench.follow();
    assert_eq!(bench.states(), []);
    bench.chat.leave();
    bench.join();
    assert_eq!(bench.states(), [failed]);
    assert_eq!(bench.lines(), [""; 0], "until its writer wants it again");
}

#[test]
fn a_line_that_was_on_its_way_when_its_room_was_left_is_refused_only_if_the_relay_refuses_it() {
    for answer in [Ok((ChatId(4), UnixMillis(0))), Err(Refusal::StorageFailed)] {
        let mut bench = Bench::inside();
        bench.write("hello");
        let (_, _, number, visit) = bench.said[0].clone();
        bench.chat.leave();
        bench.follow();
        let own = (&name("me"), &"me".parse().unwrap());
        bench.chat.said((number, visit), own, answer, NOW);
        bench.follow();
        let failed = LineState::Failed(Refusal::StorageFailed);
        assert_eq!(bench.states().contains(&failed), answer.is_err());
        bench.own.clear();
        bench.join();
        assert_eq!(bench.states().len(), usize::from(answer.is_err()));
    }
}

#[test]
fn a_writer_who_waits_is_answered_when_the_line_is_stored_however_often_the_connection_was_lost() {
    let mut bench = Bench::inside();
    let (written, mut answer) = oneshot::channel();
    bench
        .chat
        .write(None, text("hello"), LineMark(3), Some(written));
    bench.follow();
    bench.chat.lose();
    assert!(answer.try_recv().is_err());
    bench.join();
    bench.page(&[], false);
    bench.answer(Ok(1));
    assert_eq!(answer.try_recv(), Ok(Ok(())));
}

#[test]
fn a_line_for_one_goes_to_the_number_that_they_have_after_an_outage_and_to_nobody_else() {
    for (now, expected) in [(Some(ParticipantId(9)), 2), (None, 1)] {
        let mut bench = Bench::inside();
        let to = Addressee {
            id: ParticipantId(7),
            username: name("ben"),
            display_name: "Ben".parse().unwrap(),
        };
        bench.chat.write(Some(to), text("psst"), LineMark(1), None);
        bench.follow();
        bench.chat.lose();
        bench.chat.join("room", |_| now);
        bench.follow();
        assert_eq!(bench.said.len(), expected);
        let failed = LineState::Failed(Refusal::NoSuchParticipant);
        assert_eq!(bench.states().contains(&failed), now.is_none());
    }
}

#[test]
fn what_is_answered_or_heard_after_the_room_was_left_is_not_told_in_the_next() {
    let mut bench = Bench::inside();
    bench.write("hello");
    let (_, _, number, visit) = bench.said[0].clone();
    bench.chat.leave();
    bench.hear(line(3, "ana", 0));
    bench.chat.join("next", |_| None);
    bench.follow();
    bench.page(&[], false);
    let own = (&name("me"), &"me".parse().unwrap());
    let stored = Ok((ChatId(4), UnixMillis(0)));
    bench.chat.said((number, visit), own, stored, NOW);
    bench.follow();
    assert_eq!(bench.ids(), [0; 0]);
}
