//! The link by which a phone or a laptop joins from its browser, as a code to point a camera at.
//!
//! Everyone who passes by an idle kiosk sees its code. So its link is valid for minutes, and it is shown only where the
//! room has no PIN, unless the configuration says otherwise. Within a room the people who are there hand out a link for
//! the day.

use conclave_protocol::name::RoomName;
use conclave_protocol::time::{Instant, Micros};
use slint::Image;

/// How long links are valid, and how old one gets before another is shown: someone may have revoked it meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) valid_minutes: u16,
    renew_after: Micros,
}

/// On the idle page: a code that was photographed there is soon worth nothing. A shorter time can end while a guest
/// types their name.
pub(super) const IDLE: Terms = Terms {
    valid_minutes: 5,
    renew_after: Micros::from_secs(120),
};
/// Within a room: a browser that was closed can come back with it during the meeting.
pub(super) const INSIDE: Terms = Terms {
    valid_minutes: 24 * 60,
    renew_after: Micros::from_secs(600),
};

impl Terms {
    const fn validity(self) -> Micros {
        Micros::from_secs(self.valid_minutes as u64 * 60)
    }
}

/// A code that is shown.
#[derive(Clone)]
pub(super) struct Code {
    pub(super) image: Image,
    pub(super) valid_until: Instant,
}

/// A link that was asked for.
struct Asked {
    at: Instant,
    terms: Terms,
}

/// The link that is shown.
#[derive(Default)]
pub(super) struct Invitation {
    /// To which room.
    room: Option<RoomName>,
    code: Option<Code>,
    asked: Option<Asked>,
}

impl Invitation {
    /// Whether another link is to be asked for now.
    pub(super) fn is_due(&self, room: &RoomName, terms: Terms, now: Instant) -> bool {
        let fresh = |asked: &Asked| asked.terms == terms && now.since(asked.at) < terms.renew_after;
        self.room.as_ref() != Some(room) || !self.asked.as_ref().is_some_and(fresh)
    }

    /// A link to this room was asked for. The code of the one before stays while it is valid.
    pub(super) fn ask(&mut self, room: &RoomName, terms: Terms, now: Instant) {
        if self.room.as_ref() != Some(room) {
            self.code = None;
        }
        self.room = Some(room.clone());
        self.asked = Some(Asked { at: now, terms });
    }

    /// The link that was asked for has come, or will not come.
    pub(super) fn take(&mut self, image: Option<Image>) {
        let until = |asked: &Asked| asked.at + asked.terms.validity();
        let valid_until = self.asked.as_ref().map(until);
        self.code = image
            .zip(valid_until)
            .map(|(image, valid_until)| Code { image, valid_until });
    }

    /// The code of a room's link, while it opens the room.
    pub(super) fn code(&self, room: &RoomName, now: Instant) -> Option<&Code> {
        let opens = |code: &&Code| self.room.as_ref() == Some(room) && now < code.valid_until;
        self.code.as_ref().filter(opens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant(seconds * 1_000_000)
    }

    #[test]
    fn a_link_is_asked_for_again_after_a_while_for_another_room_and_for_other_terms() {
        let maple = RoomName::parse("Maple").unwrap();
        let oak = RoomName::parse("Oak").unwrap();
        let mut shown = Invitation::default();
        assert!(shown.is_due(&maple, INSIDE, at(1)));
        shown.ask(&maple, INSIDE, at(1));
        assert!(!shown.is_due(&maple, INSIDE, at(600)));
        assert!(shown.is_due(&maple, INSIDE, at(601)));
        assert!(shown.is_due(&oak, INSIDE, at(1)));
        assert!(shown.is_due(&maple, IDLE, at(1)));
        shown.ask(&maple, IDLE, at(1));
        assert!(!shown.is_due(&maple, IDLE, at(120)) && shown.is_due(&maple, IDLE, at(121)));
    }

    #[test]
    fn a_code_is_shown_while_its_link_opens_the_room_and_no_longer() {
        let maple = RoomName::parse("Maple").unwrap();
        let mut shown = Invitation::default();
        shown.take(Some(Image::default()));
        assert!(shown.code(&maple, at(0)).is_none(), "no link was asked for");
        shown.ask(&maple, IDLE, at(0));
        shown.take(Some(Image::default()));
        assert!(shown.code(&maple, at(299)).is_some());
        assert!(shown.code(&maple, at(300)).is_none());
        shown.ask(&maple, IDLE, at(120));
        assert!(
            shown.code(&maple, at(300)).is_none(),
            "the question for another one does not prolong it"
        );
        shown.take(Some(Image::default()));
        assert!(shown.code(&maple, at(419)).is_some());
        shown.take(None);
        assert!(shown.code(&maple, at(121)).is_none());
    }
}
