//! What a person does in the lobby: search, join a room that is listed, make one, enter a PIN, judge the relay's words.

use crate::engine::Room;
use crate::ui::app::App;
use crate::ui::pages::lobby;
use conclave_protocol::name::{Pin, RoomName};
use conclave_protocol::wire::control::RoomSummary;
use conclave_ui::{Page, Problem};

impl App {
    /// The search's text has changed.
    pub(in crate::ui) fn search_rooms(&mut self) {
        let Some(window) = self.window.upgrade() else {
            return;
        };
        self.lobby.search = lobby::typed_search(&window);
        self.lobby.sort();
    }

    pub(in crate::ui) fn join_listed_room(&mut self, id: i32) {
        let Some(summary) = self.lobby.room(id).cloned() else {
            return;
        };
        if summary.locked {
            self.ask_pin(summary, Problem::None);
        } else {
            self.enter(Room {
                name: summary.name,
                pin: None,
                create: None,
            });
        }
    }

    pub(super) fn ask_pin(&mut self, room: RoomSummary, problem: Problem) {
        self.lobby.pin = Some(lobby::PinQuestion {
            room,
            problem,
            busy: false,
        });
        if self.page != Page::Lobby {
            self.go(Page::Lobby);
        }
    }

    pub(in crate::ui) fn submit_pin(&mut self, digits: &str) {
        let Some(question) = &mut self.lobby.pin else {
            return;
        };
        let Ok(pin) = Pin::parse(digits) else {
            question.problem = Problem::PinInvalid;
            return;
        };
        (question.busy, question.problem) = (true, Problem::None);
        let name = question.room.name.clone();
        self.enter(Room {
            name,
            pin: Some(pin),
            create: None,
        });
    }

    pub(in crate::ui) fn close_pin(&mut self) {
        if self.lobby.pin.take().is_some_and(|question| question.busy) {
            self.cancel_entering();
        }
    }

    pub(in crate::ui) fn open_create(&mut self) {
        self.lobby.draft = Some(lobby::Draft::default());
    }

    pub(in crate::ui) fn close_create(&mut self) {
        if self.lobby.draft.take().is_some_and(|draft| draft.busy) {
            self.cancel_entering();
        }
    }

    /// The form of a new room has changed.
    pub(in crate::ui) fn edit_create(&mut self) {
        if let (Some(window), Some(draft)) = (self.window.upgrade(), &mut self.lobby.draft) {
            draft.take_typed(&window);
        }
    }

    pub(in crate::ui) fn create_room(&mut self) {
        let Some(draft) = self
            .lobby
            .draft
            .as_mut()
            .filter(|draft| draft.is_complete())
        else {
            return;
        };
        let Ok(name) = RoomName::parse(draft.name.trim()) else {
            return;
        };
        let taken = self
            .lobby
            .rooms
            .iter()
            .any(|room| room.name.key() == name.key());
        if taken {
            draft.problem = Problem::RoomExists;
            return;
        }
        draft.busy = true;
        let room = Room {
            name,
            pin: Pin::parse(&draft.pin).ok(),
            create: Some(draft.capacity),
        };
        self.enter(room);
    }

    /// The relay's words are those that it should have.
    pub(in crate::ui) fn accept_relay(&mut self) {
        self.lobby.first_contact.clear();
    }

    /// The relay's words are not those that it should have.
    pub(in crate::ui) fn reject_relay(&mut self) {
        let kept_as = self.account.as_ref().map(|account| account.relay.kept_as());
        for name in kept_as.iter().chain([&self.relay_address]) {
            if let Err(error) = self.keep.forget_relay(name) {
                tracing::warn!(%error, "the relay's identity is still kept");
            }
        }
        // The person's name and email are right at another relay, too.
        let typed = self.sign_in.fields.clone();
        self.sign_out();
        self.sign_in.fields = typed;
    }
}
