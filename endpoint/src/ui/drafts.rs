//! Messages that were begun in a room and not sent when it was left: they are in the field again when it is entered.

use std::collections::VecDeque;

/// Rooms whose drafts are kept; the longest ago goes first.
const MOST: usize = 16;

/// The drafts, by the names of their rooms.
#[derive(Debug, Default)]
pub(super) struct Drafts(VecDeque<(String, String)>);

impl Drafts {
    pub(super) fn keep(&mut self, room: &str, text: String) {
        self.0.retain(|(other, _)| other != room);
        if text.trim().is_empty() {
            return;
        }
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back((room.to_owned(), text));
    }

    /// What was begun there; empty when nothing was.
    pub(super) fn take(&mut self, room: &str) -> String {
        let place = self.0.iter().position(|(other, _)| other == room);
        place
            .and_then(|index| self.0.remove(index))
            .map_or_else(String::new, |(_, text)| text)
    }

    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_kept_for_its_room_alone_and_given_back_once() {
        let mut drafts = Drafts::default();
        drafts.keep("Maple", "The plan is".into());
        drafts.keep("Birch", "  ".into());
        assert_eq!(drafts.take("Birch"), "");
        assert_eq!(drafts.take("Maple"), "The plan is");
        assert_eq!(drafts.take("Maple"), "");
    }

    #[test]
    fn few_are_kept() {
        let mut drafts = Drafts::default();
        for room in 0..=MOST {
            drafts.keep(&room.to_string(), "hello".into());
        }
        assert_eq!(drafts.take("0"), "");
        assert_eq!(drafts.take("1"), "hello");
    }
}
