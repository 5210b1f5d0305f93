//! The engine's loop and its state: the one place that asks the clock, holds sockets and devices, and tells reports.

use super::chat::Chat;
use super::clock_offset::ClockEstimate;
use super::devices::{self, Devices, OwnPictures};
use super::in_room::InRoom;
use super::lobby::Lobby;
use super::media::Inbound;
use super::messages::{EngineError, Intent, Loudness, Report, Settings};
use super::network::{Network, SystemNetwork};
use super::path::MediaPath;
use super::reconnect::Reconnect;
use super::requests::Requests;
use super::stats::{self, SelfStats, Stats, StatsCollector};
use super::timers::{Timer, Timers};
use crate::clock;
use crate::data_dir::DataDir;
use crate::net::control::{Connection, ConnectionEvent};
use crate::net::outbound::{StreamSlot, Transport};
use crate::net::udp::{MediaSocket, ReadBuffers, Readiness};
use crate::record::Recorder;
use crate::screen::ScreenInput;
use conclave_protocol::identity::Identity;
use conclave_protocol::member_key::JoinNonce;
use conclave_protocol::time::{Instant, Micros};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often timers are looked at: the accuracy of probes, pings, feedback and retries.
const TICK: Duration = Duration::from_millis(50);
/// How often levels are reported: quick enough for a ring around the speaker.
const LEVELS_EVERY: Micros = Micros::from_millis(100);
/// How often statistics are reported.
const STATS_EVERY: Micros = Micros::from_secs(1);

/// Everything that can happen to an engine.
enum Event {
    Connection(ConnectionEvent),
    MediaReadable,
    TcpDatagram(Vec<u8>),
    Intent(Option<Intent>),
    Device(devices::DeviceEvent),
    AskForMissing,
    Tick,
}

/// The loop's state.
pub struct Engine {
    pub(super) settings: Settings,
    pub(super) keep: DataDir,
    pub(super) identity: Identity,
    pub(super) report: Box<dyn FnMut(Report)>,
    pub(super) recorder: Option<Recorder>,
    pub(super) started: Instant,
    /// When the event came that is handled now.
    pub(super) now: Instant,
    pub(super) timers: Timers,

    pub(super) network: Box<dyn Network>,
    pub(super) connection: Option<Connection>,
    pub(super) reconnect: Reconnect,
    pub(super) requests: Requests,
    /// Of the join that was asked for last, until this endpoint is in the room.
    pub(super) join_nonce: Option<JoinNonce>,
    pub(super) clock: ClockEstimate,
    pub(super) lobby: Lobby,
    pub(super) chat: Chat,
    pub(super) room: Option<InRoom>,
    pub(super) media: Inbound,
    pub(super) path: MediaPath,
    pub(super) transport: Arc<Transport>,
    pub(super) tcp_out: mpsc::Receiver<Vec<u8>>,
    pub(super) socket: Option<(Readiness, Arc<MediaSocket>)>,
    pub(super) reads: ReadBuffers,

    pub(super) devices: Devices,
    /// The devices are open although there is no room.
    pub(super) trying_devices: bool,
    pub(super) device_events: mpsc::Receiver<devices::DeviceEvent>,
    pub(super) camera: StreamSlot,
    pub(super) microphone: StreamSlot,
    pub(super) stats: StatsCollector,
}

/// Where pictures go that are shown on a screen.
pub struct PictureOutputs {
    /// Everyone else's.
    pub others: ScreenInput,
    /// The own camera's.
    pub own: OwnPictures,
}

impl Engine {
    /// An engine, its devices opened unless they are to be so on demand; it connects when it runs.
    ///
    /// Received pictures go to `viewers` where there are any; otherwise they are decoded for proof alone.
    ///
    /// # Errors
    /// [`EngineError`] when the device's identity cannot be had or a device thread not be started.
    pub fn new(
        settings: Settings,
        keep: DataDir,
        recorder: Option<Recorder>,
        viewers: Option<PictureOutputs>,
        report: impl FnMut(Report) + 'static,
    ) -> Result<Self, EngineError> {
        Self::begin(settings, keep, recorder, viewers, report, clock::now())
    }

    /// As [`Self::new`], at a time that a test may choose.
    pub(super) fn begin(
        settings: Settings,
        keep: DataDir,
        recorder: Option<Recorder>,
        viewers: Option<PictureOutputs>,
        report: impl FnMut(Report) + 'static,
        now: Instant,
    ) -> Result<Self, EngineError> {
        let identity = keep.identity()?;
        let (transport, tcp_out) = Transport::new();
        let (camera, microphone) = (StreamSlot::default(), StreamSlot::default());
        let stats = StatsCollector::default();
        let (others, own) = viewers.map(|viewers| (viewers.others, viewers.own)).unzip();
        let outputs = devices::DeviceOutputs {
            transport: Arc::clone(&transport),
            camera: camera.clone(),
            microphone: microphone.clone(),
            recorder: recorder.clone(),
            own_pictures: own,
        };
        let (devices, device_events) = Devices::new(&settings, outputs);
        let mut lobby = Lobby::default();
        if let Some(room) = settings.room.clone() {
            lobby.require(room);
        }
        let mut timers = Timers::default();
        timers.set(Timer::Levels, now);
        timers.set(Timer::Statistics, now + STATS_EVERY);
        let reconnect = Reconnect::new(settings.patience, now, &mut timers);
        let mut engine = Self {
            keep,
            identity,
            report: Box::new(report),
            started: now,
            now,
            timers,
            network: Box::new(SystemNetwork),
            connection: None,
            reconnect,
            requests: Requests::default(),
            join_nonce: None,
            clock: ClockEstimate::default(),
            lobby,
            chat: Chat::default(),
            room: None,
            media: Inbound::new(others, recorder.clone())?,
            recorder,
            path: MediaPath::new(),
            transport,
            tcp_out,
            socket: None,
            reads: ReadBuffers::default(),
            devices,
            trying_devices: false,
            device_events,
            camera,
            microphone,
            stats,
            settings,
        };
        if !engine.settings.devices_on_demand {
            let voices = engine.devices.open()?;
            engine.media.speak_through(voices);
        }
        Ok(engine)
    }

    /// Runs until it is told to stop, or what it was to do is refused.
    ///
    /// # Errors
    /// [`EngineError`] says what was refused or cannot be reached. Lost connections are none: they are retried.
    pub async fn run(mut self, mut intents: mpsc::Receiver<Intent>) -> Result<(), EngineError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let event = tokio::select! {
                event = next(&mut self.connection) => Event::Connection(event),
                () = readable(self.socket.as_ref()) => Event::MediaReadable,
                Some(datagram) = self.tcp_out.recv() => Event::TcpDatagram(datagram),
                intent = intents.recv() => Event::Intent(intent),
                Some(event) = self.device_events.recv() => Event::Device(event),
                () = due(self.media.next_ask()) => Event::AskForMissing,
                _ = tick.tick() => Event::Tick,
            };
            let now = clock::now();
            self.now = now;
            match event {
                Event::Connection(event) => self.handle_connection(event, now)?,
                Event::MediaReadable => self.read_media(now),
                Event::TcpDatagram(datagram) => self.send_by_tcp(datagram),
                Event::Intent(None | Some(Intent::Stop)) => {
                    self.leave(now).await;
                    return self.never_signed_in();
                }
                Event::Intent(Some(intent)) => self.handle_intent(intent)?,
                Event::Device(event) => self.handle_device(event),
                Event::AskForMissing => self.ask_for_missing(now),
                Event::Tick => self.handle_tick(now)?,
            }
        }
    }

    pub(super) fn handle_tick(&mut self, now: Instant) -> Result<(), EngineError> {
        self.tick_session(now)?;
        self.handle_timers(now)?;
        self.tell_rooms();
        self.media.flush_voice_changes();
        Ok(())
    }

    /// Handles everything that is due.
    pub(super) fn handle_timers(&mut self, now: Instant) -> Result<(), EngineError> {
        while let Some(timer) = self.timers.take_expired(now) {
            self.handle_timer(timer, now)?;
        }
        Ok(())
    }

    fn handle_timer(&mut self, timer: Timer, now: Instant) -> Result<(), EngineError> {
        match timer {
            Timer::Connect => self.connect(now)?,
            Timer::Silence => self.handle_silence(now)?,
            Timer::Ping => self.ping(now),
            Timer::LookAgain => self.look_again()?,
            Timer::WishExpires => {
                let step = self.lobby.expire();
                self.take_step(step)?;
            }
            Timer::Probe => self.send_probe(),
            Timer::UdpPatience => {
                self.path.lose_patience();
                self.follow_path();
            }
            Timer::Levels => {
                self.timers.set(timer, now + LEVELS_EVERY);
                self.tell_levels(now);
            }
            Timer::Statistics => {
                self.timers.set(timer, now + STATS_EVERY);
                let stats = self.stats(false, now);
                (self.report)(Report::Stats(Box::new(stats)));
            }
        }
        Ok(())
    }

    fn tell_levels(&mut self, now: Instant) {
        if self.devices.are_open() {
            let own = Loudness {
                of: None,
                level: self.devices.level(),
            };
            let levels = std::iter::once(own).chain(self.media.levels(now)).collect();
            (self.report)(Report::Levels(levels));
        }
    }

    pub(super) fn handle_device(&mut self, event: devices::DeviceEvent) {
        let before = self.devices.working();
        self.devices.follow(&event);
        (self.report)(match event {
            devices::DeviceEvent::Camera(state) => Report::Camera(state),
            devices::DeviceEvent::Microphone(state) => Report::Microphone(state),
            devices::DeviceEvent::Speaker(state) => Report::Speaker(state),
        });
        // Nobody waits for the picture of a camera that is lost.
        if self.devices.working() != before {
            self.tell_devices();
        }
    }

    /// Says goodbye, ends the devices and reports the last statistics.
    async fn leave(&mut self, now: Instant) {
        self.camera.set(None);
        self.microphone.set(None);
        self.media.finish_pictures();
        let stats = self.stats(true, now);
        self.sign_out().await;
        self.devices.stop();
        (self.report)(Report::Stats(Box::new(stats)));
    }

    fn stats(&mut self, is_final: bool, now: Instant) -> Stats {
        if let Some(room) = &self.room {
            self.media.tell(&room.attendance, &mut self.stats);
        }
        let own = SelfStats {
            frames_captured: self.devices.camera_counts().captured,
            frames_sent: self.camera.frames_sent(),
            frames_dropped: self.camera.frames_dropped() + self.microphone.frames_dropped(),
            capture_drops: self.devices.capture_drops(),
            damaged_frames: self.devices.camera_counts().damaged,
            blocks_captured: self.devices.microphone_counts().blocks,
            microphone_silent: self.devices.microphone_is_silent(),
            blocks_sent: self.microphone.frames_sent(),
            xruns: self.devices.xruns(),
            datagrams_dropped: self.transport.dropped(),
            pictures_left_out: self.media.pictures_left_out(),
            recording_left_out: self.recorder.as_ref().map_or(0, Recorder::left_out),
            blocks_dropped: self.media.blocks_dropped(),
            packets_refused: self.media.refused(),
            reconnects: self.reconnect.reconnects(),
            path: self.transport.path(),
            ..stats::process()
        };
        self.stats.stats(own, is_final, now.since(self.started))
    }

    /// Has media travel as it is to travel now, and tells of a change.
    pub(super) fn follow_path(&mut self) {
        let path = self.path.now();
        if self.transport.path() != path {
            self.transport.set_path(path);
            tracing::info!(?path, "media path");
            (self.report)(Report::Path(path));
        }
    }
}

async fn next(connection: &mut Option<Connection>) -> ConnectionEvent {
    match connection {
        Some(connection) => connection.next().await,
        None => std::future::pending().await,
    }
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep(at.since(clock::now()).as_duration()).await,
        None => std::future::pending().await,
    }
}

async fn readable(socket: Option<&(Readiness, Arc<MediaSocket>)>) {
    match socket {
        // An error shows itself when the socket is read.
        Some((readiness, _)) => drop(readiness.readable().await),
        None => std::future::pending().await,
    }
}
