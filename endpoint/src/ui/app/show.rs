//! What the screen shows now: what all pages share, the page that is open, and the pictures of its tiles.

use crate::clock;
use crate::screen::TileRequest;
use crate::ui::app::App;
use crate::ui::clock::WallClock;
use crate::ui::pages::settings::PREVIEW;
use crate::ui::pictures::OWN_PICTURE;
use crate::ui::problem::Trouble;
use conclave_protocol::name::RoomName;
use conclave_ui::{AppWindow, Page};
use slint::ComponentHandle;

impl App {
    pub(super) fn show(&mut self) {
        let Some(window) = self.window.upgrade() else {
            return;
        };
        self.show_what_all_pages_share(&window);
        self.show_the_way(&window);
        let trouble = self.trouble_between_meetings();
        match self.page {
            Page::Idle => self.idle.show(&window, &self.lobby, &trouble),
            Page::SignIn => self.sign_in.show(&window),
            Page::Lobby => self.lobby.show(&window, &trouble),
            Page::Settings => self.show_settings(&window),
            Page::Room | Page::Starting => {}
        }
        if let Some(room) = &mut self.room {
            room.show(&window, &self.room_models, &self.devices.worst());
            window.global::<conclave_ui::Room>().set_volume(self.volume);
        }
        self.wish();
    }

    fn show_what_all_pages_share(&mut self, window: &AppWindow) {
        let all = window.global::<conclave_ui::App>();
        let clock = WallClock::now();
        all.set_page(self.page);
        all.set_kiosk(self.kiosk);
        all.set_clock(clock.time.into());
        all.set_weekday(clock.weekday);
        all.set_day(clock.day);
        all.set_month(clock.month);
        all.set_year(clock.year);
        all.set_blanked(!self.presence.is_lit());
        all.set_dark(self.config.dark());
        all.set_reduce_motion(self.config.reduce_motion());
        all.set_touch_keyboard(self.config.touch_keyboard());
        all.set_language(self.config.language().into());
        all.set_camera(self.devices.of_camera().0);
        all.set_microphone(self.devices.of_microphone().0);
        all.set_speaker(self.devices.of_speaker().0);
        all.set_relay(self.connection.health());
        let account = self.account.as_ref();
        let user = account.map_or("", |account| account.display_name.as_str());
        all.set_user(user.into());
        let now = clock::now();
        let code = self.shown_code(now);
        all.set_has_code(code.is_some());
        if let Some(code) = &code {
            let end = WallClock::after(code.valid_until.since(now));
            all.set_code_weekday(end.weekday);
            all.set_code_time(end.time.into());
        }
        all.set_code(code.map_or_else(slint::Image::default, |code| code.image));
        let first_contact = self.lobby.first_contact.as_str();
        window
            .global::<conclave_ui::Lobby>()
            .set_first_contact(first_contact.into());
        self.provisioning.show(window);
        self.toasts.show(window);
    }

    fn show_the_way(&mut self, window: &AppWindow) {
        let pending = self.way.pending().map(|room| room.name.key());
        let mut rooms = self.lobby.rooms.iter();
        self.lobby.joining = pending
            .as_ref()
            .and_then(|key| rooms.find(|room| room.name.key() == *key))
            .map(|room| room.id);
        let own = self.idle.room.as_ref().map(RoomName::key);
        self.idle.starting = pending.is_some() && pending == own;
        let all = window.global::<conclave_ui::App>();
        let (entering, room) = self.way.shown(clock::now(), self.connection.is_good());
        all.set_entering(entering);
        all.set_entering_room(room.into());
    }

    /// What is wrong while no room is entered: with the room that was wanted, else with the connection.
    fn trouble_between_meetings(&self) -> Trouble {
        if self.trouble.is_some() {
            return self.trouble.clone();
        }
        self.connection.trouble(&self.relay_address)
    }

    /// Tells the decoders what can be seen now.
    fn wish(&mut self) {
        let wishes = match (self.page, &self.room) {
            (Page::Room, Some(room)) => room.wishes(),
            (Page::Settings, _) if self.settings.shows_preview() => {
                vec![TileRequest {
                    stream: OWN_PICTURE,
                    tile: PREVIEW,
                }]
            }
            _ => Vec::new(),
        };
        if wishes != self.wishes {
            self.paintings.show(&wishes);
            self.wishes = wishes;
        }
    }

    /// Pictures have been painted.
    pub(in crate::ui) fn draw(&mut self) {
        let runs = self.devices.camera_runs();
        let (page, room, models) = (self.page, &mut self.room, &self.room_models);
        let settings = &mut self.settings;
        let mut first = false;
        self.paintings
            .drain(|painted, image| match (page, &mut *room) {
                (Page::Settings, _) => settings.preview = Some(image),
                // What an unplugged camera saw last may still be under way.
                (_, Some(room)) if runs || painted.stream != OWN_PICTURE => {
                    first |= room.see(painted.stream, image, models);
                }
                _ => {}
            });
        if page == Page::Settings || first {
            self.show();
        }
    }
}
