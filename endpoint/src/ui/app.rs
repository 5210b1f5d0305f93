//! The screen's state in one place: what the engine tells goes in, what a person wants goes out.
//!
//! It lives on the thread of the event loop. Pages show what is here; nothing is decided in them.

use super::backlight::Backlight;
use super::host::Host;
use super::inbox::{Inbox, News, SignInNumber};
use super::pictures::Paintings;
use super::preferences::{Account, Preferences};
use super::presence::Presence;
use super::problem::{Trouble, of_camera, of_sound};
use super::seats::OWN_PICTURE;
use super::{idle, lobby, room, settings, sign_in, toasts};
use crate::camera::CameraState;
use crate::clock;
use crate::control::with_default_port;
use crate::discovery::{
    Discovery, DiscoveryError, FoundRelay, RelaySpec, discover_named, discover_one,
};
use crate::engine::{EngineError, Intent, Report, Room, Settings, Stats};
use crate::keep::Keep;
use crate::screen::Wish;
use crate::sound::SoundState;
use crate::watchdog::Heartbeat;
use conclave_protocol::name::{Email, Pin, RoomName, Username};
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{MAX_ROOM_CAPACITY, Refusal};
use conclave_ui::{AppWindow, Drawer, Health, Page, Problem};
use slint::ComponentHandle;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// How long a kiosk waits before it signs in again after it was refused.
const SIGN_IN_AGAIN: Micros = Micros::from_secs(5);
/// How long relays are waited for that announce themselves.
const SEARCH: Duration = Duration::from_secs(5);
/// A kiosk that signs in by itself has nobody to give up for.
const FOREVER: Micros = Micros(u64::MAX / 4);
/// The longest that somebody at a sign-in form is kept waiting for a relay that does not answer.
const FORM_PATIENCE: Micros = Micros::from_secs(5);

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
    pub(super) toasts: toasts::State,
    pub(super) presence: Presence,
    pub(super) backlight: Backlight,
    pub(super) paintings: Paintings,
    pub(super) room_models: room::Models,
    pub(super) media_beat: Option<Heartbeat>,
    search: Search,
    pub(super) last_stats: Option<Box<Stats>>,
    pub(super) volume: i32,
    /// The room whose PIN was tried, to ask again when it was wrong.
    pub(super) entering: Option<RoomName>,
    pub(super) sign_in_again_at: Option<Instant>,
    pub(super) wishes: Vec<Wish>,
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
        } = parts;
        Self {
            window: window.as_weak(),
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
            presence: Presence::new(clock::now(), config.idle_after(), config.dark_after()),
            backlight: Backlight::find(),
            paintings,
            room_models: room::Models::default(),
            media_beat,
            search,
            last_stats: None,
            volume: 100,
            entering: None,
            sign_in_again_at: None,
            wishes: Vec::new(),
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

    // Signing in and out.

    /// Begins with what is configured, or with the form.
    pub(super) fn begin(&mut self) {
        match self.config.account() {
            Some(account) => {
                self.find(account);
                self.page = self.home();
            }
            None => {
                self.sign_in.fields = self.config.fields();
                self.page = Page::SignIn;
                self.look_for_relays();
            }
        }
    }

    /// Signs in without anybody at a form, at once or as soon as the relay is found; and keeps at it.
    fn find(&mut self, account: Account) {
        self.sign_in_again_at = None;
        self.relay = Health::Waiting;
        self.lobby.loading = true;
        match account.relay.clone() {
            RelaySpec::Address(relay) => self.sign_in_as(account, relay, FOREVER),
            RelaySpec::Named(name) => {
                self.account = Some(account);
                self.inbox.fetch("discovery", move || {
                    News::Found(discover_named(&name, SEARCH))
                });
            }
            RelaySpec::Auto => {
                self.account = Some(account);
                self.inbox
                    .fetch("discovery", || News::Found(discover_one(SEARCH)));
            }
        }
    }

    fn found(&mut self, found: Result<FoundRelay, DiscoveryError>) {
        let Some(account) = self.account.clone() else {
            return;
        };
        match found {
            Ok(relay) => self.sign_in_as(account, relay.address, FOREVER),
            Err(error) => {
                self.idle.trouble = Trouble::with(Problem::RelayUnreachable, error.to_string());
                self.sign_in_again_at = Some(clock::now() + SIGN_IN_AGAIN);
            }
        }
    }

    fn sign_in_as(&mut self, account: Account, relay: String, patience: Micros) {
        let relay = with_default_port(&relay);
        let settings = Settings {
            relay: relay.clone(),
            relay_fingerprint: self.config.relay_fingerprint(),
            username: account.name.clone(),
            email: account.email.clone(),
            room: None,
            suite: crate::processor::best_suite(),
            camera: self.config.camera(),
            microphone: self.config.microphone(),
            speaker: self.config.speaker(),
            devices_on_demand: true,
            patience,
        };
        self.host.sign_in(settings);
        self.host
            .intend(Intent::Volume(self.volume.clamp(0, 100) as u8));
        self.account = Some(account);
        self.relay_address = relay;
        self.relay = Health::Waiting;
        self.lobby.loading = true;
        self.sign_in_again_at = None;
    }

    /// Looks for relays on the network as long as the form is shown.
    pub(super) fn look_for_relays(&mut self) {
        self.sign_in.search = (self.search)(self.inbox.clone());
    }

    pub(super) fn submit_sign_in(&mut self) {
        let fields = &self.sign_in.fields;
        let (name, email) = (
            Username::parse(fields.name.trim()),
            Email::parse(fields.email.trim()),
        );
        let (Ok(name), Ok(email)) = (name, email) else {
            return;
        };
        let relay = fields.relay.trim().to_owned();
        self.sign_in.busy = true;
        self.sign_in.trouble = Trouble::default();
        let spec = RelaySpec::Address(relay.clone());
        self.sign_in_as(
            Account {
                relay: spec,
                name,
                email,
            },
            relay,
            FORM_PATIENCE,
        );
    }

    pub(super) fn cancel_sign_in(&mut self) {
        self.host.sign_out();
        self.account = None;
        self.relay = Health::Unknown;
        self.sign_in.busy = false;
    }

    pub(super) fn sign_out(&mut self) {
        self.cancel_sign_in();
        self.out_of_room();
        self.lobby = lobby::State::default();
        self.sign_in.trouble = Trouble::default();
        self.sign_in.fields = self.config.fields();
        self.config.forget_account();
        self.save_choices();
        self.go(Page::SignIn);
        self.look_for_relays();
    }

    /// The relay's words are not those that it should have.
    pub(super) fn reject_relay(&mut self) {
        if let Err(error) = self.keep.forget_relay(&self.relay_address) {
            tracing::warn!(%error, "the relay's identity is still kept");
        }
        self.sign_out();
    }

    pub(super) fn save_choices(&mut self) {
        if let Err(error) = self.config.save() {
            tracing::warn!(%error, "choices are not saved");
            self.toasts
                .add(Trouble::with(Problem::SettingsNotSaved, error.to_string()));
        }
    }

    // Rooms.

    pub(super) fn start_own_room(&mut self) {
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

    pub(super) fn join_row(&mut self, id: i32) {
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

    fn ask_pin(&mut self, room: conclave_protocol::wire::control::RoomSummary, problem: Problem) {
        self.lobby.pin = Some(lobby::PinQuestion {
            room,
            problem,
            busy: false,
        });
        if self.page != Page::Lobby {
            self.go(Page::Lobby);
        }
    }

    pub(super) fn submit_pin(&mut self, digits: &str) {
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

    pub(super) fn close_pin(&mut self) {
        if self.lobby.pin.take().is_some_and(|question| question.busy) {
            self.host.intend(Intent::LeaveRoom);
        }
    }

    pub(super) fn create_room(&mut self) {
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

    fn not_entered(&mut self, refusal: Refusal) {
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

    pub(super) fn leave_room(&mut self) {
        self.host.intend(Intent::LeaveRoom);
        self.out_of_room();
        self.go(self.home());
    }

    fn out_of_room(&mut self) {
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

    pub(super) fn set_microphone(&mut self, on: bool) {
        self.host.intend(Intent::Microphone(on));
        if let Some(room) = &mut self.room {
            room.microphone_on = on;
        }
    }

    pub(super) fn set_camera(&mut self, on: bool) {
        self.host.intend(Intent::Camera(on));
        if let Some(room) = &mut self.room {
            room.camera_on = on;
        }
    }

    pub(super) fn set_volume(&mut self, percent: i32) {
        self.volume = percent.clamp(0, 100);
        self.host.intend(Intent::Volume(self.volume as u8));
    }

    /// Writes to the room; whether the draft may be forgotten.
    pub(super) fn say(&mut self, text: &str) -> bool {
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

    // What the engine tells.

    pub(super) fn take(&mut self, from: SignInNumber, news: News) {
        match news {
            News::Devices(devices) => self.settings.found(&devices),
            News::Relays(relays) => self.sign_in.found(relays),
            News::Found(found) => self.found(found),
            News::Bundle(written) => self.bundle_written(written),
            _ if from != self.host.number() => {}
            News::Report(report) => self.handle_report(report, clock::now()),
            News::Ended(Ok(())) => {}
            News::Ended(Err(error)) => self.engine_ended(&error),
        }
    }

    fn engine_ended(&mut self, error: &EngineError) {
        let trouble = Trouble::from(error);
        self.out_of_room();
        self.lobby.loading = false;
        self.relay = Health::Bad;
        let at_the_form = self.page == Page::SignIn || self.sign_in.busy;
        self.sign_in.busy = false;
        if self.kiosk && !at_the_form {
            // Whoever signed in elsewhere is meant to be there; all else may pass.
            let again = !matches!(error, EngineError::Replaced);
            self.sign_in_again_at = again.then(|| clock::now() + SIGN_IN_AGAIN);
            self.idle.trouble = trouble;
            self.go(self.home());
        } else {
            if let Some(account) = self.account.take() {
                self.sign_in.fields.name = account.name.as_str().to_owned();
                self.sign_in.fields.email = account.email.as_str().to_owned();
                self.sign_in.fields.relay.clone_from(&self.relay_address);
            }
            self.sign_in.trouble = trouble;
            self.go(Page::SignIn);
            self.look_for_relays();
        }
    }

    fn handle_report(&mut self, report: Report, now: Instant) {
        match report {
            // A fingerprint that was configured has been compared already.
            Report::FirstContact(key) if self.config.relay_fingerprint().is_none() => {
                self.lobby.first_contact = key.words();
            }
            Report::FirstContact(_) => {}
            Report::NotConnected(reason) => self.not_connected(reason),
            Report::SignedIn => self.signed_in(),
            Report::Interrupted(reason) => self.not_connected(reason),
            Report::Rooms(rooms) => {
                self.lobby.loading = false;
                let people = self.idle.people_in_own_room(&self.lobby);
                self.lobby.rooms = rooms;
                if self.idle.people_in_own_room(&self.lobby) > people {
                    // Somebody calls.
                    self.presence.touch(now);
                }
            }
            Report::Joined { room, .. } => {
                (self.lobby.draft, self.lobby.pin, self.lobby.joining) = (None, None, None);
                (self.idle.starting, self.entering) = (false, None);
                match &mut self.room {
                    // The same room after the relay was away: the screen stays as it was.
                    Some(inside) if inside.name == room.name.as_str() => inside.interrupted = None,
                    _ => {
                        let name = room.name.as_str().to_owned();
                        let on = !self.config.join_muted();
                        self.room = Some(room::State::new(name, now, on, true));
                        self.go(Page::Room);
                    }
                }
            }
            Report::NotEntered { refusal, .. } => self.not_entered(refusal),
            Report::LeftRoom => {
                if self.room.is_some() {
                    self.out_of_room();
                    self.go(self.home());
                }
            }
            Report::Camera(state) => self.devices.camera = state,
            Report::Microphone(state) => self.devices.microphone = state,
            Report::Speaker(state) => self.devices.speaker = state,
            Report::Stats(stats) => self.take_stats(stats),
            Report::Levels(levels) => {
                let own = levels.iter().find(|level| level.of.is_none());
                self.settings.level = own.map_or(0.0, |own| settings::meter(own.level));
                if let Some(room) = &mut self.room {
                    room.seats.hear(&levels, now);
                    room.note_muted_talk(now);
                }
            }
            Report::Came(_) | Report::Left(..) | Report::Path(_) => {}
            report => self.handle_room_report(report),
        }
    }

    fn handle_room_report(&mut self, report: Report) {
        let Some(room) = &mut self.room else { return };
        match report {
            Report::People(people) => {
                if let Some(own) = people.iter().find(|person| person.own) {
                    room.microphone_on = own.devices.microphone;
                    room.camera_on = own.devices.camera;
                }
                room.seats.seat(people);
            }
            Report::SafetyNumber(number) => room.safety_number = number,
            Report::Chat { line, own } => {
                room.chat.add(line, own, room.drawer == Drawer::Chat);
                room.touch_chat();
            }
            Report::History { more } => {
                room.chat.catch_up();
                (room.chat_more, room.chat_loading) = (more, false);
            }
            Report::NotSaid(refusal) => room.chat_problem = Trouble::from(refusal).problem,
            _ => {}
        }
    }

    fn signed_in(&mut self) {
        self.relay = Health::Good;
        self.idle.trouble = Trouble::default();
        if let Some(room) = &mut self.room {
            room.interrupted = None;
        }
        let was_busy = std::mem::take(&mut self.sign_in.busy);
        if let Some(account) = self.account.clone().filter(|_| was_busy) {
            self.config.choose_account(account);
            self.save_choices();
        }
        self.sign_in.search = None;
        if matches!(self.page, Page::SignIn | Page::Starting) {
            self.go(self.home());
        }
    }

    fn not_connected(&mut self, reason: String) {
        self.relay = Health::Waiting;
        if let Some(room) = &mut self.room {
            room.interrupted = Some(reason);
        } else {
            self.idle.trouble =
                Trouble::with(Problem::RelayUnreachable, self.relay_address.as_str());
            self.idle.starting = false;
        }
    }

    /// Media is alive when whatever says that it runs has moved on.
    fn take_stats(&mut self, stats: Box<Stats>) {
        if let Some(room) = &mut self.room {
            room.seats.weigh(&stats);
            let before = self.last_stats.as_ref().map(|stats| &stats.own);
            let moved = |now: u64, before: Option<u64>| before.is_none_or(|before| now > before);
            let camera = !matches!(self.devices.camera, CameraState::Running(_))
                || moved(
                    stats.own.frames_captured,
                    before.map(|own| own.frames_captured),
                );
            let microphone = !matches!(self.devices.microphone, SoundState::Running { .. })
                || moved(
                    stats.own.blocks_captured,
                    before.map(|own| own.blocks_captured),
                );
            if let (Some(beat), true) = (&self.media_beat, camera && microphone) {
                beat.beat();
            }
        }
        self.last_stats = Some(stats);
    }

    /// Whoever is in a room leaves it before the process ends.
    pub(super) fn end(&mut self) {
        self.paintings.sum_up();
        self.host.end();
    }

    // Time.

    /// Once a second.
    pub(super) fn tick(&mut self) {
        let now = clock::now();
        if self.sign_in_again_at.is_some_and(|at| now >= at)
            && let Some(account) = self.account.clone()
        {
            self.find(account);
        }
        if self.room.is_some() {
            self.presence.touch(now);
        }
        if self.kiosk
            && self.account.is_some()
            && self.presence.is_away(now)
            && self.page != Page::Idle
        {
            self.go_home();
        }
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

    // What is shown.

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
        super::show_app(self, &window);
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
        let (page, room, models) = (self.page, &mut self.room, &self.room_models);
        let settings = &mut self.settings;
        let mut first = false;
        self.paintings
            .drain(|painted, image| match (page, &mut *room) {
                (Page::Settings, _) => settings.preview = Some(image),
                (_, Some(room)) => first |= room.see(painted.stream, image, models),
                _ => {}
            });
        if page == Page::Settings || first {
            self.show();
        }
    }
}
