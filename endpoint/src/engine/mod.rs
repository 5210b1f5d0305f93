//! The engine: one loop over one kind of event, which owns the session, the room, the senders and the receivers.
//!
//! It is given a goal, to be in a room, and keeps at it: it connects, signs in, joins, publishes, and does so
//! again whenever the connection or the relay goes. Whoever uses it sends [`Intent`]s and gets [`Report`]s.

mod chat;
mod clock_offset;
mod ledger;
mod lobby;
mod media;
mod messages;
mod parts;
mod replies;
mod room;
mod session;

pub use ledger::{ParticipantStats, RefusedPackets, SelfStats, Stats, StreamStats};
pub use messages::{EngineError, Intent, Report, Room, Settings};
pub use parts::Parts;

use crate::clock;
use crate::control::{Connection, ConnectionEvent};
use crate::keep::Keep;
use crate::outbound::{Lane, Path, Transport};
use crate::record::Recorder;
use crate::udp::{MediaSocket, ReadBuffers, Readiness};
use conclave_protocol::identity::Identity;
use conclave_protocol::time::{Instant, Micros};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often timers are looked at: the accuracy of probes, pings, feedback and retries.
const TICK: Duration = Duration::from_millis(50);
/// How often statistics are reported.
const STATS_EVERY: Micros = Micros::from_secs(1);

/// Everything that can happen to an engine.
enum Event {
    Connection(ConnectionEvent),
    MediaReadable,
    TcpDatagram(Vec<u8>),
    Intent(Option<Intent>),
    Device(parts::DeviceEvent),
    Tick,
}

/// The loop's state.
pub struct Engine {
    settings: Settings,
    keep: Keep,
    identity: Identity,
    report: Box<dyn FnMut(Report)>,
    recorder: Option<Recorder>,
    started: Instant,

    connection: Option<Connection>,
    session: session::Session,
    room: Option<room::InRoom>,
    media: media::Inbound,
    transport: Arc<Transport>,
    tcp_out: mpsc::Receiver<Vec<u8>>,
    socket: Option<(Readiness, Arc<MediaSocket>)>,
    reads: ReadBuffers,

    parts: Parts,
    device_events: mpsc::Receiver<parts::DeviceEvent>,
    camera: Lane,
    microphone: Lane,
    ledger: ledger::Ledger,
    next_stats: Instant,
}

impl Engine {
    /// An engine with its devices opened; it connects when it runs.
    ///
    /// # Errors
    /// [`EngineError`] when the device's identity cannot be had or a device thread not be started.
    pub fn new(
        settings: Settings,
        keep: Keep,
        recorder: Option<Recorder>,
        report: impl FnMut(Report) + 'static,
    ) -> Result<Self, EngineError> {
        let identity = keep.identity()?;
        let (transport, tcp_out) = Transport::new();
        let (camera, microphone) = (Lane::default(), Lane::default());
        let ledger = ledger::Ledger::default();
        let (parts, device_events, voices) = Parts::start(
            &settings,
            &transport,
            &camera,
            &microphone,
            recorder.clone(),
        )?;
        let now = clock::now();
        Ok(Self {
            keep,
            identity,
            report: Box::new(report),
            started: now,
            connection: None,
            session: session::Session::new(now),
            room: None,
            media: media::Inbound::new(voices, recorder.clone())?,
            recorder,
            transport,
            tcp_out,
            socket: None,
            reads: ReadBuffers::default(),
            parts,
            device_events,
            camera,
            microphone,
            ledger,
            next_stats: now + STATS_EVERY,
            settings,
        })
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
                _ = tick.tick() => Event::Tick,
            };
            let now = clock::now();
            match event {
                Event::Connection(event) => self.handle_connection(event, now)?,
                Event::MediaReadable => self.read_media(now),
                Event::TcpDatagram(datagram) => self.send_by_tcp(datagram),
                Event::Intent(None | Some(Intent::Stop)) => {
                    self.leave(now).await;
                    return self.never_signed_in();
                }
                Event::Intent(Some(intent)) => self.handle_intent(intent),
                Event::Device(event) => self.handle_device(event),
                Event::Tick => self.handle_tick(now)?,
            }
        }
    }

    fn handle_tick(&mut self, now: Instant) -> Result<(), EngineError> {
        self.tick_session(now)?;
        self.tick_media(now);
        if now >= self.next_stats {
            self.next_stats = now + STATS_EVERY;
            let stats = self.stats(false, now);
            (self.report)(Report::Stats(Box::new(stats)));
        }
        Ok(())
    }

    fn handle_device(&mut self, event: parts::DeviceEvent) {
        (self.report)(match event {
            parts::DeviceEvent::Camera(state) => Report::Camera(state),
            parts::DeviceEvent::Microphone(state) => Report::Microphone(state),
            parts::DeviceEvent::Speaker(state) => Report::Speaker(state),
        });
    }

    /// Says goodbye, ends the devices and reports the last statistics.
    async fn leave(&mut self, now: Instant) {
        self.camera.set(None);
        self.microphone.set(None);
        self.media.finish_pictures();
        let stats = self.stats(true, now);
        self.sign_out().await;
        self.parts.stop();
        (self.report)(Report::Stats(Box::new(stats)));
    }

    fn stats(&mut self, is_final: bool, now: Instant) -> Stats {
        self.media.tell(&mut self.ledger);
        let own = SelfStats {
            frames_captured: self.parts.camera_counts().captured,
            frames_sent: self.camera.frames_sent(),
            frames_dropped: self.camera.frames_dropped() + self.microphone.frames_dropped(),
            capture_drops: self.parts.capture_drops(),
            damaged_frames: self.parts.camera_counts().damaged,
            blocks_captured: self.parts.microphone_counts().blocks,
            blocks_sent: self.microphone.frames_sent(),
            xruns: self.parts.xruns(),
            datagrams_dropped: self.transport.dropped(),
            pictures_left_out: self.media.pictures_left_out(),
            recording_left_out: self.recorder.as_ref().map_or(0, Recorder::left_out),
            blocks_dropped: self.media.blocks_dropped(),
            packets_refused: self.media.refused(),
            reconnects: self.session.reconnects(),
            path: self.transport.path(),
            ..ledger::process()
        };
        self.ledger.stats(own, is_final, now.since(self.started))
    }

    fn set_path(&mut self, path: Path) {
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

async fn readable(socket: Option<&(Readiness, Arc<MediaSocket>)>) {
    match socket {
        // An error shows itself when the socket is read.
        Some((readiness, _)) => drop(readiness.readable().await),
        None => std::future::pending().await,
    }
}
