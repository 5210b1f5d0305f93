//! Which lines were told, and the pages that are missing between them and the newest.

use conclave_protocol::id::ChatId;
use conclave_protocol::wire::control::ChatLine;
use std::collections::{BTreeMap, BTreeSet};

/// Told lines that are remembered: as many as the relay keeps of a room.
const MOST_TOLD: usize = 4_096;

/// The lines of one stay in a room.
#[derive(Default)]
pub(super) struct History {
    told: BTreeSet<ChatId>,
    /// Whether there are lines before the first one that was told.
    more: bool,
    /// While pages are missing: what has come, to be told in order when they are here.
    missing: Option<Missing>,
    /// A page before the first told line was asked for.
    earlier_asked: bool,
    /// The first page of this stay is told: from then on nothing may be left out, also where it had no line.
    is_begun: bool,
}

struct Missing {
    /// The last line that was told before; without one, a single page is enough.
    known: Option<ChatId>,
    /// Lines that came meanwhile.
    lines: BTreeMap<ChatId, ChatLine>,
    /// The pages reach down to this line.
    reached: Option<ChatId>,
}

/// What follows from a page.
pub(super) enum Next {
    /// Ask for the page before this line.
    Ask(Option<ChatId>),
    /// Tell these lines, oldest first; whether there are earlier ones than the first told line.
    Tell { lines: Vec<ChatLine>, more: bool },
}

impl History {
    /// The room is joined, or joined again: gives the page to ask for.
    pub(super) fn begin(&mut self) -> Option<ChatId> {
        let former = self.missing.take();
        let known = match &former {
            // Pages were missing when the connection was lost: they still are.
            Some(missing) => missing.known,
            None if self.is_begun => Some(self.told.last().copied().unwrap_or_default()),
            None => None,
        };
        self.missing = Some(Missing {
            known,
            lines: former.map(|missing| missing.lines).unwrap_or_default(),
            reached: None,
        });
        None
    }

    /// The connection is lost: no answer comes to what was asked.
    pub(super) fn lose(&mut self) {
        self.earlier_asked = false;
    }

    /// Which page is still to be asked for, if one is.
    pub(super) fn missing(&self) -> Option<Option<ChatId>> {
        Some(self.missing.as_ref()?.reached)
    }

    /// Which page is before the first line that was told; `None` while another page is on its way.
    pub(super) fn earlier(&mut self) -> Option<Option<ChatId>> {
        if self.missing.is_some() || std::mem::replace(&mut self.earlier_asked, true) {
            return None;
        }
        Some(self.told.first().copied())
    }

    /// A line came by itself: gives it if it is to be told now.
    pub(super) fn hear(&mut self, line: ChatLine) -> Option<ChatLine> {
        if let Some(missing) = &mut self.missing {
            missing.lines.insert(line.id, line);
            if missing.lines.len() > MOST_TOLD {
                missing.lines.pop_first();
            }
            return None;
        }
        self.is_news(line.id).then_some(line)
    }

    /// A page came, whose lines follow each other.
    pub(super) fn page(&mut self, lines: Vec<ChatLine>, more: bool) -> Next {
        let Some(missing) = &mut self.missing else {
            self.earlier_asked = false;
            self.more = more;
            let news = lines.into_iter().filter(|line| self.told.insert(line.id));
            let lines = news.collect();
            return Next::Tell { lines, more };
        };
        let first = lines.iter().map(|line| line.id).min();
        missing
            .lines
            .extend(lines.into_iter().map(|line| (line.id, line)));
        // A relay that gives the same page again, or pages without end, is not asked for ever.
        let goes_on =
            first.is_some_and(|first| missing.reached.is_none_or(|before| first < before));
        missing.reached = first.or(missing.reached);
        let is_reached = match (missing.known, first) {
            _ if !goes_on || missing.lines.len() >= MOST_TOLD => true,
            (Some(known), Some(first)) => first <= known || !more,
            // The first page of a stay; what is before it comes when a person asks for it.
            (None, _) => {
                self.more = more;
                true
            }
            (Some(_), None) => true,
        };
        if !is_reached {
            return Next::Ask(missing.reached);
        }
        self.give_up()
    }

    /// Tells what has come, although pages may be missing.
    pub(super) fn give_up(&mut self) -> Next {
        self.earlier_asked = false;
        self.is_begun = true;
        let missing = self.missing.take();
        let lines = missing.map(|missing| missing.lines).unwrap_or_default();
        let news = lines.into_values().filter(|line| self.told.insert(line.id));
        let lines: Vec<_> = news.collect();
        self.forget_oldest();
        let more = self.more;
        Next::Tell { lines, more }
    }

    fn is_news(&mut self, line: ChatId) -> bool {
        let is_news = self.told.insert(line);
        self.forget_oldest();
        is_news
    }

    fn forget_oldest(&mut self) {
        while self.told.len() > MOST_TOLD {
            self.told.pop_first();
            self.more = true;
        }
    }
}
