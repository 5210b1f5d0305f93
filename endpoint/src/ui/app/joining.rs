//! Into a room, out of it, and what a person does there.

use crate::engine::{Intent, Room};
use crate::ui::app::App;
use crate::ui::pages::{lobby, room};
use crate::ui::problem::Trouble;
use conclave_protocol::name::{Pin, RoomName};
use conclave_protocol::wire::control::{MAX_ROOM_CAPACITY, Refusal, RoomSummary};
use conclave_ui::{Page, Problem};

impl App {
    pub(in crate::ui) fn start_own_room(&mut self) {
        if let Some(name) = self.idle.room.clone() {
            self.idle.starting = true;
            let pin = self.config.room_pin();
            self.enter(Room {
                name,
                pin,
                create: Some(MAX_ROOM_CAPACITY),
            });
        }
    }

    pub(in crate::ui) fn join_row(&mut self, id: i32) {
        let Some(summary) = self.lobby.room(id).cloned() else {
            return;
        };
        if summary.locked {
            self.ask_pin(summary, Problem::None);
        } else {
            self.lobby.joining = Some(summary.id);
            self.enter(Room {
                name: summary.name,
                pin: None,
                create: None,
            });
        }
    }

    fn ask_pin(&mut self, room: RoomSummary, problem: Problem) {
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
            self.host.intend(Intent::LeaveRoom);
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

    fn enter(&mut self, room: Room) {
        self.lobby.trouble = Trouble::default();
        self.idle.trouble = Trouble::default();
        self.entering = Some(room.name.clone());
        // What was chosen once holds for each room.
        self.host
            .intend(Intent::Microphone(!self.config.join_muted()));
        self.host.intend(Intent::Camera(true));
        self.host.intend(Intent::Enter(room));
    }

    pub(in crate::ui) fn not_entered(&mut self, refusal: Refusal) {
        let entering = self.entering.take();
        let summary = entering.and_then(|name| {
            self.lobby
                .rooms
                .iter()
                .find(|room| room.name.key() == name.key())
                .cloned()
        });
        self.lobby.joining = None;
        let was_idle = std::mem::take(&mut self.idle.starting);
        if let Some(draft) = &mut self.lobby.draft {
            draft.busy = false;
            draft.problem = Trouble::from(refusal).problem;
        } else if let (Refusal::WrongPin, Some(summary)) = (refusal, summary) {
            let asked = self.lobby.pin.is_some();
            self.ask_pin(
                summary,
                if asked {
                    Problem::WrongPin
                } else {
                    Problem::None
                },
            );
        } else {
            let trouble = Trouble::from(refusal);
            match &mut self.lobby.pin {
                Some(question) => (question.busy, question.problem) = (false, trouble.problem),
                None if was_idle || self.page == Page::Idle => self.idle.trouble = trouble,
                None => self.lobby.trouble = trouble,
            }
        }
    }

    pub(in crate::ui) fn leave_room(&mut self) {
        self.host.intend(Intent::LeaveRoom);
        self.out_of_room();
        self.go(self.home());
    }

    pub(in crate::ui) fn out_of_room(&mut self) {
        self.room = None;
        self.lobby.joining = None;
        self.idle.starting = false;
        self.wishes.clear();
        self.paintings.show(&[]);
        self.paintings.sum_up();
        if let Some(beat) = &self.media_beat {
            beat.pause();
        }
    }

    pub(in crate::ui) fn set_microphone(&self, on: bool) {
        self.host.intend(Intent::Microphone(on));
    }

    pub(in crate::ui) fn set_camera(&self, on: bool) {
        self.host.intend(Intent::Camera(on));
    }

    pub(in crate::ui) fn set_volume(&mut self, percent: i32) {
        self.volume = percent.clamp(0, 100);
        self.host.intend(Intent::Volume(self.volume as u8));
    }

    /// Writes to the room; whether the draft may be forgotten.
    pub(in crate::ui) fn say(&mut self, text: &str) -> bool {
        let Some(room) = &mut self.room else {
            return false;
        };
        match room::chat_text(text) {
            Ok(Some(text)) => {
                room.chat_problem = Problem::None;
                self.host.intend(Intent::Say(Box::new(text)));
                true
            }
            Ok(None) => true,
            Err(problem) => {
                room.chat_problem = problem;
                false
            }
        }
    }
}
