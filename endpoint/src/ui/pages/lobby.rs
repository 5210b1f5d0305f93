//! The lobby: which rooms there are, making one, and the PIN of a locked one.

use super::models::sync;
use crate::ui::problem::{Trouble, flaw};
use conclave_protocol::id::RoomId;
use conclave_protocol::name::{Pin, RoomName};
use conclave_protocol::wire::control::{MAX_ROOM_CAPACITY, RoomSummary};
use conclave_ui::{AppWindow, Lobby, Problem, RoomRow};
use slint::{ComponentHandle, VecModel};
use std::rc::Rc;

/// A room that is being made.
#[derive(Clone, Debug)]
pub(in crate::ui) struct Draft {
    pub(in crate::ui) name: String,
    pub(in crate::ui) pin: String,
    pub(in crate::ui) capacity: u16,
    pub(in crate::ui) busy: bool,
    pub(in crate::ui) problem: Problem,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            name: String::new(),
            pin: String::new(),
            capacity: 16,
            busy: false,
            problem: Problem::None,
        }
    }
}

impl Draft {
    /// What stands in the form of the page now; what the relay said of it before does not count any more.
    pub(in crate::ui) fn take_typed(&mut self, window: &AppWindow) {
        let page = window.global::<Lobby>();
        (self.name, self.pin) = (page.get_new_name().into(), page.get_new_pin().into());
        let capacity = u16::try_from(page.get_new_capacity()).unwrap_or(1);
        self.capacity = capacity.clamp(1, MAX_ROOM_CAPACITY);
        self.problem = Problem::None;
    }

    /// What is wrong with what was typed; an empty name is not wrong yet.
    pub(in crate::ui) fn judge(&self) -> Problem {
        if let (false, Err(error)) = (self.name.is_empty(), RoomName::parse(&self.name)) {
            flaw(error, Problem::RoomNameInvalid)
        } else if !self.pin.is_empty() && Pin::parse(&self.pin).is_err() {
            Problem::PinInvalid
        } else {
            Problem::None
        }
    }

    pub(in crate::ui) fn is_complete(&self) -> bool {
        !self.name.trim().is_empty() && self.judge() == Problem::None
    }
}

/// A PIN that is being asked for.
#[derive(Clone, Debug)]
pub(in crate::ui) struct PinQuestion {
    pub(in crate::ui) room: RoomSummary,
    pub(in crate::ui) problem: Problem,
    pub(in crate::ui) busy: bool,
}

/// What the page is about to show.
#[derive(Default)]
pub(in crate::ui) struct State {
    pub(in crate::ui) rooms: Vec<RoomSummary>,
    pub(in crate::ui) loading: bool,
    pub(in crate::ui) search: String,
    pub(in crate::ui) draft: Option<Draft>,
    pub(in crate::ui) pin: Option<PinQuestion>,
    pub(in crate::ui) first_contact: String,
    /// The room that is being joined.
    pub(in crate::ui) joining: Option<RoomId>,
    /// The rooms from top to bottom. No room moves while people look: a touch must hit what they aimed at.
    order: Vec<RoomId>,
    rows: Rc<VecModel<RoomRow>>,
}

impl State {
    pub(in crate::ui) fn room(&self, id: i32) -> Option<&RoomSummary> {
        self.rooms.iter().find(|room| row_id(room.id) == id)
    }

    /// Whether a room is listed as one with a PIN.
    pub(in crate::ui) fn is_locked(&self, name: &RoomName) -> bool {
        let mut rooms = self.rooms.iter();
        rooms.any(|room| room.locked && room.name.key() == name.key())
    }

    /// Orders the rooms again, because people come to the page or search: rooms with people first, then by name.
    pub(in crate::ui) fn sort(&mut self) {
        self.order.clear();
        self.add_new_rooms();
    }

    /// Keeps the order of the rooms that are listed, and puts new rooms below them.
    fn add_new_rooms(&mut self) {
        self.order
            .retain(|id| self.rooms.iter().any(|room| room.id == *id));
        let is_new = |room: &&RoomSummary| !self.order.contains(&room.id);
        let mut new: Vec<_> = self.rooms.iter().filter(is_new).collect();
        new.sort_by_key(|room| (room.members == 0, room.name.as_str().to_lowercase()));
        let new: Vec<_> = new.into_iter().map(|room| room.id).collect();
        self.order.extend(new);
    }

    /// Rooms whose name contains the search text, in the order of the list.
    fn found(&mut self) -> Vec<RoomRow> {
        self.add_new_rooms();
        let wanted = self.search.trim().to_lowercase();
        let matching = |room: &&RoomSummary| room.name.as_str().to_lowercase().contains(&wanted);
        let mut found: Vec<_> = self.rooms.iter().filter(matching).collect();
        found.sort_by_key(|room| self.order.iter().position(|id| *id == room.id));
        found.into_iter().map(|room| self.row(room)).collect()
    }

    pub(in crate::ui) fn row(&self, room: &RoomSummary) -> RoomRow {
        RoomRow {
            id: row_id(room.id),
            name: room.name.as_str().into(),
            people: room.members.into(),
            capacity: room.capacity.into(),
            locked: room.locked,
            joining: self.joining == Some(room.id),
        }
    }

    pub(in crate::ui) fn show(&mut self, window: &AppWindow, trouble: &Trouble) {
        let page = window.global::<Lobby>();
        let found = self.found();
        sync(&self.rows, found);
        page.set_rooms(Rc::clone(&self.rows).into());
        page.set_total(i32::try_from(self.rooms.len()).unwrap_or(i32::MAX));
        page.set_loading(self.loading);
        page.set_search(self.search.as_str().into());
        page.set_problem(trouble.problem);
        page.set_detail(trouble.detail.as_str().into());
        page.set_create_open(self.draft.is_some());
        if let Some(draft) = &self.draft {
            page.set_creating(draft.busy);
            let typed = draft.judge();
            page.set_create_problem(if typed == Problem::None {
                draft.problem
            } else {
                typed
            });
            page.set_can_create(draft.is_complete() && !draft.busy);
            page.set_new_name(draft.name.as_str().into());
            page.set_new_pin(draft.pin.as_str().into());
            page.set_new_capacity(draft.capacity.into());
        }
        page.set_pin_open(self.pin.is_some());
        if let Some(pin) = &self.pin {
            page.set_pin_room(pin.room.name.as_str().into());
            page.set_pin_problem(pin.problem);
            page.set_pin_busy(pin.busy);
        }
    }
}

/// A number that the screen can hold; rooms are few.
fn row_id(room: RoomId) -> i32 {
    i32::try_from(room.0).unwrap_or(i32::MAX)
}

/// What stands in the search field of the page.
pub(in crate::ui) fn typed_search(window: &AppWindow) -> String {
    window.global::<Lobby>().get_search().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(id: u32, name: &str, members: u16) -> RoomSummary {
        RoomSummary {
            id: RoomId(id),
            name: RoomName::parse(name).unwrap(),
            members,
            capacity: 8,
            locked: false,
        }
    }

    #[test]
    fn rooms_with_people_come_first_and_the_search_ignores_case() {
        let mut state = State {
            rooms: vec![
                room(1, "Quiet", 0),
                room(2, "Board", 0),
                room(3, "Maple", 2),
            ],
            ..State::default()
        };
        let names = |state: &mut State| -> Vec<String> {
            state
                .found()
                .iter()
                .map(|row| row.name.to_string())
                .collect()
        };
        assert_eq!(names(&mut state), ["Maple", "Board", "Quiet"]);
        state.search = " bO".into();
        assert_eq!(names(&mut state), ["Board"]);
    }

    #[test]
    fn no_room_moves_in_the_list_while_people_look_at_it() {
        let names = |state: &mut State| -> Vec<String> {
            let rows = state.found();
            rows.iter().map(|row| row.name.to_string()).collect()
        };
        let mut state = State {
            rooms: vec![room(1, "Quiet", 1), room(2, "Board", 0)],
            ..State::default()
        };
        assert_eq!(names(&mut state), ["Quiet", "Board"]);
        state.rooms = vec![
            room(1, "Quiet", 0),
            room(2, "Board", 1),
            room(3, "Alder", 1),
        ];
        assert_eq!(names(&mut state), ["Quiet", "Board", "Alder"]);
        state.rooms.remove(0);
        assert_eq!(names(&mut state), ["Board", "Alder"]);
        state.sort();
        assert_eq!(names(&mut state), ["Alder", "Board"]);
    }

    #[test]
    fn a_room_needs_a_name_and_its_pin_digits() {
        let mut draft = Draft::default();
        assert!(!draft.is_complete() && draft.judge() == Problem::None);
        draft.name = "Board".into();
        assert!(draft.is_complete());
        draft.pin = "12".into();
        assert_eq!(
            (draft.is_complete(), draft.judge()),
            (false, Problem::PinInvalid)
        );
    }
}
