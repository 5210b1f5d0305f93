//! The chat of a room as the screen shows it: in order, grouped by writer, with what was not read yet.

use crate::ui::clock::hour_and_minute;
use crate::ui::pages::models::sync;
use conclave_protocol::id::ChatId;
use conclave_protocol::name::ChatText;
use conclave_protocol::units::UnixMillis;
use conclave_protocol::wire::control::ChatLine;
use conclave_ui::{ChatRow, Problem, Room};
use slint::VecModel;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Lines that are kept; the oldest go first. More than a person scrolls through.
const MOST_LINES: usize = 1_000;
/// Lines by one person within this time are shown as one.
const FOLLOWS_WITHIN_MS: u64 = 5 * 60_000;

/// What was written.
#[derive(Debug)]
pub(in crate::ui) struct Chat {
    lines: BTreeMap<ChatId, (ChatLine, bool)>,
    unread: u32,
    newest: Option<ChatId>,
    /// Lines that came with the room's history are not news.
    caught_up: bool,
    /// The relay has earlier lines.
    more: bool,
    pub(in crate::ui) loading: bool,
    pub(in crate::ui) problem: Problem,
    /// The rows that are shown are not these.
    changed: bool,
}

impl Default for Chat {
    /// Of a room that was just joined, whose history is under way.
    fn default() -> Self {
        Self {
            lines: BTreeMap::new(),
            unread: 0,
            newest: None,
            caught_up: false,
            more: false,
            loading: true,
            problem: Problem::None,
            changed: true,
        }
    }
}

impl Chat {
    /// Takes a line; `open` says whether it is being looked at.
    pub(in crate::ui) fn add(&mut self, line: ChatLine, own: bool, open: bool) {
        let is_news = self.newest.is_none_or(|newest| line.id > newest);
        if is_news {
            self.newest = Some(line.id);
            if self.caught_up && !own && !open {
                self.unread += 1;
            }
        }
        self.lines.insert(line.id, (line, own));
        while self.lines.len() > MOST_LINES {
            self.lines.pop_first();
        }
        self.changed = true;
    }

    /// The history has come, or an earlier part of it; `more` says whether there is still more.
    pub(in crate::ui) const fn catch_up(&mut self, more: bool) {
        self.caught_up = true;
        (self.more, self.loading) = (more, false);
    }

    /// The chat is being looked at.
    pub(in crate::ui) const fn read(&mut self) {
        self.unread = 0;
    }

    #[cfg(test)]
    const fn unread(&self) -> u32 {
        self.unread
    }

    pub(super) fn show(&mut self, page: &Room<'_>, rows: &Rc<VecModel<ChatRow>>) {
        if std::mem::take(&mut self.changed) {
            sync(rows, self.rows());
        }
        page.set_chat(Rc::clone(rows).into());
        page.set_chat_loading(self.loading);
        page.set_chat_more(self.more);
        page.set_chat_problem(self.problem);
        page.set_unread(i32::try_from(self.unread).unwrap_or(i32::MAX));
    }

    fn rows(&self) -> Vec<ChatRow> {
        let mut before: Option<(&ChatLine, UnixMillis)> = None;
        self.lines
            .values()
            .map(|(line, own)| {
                let follows = before.is_some_and(|(other, at)| {
                    other.from == line.from && line.at.0.saturating_sub(at.0) < FOLLOWS_WITHIN_MS
                });
                before = Some((line, line.at));
                ChatRow {
                    name: line.from_name.as_str().into(),
                    time: hour_and_minute(line.at).into(),
                    text: line.text.as_str().into(),
                    own: *own,
                    follows,
                }
            })
            .collect()
    }
}

/// What may be written; spaces around it are not part of the message.
pub(in crate::ui) fn chat_text(text: &str) -> Result<Option<ChatText>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    ChatText::parse(text)
        .map(Some)
        .map_err(|_| Problem::TextTooLong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use conclave_protocol::id::LineMark;
    use conclave_protocol::name::Username;

    fn line(id: u64, at_ms: u64, from: &str) -> ChatLine {
        ChatLine {
            id: ChatId(id),
            at: UnixMillis(at_ms),
            from: Username::parse(from).unwrap(),
            from_name: from.parse().unwrap(),
            to: None,
            text: Box::new(ChatText::parse("hello").unwrap()),
            mark: LineMark(id),
        }
    }

    #[test]
    fn history_is_not_news_and_neither_is_what_one_writes_or_watches() {
        let mut chat = Chat::default();
        chat.add(line(1, 0, "ana"), false, false);
        chat.catch_up(false);
        assert_eq!(chat.unread(), 0);
        chat.add(line(2, 0, "ben"), true, false);
        chat.add(line(3, 0, "ana"), false, true);
        assert_eq!(chat.unread(), 0);
        chat.add(line(4, 0, "ana"), false, false);
        assert_eq!(chat.unread(), 1);
        chat.read();
        assert_eq!(chat.unread(), 0);
    }

    #[test]
    fn earlier_lines_that_come_later_stand_in_their_place_and_are_not_news() {
        let mut chat = Chat::default();
        chat.catch_up(false);
        chat.add(line(9, 900_000, "ana"), false, true);
        chat.add(line(3, 1, "ben"), false, false);
        let names: Vec<_> = chat.rows().into_iter().map(|row| row.name).collect();
        assert_eq!(names, ["ben", "ana"]);
        assert_eq!(chat.unread(), 0);
    }

    #[test]
    fn lines_of_one_person_follow_each_other_for_five_minutes() {
        let mut chat = Chat::default();
        for (id, at_ms, from) in [
            (1, 0, "ana"),
            (2, 1_000, "ana"),
            (3, 400_000, "ana"),
            (4, 400_001, "ben"),
        ] {
            chat.add(line(id, at_ms, from), false, true);
        }
        let follows: Vec<_> = chat.rows().iter().map(|row| row.follows).collect();
        assert_eq!(follows, [false, true, false, false]);
    }

    #[test]
    fn blank_lines_are_not_written() {
        assert_eq!(chat_text("  \n"), Ok(None));
        assert!(matches!(chat_text(" hello "), Ok(Some(text)) if text.as_str() == "hello"));
        assert_eq!(chat_text(&"x".repeat(100_000)), Err(Problem::TextTooLong));
    }
}
