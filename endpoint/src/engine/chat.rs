//! Chat: lines that wait for the room, and each line told once whichever way it came.

use super::asked::{Asked, Visit};
use super::messages::Written;
use conclave_protocol::id::{ChatId, LineMark, ParticipantId};
use conclave_protocol::name::{ChatText, Username};
use conclave_protocol::wire::control::{HISTORY_LINES, Refusal, Request};
use std::collections::{BTreeSet, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};

/// Chat lines that may wait for the room to be joined.
const MOST_WAITING: usize = 64;

/// A line for everyone in the room, and who wants to hear what becomes of it.
type Line = (Box<ChatText>, Option<Written>);

/// The chat of the room that this endpoint is in, or on its way to.
#[derive(Default)]
pub(super) struct Chat {
    waiting: VecDeque<Line>,
    /// The last lines that were told: replies, events and history overlap.
    told: BTreeSet<ChatId>,
    visit: Visit,
    /// Whether the relay takes lines: not from a loss until the room is joined again.
    is_joined: bool,
    is_inside: bool,
}

/// A request, and what it is for.
type Ask = Box<(Request, Asked)>;

/// What becomes of a line that is to be said.
#[derive(Debug)]
pub(super) enum Said {
    /// The relay is asked.
    Ask(Ask),
    /// It waits for the room.
    Waits,
    /// It is not said.
    Refused(Refusal, Option<Written>),
}

impl Chat {
    /// Says a line to everyone: now, where the relay takes it, or as soon as the room is joined.
    pub(super) fn say(&mut self, text: Box<ChatText>, written: Option<Written>) -> Said {
        if self.is_joined {
            return Said::Ask(self.ask(None, text, written));
        }
        if self.waiting.len() >= MOST_WAITING {
            return Said::Refused(Refusal::TooMany, written);
        }
        self.waiting.push_back((text, written));
        Said::Waits
    }

    /// Says a line to one in the room, who must be here now under this name: a line for one who left is refused.
    pub(super) fn tell(
        &self,
        to: ParticipantId,
        name: Option<Username>,
        text: Box<ChatText>,
        written: Written,
    ) -> Said {
        match name {
            _ if !self.is_joined => Said::Refused(Refusal::NotInRoom, Some(written)),
            None => Said::Refused(Refusal::NoSuchParticipant, Some(written)),
            Some(name) => Said::Ask(self.ask(Some((to, name)), text, Some(written))),
        }
    }

    fn ask(
        &self,
        to: Option<(ParticipantId, Username)>,
        text: Box<ChatText>,
        written: Option<Written>,
    ) -> Ask {
        let (to, name) = to.unzip();
        let mark = draw_mark();
        let request = Request::Say {
            to,
            text: text.clone(),
            mark,
        };
        let asked = Asked::Say {
            mark,
            to: name,
            text,
            written,
            visit: self.visit,
        };
        Box::new((request, asked))
    }

    /// The room is joined, or joined again after a loss: asks for what was written meanwhile, and says what waited.
    pub(super) fn join(&mut self) -> Vec<Ask> {
        (self.is_joined, self.is_inside) = (true, true);
        let mut requests = vec![self.history(None)];
        while let Some((text, written)) = self.waiting.pop_front() {
            requests.push(self.ask(None, text, written));
        }
        requests
    }

    /// The connection is lost: lines wait until the room is joined again.
    pub(super) fn lose(&mut self) {
        self.is_joined = false;
    }

    /// Asks for the lines before the first one that was told.
    pub(super) fn earlier(&self) -> Option<Ask> {
        self.is_joined
            .then(|| self.history(self.told.first().copied()))
    }

    fn history(&self, before: Option<ChatId>) -> Ask {
        let asked = Asked::History { visit: self.visit };
        Box::new((Request::History { before }, asked))
    }

    /// Whether what was asked in this visit is still of the room that this endpoint is in.
    pub(super) fn is_current(&self, visit: Visit) -> bool {
        self.is_inside && self.visit == visit
    }

    /// Whether a line is of this room and was not told before.
    pub(super) fn is_news(&mut self, line: ChatId) -> bool {
        let is_news = self.is_inside && self.told.insert(line);
        if self.told.len() > HISTORY_LINES {
            self.told.pop_first();
        }
        is_news
    }

    /// The room is left, or another one is wanted: gives the lines that waited for it, which must reach no other room.
    pub(super) fn leave(&mut self) -> Vec<Line> {
        self.told.clear();
        (self.is_joined, self.is_inside) = (false, false);
        self.visit.0 = self.visit.0.wrapping_add(1);
        std::mem::take(&mut self.waiting).into()
    }
}

/// A mark that no other line of this writer has.
fn draw_mark() -> LineMark {
    LineMark::from_random(RandomState::new().build_hasher().finish())
}

#[cfg(test)]
mod tests;
