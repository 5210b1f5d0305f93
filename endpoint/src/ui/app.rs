//! The screen's state in one place: what the engine tells goes in, what a person wants goes out.
//!
//! It lives on the thread of the event loop. Pages show what is here; nothing is decided in them.

mod chat;
mod idle;
mod invitation;
mod joining;
mod lobby;
mod provisioning;
mod reports;
mod room;
mod session;
mod settings;
mod show;
mod sign_in;

pub(super) use sign_in::search;

use self::sign_in::Search;
use crate::clock;
use crate::data_dir::DataDir;
use crate::engine::Stats;
use crate::kiosk::Watch;
use crate::platform::watchdog::Heartbeat;
use crate::screen::TileRequest;
use crate::ui::backlight::Backlight;
use crate::ui::connection::Connection;
use crate::ui::device_states::DeviceStates;
use crate::ui::drafts::Drafts;
use crate::ui::host::Host;
use crate::ui::inbox::Inbox;
use crate::ui::invitation::Invitation;
use crate::ui::pages;
use crate::ui::pages::settings::lock::Lock;
use crate::ui::pictures::Paintings;
use crate::ui::preferences::{Account, Preferences};
use crate::ui::presence::Presence;
use crate::ui::problem::Trouble;
use crate::ui::way::Way;
use conclave_protocol::time::{Instant, Micros};
use conclave_ui::{AppWindow, Page};
use slint::ComponentHandle;
use std::cell::RefCell;
use std::rc::Rc;

/// Why a room was not entered is of no interest any more when the screen was not touched for so long.
const STALE: Micros = Micros::from_secs(60);

/// The app, shared by the callbacks of the event loop's thread.
#[derive(Clone)]
pub(super) struct Handle(Rc<RefCell<App>>);

impl Handle {
    pub(super) fn new(app: App) -> Self {
        Self(Rc::new(RefCell::new(app)))
    }

    /// Changes the state and shows what came of it.
    pub(super) fn act(&self, change: impl FnOnce(&mut App)) {
        // A callback that is called while another one is at work has nothing to add to what that one will show.
        if let Ok(mut app) = self.0.try_borrow_mut() {
            change(&mut app);
            app.show();
        } else {
            tracing::error!("a callback within a callback is left out");
        }
    }

    /// The sign-in that counts.
    #[cfg(test)]
    pub(super) fn number(&self) -> crate::ui::inbox::SignInNumber {
        self.0.borrow().host.number()
    }

    /// Whether the process is to end, to be started again.
    pub(super) fn is_ended(&self) -> bool {
        let app = self.0.try_borrow();
        app.is_ok_and(|app| app.provisioning.is_ended)
    }

    /// Shows what has been painted, and nothing else.
    pub(super) fn draw(&self) {
        if let Ok(mut app) = self.0.try_borrow_mut() {
            app.draw();
        }
    }
}

/// The state.
pub(super) struct App {
    pub(super) window: slint::Weak<AppWindow>,
    pub(super) host: Host,
    pub(super) inbox: Inbox,
    pub(super) keep: DataDir,
    pub(super) config: Preferences,
    pub(super) kiosk: bool,
    pub(super) page: Page,
    pub(super) account: Option<Account>,
    /// Host and port of the relay that is meant.
    pub(super) relay_address: String,
    pub(super) connection: Connection,
    pub(super) devices: DeviceStates,
    pub(super) idle: pages::idle::State,
    pub(super) sign_in: pages::sign_in::State,
    pub(super) lobby: pages::lobby::State,
    pub(super) room: Option<pages::room::State>,
    pub(super) settings: pages::settings::State,
    pub(super) toasts: pages::toasts::State,
    pub(super) presence: Presence,
    pub(super) backlight: Backlight,
    pub(super) invitation: Invitation,
    pub(super) paintings: Paintings,
    pub(super) room_models: pages::room::Models,
    pub(super) media_beat: Option<Heartbeat>,
    pub(super) search: Search,
    pub(super) last_stats: Option<Box<Stats>>,
    pub(super) volume: i32,
    pub(super) way: Way,
    /// Why the room that was wanted last was not entered.
    pub(super) trouble: Trouble,
    pub(super) drafts: Drafts,
    pub(super) sign_in_again_at: Option<Instant>,
    pub(super) wishes: Vec<TileRequest>,
    pub(super) provisioning: pages::provisioning::State,
}

/// What an app is made of.
pub(super) struct Parts {
    pub(super) config: Preferences,
    pub(super) keep: DataDir,
    pub(super) kiosk: bool,
    pub(super) inbox: Inbox,
    pub(super) host: Host,
    pub(super) paintings: Paintings,
    pub(super) media_beat: Option<Heartbeat>,
    pub(super) search: Search,
    /// What a kiosk sees of its provisioning.
    pub(super) provisioning: Option<Watch>,
}

impl App {
    /// The app behind a window, before anything has happened.
    pub(super) fn new(window: &AppWindow, parts: Parts) -> Self {
        let Parts {
            config,
            keep,
            kiosk,
            inbox,
            host,
            paintings,
            media_beat,
            search,
            provisioning,
        } = parts;
        let now = clock::now();
        let lock = Lock::load(&keep, now);
        Self {
            window: window.as_weak(),
            host,
            inbox,
            keep,
            kiosk,
            page: Page::Starting,
            account: None,
            relay_address: String::new(),
            connection: Connection::None,
            devices: DeviceStates::off(),
            idle: pages::idle::State::of(config.room_name()),
            sign_in: pages::sign_in::State::default(),
            lobby: pages::lobby::State::default(),
            room: None,
            settings: pages::settings::State::new(lock),
            toasts: pages::toasts::State::default(),
            presence: Presence::new(now, config.idle_after(), config.dark_after()),
            backlight: Backlight::find(),
            invitation: Invitation::default(),
            paintings,
            room_models: pages::room::Models::default(),
            media_beat,
            search,
            last_stats: None,
            volume: 100,
            way: Way::Out,
            trouble: Trouble::default(),
            drafts: Drafts::default(),
            sign_in_again_at: None,
            wishes: Vec::new(),
            provisioning: pages::provisioning::State::of(provisioning),
            config,
        }
    }

    /// The page after a call, and after the settings.
    pub(super) fn home(&self) -> Page {
        match (&self.account, self.kiosk) {
            (None, _) => Page::SignIn,
            (Some(_), true) => Page::Idle,
            (Some(_), false) => Page::Lobby,
        }
    }

    pub(super) fn go(&mut self, page: Page) {
        if self.page == Page::Settings && page != Page::Settings {
            self.leave_settings();
        }
        if page == Page::Lobby && self.page != page {
            self.lobby.sort();
        }
        self.page = page;
        self.presence.touch(clock::now());
    }

    pub(super) fn go_home(&mut self) {
        (self.lobby.draft, self.lobby.pin) = (None, None);
        let page = if self.room.is_some() {
            Page::Room
        } else {
            self.home()
        };
        self.go(page);
    }

    /// Leaves the room and ends the engine before the process ends.
    pub(super) fn end(&mut self) {
        self.paintings.sum_up();
        self.host.end();
    }

    /// Once a second.
    pub(super) fn tick(&mut self) {
        let now = clock::now();
        if self.sign_in_again_at.is_some_and(|at| now >= at)
            && let Some(account) = self.account.clone()
        {
            self.find(account);
        }
        if let Some(room) = &mut self.room {
            room.seats.forget_still_pictures(now);
            self.presence.touch(now);
        }
        self.watch_the_way(now);
        if self.kiosk
            && self.account.is_some()
            && self.presence.is_away(now)
            && self.page != Page::Idle
        {
            self.go_home();
        }
        self.keep_invitation(now);
        self.look_at_provisioning(now);
        self.backlight_follows(now);
    }

    fn backlight_follows(&mut self, now: Instant) {
        if let Some(lit) = self.presence.changed_light(now) {
            self.backlight.set(lit);
        }
    }

    pub(super) fn touched(&mut self) {
        let now = clock::now();
        self.presence.touch(now);
        self.backlight_follows(now);
    }

    pub(super) fn dismiss_toast(&mut self, id: i32) {
        self.toasts.dismiss(id);
    }
}
