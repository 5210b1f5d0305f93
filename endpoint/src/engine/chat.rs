//! The chat of the room that this endpoint is in: own lines until the relay has stored them, and each line told once
//! and in order, whichever way it came.
//!
//! Own lines are said one at a time, so that a refused one is not overtaken. Each has a mark by which the relay knows
//! it again: if the answer to a line was lost, the line is sent again, and the relay stores it once.

mod history;
mod own_line;

use super::asked::{Asked, Visit};
use super::messages::{LineNumber, LineState, Written};
use conclave_protocol::id::{ChatId, LineMark, ParticipantId};
use conclave_protocol::name::{ChatText, DisplayName, Username};
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::units::UnixMillis;
use conclave_protocol::wire::control::{ChatLine, Refusal, Request};
use history::History;
use own_line::{OwnLine, State};
use std::collections::{BTreeMap, VecDeque};

/// Own lines that are kept, of this room and of those that were left; more is typed by no person.
const MOST_OWN: usize = 256;
/// Own lines that may wait to be said.
const MOST_WAITING: usize = 64;

/// To whom a line goes who is not everyone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Addressee {
    pub(super) id: ParticipantId,
    pub(super) username: Username,
    pub(super) display_name: DisplayName,
}

/// What comes out of the chat.
#[derive(Debug)]
pub(super) enum Out {
    /// Ask the relay.
    Ask(Box<(Request, Asked)>),
    /// A line is to be told; by which number it was waiting, if this endpoint wrote it.
    Told(Box<ChatLine>, Option<LineNumber>),
    /// An own line waits, or was refused.
    Own {
        number: LineNumber,
        to: Option<DisplayName>,
        text: Box<ChatText>,
        state: LineState,
    },
    /// An own line was given up by its writer.
    Gone(LineNumber),
    /// The history is told as far as it was asked for.
    History { more: bool },
}

/// The chat of one room after the other.
#[derive(Default)]
pub(super) struct Chat {
    own: VecDeque<OwnLine>,
    last_number: u32,
    /// The line that the relay has yet to answer.
    asked: Option<LineNumber>,
    history: History,
    visit: Visit,
    /// The room, by its name's key, once it was joined.
    room: Option<String>,
    /// Whether the relay takes lines: not from a loss until the room is joined again.
    is_joined: bool,
    /// After a refusal that passes: when to go on.
    again_at: Option<Instant>,
    /// Lines that were never said, by the room that they were for.
    unsaid: BTreeMap<String, Vec<OwnLine>>,
    /// The line that the relay had yet to answer when its room was left.
    parting: Option<(OwnLine, String)>,
    out: VecDeque<Out>,
}

impl Chat {
    /// What has come out, one after the other. Take everything after each call.
    pub(super) fn next_out(&mut self) -> Option<Out> {
        self.out.pop_front()
    }

    /// Writes a line to everyone, or to one who is here. It waits until the room is joined.
    pub(super) fn write(
        &mut self,
        to: Option<Addressee>,
        text: Box<ChatText>,
        mark: LineMark,
        written: Option<Written>,
    ) {
        self.last_number = self.last_number.wrapping_add(1);
        let waiting = self.own.iter().filter(|line| line.state == State::Waiting);
        let is_full = waiting.count() >= MOST_WAITING || self.own.len() >= MOST_OWN;
        let line = OwnLine {
            number: LineNumber(self.last_number),
            mark,
            to,
            text,
            written,
            state: State::Waiting,
        };
        self.tell_own(&line, LineState::Waiting);
        self.own.push_back(line);
        if is_full {
            self.fail(LineNumber(self.last_number), Refusal::TooMany);
        }
        self.say_next();
    }

    /// Says a refused line once more.
    pub(super) fn send_again(&mut self, number: LineNumber) {
        let Some(mut line) = self.take_refused(number) else {
            return;
        };
        line.state = State::Waiting;
        self.tell_own(&line, LineState::Waiting);
        self.own.push_back(line);
        self.say_next();
    }

    /// Gives a refused line up.
    pub(super) fn discard(&mut self, number: LineNumber) {
        if self.take_refused(number).is_some() {
            self.out.push_back(Out::Gone(number));
        }
    }

    fn take_refused(&mut self, number: LineNumber) -> Option<OwnLine> {
        let is_it = |line: &OwnLine| line.number == number && line.state == State::Refused;
        let at = self.own.iter().position(is_it)?;
        self.own.remove(at)
    }

    /// The room is joined, or joined again after a loss: asks for what was written meanwhile, and says what waits.
    /// `find` gives the number that a member has now.
    pub(super) fn join(&mut self, room: &str, find: impl Fn(&Username) -> Option<ParticipantId>) {
        self.is_joined = true;
        self.again_at = None;
        if self.room.as_deref() != Some(room) {
            self.room = Some(room.to_owned());
            for line in self.unsaid.remove(room).unwrap_or_default() {
                self.tell_own(&line, LineState::Failed(Refusal::NotInRoom));
                self.own.push_back(line);
            }
        }
        let mut absent = Vec::new();
        for line in self
            .own
            .iter_mut()
            .filter(|line| line.state == State::Waiting)
        {
            let number = line.number;
            if let Some(to) = &mut line.to {
                match find(&to.username) {
                    Some(id) => to.id = id,
                    None => absent.push(number),
                }
            }
        }
        for number in absent {
            self.fail(number, Refusal::NoSuchParticipant);
        }
        let before = self.history.begin();
        self.ask_history(before);
        self.say_next();
    }

    /// The connection is lost: lines wait until the room is joined again.
    pub(super) fn lose(&mut self) {
        self.is_joined = false;
        self.asked = None;
        self.history.lose();
        if let Some((line, room)) = self.parting.take() {
            // Perhaps it is stored; its mark keeps it from being stored twice.
            self.keep_unsaid(vec![line], room, Refusal::NotInRoom);
        }
    }

    /// The room is left, or another one is wanted: what was not said yet reaches no other room, and comes back with
    /// this one.
    pub(super) fn leave(&mut self) {
        let room = self.room.take().unwrap_or_default();
        let asked = self.asked.take();
        self.lose();
        if let Some(at) = self.own.iter().position(|line| Some(line.number) == asked) {
            let line = self.own.remove(at);
            self.parting = line.map(|line| (line, room.clone()));
        }
        self.visit.0 = self.visit.0.wrapping_add(1);
        self.history = History::default();
        self.again_at = None;
        let unsaid = self.own.drain(..).collect();
        self.keep_unsaid(unsaid, room, Refusal::NotInRoom);
    }

    /// Keeps lines for when their room is entered again; a line for a room that was never entered is only refused.
    fn keep_unsaid(&mut self, mut unsaid: Vec<OwnLine>, room: String, refusal: Refusal) {
        for line in &mut unsaid {
            line.state = State::Refused;
            line.answer(Err(refusal));
            self.tell_own(line, LineState::Failed(refusal));
        }
        let kept: usize = self.unsaid.values().map(Vec::len).sum();
        if !room.is_empty() && !unsaid.is_empty() && kept + unsaid.len() <= MOST_OWN {
            self.unsaid.entry(room).or_default().append(&mut unsaid);
        }
    }

    /// Asks for the lines before the first one that was told.
    pub(super) fn earlier(&mut self) {
        if self.is_joined
            && let Some(before) = self.history.earlier()
        {
            self.ask_history(before);
        }
    }

    fn ask_history(&mut self, before: Option<ChatId>) {
        let asked = Asked::History { visit: self.visit };
        let ask = Box::new((Request::History { before }, asked));
        self.out.push_back(Out::Ask(ask));
    }

    /// Says the oldest line that waits, unless one is being said.
    fn say_next(&mut self) {
        if !self.is_joined || self.asked.is_some() || self.again_at.is_some() {
            return;
        }
        let mut own = self.own.iter();
        let Some(line) = own.find(|line| line.state == State::Waiting) else {
            return;
        };
        self.asked = Some(line.number);
        let request = Request::Say {
            to: line.to.as_ref().map(|to| to.id),
            text: line.text.clone(),
            mark: line.mark,
        };
        let asked = Asked::Say {
            number: line.number,
            visit: self.visit,
        };
        self.out.push_back(Out::Ask(Box::new((request, asked))));
    }

    /// The relay answers a line: by its number and time in the chat, or why it is not there.
    pub(super) fn said(
        &mut self,
        (number, visit): (LineNumber, Visit),
        from: (&Username, &DisplayName),
        answer: Result<(ChatId, UnixMillis), Refusal>,
        now: Instant,
    ) {
        if let Some((mut line, room)) = self.parting.take_if(|(line, _)| line.number == number) {
            match answer {
                Ok(_) => {
                    line.answer(Ok(()));
                    self.out.push_back(Out::Gone(number));
                }
                Err(refusal) => self.keep_unsaid(vec![line], room, refusal),
            }
            return;
        }
        if visit != self.visit || self.asked != Some(number) {
            return;
        }
        self.asked = None;
        match answer {
            Ok((id, at)) => {
                if let Some(line) = self.own.iter().find(|line| line.number == number) {
                    let line = line.as_told(id, at, from);
                    self.hear(line, from.0);
                }
            }
            Err(Refusal::RateLimited { retry_after_ms }) => {
                self.again_at = Some(now + Micros::from_millis(retry_after_ms.into()));
            }
            Err(refusal) => self.fail(number, refusal),
        }
        self.say_next();
    }

    /// A line of the room came: an event, or the answer to an own one.
    pub(super) fn hear(&mut self, line: ChatLine, own: &Username) {
        if self.room.is_none() {
            return;
        }
        if let Some(line) = self.history.hear(line) {
            self.tell(line, own);
        }
    }

    /// A page of history came, or was refused.
    pub(super) fn page(
        &mut self,
        visit: Visit,
        page: Result<(Vec<ChatLine>, bool), Refusal>,
        own: &Username,
        now: Instant,
    ) {
        if visit != self.visit || !self.is_joined {
            return;
        }
        let next = match page {
            Ok((lines, more)) => self.history.page(lines, more),
            Err(Refusal::RateLimited { retry_after_ms }) => {
                self.again_at = Some(now + Micros::from_millis(retry_after_ms.into()));
                return;
            }
            Err(_) => self.history.give_up(),
        };
        match next {
            history::Next::Ask(before) => self.ask_history(before),
            history::Next::Tell { lines, more } => {
                for line in lines {
                    self.tell(line, own);
                }
                self.out.push_back(Out::History { more });
            }
        }
    }

    /// When there is something to do for [`Self::handle_time`].
    #[cfg(test)]
    const fn next_time(&self) -> Option<Instant> {
        self.again_at
    }

    /// Goes on after a refusal that passes.
    pub(super) fn handle_time(&mut self, now: Instant) {
        if self.again_at.is_none_or(|at| now < at) {
            return;
        }
        self.again_at = None;
        if self.is_joined
            && let Some(before) = self.history.missing()
        {
            self.ask_history(before);
        }
        self.say_next();
    }

    /// Tells a line; an own one that waited is said now.
    fn tell(&mut self, line: ChatLine, own: &Username) {
        let is_own = line.from.key() == own.key();
        let waited = |waiting: &OwnLine| is_own && waiting.mark == line.mark;
        let number = self.own.iter().position(waited).map(|at| {
            let said = self.own.remove(at);
            said.map_or(LineNumber(0), |mut said| {
                said.answer(Ok(()));
                said.number
            })
        });
        if number.is_some() && self.asked == number {
            self.asked = None;
        }
        self.out.push_back(Out::Told(Box::new(line), number));
        self.say_next();
    }

    fn fail(&mut self, number: LineNumber, refusal: Refusal) {
        let mut own = self.own.iter_mut();
        let Some(line) = own.find(|line| line.number == number) else {
            return;
        };
        line.state = State::Refused;
        line.answer(Err(refusal));
        let (to, text) = (line.addressed_to(), line.text.clone());
        self.out.push_back(Out::Own {
            number,
            to,
            text,
            state: LineState::Failed(refusal),
        });
    }

    fn tell_own(&mut self, line: &OwnLine, state: LineState) {
        self.out.push_back(Out::Own {
            number: line.number,
            to: line.addressed_to(),
            text: line.text.clone(),
            state,
        });
    }
}

#[cfg(test)]
mod tests;
