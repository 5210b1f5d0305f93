//! The link by which a phone or a laptop joins from its browser, as a code to point a camera at.
//!
//! Everyone who passes by an idle kiosk sees its code. So its link is valid for minutes, and it is shown only where the room
//! has no PIN, unless the configuration says otherwise. Within a room the people who are there hand out a link for the day.

use crate::config::IdleCode;
use crate::engine::{Intent, Room};
use crate::ui::app::App;
use conclave_protocol::name::RoomName;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{MAX_ROOM_CAPACITY, Refusal};
use conclave_ui::Page;
use slint::Image;

/// How long links are valid, and how old one gets before another is shown: someone may have revoked it meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Terms {
    valid_minutes: u16,
    renew_after: Micros,
}

/// On the idle page: a code that was photographed there is soon worth nothing. A shorter time can end while somebody types
/// their name.
const IDLE: Terms = Terms {
    valid_minutes: 5,
    renew_after: Micros::from_secs(120),
};
/// Within a room: a browser that was closed can come back with it during the meeting.
const INSIDE: Terms = Terms {
    valid_minutes: 24 * 60,
    renew_after: Micros::from_secs(600),
};

impl Terms {
    const fn validity(self) -> Micros {
        Micros::from_secs(self.valid_minutes as u64 * 60)
    }
}

/// A code that is shown.
struct Code {
    image: Image,
    valid_until: Instant,
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
    fn is_due(&self, room: &RoomName, terms: Terms, now: Instant) -> bool {
        let fresh = |asked: &Asked| asked.terms == terms && now.since(asked.at) < terms.renew_after;
        self.room.as_ref() != Some(room) || !self.asked.as_ref().is_some_and(fresh)
    }

    /// A link to this room was asked for. The code of the one before stays while it is valid.
    fn ask(&mut self, room: &RoomName, terms: Terms, now: Instant) {
        if self.room.as_ref() != Some(room) {
            self.code = None;
        }
        self.room = Some(room.clone());
        self.asked = Some(Asked { at: now, terms });
    }

    /// The link that was asked for has come, or will not come.
    fn take(&mut self, image: Option<Image>) {
        let until = |asked: &Asked| asked.at + asked.terms.validity();
        let valid_until = self.asked.as_ref().map(until);
        self.code = image
            .zip(valid_until)
            .map(|(image, valid_until)| Code { image, valid_until });
    }

    /// The code of a room's link, while it opens the room.
    fn code(&self, room: &RoomName, now: Instant) -> Option<&Image> {
        let opens = |code: &&Code| self.room.as_ref() == Some(room) && now < code.valid_until;
        self.code.as_ref().filter(opens).map(|code| &code.image)
    }
}

impl App {
    /// The room that is to be joined from browsers now: the one that this is in, or the kiosk's own while its idle page is seen.
    fn room_to_invite_to(&self) -> Option<(Room, Terms)> {
        if let Some(inside) = &self.room {
            let name = RoomName::parse(&inside.name).ok()?;
            let room = Room {
                name,
                pin: None,
                create: None,
            };
            return Some((room, INSIDE));
        }
        let seen = self.kiosk && self.page == Page::Idle && self.presence.is_lit();
        let name = self.idle.room.clone().filter(|_| seen)?;
        let pin = self.config.room_pin();
        let has_pin = pin.is_some() || self.lobby.is_locked(&name);
        let shows = match self.config.idle_code() {
            IdleCode::On => true,
            IdleCode::Off => false,
            IdleCode::Auto => !has_pin,
        };
        let room = Room {
            name,
            pin,
            create: Some(MAX_ROOM_CAPACITY),
        };
        shows.then_some((room, IDLE))
    }

    /// Asks for a link where one is shown and there is none, or an old one.
    pub(super) fn keep_invitation(&mut self, now: Instant) {
        let ready = self.relay == conclave_ui::Health::Good && !self.lobby.loading;
        if let Some((room, terms)) = self.room_to_invite_to().filter(|_| ready)
            && self.invitation.is_due(&room.name, terms, now)
        {
            self.invitation.ask(&room.name, terms, now);
            self.host.intend(Intent::MakeLink {
                room,
                lifetime_minutes: terms.valid_minutes,
            });
        }
    }

    /// Revokes all links to the room, and shows a new one.
    pub(super) fn renew_invitation(&mut self, now: Instant) {
        if let Some((room, _)) = self.room_to_invite_to() {
            self.host.intend(Intent::RevokeLinks(room));
            self.invitation = Invitation::default();
            self.keep_invitation(now);
        }
    }

    pub(super) fn take_link(&mut self, link: Result<String, Refusal>) {
        let image = match link {
            Ok(url) => conclave_ui::join_code(&url),
            Err(refusal) => {
                tracing::info!(%refusal, "browsers cannot be invited");
                None
            }
        };
        self.invitation.take(image);
    }

    /// The code that the page may show now.
    pub(super) fn shown_code(&self, now: Instant) -> Option<Image> {
        let (room, _) = self.room_to_invite_to()?;
        self.invitation.code(&room.name, now).cloned()
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
        assert!(shown.code(&maple, at(0)).is_none(), "nobody asked for it");
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
