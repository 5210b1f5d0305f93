//! What a person does in a room's chat.

use crate::engine::{Intent, LineNumber};
use crate::ui::app::App;
use crate::ui::pages::room;
use crate::ui::pages::room::chat::chat_text;
use conclave_ui::Problem;

impl App {
    /// Writes to the room, and empties the field where the text may be sent.
    pub(in crate::ui) fn say(&mut self, text: &str) {
        let Some(room) = &mut self.room else { return };
        match chat_text(text) {
            Ok(Some(text)) => {
                // What no engine heard stays in the field.
                if !self.host.ask(Intent::Say(Box::new(text))) {
                    room.chat.problem = Problem::NotDone;
                    return;
                }
                room.chat.problem = Problem::None;
            }
            Ok(None) => {}
            Err(problem) => {
                room.chat.problem = problem;
                return;
            }
        }
        if let Some(window) = self.window.upgrade() {
            room::set_draft(&window, "");
        }
    }

    /// The engine has ended: what it did not send is in the field again, and kept with it for the room.
    pub(super) fn take_back_unsent(&mut self) {
        let (Some(room), Some(window)) = (&self.room, self.window.upgrade()) else {
            return;
        };
        let mut texts: Vec<String> = room.chat.unsent().map(str::to_owned).collect();
        texts.push(room::draft(&window));
        texts.retain(|text| !text.trim().is_empty());
        room::set_draft(&window, &texts.join(" "));
    }

    /// Sends a line again that was not sent.
    pub(in crate::ui) fn send_again(&mut self, number: i32) {
        self.decide_on_line(number, Intent::SendAgain);
    }

    /// Gives a line up that was not sent.
    pub(in crate::ui) fn discard_line(&mut self, number: i32) {
        self.decide_on_line(number, Intent::DiscardLine);
    }

    /// What becomes of the line is shown when the engine tells it.
    fn decide_on_line(&mut self, number: i32, decision: fn(LineNumber) -> Intent) {
        let (Some(room), Ok(number)) = (&mut self.room, u32::try_from(number)) else {
            return;
        };
        let heard = self.host.ask(decision(LineNumber(number)));
        room.chat.problem = if heard {
            Problem::None
        } else {
            Problem::NotDone
        };
    }

    pub(in crate::ui) fn ask_for_earlier_chat(&mut self) {
        if let Some(room) = &mut self.room {
            room.chat.loading = self.host.ask(Intent::EarlierChat);
        }
    }
}
