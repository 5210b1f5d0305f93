//! One endpoint of a story: the engine as it runs in a kiosk, its person, and what its screen would show.

use super::stage::Stage;
use crate::camera::CameraSpec;
use crate::data_dir::DataDir;
use crate::engine::messages::{
    EngineError, Intent, LineNumber, LineState, Person, Report, Room, Settings,
};
use crate::engine::network::Network;
use crate::engine::shell::Engine;
use crate::net::control::{Connection, ConnectionEvent, QUEUE};
use crate::net::udp::{MediaSocket, Readiness};
use crate::sound::{MicrophoneSpec, SpeakerSpec};
use conclave_protocol::id::{ChatId, ParticipantId, RoomId};
use conclave_protocol::identity::{Identity, PublicKey};
use conclave_protocol::name::{ChatText, Pin, RoomName};
use conclave_protocol::secret::Secret;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{Devices, Media, Suite, ToRelay};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A connection that the engine has begun: the test plays its other end.
pub(super) struct Dialled {
    pub(super) outgoing: mpsc::Receiver<ToRelay>,
    /// Kept, so that the connection does not count as closed.
    _incoming: mpsc::Sender<ConnectionEvent>,
}

#[derive(Clone, Default)]
struct Phone(Rc<RefCell<Option<Dialled>>>);

impl Network for Phone {
    fn connect(&self, _: String, _: Identity, _: Option<PublicKey>, _: Secret<32>) -> Connection {
        let (to_send, outgoing) = mpsc::channel(QUEUE);
        let (events, incoming) = mpsc::channel(QUEUE);
        *self.0.borrow_mut() = Some(Dialled {
            outgoing,
            _incoming: events,
        });
        Connection::of(to_send, incoming)
    }

    fn open_socket(&self, _: SocketAddr) -> io::Result<(Readiness, Arc<MediaSocket>)> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// What the screen was told.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) people: Vec<Person>,
    pub(super) in_room: bool,
    pub(super) interrupted: bool,
    pub(super) signed_in_at: Option<Instant>,
    /// Since when it is in the room, outages included.
    pub(super) stay_since: Instant,
    /// The lines of this stay, in the order in which they were told.
    pub(super) told: Vec<(ChatId, String)>,
    /// Own lines that are not stored.
    pub(super) own_lines: BTreeMap<LineNumber, (String, LineState)>,
    pub(super) not_entered: Vec<String>,
    pub(super) now: Instant,
}

impl Seen {
    fn take(&mut self, report: Report) {
        match report {
            Report::SignedIn => self.signed_in_at = Some(self.now),
            Report::Joined { back, .. } => {
                (self.in_room, self.interrupted) = (true, false);
                if !back {
                    self.stay_since = self.now;
                    self.told.clear();
                }
            }
            Report::LeftRoom => {
                self.in_room = false;
                self.people.clear();
            }
            Report::NotEntered { why, .. } => self.not_entered.push(format!("{why:?}")),
            Report::People(people) => self.people = people,
            Report::Interrupted(_) => self.interrupted = true,
            Report::Chat { line, number, .. } => {
                self.told.push((line.id, line.text.to_string()));
                if let Some(number) = number {
                    self.own_lines.remove(&number);
                }
            }
            Report::OwnLine {
                number,
                text,
                state,
                ..
            } => {
                self.own_lines.insert(number, (text.to_string(), state));
            }
            Report::LineGone(number) => {
                self.own_lines.remove(&number);
            }
            _ => {}
        }
    }
}

pub(super) struct Seat {
    pub(super) name: &'static str,
    pub(super) engine: Option<Engine>,
    pub(super) ended: Option<EngineError>,
    pub(super) stage: Stage,
    pub(super) seen: Rc<RefCell<Seen>>,
    phone: Phone,
    pub(super) wish: Devices,
    /// When the person touched the room that they wait for.
    pub(super) touched: Option<Instant>,
    /// Lines that the person has written.
    pub(super) written: Vec<String>,
}

impl Seat {
    pub(super) fn new(name: &'static str, keep: DataDir, now: Instant) -> Self {
        let (stage, phone) = (Stage::default(), Phone::default());
        let seen = Rc::new(RefCell::new(Seen {
            now,
            ..Seen::default()
        }));
        let settings = Settings {
            relay: "relay:1".into(),
            relay_kept_as: "relay:1".into(),
            relay_fingerprint: None,
            username: name.parse().unwrap(),
            display_name: name.parse().unwrap(),
            email: "a@example.org".parse().unwrap(),
            room: None,
            suite: Suite::Aes256Gcm,
            camera: CameraSpec::Auto,
            microphone: MicrophoneSpec::Auto,
            speaker: SpeakerSpec::Auto,
            devices_on_demand: true,
            patience: Micros(u64::MAX / 4),
        };
        let told = Rc::clone(&seen);
        let report = move |report| told.borrow_mut().take(report);
        let engine = Engine::begin(settings, keep, None, None, report, now);
        let mut engine = engine.unwrap();
        engine.network = Box::new(phone.clone());
        engine.devices.start_by(Box::new(stage.clone()));
        Self {
            name,
            engine: Some(engine),
            ended: None,
            stage,
            seen,
            phone,
            wish: Devices {
                microphone: true,
                camera: true,
            },
            touched: None,
            written: Vec::new(),
        }
    }

    /// Has the engine handle something; an error ends it.
    pub(super) fn with(
        &mut self,
        now: Instant,
        what: impl FnOnce(&mut Engine) -> Result<(), EngineError>,
    ) {
        self.seen.borrow_mut().now = now;
        let Some(engine) = &mut self.engine else {
            return;
        };
        engine.now = now;
        let result = what(engine);
        // A camera is let go of by a thread of its own, which knows nothing of virtual time.
        engine.devices.wait_for_camera();
        if let Err(error) = result {
            self.ended = Some(error);
            // As the loop does when it ends.
            self.engine = None;
        }
    }

    pub(super) fn intend(&mut self, now: Instant, intent: Intent) {
        self.with(now, |engine| engine.handle_intent(intent));
    }

    pub(super) fn enter(&mut self, now: Instant, room: &str, pin: Option<&str>) {
        let room = Room {
            name: RoomName::parse(room).unwrap(),
            pin: pin.map(|pin| Pin::parse(pin).unwrap()),
            create: None,
        };
        self.wish = Devices {
            microphone: true,
            camera: true,
        };
        self.touched = Some(now);
        self.intend(now, Intent::Microphone(true));
        self.intend(now, Intent::Camera(true));
        self.intend(now, Intent::Enter(room));
    }

    pub(super) fn say(&mut self, now: Instant, text: String) {
        // A person writes on the room's page alone.
        if self.seen.borrow().in_room {
            let line = Box::new(ChatText::parse(&text).unwrap());
            self.written.push(text);
            self.intend(now, Intent::Say(line));
        }
    }

    /// A connection that was begun since the last call.
    pub(super) fn dialled(&self) -> Option<Dialled> {
        self.phone.0.borrow_mut().take()
    }

    /// What is due: timers, device states, media that travels within the connection.
    pub(super) fn turn(&mut self, now: Instant) {
        self.with(now, |engine| {
            while let Ok(event) = engine.device_events.try_recv() {
                engine.handle_device(event);
            }
            while let Ok(datagram) = engine.tcp_out.try_recv() {
                engine.send_by_tcp(datagram);
            }
            engine.handle_tick(now)
        });
    }

    /// The room that the engine wants to be in.
    pub(super) fn goal(&self) -> Option<String> {
        let goal = self.engine.as_ref()?.lobby.goal()?;
        Some(goal.name.key())
    }

    /// The room that the engine is in, as its relay numbers it.
    pub(super) fn room(&self) -> Option<RoomId> {
        let room = self.engine.as_ref()?.room.as_ref()?;
        Some(room.attendance.place().room)
    }

    pub(super) fn me(&self) -> Option<ParticipantId> {
        let room = self.engine.as_ref()?.room.as_ref()?;
        Some(room.attendance.place().me)
    }

    /// Packets that were opened of each participant, of sound and of pictures.
    pub(super) fn opened(&self) -> BTreeMap<(ParticipantId, bool), u64> {
        let mut opened = BTreeMap::new();
        let room = self.engine.as_ref().and_then(|engine| engine.room.as_ref());
        for (of, _, media, counts) in room.iter().flat_map(|room| room.attendance.counts()) {
            let is_sound = matches!(media, Media::Audio(_));
            *opened.entry((of, is_sound)).or_default() += counts.packets;
        }
        opened
    }
}
