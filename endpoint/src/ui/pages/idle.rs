//! The idle page of a kiosk: its own room in one touch, and the rooms where people are.

use super::lobby;
use super::models::sync;
use crate::ui::problem::Trouble;
use conclave_protocol::name::RoomName;
use conclave_ui::{AppWindow, Idle, RoomRow};
use slint::{ComponentHandle, VecModel};
use std::rc::Rc;

/// Other rooms that are shown at most.
const MOST_BUSY: usize = 6;

/// What the page is about to show.
#[derive(Default)]
pub(in crate::ui) struct State {
    /// The room that the kiosk stands in.
    pub(in crate::ui) room: Option<RoomName>,
    /// That room is being entered.
    pub(in crate::ui) starting: bool,
    rows: Rc<VecModel<RoomRow>>,
}

impl State {
    pub(in crate::ui) fn of(room: Option<RoomName>) -> Self {
        Self {
            room,
            ..Self::default()
        }
    }

    pub(in crate::ui) fn people_in_own_room(&self, lobby: &lobby::State) -> u16 {
        let Some(own) = &self.room else { return 0 };
        let same = lobby.rooms.iter().find(|room| room.name.key() == own.key());
        same.map_or(0, |room| room.members)
    }

    pub(in crate::ui) fn show(&self, window: &AppWindow, lobby: &lobby::State, trouble: &Trouble) {
        let page = window.global::<Idle>();
        page.set_room(self.room.as_ref().map_or("", RoomName::as_str).into());
        page.set_room_people(self.people_in_own_room(lobby).into());
        page.set_starting(self.starting);
        page.set_problem(trouble.problem);
        page.set_detail(trouble.detail.as_str().into());
        let own = self.room.as_ref().map(RoomName::key);
        let busy = lobby
            .rooms
            .iter()
            .filter(|room| room.members > 0 && Some(room.name.key()) != own)
            .take(MOST_BUSY);
        sync(&self.rows, busy.map(|room| lobby.row(room)).collect());
        page.set_busy(Rc::clone(&self.rows).into());
    }
}
