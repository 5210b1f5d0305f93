//! The way into a room as a person sees it: asked for, refused because the room is full, waited for, inside.

use crate::engine::Room;
use conclave_protocol::name::RoomName;
use conclave_protocol::time::{Instant, Micros};
use conclave_ui::Entering;

/// A touch that came to nothing for so long is void, with or without an engine. The engine gives up a second before.
pub(super) const LONGEST: Micros = Micros::from_secs(16);
/// A room is joined sooner than this where nothing is in the way: no words about it appear and vanish.
const SOON: Micros = Micros::from_millis(800);

/// What a person wants, and how far it has come.
#[derive(Clone, Debug, Default)]
pub(super) enum Way {
    /// Into no room.
    #[default]
    Out,
    /// Into this one, since then.
    Joining {
        room: Room,
        since: Instant,
    },
    /// This one was full.
    Full(Room),
    /// Into this one as soon as there is a place.
    Waiting(Room),
    Inside(Room),
    /// It was in this one, and is not any more; why is told next, where the relay has a reason.
    Ended(Room),
}

impl Way {
    /// The room whose answer is waited for.
    pub(super) const fn pending(&self) -> Option<&Room> {
        match self {
            Self::Joining { room, .. } | Self::Waiting(room) => Some(room),
            Self::Out | Self::Full(_) | Self::Inside(_) | Self::Ended(_) => None,
        }
    }

    /// The room that a person wants to be in.
    pub(super) const fn wanted(&self) -> Option<&Room> {
        match self {
            Self::Joining { room, .. }
            | Self::Waiting(room)
            | Self::Inside(room)
            | Self::Ended(room) => Some(room),
            Self::Out | Self::Full(_) => None,
        }
    }

    /// The relay let this endpoint in; whether that is what is wanted still.
    pub(super) fn entered(&mut self, name: &RoomName) -> bool {
        let wanted = self
            .wanted()
            .filter(|room| room.name.key() == name.key())
            .cloned();
        let Some(room) = wanted else { return false };
        *self = Self::Inside(room);
        true
    }

    /// The room is left without a touch.
    pub(super) fn leave(&mut self) {
        if let Self::Inside(room) = self {
            *self = Self::Ended(room.clone());
        }
    }

    /// The engine waits for a place in the room that is wanted.
    pub(super) fn wait(&mut self) {
        if let Some(room) = self.wanted().cloned() {
            *self = Self::Waiting(room);
        }
    }

    /// Nothing is wanted any more.
    pub(super) fn end(&mut self) {
        *self = Self::Out;
    }

    /// Whether a touch has come to nothing for too long.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        matches!(self, Self::Joining { since, .. } if now.since(*since) >= LONGEST)
    }

    /// What the pages say of it; `ready` says whether the relay can answer.
    pub(super) fn shown(&self, now: Instant, ready: bool) -> (Entering, &str) {
        match self {
            Self::Joining { room, since } if !ready || now.since(*since) >= SOON => {
                (Entering::Joining, room.name.as_str())
            }
            Self::Full(room) => (Entering::Full, room.name.as_str()),
            Self::Waiting(room) => (Entering::Waiting, room.name.as_str()),
            Self::Out | Self::Joining { .. } | Self::Inside(_) | Self::Ended(_) => {
                (Entering::No, "")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> Room {
        Room {
            name: RoomName::parse(name).unwrap(),
            pin: None,
            create: None,
        }
    }

    fn joining(name: &str) -> Way {
        Way::Joining {
            room: room(name),
            since: Instant(0),
        }
    }

    #[test]
    fn a_room_that_is_not_wanted_any_more_is_not_entered() {
        let mut way = joining("Maple");
        way.end();
        assert!(!way.entered(&room("Maple").name));
        let mut way = joining("Birch");
        assert!(!way.entered(&room("Maple").name));
        assert!(way.entered(&room("BIRCH").name));
        assert!(way.entered(&room("Birch").name), "once more after a loss");
    }

    #[test]
    fn a_room_that_was_left_without_a_touch_is_still_the_one_that_is_spoken_of() {
        let mut way = Way::Inside(room("Maple"));
        way.leave();
        assert!(way.pending().is_none() && way.wanted().is_some());
        way.wait();
        assert!(matches!(way, Way::Waiting(_)));
        way.end();
        way.wait();
        assert!(matches!(way, Way::Out));
    }

    #[test]
    fn a_touch_is_void_after_a_while_and_waiting_for_a_place_is_not() {
        let late = Instant(0) + LONGEST;
        assert!(joining("Maple").is_overdue(late));
        assert!(!Way::Waiting(room("Maple")).is_overdue(late));
        assert!(!Way::Inside(room("Maple")).is_overdue(late));
    }

    #[test]
    fn joining_is_worth_words_when_it_takes_a_while() {
        let shown = |now, ready| joining("Maple").shown(Instant(now), ready).0;
        assert_eq!(shown(0, true), Entering::No);
        assert_eq!(shown(0, false), Entering::Joining);
        assert_eq!(shown(SOON.0, true), Entering::Joining);
    }
}
