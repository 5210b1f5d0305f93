//! The screen's state in one place: what the engine tells goes in, what a person wants goes out.
//!
//! It lives on the thread of the event loop. Pages show what is here; nothing is decided in them.

mod joining;
mod reports;
pub(super) mod session;

use crate::camera::CameraState;
use crate::clock;
use crate::discovery::Discovery;
use crate::engine::Stats;
use crate::keep::Keep;
use crate::kiosk::Watch;
use crate::screen::Wish;
use crate::sound::SoundState;
use crate::ui::backlight::Backlight;
use crate::ui::host::Host;
use crate::ui::inbox::{Inbox, News, SignInNumber};
use crate::ui::invitation::Invitation;
use crate::ui::pages::room::seats::OWN_PICTURE;
use crate::ui::pages::settings::lock::PinTries;
use crate::ui::pages::{idle, lobby, provisioning, room, settings, sign_in, toasts};
use crate::ui::pictures::Paintings;
use crate::ui::preferences::{Account, Preferences};
use crate::ui::presence::Presence;
use crate::ui::problem::{Trouble, of_camera, of_sound};
use crate::watchdog::Heartbeat;
use conclave_protocol::name::RoomName;
use conclave_protocol::time::Instant;
use conclave_ui::{AppWindow, Health, Page, Problem};
use slint::ComponentHandle;
use std::cell::RefCell;
use std::rc::Rc;

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
    pub(super) fn number(&self) -> SignInNumber {
        self.0.borrow().host.number()
    }

    /// Whether the process is to end, to be started again.
    pub(super) fn is_over(&self) -> bool {
        let app = self.0.try_borrow();
        app.is_ok_and(|app| app.provisioning.is_over)
    }

    /// Shows what has been painted, and nothing else.
    pub(super) fn draw(&self) {
        if let Ok(mut app) = self.0.try_borrow_mut() {
            app.draw();
        }
    }
}

/// How the devices are.
#[derive(Debug)]
pub(super) struct DeviceStates {
    pub(super) camera: CameraState,
    pub(super) microphone: SoundState,
    pub(super) speaker: SoundState,
}

/// The state.
pub(super) struct App {
    pub(super) window: slint::Weak<AppWindow>,
    pub(super) host: Host,
    pub(super) inbox: Inbox,
    pub(super) keep: Keep,
    pub(super) config: Preferences,
    pub(super) kiosk: bool,
    pub(super) page: Page,
    pub(super) account: Option<Account>,
    /// Host and port of the relay that is meant.
    pub(super) relay_address: String,
    pub(super) relay: Health,
    pub(super) devices: DeviceStates,
    pub(super) idle: idle::State,
    pub(super) sign_in: sign_in::State,
    pub(super) lobby: lobby::State,
    pub(super) room: Option<room::State>,
    pub(super) settings: settings::State,
    pub(super) pin_tries: PinTries,
    pub(super) toasts: toasts::State,
    pub(super) presence: Presence,
    pub(super) backlight: Backlight,
    pub(super) invitation: Invitation,
    pub(super) paintings: Paintings,
    pub(super) room_models: room::Models,
    pub(super) media_beat: Option<Heartbeat>,
    pub(super) search: Search,
    pub(super) last_stats: Option<Box<Stats>>,
    pub(super) volume: i32,
    /// The room whose PIN was tried, to ask again when it was wrong.
    pub(super) entering: Option<RoomName>,
    pub(super) sign_in_again_at: Option<Instant>,
    pub(super) wishes: Vec<Wish>,
    pub(super) provisioning: provisioning::State,
}

/// What an app is made of.
pub(super) struct Parts {
    pub(super) config: Preferences,
    pub(super) keep: Keep,
    pub(super) kiosk: bool,
    pub(super) inbox: Inbox,
    pub(super) host: Host,
    pub(super) paintings: Paintings,
    pub(super) media_beat: Option<Heartbeat>,
    pub(super) search: Search,
    /// What a kiosk sees of its provisioning.
    pub(super) provisioning: Option<Watch>,
}

/// Begins to look for relays on the network.
pub(super) type Search = fn(Inbox) -> Option<Discovery>;

/// Tells of every relay that announces itself.
pub(super) fn search(inbox: Inbox) -> Option<Discovery> {
    let told = move |relays| inbox.push(SignInNumber(0), News::Relays(relays));
    Discovery::start(told)
        .inspect_err(|error| tracing::warn!(%error, "relays are not looked for"))
        .ok()
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
        Self {
            window: window.as_weak(),
            pin_tries: PinTries::load(&keep, now),
            host,
            inbox,
            keep,
            kiosk,
            page: Page::Starting,
            account: None,
            relay_address: String::new(),
            relay: Health::Unknown,
            devices: DeviceStates {
                camera: CameraState::Off,
                microphone: SoundState::Off,
                speaker: SoundState::Off,
            },
            idle: idle::State::of(config.room_name()),
            sign_in: sign_in::State::default(),
            lobby: lobby::State::default(),
            room: None,
            settings: settings::State::default(),
            toasts: toasts::State::default(),
            presence: Presence::new(now, config.idle_after(), config.dark_after()),
            backlight: Backlight::find(),
            invitation: Invitation::default(),
            paintings,
            room_models: room::Models::default(),
            media_beat,
            search,
            last_stats: None,
            volume: 100,
            entering: None,
            sign_in_again_at: None,
            wishes: Vec::new(),
            provisioning: provisioning::State::of(provisioning),
            config,
        }
    }

    /// The page that one comes back to.
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

    pub(super) fn show_lobby(&mut self) {
        self.go(Page::Lobby);
    }

    /// Whoever is in a room leaves it before the process ends.
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

    pub(super) const fn camera_runs(&self) -> bool {
        matches!(self.devices.camera, CameraState::Running(_))
    }

    /// The worst that is wrong with a device that is switched on.
    pub(super) fn device_trouble(&self) -> Trouble {
        [
            of_camera(&self.devices.camera).1,
            of_sound(&self.devices.microphone, Problem::MicrophoneLost).1,
            of_sound(&self.devices.speaker, Problem::SpeakerLost).1,
        ]
        .into_iter()
        .find(Trouble::is_some)
        .unwrap_or_default()
    }

    pub(super) fn show(&mut self) {
        let Some(window) = self.window.upgrade() else {
            return;
        };
        crate::ui::show_app(self, &window);
        match self.page {
            Page::Idle => self.idle.show(&window, &self.lobby),
            Page::SignIn => self.sign_in.show(&window),
            Page::Lobby => self.lobby.show(&window),
            Page::Settings => settings::show(self, &window),
            Page::Room | Page::Starting => {}
        }
        let trouble = self.device_trouble();
        if let Some(room) = &mut self.room {
            room.show(&window, &self.room_models, &trouble);
            window.global::<conclave_ui::Room>().set_volume(self.volume);
        }
        self.wish();
    }

    /// Tells the decoders what can be seen now.
    fn wish(&mut self) {
        let wishes = match (self.page, &self.room) {
            (Page::Room, Some(room)) => room.wishes(),
            (Page::Settings, _) if self.settings.shows_preview() => {
                vec![Wish {
                    stream: OWN_PICTURE,
                    tile: settings::PREVIEW,
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
    pub(super) fn draw(&mut self) {
        let runs = self.camera_runs();
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
