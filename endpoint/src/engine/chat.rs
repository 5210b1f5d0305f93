//! Chat: what is said once the room is joined, and each line told once whichever way it came.

use super::requests::Asked;
use super::{Engine, Report, Written};
use conclave_protocol::id::ParticipantId;
use conclave_protocol::name::ChatText;
use conclave_protocol::wire::control::{ChatLine, HISTORY_LINES, Refusal, Request};

/// Chat lines that may wait for the room to be joined.
const MOST_UNSAID: usize = 64;

impl Engine {
    /// Asks for what was written while this endpoint was away, and says what waited.
    pub(super) fn catch_up_chat(&mut self) {
        self.ask(Request::History { before: None }, Asked::History);
        while let Some((text, written)) = self.session.unsaid.pop_front() {
            self.say(text, written);
        }
    }

    /// Asks for the lines before the first one that was told.
    pub(super) fn earlier_chat(&mut self) {
        if self.room.is_some() {
            let before = self.session.told_lines.first().copied();
            self.ask(Request::History { before }, Asked::History);
        }
    }

    /// Says a line to everyone now, or as soon as the room is joined.
    pub(super) fn say_when_joined(&mut self, text: Box<ChatText>, written: Option<Written>) {
        if self.room.is_some() && self.reconnect.is_signed_in() {
            self.say(text, written);
        } else if self.session.unsaid.len() < MOST_UNSAID {
            self.session.unsaid.push_back((text, written));
        } else if let Some(written) = written {
            let _ = written.send(Err(Refusal::TooMany));
        } else {
            (self.report)(Report::NotSaid(Refusal::TooMany));
        }
    }

    fn say(&mut self, text: Box<ChatText>, written: Option<Written>) {
        let request = Request::Say {
            to: None,
            text: text.clone(),
        };
        let asked = Asked::Say {
            to: None,
            text,
            written,
        };
        self.ask(request, asked);
    }

    /// Says a line to one in the room, who must be here now: a line for somebody who left is refused, and waits for nobody.
    pub(super) fn tell(&mut self, to: ParticipantId, text: Box<ChatText>, written: Written) {
        let refusal = match self.name_of(to) {
            _ if self.room.is_none() || !self.reconnect.is_signed_in() => Refusal::NotInRoom,
            None => Refusal::NoSuchParticipant,
            Some(name) => {
                let request = Request::Say {
                    to: Some(to),
                    text: text.clone(),
                };
                let asked = Asked::Say {
                    to: Some(name),
                    text,
                    written: Some(written),
                };
                return self.ask(request, asked);
            }
        };
        let _ = written.send(Err(refusal));
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
