//! The link by which a phone or a laptop joins from its browser, as a code to point a camera at.

use super::app::App;
use crate::engine::{Intent, Room};
use conclave_protocol::name::RoomName;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{MAX_ROOM_CAPACITY, Refusal};
use slint::Image;

/// How old a link gets before another is shown: someone may have ended it meanwhile.
const FRESH: Micros = Micros::from_secs(600);

/// The link that is shown.
#[derive(Default)]
pub(super) struct Invitation {
    /// To which room.
    room: Option<RoomName>,
    code: Option<Image>,
    asked_at: Option<Instant>,
}

impl Invitation {
    /// Whether another link is to be asked for now.
    fn is_due(&self, room: &RoomName, now: Instant) -> bool {
        self.room.as_ref() != Some(room) || self.asked_at.is_none_or(|at| now.since(at) >= FRESH)
    }

    /// The code of a room's link, once there is one.
    pub(super) fn code(&self, room: &RoomName) -> Option<&Image> {
        self.code
            .as_ref()
            .filter(|_| self.room.as_ref() == Some(room))
    }
}

impl App {
    /// The room that is to be joined from browsers now: the one that this is in, or the kiosk's own.
    fn room_to_invite_to(&self) -> Option<Room> {
        let (name, create) = match &self.room {
            Some(inside) => (RoomName::parse(&inside.name).ok()?, None),
            None if self.kiosk => (self.idle.room.clone()?, Some(MAX_ROOM_CAPACITY)),
            None => return None,
        };
        let pin = create.and_then(|_| self.config.room_pin());
        Some(Room { name, pin, create })
    }

    /// Asks for a link where one is shown and there is none, or an old one.
    pub(super) fn keep_invitation(&mut self, now: Instant) {
        let ready = self.relay == conclave_ui::Health::Good && !self.lobby.loading;
        if let Some(room) = self.room_to_invite_to().filter(|_| ready)
            && self.invitation.is_due(&room.name, now)
        {
            let other = self.invitation.room.as_ref() != Some(&room.name);
            self.invitation = Invitation {
                room: Some(room.name.clone()),
                code: if other {
                    None
                } else {
                    self.invitation.code.take()
                },
                asked_at: Some(now),
            };
            self.host.intend(Intent::MakeLink(room));
        }
    }

    /// Ends all links to the room, and shows a new one.
    pub(super) fn renew_invitation(&mut self, now: Instant) {
        if let Some(room) = self.room_to_invite_to() {
            self.host.intend(Intent::RevokeLinks(room));
            self.invitation = Invitation::default();
            self.keep_invitation(now);
        }
    }

    pub(super) fn take_link(&mut self, link: Result<String, Refusal>) {
        self.invitation.code = match link {
            Ok(url) => conclave_ui::join_code(&url),
            Err(refusal) => {
                tracing::info!(%refusal, "browsers cannot be invited");
                None
            }
        };
    }

    /// The code that the page may show now.
    pub(super) fn shown_code(&self) -> Option<Image> {
        let room = self.room_to_invite_to()?;
        self.invitation.code(&room.name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_asked_for_anew_after_a_while_and_for_another_room() {
        let (maple, oak) = (
            RoomName::parse("Maple").unwrap(),
            RoomName::parse("Oak").unwrap(),
        );
        let begun = Instant(1);
        let shown = Invitation {
            room: Some(maple.clone()),
            code: None,
            asked_at: Some(begun),
        };
        assert!(!shown.is_due(&maple, begun + Micros::from_secs(599)));
        assert!(shown.is_due(&maple, begun + FRESH));
        assert!(shown.is_due(&oak, begun));
        assert!(Invitation::default().is_due(&maple, begun));
    }
}
