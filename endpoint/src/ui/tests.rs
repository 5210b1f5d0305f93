//! Every page's flow and error, found by accessible labels, without a display.

use crate::camera::CameraState;
use crate::config::Config;
use crate::control::{ConnectionError, ConnectionFailure};
use crate::device::{DeviceLoss, LossReason};
use crate::engine::{ConnectionLoss, EngineError, Intent, Loudness, Person, Report, Settings};
use crate::keep::Keep;
use crate::kiosk::Watch;
use crate::kiosk::provisioning::provision;
use crate::sound::SoundState;
use crate::ui::app::{App, Handle, Parts};
use crate::ui::host::{Host, Order};
use crate::ui::inbox::{Inbox, News};
use crate::ui::pictures::Paintings;
use crate::ui::preferences::{Account, Preferences};
use crate::ui::presence::Presence;
use conclave_protocol::id::{ChatId, ParticipantId, RoomId};
use conclave_protocol::name::{ChatText, RoomName, Username};
use conclave_protocol::time::Instant;
use conclave_protocol::units::{AudioLevel, Dbov, UnixMillis};
use conclave_protocol::wire::control::{ChatLine, ClosingReason, Devices, Refusal, RoomSummary};
use conclave_ui::{AppWindow, Page, Problem};
use i_slint_backend_testing::{AccessibleRole, ElementHandle, ElementRoot as _};
use slint::ComponentHandle;
use tokio::sync::mpsc;

const ACCOUNT: &str = "
    [relay]
    address = 'relay.lan'
    [account]
    name = 'kiosk'
    email = 'kiosk@example.org'
    [room]
    name = 'Maple'
";

thread_local! {
    /// A thread takes one backend, and a test may have several kiosks.
    static HAS_BACKEND: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// The app behind a window that nobody sees, and what it tells the engine.
struct Bench {
    window: AppWindow,
    app: Handle,
    orders: mpsc::Receiver<Order>,
    settings: Option<Settings>,
    intents: Option<mpsc::Receiver<Intent>>,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(config: &str, kiosk: bool) -> Self {
        Self::begin(tempfile::tempdir().unwrap(), config, kiosk)
    }

    /// With what the folder keeps.
    fn begin(folder: tempfile::TempDir, config: &str, kiosk: bool) -> Self {
        if !HAS_BACKEND.replace(true) {
            i_slint_backend_testing::init_no_event_loop();
        }
        let file = folder.path().join("endpoint.toml");
        std::fs::write(&file, config).unwrap();
        let keep = Keep::open(folder.path()).unwrap();
        let config = Preferences::new(Config::load(Some(&file), Some(folder.path())).unwrap());
        let window = AppWindow::new().unwrap();
        let (host, orders) = Host::heard_by_a_test();
        let (paintings, _) = Paintings::start(|| {}).unwrap();
        let parts = Parts {
            config,
            keep,
            kiosk,
            inbox: Inbox::new(|| {}),
            host,
            paintings,
            media_beat: None,
            search: |_| None,
            provisioning: kiosk.then(|| Watch::begin(folder.path().into(), folder.path().into())),
        };
        let app = super::begin(&window, App::new(&window, parts));
        window
            .window()
            .set_size(slint::PhysicalSize::new(1280, 800));
        window.show().unwrap();
        let mut bench = Self {
            window,
            app,
            orders,
            settings: None,
            intents: None,
            folder,
        };
        bench.take_orders();
        bench
    }

    /// The kiosk after a restart.
    fn restarted(mut self, config: &str) -> Self {
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        drop(self);
        Self::begin(folder, config, true)
    }

    /// A kiosk that is signed in, with these rooms.
    fn idle(rooms: &[RoomSummary]) -> Self {
        let bench = Self::new(ACCOUNT, true);
        bench.tell(Report::SignedIn);
        bench.tell(Report::Rooms(rooms.to_vec()));
        bench
    }

    /// A laptop in a room with somebody.
    fn in_room() -> Self {
        let bench = Self::new(ACCOUNT, false);
        bench.tell(Report::SignedIn);
        bench.tell(Report::Joined {
            room: room(1, "Maple", 2),
            others: vec!["Ana Lima".parse().unwrap()],
        });
        bench.tell(Report::People(vec![
            person(1, "kiosk", true),
            person(2, "ana", false),
        ]));
        bench
    }

    /// As a stick does that is plugged in, and a second goes by.
    fn provision(&self, text: &str) {
        let file = self.folder.path().join("conclave.toml");
        std::fs::write(&file, text).unwrap();
        let _ = provision(&[file], self.folder.path(), self.folder.path());
        self.app.act(App::tick);
    }

    fn take_orders(&mut self) {
        while let Ok(order) = self.orders.try_recv() {
            let Order(_, settings, intents) = order;
            (self.settings, self.intents) = (Some(*settings), Some(intents));
        }
    }

    fn tell(&self, report: Report) {
        self.app
            .act(|app| app.take(app.host.number(), News::Report(report)));
    }

    fn end(&self, error: EngineError) {
        self.app
            .act(|app| app.take(app.host.number(), News::Ended(Err(error))));
    }

    fn page(&self) -> Page {
        self.window.global::<conclave_ui::App>().get_page()
    }

    fn element(&self, label: &str) -> ElementHandle {
        let mut found = ElementHandle::find_by_accessible_label(&self.window, label);
        // What is only read is no element to touch.
        let acts = |element: &ElementHandle| {
            use AccessibleRole::{None, Text};
            !matches!(element.accessible_role(), Option::None | Some(None | Text))
        };
        found.find(acts).unwrap_or_else(|| {
            panic!(
                "nothing is labeled {label:?}; there are {:?}",
                self.labels()
            )
        })
    }

    fn labels(&self) -> Vec<String> {
        let all = self.window.root_element().query_descendants().find_all();
        let labels = all.iter().filter_map(ElementHandle::accessible_label);
        labels
            .map(|label| label.to_string())
            .filter(|label| !label.is_empty())
            .collect()
    }

    fn touch(&mut self, label: &str) {
        self.element(label).invoke_accessible_default_action();
        i_slint_backend_testing::mock_elapsed_time(std::time::Duration::from_millis(1));
        self.take_orders();
    }

    fn write(&self, label: &str, text: &str) {
        self.element(label).set_accessible_value(text);
    }

    /// Whether a text on the screen has these words.
    fn says(&self, words: &str) -> bool {
        self.labels().iter().any(|label| label.contains(words))
    }

    fn assert_says(&self, words: &str) {
        assert!(
            self.says(words),
            "{words:?} is not among {:?}",
            self.labels()
        );
    }

    /// What the engine was told since the last time.
    fn intents(&mut self) -> Vec<Intent> {
        let mut intents = Vec::new();
        while let Some(Ok(intent)) = self.intents.as_mut().map(mpsc::Receiver::try_recv) {
            intents.push(intent);
        }
        intents
    }

    fn entered(&mut self) -> Option<crate::engine::Room> {
        self.intents().into_iter().find_map(|intent| match intent {
            Intent::Enter(room) => Some(room),
            _ => None,
        })
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // A window that is shown keeps itself, and with it the app and its threads.
        let _ = self.window.hide();
        super::APP.with_borrow_mut(Option::take);
    }
}

fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

fn room(id: u32, name: &str, members: u16) -> RoomSummary {
    RoomSummary {
        id: RoomId(id),
        name: RoomName::parse(name).unwrap(),
        members,
        capacity: 8,
        locked: false,
    }
}

fn locked(id: u32, name: &str) -> RoomSummary {
    RoomSummary {
        locked: true,
        ..room(id, name, 1)
    }
}

fn person(id: u32, username: &str, own: bool) -> Person {
    Person {
        id: ParticipantId(id),
        username: name(username),
        display_name: username.parse().unwrap(),
        own,
        devices: Devices {
            microphone: true,
            camera: true,
        },
        via_gateway: false,
        picture: None,
    }
}

fn refused(refusal: Refusal) -> EngineError {
    EngineError::Refused {
        act: "signing in",
        refusal,
    }
}

fn not_entered(refusal: Refusal) -> Report {
    Report::NotEntered {
        act: "joining the room",
        refusal,
    }
}

fn line(id: u64, from: &str, text: &str) -> ChatLine {
    ChatLine {
        id: ChatId(id),
        at: UnixMillis(1_700_000_000_000),
        from: name(from),
        from_name: from.parse().unwrap(),
        to: None,
        text: Box::new(ChatText::parse(text).unwrap()),
    }
}

#[test]
fn a_kiosk_signs_in_by_itself_and_one_touch_starts_its_meeting() {
    let mut bench = Bench::idle(&[]);
    assert_eq!(bench.page(), Page::Idle);
    assert_eq!(bench.settings.as_ref().unwrap().relay, "relay.lan:7470");
    bench.touch("Start the meeting");
    let room = bench.entered().expect("an intent to enter");
    assert_eq!((room.name.as_str(), room.create.is_some()), ("Maple", true));
    bench.tell(Report::Joined {
        room: self::room(1, "Maple", 1),
        others: vec![],
    });
    assert_eq!(bench.page(), Page::Room);
    bench.touch("Leave");
    assert_eq!(bench.page(), Page::Idle);
    assert!(
        bench
            .intents()
            .iter()
            .any(|intent| matches!(intent, Intent::LeaveRoom))
    );
}

#[test]
fn a_relay_that_is_met_for_the_first_time_shows_its_words() {
    let key = conclave_protocol::identity::PublicKey([7; 32]);
    let mut bench = Bench::new(ACCOUNT, true);
    bench.tell(Report::FirstContact(key));
    bench.assert_says(&key.words());
    bench.touch("They are the same");
    assert!(!bench.says(&key.words()));
}

#[test]
fn a_relay_whose_fingerprint_was_configured_is_not_asked_about() {
    let key = conclave_protocol::identity::PublicKey([7; 32]);
    let known = format!("fingerprint = '{}'\n    address", key.fingerprint());
    let bench = Bench::new(&ACCOUNT.replace("address", &known), true);
    bench.tell(Report::FirstContact(key));
    assert!(!bench.says(&key.words()));
}

#[test]
fn an_idle_kiosk_says_that_its_relay_is_away_and_that_its_room_is_full() {
    let mut bench = Bench::new(ACCOUNT, true);
    bench.tell(Report::NotConnected(ConnectionLoss::Silent));
    bench.assert_says("relay.lan");
    bench.tell(Report::SignedIn);
    bench.tell(Report::Rooms(vec![room(1, "Maple", 8)]));
    bench.touch("Join the meeting");
    bench.tell(not_entered(Refusal::RoomFull));
    assert_eq!(bench.page(), Page::Idle);
    bench.assert_says("full");
}

#[test]
fn the_form_judges_what_is_typed_and_says_what_the_relay_answers() {
    let mut bench = Bench::new("", false);
    assert_eq!(bench.page(), Page::SignIn);
    bench.write("Name", "a");
    bench.assert_says("at least two letters");
    bench.write("Name", "ana\u{200b}");
    bench.assert_says("a space without width");
    bench.write("Name", "Ana Lima");
    bench.write("Email", "ana@example.org");
    bench.write("Address", "relay.lan");
    bench.touch("Sign in");
    let settings = bench.settings.take().expect("a sign-in");
    assert_eq!(
        (settings.username.as_str(), settings.relay.as_str()),
        ("Ana.Lima", "relay.lan:7470")
    );
    assert_eq!(settings.display_name.as_str(), "Ana Lima");
    bench.end(refused(Refusal::NameTaken));
    assert_eq!(bench.page(), Page::SignIn);
    bench.assert_says("name");
    bench.touch("Sign in");
    bench.tell(Report::SignedIn);
    assert_eq!(bench.page(), Page::Lobby);
}

#[test]
fn an_identity_that_changed_is_told_where_the_relay_is_named() {
    let mut bench = Bench::new("", false);
    bench.write("Name", "ana");
    bench.write("Email", "ana@example.org");
    bench.write("Address", "relay.lan");
    bench.touch("Sign in");
    bench.end(EngineError::IdentityChanged {
        relay: "relay.lan:7470".into(),
        error: ConnectionError::TimedOut,
        kept_as: "the line of relay.lan:7470 from relays.toml".into(),
    });
    bench.assert_says("not the one that was met before");
}

#[test]
fn the_lobby_lists_searches_and_joins() {
    let mut bench = Bench::new(ACCOUNT, false);
    bench.tell(Report::SignedIn);
    bench.tell(Report::Rooms(vec![
        room(1, "Maple", 2),
        room(2, "Birch", 0),
    ]));
    assert_eq!(bench.page(), Page::Lobby);
    bench.assert_says("Birch");
    bench.write("Search rooms", "map");
    assert!(
        bench.says("Maple") && !bench.says("Birch"),
        "{:?}",
        bench.labels()
    );
    bench.touch("Join Maple");
    assert_eq!(bench.entered().unwrap().name.as_str(), "Maple");
    bench.tell(not_entered(Refusal::NoSuchRoom));
    assert_eq!(bench.page(), Page::Lobby);
}

#[test]
fn a_locked_room_asks_for_its_pin_until_it_is_right() {
    let mut bench = Bench::new(ACCOUNT, false);
    bench.tell(Report::SignedIn);
    bench.tell(Report::Rooms(vec![locked(1, "Board")]));
    bench.touch("Join Board, locked");
    assert!(bench.entered().is_none(), "the PIN comes first");
    for digit in ["1", "2", "3", "4"] {
        bench.touch(digit);
    }
    bench.touch("Enter the PIN");
    assert_eq!(bench.entered().unwrap().pin.unwrap().as_str(), "1234");
    bench.tell(not_entered(Refusal::WrongPin));
    bench.assert_says("PIN");
    assert!(bench.window.global::<conclave_ui::Lobby>().get_pin_open());
    bench.tell(Report::Joined {
        room: locked(1, "Board"),
        others: vec![],
    });
    assert_eq!(bench.page(), Page::Room);
    bench.touch("Leave");
    assert!(!bench.window.global::<conclave_ui::Lobby>().get_pin_open());
}

#[test]
fn a_room_is_made_with_a_name_that_is_free() {
    let mut bench = Bench::new(ACCOUNT, false);
    bench.tell(Report::SignedIn);
    bench.tell(Report::Rooms(vec![room(1, "Maple", 2)]));
    bench.touch("New room");
    bench.write("Name of the room", "maple");
    bench.touch("Create");
    assert!(bench.entered().is_none(), "there is one of that name");
    bench.write("Name of the room", "Birch");
    bench.touch("Create");
    let made = bench.entered().unwrap();
    assert_eq!((made.name.as_str(), made.create), ("Birch", Some(16)));
}

#[test]
fn the_microphone_and_the_camera_follow_the_engine_and_not_the_button() {
    let mut bench = Bench::in_room();
    bench.intents();
    bench.touch("Microphone");
    assert!(matches!(bench.intents()[..], [Intent::Microphone(false)]));
    let mut own = person(1, "kiosk", true);
    own.devices.microphone = false;
    bench.tell(Report::People(vec![own, person(2, "ana", false)]));
    assert!(
        !bench
            .window
            .global::<conclave_ui::Room>()
            .get_microphone_on()
    );
    bench.touch("Camera");
    assert!(matches!(bench.intents()[..], [Intent::Camera(false)]));
}

#[test]
fn what_is_wrong_stands_across_the_room_and_goes_when_it_is_over() {
    let bench = Bench::in_room();
    let lost = |reason| DeviceLoss::new(reason, "what the system says");
    let unplugged = CameraState::Lost(lost(LossReason::Disconnected));
    bench.tell(Report::Camera(unplugged));
    bench.assert_says("camera");
    bench.tell(Report::Interrupted(ConnectionLoss::Silent));
    bench.assert_says("econnect");
    bench.tell(Report::SignedIn);
    bench.tell(Report::Joined {
        room: room(1, "Maple", 2),
        others: vec!["Ana Lima".parse().unwrap()],
    });
    bench.tell(Report::Camera(CameraState::Off));
    bench.tell(Report::Speaker(SoundState::Lost(lost(LossReason::Absent))));
    bench.assert_says("peaker");
    bench.tell(Report::Speaker(SoundState::Running {
        name: "Speak".into(),
    }));
    let name = || "Speak".to_owned();
    bench.tell(Report::Microphone(SoundState::Silent { name: name() }));
    bench.assert_says("hears nothing at all");
    bench.tell(Report::Microphone(SoundState::Running { name: name() }));
    assert!(!bench.says("hears nothing at all"));
    assert_eq!(bench.page(), Page::Room);
}

/// Every reason for which a device can be lost, and every one for which there can be no connection.
fn losses() -> Vec<Report> {
    let device = |reason| DeviceLoss::new(reason, "Device or resource busy");
    let mut reports = Vec::new();
    for reason in LossReason::ALL {
        reports.push(Report::Camera(CameraState::Lost(device(reason))));
        reports.push(Report::Microphone(SoundState::Lost(device(reason))));
        reports.push(Report::Speaker(SoundState::Lost(device(reason))));
    }
    let failed = |failure| ConnectionLoss::Failed {
        failure,
        detail: "Network is unreachable".into(),
    };
    let connection = [
        ConnectionLoss::Silent,
        ConnectionLoss::Stuck,
        ConnectionLoss::Closing(ClosingReason::RelayStops),
        ConnectionLoss::Closing(ClosingReason::TooSlow),
        ConnectionLoss::OtherJoin,
        ConnectionLoss::AskedToWait,
        ConnectionLoss::CopiedCard([192, 0, 2, 7].into()),
        failed(ConnectionFailure::NoNetwork),
        failed(ConnectionFailure::NameUnknown),
        failed(ConnectionFailure::NoAnswer),
        failed(ConnectionFailure::Broken),
    ];
    reports.extend(connection.into_iter().map(Report::Interrupted));
    reports
}

#[test]
fn every_reason_for_a_loss_has_words_of_its_own_and_none_of_the_systems() {
    for report in losses() {
        let told = format!("{report:?}");
        let bench = Bench::in_room();
        bench.tell(report);
        assert!(
            bench.window.global::<conclave_ui::Room>().get_banner() != Problem::None,
            "{told}"
        );
        for words in ["Something went wrong", "resource busy", "unreachable"] {
            assert!(!bench.says(words), "{told}: {words}");
        }
    }
}

#[test]
fn a_camera_that_another_program_uses_and_a_relay_that_stops_are_told_apart_from_others() {
    let bench = Bench::in_room();
    let busy = DeviceLoss::new(LossReason::InUse, "Gerät belegt");
    bench.tell(Report::Camera(CameraState::Lost(busy)));
    bench.assert_says("Another program uses the camera.");
    let stops = ConnectionLoss::Closing(ClosingReason::RelayStops);
    bench.tell(Report::Interrupted(stops));
    bench.assert_says("The relay is being restarted.");
}

#[test]
fn whoever_talks_into_a_muted_microphone_is_told() {
    let bench = Bench::in_room();
    let mut own = person(1, "kiosk", true);
    own.devices.microphone = false;
    bench.tell(Report::People(vec![own, person(2, "ana", false)]));
    let level = AudioLevel {
        loudness: Dbov::below_overload(20),
        voice: true,
    };
    bench.tell(Report::Levels(vec![Loudness { of: None, level }]));
    assert!(!bench.says("Nobody hears you"), "not at once");
    bench.app.act(|app| {
        let later = conclave_protocol::time::Instant(crate::clock::now().0 - 5_000_000);
        app.room.as_mut().unwrap().note_muted_talk_since(later);
    });
    bench.assert_says("Nobody hears you");
}

#[test]
fn chat_is_shown_counted_and_written() {
    let mut bench = Bench::in_room();
    bench.tell(Report::History { more: false });
    bench.tell(Report::Chat {
        line: line(1, "ana", "Hello room"),
        own: false,
    });
    assert_eq!(bench.window.global::<conclave_ui::Room>().get_unread(), 1);
    bench.touch("Chat");
    bench.assert_says("Hello room");
    assert_eq!(bench.window.global::<conclave_ui::Room>().get_unread(), 0);
    bench.intents();
    bench.write("Message", "Hello Ana");
    bench.touch("Send");
    let said = bench.intents();
    assert!(
        matches!(&said[..], [Intent::Say(text)] if text.as_str() == "Hello Ana"),
        "{said:?}"
    );
    bench.tell(Report::NotSaid(Refusal::RateLimited {
        retry_after_ms: 3_000,
    }));
    bench.assert_says("3");
}

/// The links that a kiosk asks for in the second after it signed in, by their minutes.
fn idle_links(room: &str, rooms: &[RoomSummary]) -> Vec<u16> {
    let mut bench = Bench::new(&format!("{ACCOUNT}\n{room}"), true);
    bench.tell(Report::SignedIn);
    bench.tell(Report::Rooms(rooms.to_vec()));
    bench.app.act(App::tick);
    let intents = bench.intents().into_iter();
    let minutes = |intent| match intent {
        Intent::MakeLink {
            lifetime_minutes, ..
        } => Some(lifetime_minutes),
        _ => None,
    };
    intents.filter_map(minutes).collect()
}

#[test]
fn the_code_of_an_idle_kiosk_is_for_minutes_and_never_a_way_past_a_pin() {
    let (open, closed) = (room(1, "Maple", 0), locked(1, "Maple"));
    assert_eq!(idle_links("", std::slice::from_ref(&open)), [5]);
    assert_eq!(idle_links("", &[]), [5]);
    assert_eq!(idle_links("", std::slice::from_ref(&closed)), [0; 0]);
    assert_eq!(idle_links("pin = '4711'", &[]), [0; 0]);
    let asked_for = "pin = '4711'\nidle_code = 'on'";
    assert_eq!(idle_links(asked_for, &[closed]), [5]);
    assert_eq!(idle_links("idle_code = 'off'", &[open]), [0; 0]);
}

#[test]
fn the_code_goes_with_the_idle_page() {
    let mut bench = Bench::idle(&[room(1, "Maple", 0)]);
    bench.app.act(App::tick);
    bench.tell(Report::Link(Ok("https://relay.lan:7480/#token".into())));
    let shown = |bench: &Bench| bench.window.global::<conclave_ui::App>().get_has_code();
    assert!(shown(&bench));
    bench.touch("Settings");
    assert!(!shown(&bench));
}

#[test]
fn the_settings_of_a_kiosk_are_behind_their_pin() {
    let mut bench = Bench::new(&format!("{ACCOUNT}\n[screen]\nsettings_pin = '4711'"), true);
    bench.tell(Report::SignedIn);
    bench.touch("Settings");
    assert!(bench.window.global::<conclave_ui::Settings>().get_locked());
    for digits in ["1111", "4711"] {
        for digit in digits.chars() {
            bench.touch(&digit.to_string());
        }
        bench.touch("Enter the PIN");
    }
    assert!(!bench.window.global::<conclave_ui::Settings>().get_locked());
    assert!(
        bench
            .intents()
            .iter()
            .any(|intent| matches!(intent, Intent::TryDevices(true)))
    );
}

#[test]
fn guesses_of_the_settings_pin_wait_and_a_restart_does_not_help() {
    let config = format!("{ACCOUNT}\n[screen]\nsettings_pin = '4711'");
    let mut bench = Bench::new(&config, true);
    bench.tell(Report::SignedIn);
    bench.touch("Settings");
    let enter = |bench: &mut Bench, digits: &str| {
        for digit in digits.chars() {
            bench.touch(&digit.to_string());
        }
        bench.touch("Enter the PIN");
    };
    let locked = |bench: &Bench| bench.window.global::<conclave_ui::Settings>().get_locked();
    for _ in 0..5 {
        assert!(!bench.says("Try again in"));
        enter(&mut bench, "1111");
    }
    bench.assert_says("Try again in");
    enter(&mut bench, "4711");
    assert!(locked(&bench), "no PIN is compared during the pause");
    let mut bench = bench.restarted(&config);
    bench.tell(Report::SignedIn);
    bench.touch("Settings");
    bench.assert_says("Try again in");
    enter(&mut bench, "4711");
    assert!(locked(&bench), "the pause survives a restart");
}

#[test]
fn an_engine_that_was_given_up_is_not_listened_to() {
    let bench = Bench::idle(&[]);
    let old = bench.app.number();
    bench.app.act(App::sign_out);
    bench
        .app
        .act(|app| app.take(old, News::Report(Report::SignedIn)));
    assert_eq!(bench.page(), Page::SignIn);
}

#[test]
fn a_kiosk_that_was_refused_tries_again_by_itself() {
    let mut bench = Bench::idle(&[]);
    bench.end(refused(Refusal::RelayFull));
    assert_eq!(bench.page(), Page::Idle);
    bench.settings = None;
    bench.app.act(|app| {
        app.sign_in_again_at = Some(conclave_protocol::time::Instant(0));
        app.tick();
    });
    bench.take_orders();
    assert!(bench.settings.is_some());
}

#[test]
fn a_changed_account_is_kept() {
    let bench = Bench::new("", false);
    let account = Account {
        relay: crate::discovery::RelaySpec::Address("relay.lan:7470".into()),
        name: name("ana"),
        display_name: "Ana Lima".parse().unwrap(),
        email: conclave_protocol::name::Email::parse("ana@example.org").unwrap(),
    };
    bench.app.act(|app| {
        app.config.choose_account(account.clone());
        app.save_choices();
    });
    let again = Config::load_with(None, Some(bench.folder.path()), []).unwrap();
    assert_eq!(Preferences::new(again).account(), Some(account));
}

#[test]
fn provisioning_that_is_refused_is_told_between_meetings_until_it_is_right() {
    let mut bench = Bench::idle(&[]);
    const TITLE: &str = "Something is wrong with the provisioning";
    assert!(!bench.says(TITLE));
    bench.provision("[room]\nname = 7\n[acount]\nname = 'x'\n");
    for words in [
        TITLE,
        "line 2: room.name = 7",
        "line 4: unknown key",
        "plug the stick in again",
    ] {
        bench.assert_says(words);
    }
    bench.touch("Close");
    assert!(!bench.says(TITLE));
    bench.app.act(App::tick);
    assert!(!bench.says(TITLE), "it was read");
    // Nobody has touched anything for long.
    bench
        .app
        .act(|app| app.presence = Presence::new(Instant(0), None, None));
    bench.app.act(App::tick);
    bench.assert_says(TITLE);
    bench.touch("Close");
    bench.provision("[room]\nname = 8\n");
    bench.assert_says("line 2: room.name = 8");
    bench.tell(Report::Joined {
        room: room(1, "Maple", 2),
        others: vec!["Ana Lima".parse().unwrap()],
    });
    assert_eq!(bench.page(), Page::Room);
    assert!(!bench.says(TITLE), "it is in the way of a call");
    bench.tell(Report::LeftRoom);
    bench.assert_says(TITLE);
    bench.provision("[room]\nname = 'Oak'\n");
    assert!(!bench.says(TITLE));
}

#[test]
fn a_refusal_stands_at_the_sign_in_and_wakes_the_screen() {
    let bench = Bench::new("[screen]\nblank_after_s = 1\n", true);
    assert_eq!(bench.page(), Page::SignIn);
    let dark = Some(conclave_protocol::time::Micros::from_secs(1));
    bench
        .app
        .act(|app| app.presence = Presence::new(Instant(0), None, dark));
    bench.app.act(App::tick);
    let blanked = || bench.window.global::<conclave_ui::App>().get_blanked();
    assert!(blanked());
    bench.provision("[room]\nname = 7\n");
    assert!(!blanked());
    bench.assert_says("line 2: room.name = 7");
}

#[test]
fn new_provisioning_begins_the_kiosk_anew_and_never_within_a_call() {
    let bench = Bench::idle(&[]);
    bench.provision("[room]\nname = 7\n");
    assert!(!bench.app.is_over(), "what was refused is nothing new");
    bench.tell(Report::Joined {
        room: room(1, "Maple", 2),
        others: vec!["Ana Lima".parse().unwrap()],
    });
    bench.provision("[room]\nname = 'Oak'\n");
    bench.app.act(App::tick);
    assert!(!bench.app.is_over(), "a call was interrupted");
    bench.tell(Report::LeftRoom);
    bench.app.act(App::tick);
    assert!(bench.app.is_over());
}

#[test]
fn a_window_is_nobodys_kiosk_and_is_not_provisioned() {
    let window = Bench::new(ACCOUNT, false);
    window.provision("[room]\nname = 'Elm'\n");
    assert!(!window.app.is_over());
}

#[test]
fn a_kiosk_meets_no_other_relay_than_the_one_it_was_provisioned_with() {
    let fingerprint = "0".repeat(64);
    let given = ACCOUNT.replace(
        "'relay.lan'",
        &format!("'relay.lan'\n    fingerprint = '{fingerprint}'"),
    );
    let mut bench = Bench::new(&given, true);
    let expected = bench
        .settings
        .as_ref()
        .unwrap()
        .relay_fingerprint
        .clone()
        .unwrap();
    assert_eq!(expected.replace('-', ""), fingerprint);
    bench.end(EngineError::WrongFingerprint {
        relay: "relay.lan:7470".into(),
        expected,
        met: "1".repeat(64),
    });
    bench.take_orders();
    bench.assert_says("fingerprint");
}
