//! Joining a room, from whichever page, and being out of it again.

use crate::engine::{Intent, Room, WhyNotEntered};
use crate::ui::app::App;
use crate::ui::problem::Trouble;
use conclave_protocol::wire::control::Refusal;
use conclave_ui::{Page, Problem};

impl App {
    /// Asks the engine for a place in this room.
    pub(super) fn enter(&mut self, room: Room) {
        self.lobby.trouble = Trouble::default();
        self.idle.trouble = Trouble::default();
        self.entering = Some(room.name.clone());
        // What was chosen once holds for each room.
        self.host
            .intend(Intent::Microphone(!self.config.join_muted()));
        self.host.intend(Intent::Camera(true));
        self.host.intend(Intent::Enter(room));
    }

    /// The relay refused: it is told where the person asked, and a wrong PIN is asked for again.
    pub(super) fn not_entered(&mut self, why: WhyNotEntered) {
        let refusal = match why {
            WhyNotEntered::Refused(refusal) => refusal,
            WhyNotEntered::NoConnection => Refusal::NotSignedIn,
        };
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

    /// The room is left, by the person or because it ended.
    pub(super) fn out_of_room(&mut self) {
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
}
