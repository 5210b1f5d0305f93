//! What a person does in a room's chat.

use crate::engine::Intent;
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
                room.chat.problem = Problem::None;
                self.host.intend(Intent::Say(Box::new(text)));
            }
            Ok(None) => {}
            Err(problem) => {
                room.chat.problem = problem;
                return;
            }
        }
        if let Some(window) = self.window.upgrade() {
            room::clear_draft(&window);
        }
    }

    pub(in crate::ui) fn ask_for_earlier_chat(&mut self) {
        if let Some(room) = &mut self.room {
            room.chat.loading = true;
            self.host.intend(Intent::EarlierChat);
        }
    }
}
