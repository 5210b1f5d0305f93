//! Chat as the engine carries it out: lines go to the relay, and what comes is recorded and told.

use super::chat::{Addressee, Out};
use super::messages::{EngineError, LineNumber, Report, Written};
use super::shell::Engine;
use conclave_protocol::id::{LineMark, ParticipantId};
use conclave_protocol::name::{ChatText, Username};
use conclave_protocol::wire::control::{ChatLine, Refusal};

impl Engine {
    /// Asks for what was written while this endpoint was away, and says what waited.
    pub(super) fn catch_up_chat(&mut self) {
        let Some(room) = &self.room else { return };
        let name = self.lobby.goal().map(|goal| goal.name.key());
        let find = |username: &Username| {
            let mut others = room.attendance.others();
            let found = others.find(|other| other.username.key() == username.key());
            found.map(|other| other.id)
        };
        self.chat.join(&name.unwrap_or_default(), find);
        self.follow_chat();
    }

    /// Asks for the lines before the first one that was told.
    pub(super) fn earlier_chat(&mut self) {
        self.chat.earlier();
        self.follow_chat();
    }

    /// Says a line to everyone now, or as soon as the room is joined.
    pub(super) fn say_when_joined(
        &mut self,
        text: Box<ChatText>,
        written: Option<Written>,
    ) -> Result<(), EngineError> {
        let mark = self.draw_mark()?;
        self.chat.write(None, text, mark, written);
        self.follow_chat();
        Ok(())
    }

    /// Says a line to one in the room, who must be here now.
    pub(super) fn tell(
        &mut self,
        to: ParticipantId,
        text: Box<ChatText>,
        written: Written,
    ) -> Result<(), EngineError> {
        let Some(room) = &self.room else {
            let _ = written.send(Err(Refusal::NotInRoom));
            return Ok(());
        };
        let Some(member) = room.attendance.member(to) else {
            let _ = written.send(Err(Refusal::NoSuchParticipant));
            return Ok(());
        };
        let to = Addressee {
            id: to,
            username: member.username.clone(),
            display_name: member.display_name.clone(),
        };
        let mark = self.draw_mark()?;
        self.chat.write(Some(to), text, mark, Some(written));
        self.follow_chat();
        Ok(())
    }

    pub(super) fn send_again(&mut self, number: LineNumber) {
        self.chat.send_again(number);
        self.follow_chat();
    }

    pub(super) fn discard_line(&mut self, number: LineNumber) {
        self.chat.discard(number);
        self.follow_chat();
    }

    /// The room is left, or another one is wanted: what waited for it is said nowhere.
    pub(super) fn end_chat(&mut self) {
        self.chat.leave();
        self.follow_chat();
    }

    pub(super) fn hear_chat(&mut self, line: ChatLine) {
        self.chat.hear(line, &self.settings.username);
        self.follow_chat();
    }

    /// Goes on after a refusal that passes.
    pub(super) fn tick_chat(&mut self) {
        self.chat.handle_time(self.now);
        self.follow_chat();
    }

    /// Carries out what has come out of the chat.
    pub(super) fn follow_chat(&mut self) {
        while let Some(out) = self.chat.next_out() {
            match out {
                Out::Ask(ask) => {
                    let (request, asked) = *ask;
                    self.ask(request, asked);
                }
                Out::Told(line, number) => {
                    if let Some(recorder) = &self.recorder {
                        recorder.chat(&line);
                    }
                    let own = line.from.key() == self.settings.username.key();
                    let line = *line;
                    (self.report)(Report::Chat { line, own, number });
                }
                Out::Own {
                    number,
                    to,
                    text,
                    state,
                } => (self.report)(Report::OwnLine {
                    number,
                    to,
                    text,
                    state,
                }),
                Out::Gone(number) => (self.report)(Report::LineGone(number)),
                Out::History { more } => (self.report)(Report::History { more }),
            }
        }
    }

    /// The mark by which the relay knows a line again.
    fn draw_mark(&self) -> Result<LineMark, EngineError> {
        let drawn = self.entropy()?;
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&drawn.expose()[..8]);
        Ok(LineMark::from_random(u64::from_le_bytes(bytes)))
    }
}
