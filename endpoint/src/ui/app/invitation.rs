//! When a link for browsers is asked for, and whether its code may be shown now.

use crate::clock;
use crate::config::IdleCode;
use crate::engine::{Intent, Room};
use crate::ui::app::App;
use crate::ui::invitation::{Code, IDLE, INSIDE, Invitation, Terms};
use crate::ui::problem::Trouble;
use conclave_protocol::name::RoomName;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::{MAX_ROOM_CAPACITY, Refusal};
use conclave_ui::{Page, Problem};

impl App {
    /// The room that browsers may join now: the one that this endpoint is in, or the kiosk's own while its idle page is
    /// shown.
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
        let ready = self.connection.is_good() && !self.lobby.loading;
        if let Some((room, terms)) = self.room_to_invite_to().filter(|_| ready)
            && self.invitation.is_due(&room.name, terms, now)
        {
            let name = room.name.clone();
            let asked = self.host.ask(Intent::MakeLink {
                room,
                lifetime_minutes: terms.valid_minutes,
            });
            if asked {
                self.invitation.ask(&name, terms, now);
            }
        }
    }

    /// Revokes all links to the room, and shows a new one.
    pub(in crate::ui) fn renew_invitation(&mut self) {
        let now = clock::now();
        if let Some((room, _)) = self.room_to_invite_to() {
            if !self.host.ask(Intent::RevokeLinks(room)) {
                self.toasts.add(Trouble::of(Problem::NotDone));
                return;
            }
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
    pub(super) fn shown_code(&self, now: Instant) -> Option<Code> {
        let (room, _) = self.room_to_invite_to()?;
        self.invitation.code(&room.name, now).cloned()
    }
}
