//! The chat of a room as the screen shows it: in order, grouped by writer, with what was not read yet, and below it
//! what was written here and is not stored.

use crate::engine::LineNumber;
use crate::ui::clock::hour_and_minute;
use crate::ui::pages::models::sync;
use crate::ui::problem::Trouble;
use conclave_protocol::id::ChatId;
use conclave_protocol::name::ChatText;
use conclave_protocol::units::UnixMillis;
use conclave_protocol::wire::control::ChatLine;
use conclave_ui::{ChatRow, LineState, Problem, Room};
use slint::{SharedString, VecModel};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Lines that are kept; the oldest go first. More than a person scrolls through.
const MOST_LINES: usize = 1_000;
/// Lines by one person within this time are shown as one.
const FOLLOWS_WITHIN_MS: u64 = 5 * 60_000;

/// An own line that is not stored: on its way, or why not.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ui) struct Unsent {
    pub(in crate::ui) text: String,
    pub(in crate::ui) failed: Option<Trouble>,
}

/// What was written.
#[derive(Debug)]
pub(in crate::ui) struct Chat {
    lines: BTreeMap<ChatId, (ChatLine, bool)>,
    /// Own lines that are not stored, by their number.
    unsent: BTreeMap<LineNumber, Unsent>,
    unread: BTreeSet<ChatId>,
    /// The first one that was unread when the chat was opened.
    first_new: Option<ChatId>,
    /// What the room's history had when it first came is not news; what comes later is, in whichever order.
    history: Option<Option<ChatId>>,
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
            unsent: BTreeMap::new(),
            unread: BTreeSet::new(),
            first_new: None,
            history: None,
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
        let id = line.id;
        let is_new = self.history.is_some_and(|newest| Some(id) > newest);
        if is_new && !own && !open && !self.lines.contains_key(&id) {
            self.unread.insert(id);
        }
        self.lines.insert(id, (line, own));
        while self.lines.len() > MOST_LINES {
            let oldest = self.lines.pop_first();
            self.unread
                .retain(|id| oldest.as_ref().is_none_or(|(old, _)| id > old));
        }
        self.changed = true;
    }

    /// A line that was written here is on its way, or is not.
    pub(in crate::ui) fn add_unsent(&mut self, number: LineNumber, line: Unsent) {
        self.unsent.insert(number, line);
        self.changed = true;
    }

    /// A line that was written here is stored, or was discarded.
    pub(in crate::ui) fn remove_unsent(&mut self, number: LineNumber) {
        self.unsent.remove(&number);
        self.changed = true;
    }

    /// The texts of own lines that are not stored.
    pub(in crate::ui) fn unsent(&self) -> impl Iterator<Item = &str> {
        self.unsent.values().map(|line| line.text.as_str())
    }

    /// The history has come, or an earlier part of it; `more` says whether there is still more.
    pub(in crate::ui) fn catch_up(&mut self, more: bool) {
        let newest = self.lines.keys().next_back().copied();
        self.history.get_or_insert(newest);
        (self.more, self.loading) = (more, false);
    }

    /// The chat is opened.
    pub(in crate::ui) fn read(&mut self) {
        self.first_new = self.unread.first().copied();
        self.unread.clear();
        self.changed = true;
    }

    pub(super) fn show(&mut self, page: &Room<'_>, rows: &Rc<VecModel<ChatRow>>) {
        if std::mem::take(&mut self.changed) {
            sync(rows, self.rows());
        }
        page.set_chat(Rc::clone(rows).into());
        page.set_chat_loading(self.loading);
        page.set_chat_more(self.more);
        page.set_chat_problem(self.problem);
        page.set_unread(i32::try_from(self.unread.len()).unwrap_or(i32::MAX));
    }

    fn rows(&self) -> Vec<ChatRow> {
        let mut before: Option<(&ChatLine, UnixMillis)> = None;
        let mut rows: Vec<_> = self
            .lines
            .values()
            .map(|(line, own)| {
                let follows = before.is_some_and(|(other, at)| {
                    other.from == line.from && line.at.0.saturating_sub(at.0) < FOLLOWS_WITHIN_MS
                });
                before = Some((line, line.at));
                ChatRow {
                    number: 0,
                    state: LineState::Stored,
                    problem: Problem::None,
                    detail: SharedString::default(),
                    name: line.from_name.as_str().into(),
                    time: hour_and_minute(line.at).into(),
                    text: line.text.as_str().into(),
                    own: *own,
                    follows,
                    first_new: self.first_new == Some(line.id),
                }
            })
            .collect();
        let mut follows = rows.last().is_some_and(|row| row.own);
        for (number, line) in &self.unsent {
            rows.push(line.row(*number, std::mem::replace(&mut follows, true)));
        }
        rows
    }
}

impl Unsent {
    fn row(&self, number: LineNumber, follows: bool) -> ChatRow {
        let trouble = self.failed.clone().unwrap_or_default();
        ChatRow {
            number: i32::try_from(number.0).unwrap_or(i32::MAX),
            state: if self.failed.is_some() {
                LineState::Failed
            } else {
                LineState::Sending
            },
            problem: trouble.problem,
            detail: trouble.detail.into(),
            name: SharedString::default(),
            time: SharedString::default(),
            text: self.text.as_str().into(),
            own: true,
            follows,
            first_new: false,
        }
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
        chat.add(line(2, 0, "ben"), true, false);
        chat.add(line(3, 0, "ana"), false, true);
        assert_eq!(chat.unread.len(), 0);
        chat.add(line(4, 0, "ana"), false, false);
        assert_eq!(chat.unread.len(), 1);
        chat.read();
        assert_eq!(chat.unread.len(), 0);
    }

    #[test]
    fn lines_that_an_outage_hid_are_news_once_in_whichever_order_they_come() {
        let mut chat = Chat::default();
        chat.add(line(5, 0, "ana"), false, false);
        chat.catch_up(true);
        for id in [8, 9, 6, 7, 8] {
            chat.add(line(id, 0, "ana"), false, false);
        }
        chat.catch_up(true);
        chat.add(line(4, 0, "ana"), false, false);
        assert_eq!(chat.unread.len(), 4, "and what was before all that is none");
        chat.read();
        let new: Vec<_> = chat.rows().iter().map(|row| row.first_new).collect();
        assert_eq!(new, [false, false, true, false, false, false]);
    }

    #[test]
    fn own_lines_that_are_not_stored_stand_below_the_others_until_they_are() {
        let mut chat = Chat::default();
        let unsent = |failed| Unsent {
            text: "hello".into(),
            failed,
        };
        let full = Trouble::of(Problem::RelayFull);
        chat.add_unsent(LineNumber(2), unsent(None));
        chat.add_unsent(LineNumber(1), unsent(Some(full)));
        chat.add(line(1, 0, "ana"), false, true);
        let shown = |chat: &Chat| -> Vec<_> {
            let rows = chat.rows().into_iter();
            rows.map(|row| (row.number, row.state, row.problem, row.follows))
                .collect()
        };
        assert_eq!(
            shown(&chat),
            [
                (0, LineState::Stored, Problem::None, false),
                (1, LineState::Failed, Problem::RelayFull, false),
                (2, LineState::Sending, Problem::None, true),
            ]
        );
        chat.remove_unsent(LineNumber(1));
        assert_eq!(shown(&chat).len(), 2);
    }

    #[test]
    fn earlier_lines_that_come_later_stand_in_their_place_and_are_not_news() {
        let mut chat = Chat::default();
        chat.add(line(9, 900_000, "ana"), false, true);
        chat.catch_up(true);
        chat.add(line(3, 1, "ben"), false, false);
        let names: Vec<_> = chat.rows().into_iter().map(|row| row.name).collect();
        assert_eq!(names, ["ben", "ana"]);
        assert_eq!(chat.unread.len(), 0);
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
