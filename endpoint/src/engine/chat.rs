//! Chat: what is said once the room is joined, and each line told once whichever way it came.

use super::session::Asked;
use super::{Engine, Report};
use conclave_protocol::name::ChatText;
use conclave_protocol::wire::control::{ChatLine, HISTORY_LINES, Request};

impl Engine {
    /// Asks for what was written while this endpoint was away, and says what waited.
    pub(super) fn catch_up_chat(&mut self) {
        self.ask(Request::History { before: None }, Asked::History);
        while let Some(text) = self.session.unsaid.pop_front() {
            self.say(text);
        }
    }

    /// Asks for the lines before the first one that was told.
    pub(super) fn earlier_chat(&mut self) {
        if self.room.is_some() {
            let before = self.session.told_lines.first().copied();
            self.ask(Request::History { before }, Asked::History);
        }
    }

    pub(super) fn say(&mut self, text: Box<ChatText>) {
        self.ask(
            Request::Say {
                to: None,
                text: text.clone(),
            },
            Asked::Say(text),
        );
    }

    pub(super) fn chat(&mut self, line: ChatLine) {
        if !self.session.told_lines.insert(line.id) {
            return;
        }
        if self.session.told_lines.len() > HISTORY_LINES {
            self.session.told_lines.pop_first();
        }
        if let Some(recorder) = &self.recorder {
            recorder.chat(&line);
        }
        let own = line.from.key() == self.settings.username.key();
        (self.report)(Report::Chat { line, own });
    }
}
