//! Chat as the engine carries it out: lines go to the relay, and what comes is recorded and told.

use super::chat::Said;
use super::messages::{Report, Written};
use super::shell::Engine;
use conclave_protocol::id::ParticipantId;
use conclave_protocol::name::ChatText;
use conclave_protocol::wire::control::{ChatLine, Refusal};

impl Engine {
    /// Asks for what was written while this endpoint was away, and says what waited.
    pub(super) fn catch_up_chat(&mut self) {
        for ask in self.chat.join() {
            let (request, asked) = *ask;
            self.ask(request, asked);
        }
    }

    /// Asks for the lines before the first one that was told.
    pub(super) fn earlier_chat(&mut self) {
        if let Some(ask) = self.chat.earlier() {
            let (request, asked) = *ask;
            self.ask(request, asked);
        }
    }

    /// Says a line to everyone now, or as soon as the room is joined.
    pub(super) fn say_when_joined(&mut self, text: Box<ChatText>, written: Option<Written>) {
        let said = self.chat.say(text, written);
        self.follow_up(said);
    }

    /// Says a line to one in the room, who must be here now.
    pub(super) fn tell(&mut self, to: ParticipantId, text: Box<ChatText>, written: Written) {
        let said = self.chat.tell(to, self.name_of(to), text, written);
        self.follow_up(said);
    }

    fn follow_up(&mut self, said: Said) {
        match said {
            Said::Ask(ask) => {
                let (request, asked) = *ask;
                self.ask(request, asked);
            }
            Said::Waits => {}
            Said::Refused(refusal, written) => self.not_said(refusal, written),
        }
    }

    /// Tells the author of a line that the relay does not have it.
    pub(super) fn not_said(&mut self, refusal: Refusal, written: Option<Written>) {
        match written {
            Some(written) => drop(written.send(Err(refusal))),
            None => (self.report)(Report::NotSaid(refusal)),
        }
    }

    /// The room is left, or another one is wanted: what waited for it is said nowhere.
    pub(super) fn end_chat(&mut self) {
        for (_, written) in self.chat.leave() {
            self.not_said(Refusal::NotInRoom, written);
        }
    }

    pub(super) fn hear_chat(&mut self, line: ChatLine) {
        if !self.chat.is_news(line.id) {
            return;
        }
        if let Some(recorder) = &self.recorder {
            recorder.chat(&line);
        }
        let own = line.from.key() == self.settings.username.key();
        (self.report)(Report::Chat { line, own });
    }
}
