//! The thread's loop: a batch of datagrams in, each checked in the same order, the runs of frames out.

use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

use arc_swap::ArcSwap;
use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::id::{SessionId, StreamId};
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::feedback::Feedback;
use conclave_protocol::wire::header::{Header, Kind};
use conclave_relay_core::fan_out::{Routes, StreamRoute};
use conclave_relay_core::limit_log::LimitLog;
use conclave_relay_core::quota::SetClock;
use quinn_udp::{UdpSockRef, UdpSocketState};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::answer::{Answers, Batch as AnswerBatch, answer};
use super::budget::{Budget, Over};
use super::frame_run::{FrameRun, FrameRuns};
use super::handed_in::HandedIn;
use super::history::History;
use super::probe::handle_probe;
use super::prove::{Proven, Sessions, Unproven, prove};
use super::receive::Received;
use super::send::{Sender, fan_out};
use super::session::{MediaSession, Sent, TooMuch};
use super::tally::Tally;
use super::uplink::Uplinks;
use super::way::Path;
use super::{MediaLimits, PlaneCommand};
use crate::clock;
use crate::health::Pulse;
use crate::metrics::Metrics;

/// Batches between two looks at commands.
const BATCHES: usize = 16;
/// Datagrams from control connections between two looks at the socket.
const HANDED_IN: usize = 256;

/// The health check wants to see the thread turn.
const LONGEST_WAIT: Micros = Micros::from_secs(1);

/// The thread's state.
pub(super) struct Plane {
    sender: Sender,
    routes: Arc<ArcSwap<Routes>>,
    sessions: Sessions,
    runs: FrameRuns,
    history: History,
    answers: AnswerBatch,
    uplinks: Uplinks,
    limits: MediaLimits,
    budget: Budget,
    clock: SetClock,
    tally: Tally,
    /// What was sent beyond a limit in this batch, the first of it.
    too_much: Option<TooMuch>,
    log: LimitLog,
    metrics: Arc<Metrics>,
    commands: Receiver<PlaneCommand>,
    handed_in: HandedIn,
    wake: Arc<OwnedFd>,
}

/// What a batch shares.
struct Batch<'a> {
    now: Instant,
    routes: &'a Routes,
    /// The route that was looked up last: packets of a frame come together.
    last: Option<(StreamId, Arc<StreamRoute>)>,
}

impl Plane {
    pub(super) fn new(
        socket: UdpSocket,
        routes: Arc<ArcSwap<Routes>>,
        limits: MediaLimits,
        metrics: Arc<Metrics>,
        commands: Receiver<PlaneCommand>,
        handed_in: HandedIn,
        wake: Arc<OwnedFd>,
    ) -> std::io::Result<(Self, Received)> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let received = Received::on(&socket)?;
        let plane = Self {
            sender: Sender { socket, state },
            routes,
            sessions: Sessions::default(),
            runs: FrameRuns::new(),
            history: History::new(limits.history_bytes as usize),
            answers: AnswerBatch::new(),
            uplinks: Uplinks::default(),
            limits,
            budget: Budget::new(limits.fan_out),
            clock: SetClock::default(),
            tally: Tally::default(),
            too_much: None,
            log: LimitLog::default(),
            metrics,
            commands,
            handed_in,
            wake,
        };
        Ok((plane, received))
    }

    pub(super) fn run(mut self, mut received: Received, stop: &AtomicBool, pulse: &Pulse) {
        while !stop.load(Ordering::Acquire) {
            self.wait();
            pulse.beat();
            for _ in 0..BATCHES {
                let more = received.receive(&self.sender);
                // After receiving: what the core told before a datagram was sent is known now.
                self.take_commands();
                self.handle_batch(&mut received);
                if !more {
                    break;
                }
            }
        }
    }

    fn wait(&self) {
        let mut fds = [
            PollFd::new(&self.sender.socket, PollFlags::IN),
            PollFd::new(&*self.wake, PollFlags::IN),
        ];
        let due = self.uplinks.next_time();
        let wait = due.map_or(LONGEST_WAIT, |due| {
            due.since(clock::now()).min(LONGEST_WAIT)
        });
        let wait = Timespec {
            tv_sec: (wait.0 / 1_000_000).cast_signed(),
            tv_nsec: (wait.0 % 1_000_000 * 1_000).cast_signed(),
        };
        // An error leaves the flags empty; the socket is then read, and says so itself.
        let _ = poll(&mut fds, Some(&wait));
        if fds[1].revents().contains(PollFlags::IN) {
            let _ = rustix::io::read(&*self.wake, &mut [0; 8]);
        }
    }

    fn take_commands(&mut self) {
        while let Ok(command) = self.commands.try_recv() {
            match command {
                PlaneCommand::Open {
                    session,
                    secret,
                    fallback,
                    address,
                } => match self.sessions.get_mut(&session) {
                    Some(known) => known.renew(&secret, fallback, address),
                    None => {
                        let (limits, clock) = (self.limits, &self.clock);
                        let new = MediaSession::new(&secret, fallback, address, limits, clock);
                        self.sessions.insert(session, Box::new(new));
                    }
                },
                PlaneCommand::Close { session } => {
                    self.sessions.remove(&session);
                }
                #[cfg(test)]
                PlaneCommand::Panic => panic!("injected"),
            }
        }
    }

    fn handle_batch(&mut self, received: &mut Received) {
        let routes = self.routes.load_full();
        let mut batch = Batch {
            now: clock::now(),
            routes: &routes,
            last: None,
        };
        self.clock.set(batch.now);
        for (path, datagram) in received.datagrams() {
            self.tally.datagrams_received += 1;
            self.handle_datagram(&mut batch, datagram, Some(path));
        }
        let mut handled = 0;
        while handled < HANDED_IN
            && let Some(mut datagrams) = self.handed_in.pop()
        {
            for datagram in datagrams.chunks_mut(MAX_DATAGRAM) {
                handled += 1;
                self.tally.datagrams_received_tcp += 1;
                self.handle_datagram(&mut batch, datagram, None);
            }
        }
        while let Some(run) = self.runs.pop() {
            self.send(run, batch.now);
        }
        let (sender, now) = (&self.sender, batch.now);
        self.uplinks
            .ask(&mut self.sessions, sender, now, &mut self.tally);
        if self.budget.sweep(&routes, now) {
            self.history
                .sweep(now, |stream| routes.get(stream).is_some());
            let bytes = i64::try_from(self.history.bytes()).unwrap_or(i64::MAX);
            self.metrics.media_history_bytes.set(bytes);
        }
        self.tally.flush(&self.metrics);
        self.tell_limit(batch.now);
    }

    /// Proves one datagram and does what it is for.
    ///
    /// `path` is where it came from, none for a control connection.
    fn handle_datagram(&mut self, batch: &mut Batch<'_>, datagram: &mut [u8], path: Option<Path>) {
        match prove(&mut self.sessions, datagram) {
            Ok(Proven::Media {
                owner,
                session,
                packet,
            }) => {
                let Some(header) = batch.admit(owner, packet, &mut self.tally) else {
                    return;
                };
                // What comes within a connection is not lost on its way.
                if path.is_some() && session.note(&header, batch.now, &mut self.tally) {
                    self.uplinks.list(owner);
                }
                self.take(batch, &header, packet);
            }
            Ok(Proven::Feedback {
                from,
                session,
                feedback: Feedback::Nack(nack),
            }) => {
                let mut answers = Answers {
                    history: &self.history,
                    routes: batch.routes,
                    sender: &self.sender,
                    batch: &mut self.answers,
                    now: batch.now,
                };
                answer(&nack, from, session, &mut answers, &mut self.tally);
            }
            Ok(Proven::Probe(asked)) => {
                handle_probe(asked, path, &self.sender, batch.now, &mut self.tally);
            }
            Err(unproven) => {
                unproven.count(&mut self.tally);
                // The first of a batch is told.
                if let Unproven::TooMuch(too_much) = unproven {
                    self.too_much.get_or_insert(too_much);
                }
            }
        }
    }

    /// Takes a packet of an admitted stream, to be sent on with the others of its frame.
    fn take(&mut self, batch: &mut Batch<'_>, header: &Header, packet: &[u8]) {
        let Some(route) = batch.route(header.stream) else {
            return;
        };
        self.tally.packets_taken += 1;
        self.tally.bytes_taken += packet.len() as u64;
        let is_frame = header.kind != Kind::Audio;
        let pages = &mut self.history.pages;
        if let Some(ended) = self.runs.push(pages, route, header, is_frame, packet) {
            self.send(ended, batch.now);
        }
    }

    fn tell_limit(&mut self, now: Instant) {
        let Some(TooMuch { of, path }) = self.too_much.take() else {
            return;
        };
        let (key, limit) = match of {
            Sent::Packets => ("media.packets_per_second", self.limits.packets_per_second),
            Sent::Bytes => ("media.bytes_per_second", self.limits.bytes_per_second),
        };
        // Browsers and who has no path by UDP.
        let nowhere = || "a control connection or a browser".to_owned();
        let whose = path.map_or_else(nowhere, |path| path.to.ip().to_canonical().to_string());
        self.log.reached(key, limit, whose, now);
    }

    fn send(&mut self, run: FrameRun, now: Instant) {
        if self.may_send_on(&run, now) {
            let (history, sender) = (&self.history, &self.sender);
            let sessions = &mut self.sessions;
            let receivers = fan_out(&run, history, sender, sessions, now, &mut self.tally);
            if let Some(owner) = self.sessions.get_mut(&run.route.owner) {
                self.budget.spend(&run, &mut owner.spender(), receivers);
            }
            self.history.keep(run, now);
        } else {
            self.history.discard(run);
        }
    }

    /// Whether a run is within the budgets of its sender, room, address and stream; counts it when it is not.
    fn may_send_on(&mut self, run: &FrameRun, now: Instant) -> bool {
        // A session that has just ended has no budget left.
        let Some(owner) = self.sessions.get_mut(&run.route.owner) else {
            return false;
        };
        let packets = run.packets as u64;
        match self.budget.check(run, &mut owner.spender(), now) {
            Ok(()) => return true,
            Err(Over::Offer) => self.tally.packets_over_offer += packets,
            Err(Over::Sender | Over::Room | Over::Address | Over::Cut) => {
                self.tally.packets_over_budget += packets;
            }
        }
        false
    }
}

impl Batch<'_> {
    /// The header of a packet, if its stream is the sender's own and carries such packets.
    fn admit(&mut self, owner: SessionId, packet: &[u8], tally: &mut Tally) -> Option<Header> {
        let Ok(header) = Header::parse(packet) else {
            tally.packets_wrong_kind += 1;
            return None;
        };
        let route = self.route(header.stream);
        let Some(route) = route.filter(|route| route.owner == owner) else {
            tally.packets_foreign_stream += 1;
            return None;
        };
        if !route.carries(header.kind) {
            tally.packets_wrong_kind += 1;
            return None;
        }
        Some(header)
    }

    fn route(&mut self, stream: StreamId) -> Option<&Arc<StreamRoute>> {
        if self.last.as_ref().is_none_or(|(last, _)| *last != stream) {
            let route = Arc::clone(self.routes.get(stream)?);
            self.last = Some((stream, route));
        }
        self.last.as_ref().map(|(_, route)| route)
    }
}
