//! Joining a room, from whichever page, and being out of it again.

use crate::clock;
use crate::engine::{Intent, Room, WhyNotEntered};
use crate::ui::app::{App, STALE};
use crate::ui::pages::room;
use crate::ui::problem::Trouble;
use crate::ui::way::Way;
use conclave_protocol::name::RoomName;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::Refusal;
use conclave_ui::{Page, Problem};

impl App {
    /// Asks the engine for a place in this room.
    pub(super) fn enter(&mut self, room: Room) {
        self.trouble = Trouble::default();
        self.way = Way::Joining {
            room: room.clone(),
            since: clock::now(),
        };
        self.want_in(Intent::Enter(room));
    }

    /// The room was full: it is entered as soon as someone has left it.
    pub(in crate::ui) fn await_place(&mut self) {
        if let Way::Full(room) = &self.way {
            let room = room.clone();
            self.way = Way::Waiting(room.clone());
            self.want_in(Intent::AwaitPlace(room));
        }
    }

    fn want_in(&mut self, intent: Intent) {
        // What was chosen once holds for each room.
        self.host
            .want(Intent::Microphone(!self.config.join_muted()));
        self.host.want(Intent::Camera(true));
        self.host.want(intent);
        self.have_engine();
    }

    /// The room that is being joined, or waited for, is not wanted any more.
    pub(in crate::ui) fn cancel_entering(&mut self) {
        if self.way.pending().is_some() {
            self.host.want(Intent::LeaveRoom);
        }
        self.way.end();
        self.end_questions();
    }

    /// What was asked of the relay in a dialog is not waited for any more.
    fn end_questions(&mut self) {
        if let Some(draft) = &mut self.lobby.draft {
            draft.busy = false;
        }
        if let Some(question) = &mut self.lobby.pin {
            question.busy = false;
        }
    }

    /// Once a second.
    pub(super) fn watch_the_way(&mut self, now: Instant) {
        self.host.tell_kept();
        if self.way.is_overdue(now) {
            self.host.want(Intent::LeaveRoom);
            self.not_entered(WhyNotEntered::NoConnection);
        }
        if matches!(self.way, Way::Waiting(_)) {
            // A person waits beside the screen.
            self.presence.touch(now);
        } else if self.presence.untouched_for(now) >= STALE {
            self.trouble = Trouble::default();
            if matches!(self.way, Way::Full(_)) {
                self.way.end();
            }
        }
    }

    /// This endpoint is in a room, or in the same one again after a loss.
    pub(super) fn joined(&mut self, name: &RoomName, now: Instant) {
        if !self.way.entered(name) {
            tracing::info!(%name, "a room that is not wanted any more is not shown");
            return;
        }
        (self.lobby.draft, self.lobby.pin) = (None, None);
        match &mut self.room {
            // The same room after the relay was away: the screen stays as it was.
            Some(inside) if inside.name == name.as_str() => inside.interrupted = None,
            _ => {
                let name = name.as_str().to_owned();
                let draft = self.drafts.take(&name);
                if let Some(window) = self.window.upgrade() {
                    room::set_draft(&window, &draft);
                }
                let on = !self.config.join_muted();
                self.room = Some(room::State::new(name, now, on, true));
                self.go(Page::Room);
            }
        }
    }

    /// There is no way in, or no way back in: it is told where the person asked, and a wrong PIN is asked for again.
    pub(super) fn not_entered(&mut self, why: WhyNotEntered) {
        let Some(room) = self.way.wanted().cloned() else {
            return;
        };
        self.way.end();
        if self.room.is_some() {
            self.out_of_room();
            self.go(self.home());
        }
        self.end_questions();
        let refusal = match why {
            WhyNotEntered::NoConnection => None,
            WhyNotEntered::Refused(refusal) => Some(refusal),
        };
        let trouble = refusal.map_or(Trouble::of(Problem::NotJoined), Trouble::from);
        let mut listed = self.lobby.rooms.iter();
        let summary = listed.find(|other| other.name.key() == room.name.key());
        if refusal == Some(Refusal::RoomFull) {
            (self.lobby.draft, self.lobby.pin) = (None, None);
            self.way = Way::Full(room);
        } else if let Some(draft) = &mut self.lobby.draft {
            draft.problem = trouble.problem;
        } else if let (Some(Refusal::WrongPin), Some(summary)) = (refusal, summary.cloned()) {
            let asked = self.lobby.pin.is_some();
            self.ask_pin(
                summary,
                if asked {
                    Problem::WrongPin
                } else {
                    Problem::None
                },
            );
        } else if let Some(question) = &mut self.lobby.pin {
            question.problem = trouble.problem;
        } else {
            self.trouble = trouble;
        }
    }

    /// The room is left, by the person or because it ended.
    pub(super) fn out_of_room(&mut self) {
        if let (Some(room), Some(window)) = (self.room.take(), self.window.upgrade()) {
            self.drafts.keep(&room.name, room::draft(&window));
            room::set_draft(&window, "");
        }
        self.wishes.clear();
        self.paintings.show(&[]);
        self.paintings.sum_up();
        if let Some(beat) = &self.media_beat {
            beat.pause();
        }
    }
}
