//! Every page's flow and error, found by accessible labels, without a display: a file a page.

mod chat;
mod idle;
mod lobby;
mod outage;
mod provisioning;
mod room;
mod settings;
mod sign_in;
mod way;

use crate::camera::CameraState;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::device::{DeviceLoss, LossReason};
use crate::engine::{
    ConnectionLoss, EngineError, Intent, LineNumber, LineState, Loudness, Person, Report, Settings,
    WhyNotEntered,
};
use crate::kiosk::Watch;
use crate::kiosk::provisioning::provision;
use crate::net::control::{ConnectionError, ConnectionFailure};
use crate::sound::SoundState;
use crate::ui::app::{App, Handle, Parts};
use crate::ui::host::{Host, Order};
use crate::ui::inbox::{Inbox, News};
use crate::ui::pictures::Paintings;
use crate::ui::preferences::{Account, Preferences};
use crate::ui::presence::Presence;
use crate::ui::way::Way;
use conclave_protocol::id::{ChatId, LineMark, ParticipantId, RoomId};
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

/// The app behind a window without a display, and what it tells the engine.
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
        let keep = DataDir::open(folder.path()).unwrap();
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

    /// A laptop in a room with one other person.
    fn in_room() -> Self {
        let mut bench = Self::new(ACCOUNT, false);
        bench.tell(Report::SignedIn);
        bench.tell(Report::Rooms(vec![room(1, "Maple", 1)]));
        bench.touch("Join Maple");
        bench.is_let_in();
        bench
    }

    /// A kiosk in its room with one other person.
    fn kiosk_in_room() -> Self {
        let mut bench = Self::idle(&[room(1, "Maple", 1)]);
        bench.touch("Join the meeting");
        bench.is_let_in();
        bench.intents();
        bench
    }

    /// The relay lets this endpoint in, or in again, beside one other person.
    fn is_let_in(&self) {
        self.tell(Report::Joined {
            room: room(1, "Maple", 2),
            others: vec!["Ana Lima".parse().unwrap()],
            back: false,
        });
        self.tell(Report::People(vec![
            person(1, "kiosk", true),
            person(2, "ana", false),
        ]));
    }

    /// As if a touch on a room had come to nothing for too long.
    fn time_passes_while_joining(&self) {
        self.app.act(|app| {
            if let Way::Joining { since, .. } = &mut app.way {
                *since = Instant(0);
            }
            app.tick();
        });
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
        confirmed: Devices {
            microphone: true,
            camera: true,
        },
        away: false,
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
        why: WhyNotEntered::Refused(refusal),
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
        mark: LineMark(id),
    }
}
