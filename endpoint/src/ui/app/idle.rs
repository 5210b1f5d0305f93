//! What a person does on the idle page.

use crate::engine::Room;
use crate::ui::app::App;
use conclave_protocol::wire::control::MAX_ROOM_CAPACITY;
use conclave_ui::Page;

impl App {
    /// Into the kiosk's own room, which is made if it is not there.
    pub(in crate::ui) fn start_own_room(&mut self) {
        if let Some(name) = self.idle.room.clone() {
            let pin = self.config.room_pin();
            self.enter(Room {
                name,
                pin,
                create: Some(MAX_ROOM_CAPACITY),
            });
        }
    }

    pub(in crate::ui) fn show_all_rooms(&mut self) {
        self.go(Page::Lobby);
    }
}
