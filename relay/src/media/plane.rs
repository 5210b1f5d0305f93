//! The thread's loop: a batch of datagrams in, each checked in the same order, the runs of frames out.

use std::io::{ErrorKind, IoSliceMut};
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

use arc_swap::ArcSwap;
use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::hop::{HopHeader, body_down};
use conclave_protocol::id::{SessionId, StreamId};
use conclave_protocol::time::Instant;
use conclave_protocol::wire::feedback::{Feedback, Padding, Probe};
use conclave_protocol::wire::header::{Header, Kind};
use conclave_relay_core::fan_out::{Routes, StreamRoute};
use conclave_relay_core::limit_log::LimitLog;
use conclave_relay_core::quota::SetClock;
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use rustc_hash::FxHashMap;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::budget::{Budget, Over};
use super::frame_run::{FrameRun, FrameRuns};
use super::handed_in::HandedIn;
use super::send::{Sender, fan_out, hand_over};
use super::session::{MediaSession, Sent, TooMuch};
use super::tally::Tally;
use super::way::Path;
use super::{MediaLimits, PlaneCommand};
use crate::clock;
use crate::health::Pulse;
use crate::mail::media_run::MediaRun;
use crate::metrics::Metrics;

/// Bytes of the kernel's queues. Higher rides out longer bursts; the kernel may give less.
const SOCKET_BYTES: usize = 8 * 1024 * 1024;
/// Messages of one receive, each up to a whole frame: as many as one call takes.
const RECEIVED: usize = quinn_udp::BATCH_SIZE;
/// Bytes of one receive buffer: what the kernel coalesces at most.
const BUFFER: usize = 65_536;
/// Batches between two looks at commands.
const BATCHES: usize = 16;
/// Datagrams from control connections between two looks at the socket.
const HANDED_IN: usize = 256;

/// The thread's state.
pub(super) struct Plane {
    sender: Sender,
    /// Whether answers must name the address that was asked.
    many_addresses: bool,
    routes: Arc<ArcSwap<Routes>>,
    /// Boxed, as the table has room for more than there are.
    sessions: FxHashMap<SessionId, Box<MediaSession>>,
    runs: FrameRuns,
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
    ) -> std::io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        enlarge(&socket);
        let many_addresses = socket.local_addr()?.ip().is_unspecified();
        Ok(Self {
            sender: Sender { socket, state },
            many_addresses,
            routes,
            sessions: FxHashMap::default(),
            runs: FrameRuns::new(),
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
        })
    }

    pub(super) fn run(mut self, stop: &AtomicBool, pulse: &Pulse) {
        let mut buffers = vec![0; RECEIVED * BUFFER];
        let mut meta = [RecvMeta::default(); RECEIVED];
        while !stop.load(Ordering::Acquire) {
            self.wait();
            pulse.beat();
            for _ in 0..BATCHES {
                let received = self.receive(&mut buffers, &mut meta);
                // After receiving: what the core told before a datagram was sent is known now.
                self.take_commands();
                let more = received == RECEIVED;
                self.handle_batch(&mut buffers, &meta[..received]);
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
        let second = Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        };
        // An error leaves the flags empty; the socket is then read, and says so itself.
        let _ = poll(&mut fds, Some(&second));
        if fds[1].revents().contains(PollFlags::IN) {
            let _ = rustix::io::read(&*self.wake, &mut [0; 8]);
        }
    }

    fn receive(&mut self, buffers: &mut [u8], meta: &mut [RecvMeta; RECEIVED]) -> usize {
        let mut chunks = buffers.chunks_mut(BUFFER);
        let mut slices: [IoSliceMut<'_>; RECEIVED] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let socket = UdpSockRef::from(&self.sender.socket);
        match self.sender.state.recv(socket, &mut slices, meta) {
            Ok(received) => received,
            Err(error) => {
                if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) {
                    tracing::debug!(%error, "cannot receive");
                }
                0
            }
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

    fn handle_batch(&mut self, buffers: &mut [u8], meta: &[RecvMeta]) {
        let routes = self.routes.load_full();
        let mut batch = Batch {
            now: clock::now(),
            routes: &routes,
            last: None,
        };
        self.clock.set(batch.now);
        for (buffer, meta) in buffers.chunks_mut(BUFFER).zip(meta) {
            let path = Path {
                to: meta.addr,
                from: meta.dst_ip.filter(|_| self.many_addresses),
            };
            let stride = meta.stride.max(1);
            for datagram in buffer[..meta.len].chunks_mut(stride) {
                self.tally.datagrams_received += 1;
                self.handle_datagram(&mut batch, datagram, Some(path));
            }
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
        self.budget.sweep(&routes, batch.now);
        self.tally.flush(&self.metrics);
        self.tell_limit(batch.now);
    }

    /// Checks one datagram: cheapest first, and nothing changes before it is proven.
    ///
    /// `path` is where it came from, none for a control connection.
    fn handle_datagram(&mut self, batch: &mut Batch<'_>, datagram: &mut [u8], path: Option<Path>) {
        let Ok(hop) = HopHeader::parse(datagram) else {
            self.tally.datagrams_malformed += 1;
            return;
        };
        let Some(session) = self.sessions.get_mut(&hop.session) else {
            self.tally.datagrams_unknown_session += 1;
            return;
        };
        if !session.window.check(hop.counter) {
            self.tally.datagrams_replayed += 1;
            return;
        }
        let length = datagram.len();
        if !hop.kind.is_media() {
            self.handle_report(batch, hop, datagram, path);
            return;
        }
        let packet = match session.keys().prove_media(datagram) {
            Ok(packet) => packet,
            Err(error) => return self.tally.refuse(error),
        };
        session.hear(hop.counter);
        // After the proof: a forger must not use up what the session may send.
        if let Err(too_much) = session.may_send(length) {
            return self.limit(too_much);
        }
        let Ok(header) = Header::parse(packet) else {
            self.tally.packets_wrong_kind += 1;
            return;
        };
        let Some(route) = batch.route(header.stream) else {
            self.tally.packets_foreign_stream += 1;
            return;
        };
        if route.owner != hop.session {
            self.tally.packets_foreign_stream += 1;
            return;
        }
        if !route.carries(header.kind) {
            self.tally.packets_wrong_kind += 1;
            return;
        }
        self.tally.packets_taken += 1;
        self.tally.bytes_taken += packet.len() as u64;
        let is_frame = header.kind != Kind::Audio;
        if let Some(ended) = self.runs.push(route, &header, is_frame, packet) {
            self.send(ended, batch.now);
        }
    }

    fn handle_report(
        &mut self,
        batch: &Batch<'_>,
        hop: HopHeader,
        datagram: &mut [u8],
        path: Option<Path>,
    ) {
        if hop.kind == Kind::Probe {
            self.handle_probe(batch, hop, datagram, path);
            return;
        }
        let Some(session) = self.sessions.get_mut(&hop.session) else {
            return;
        };
        let length = datagram.len();
        let feedback: Feedback = match session.keys().open_up(datagram) {
            Ok(feedback) => feedback,
            Err(error) => return self.tally.refuse(error),
        };
        session.hear(hop.counter);
        if let Err(too_much) = session.may_send(length) {
            return self.limit(too_much);
        }
        match feedback {
            Feedback::Report(report) => {
                self.tally.reports += 1;
                match &mut session.report {
                    Some(last) => **last = report,
                    none => *none = Some(Box::new(report)),
                }
            }
            Feedback::Nack(_) => self.tally.nacks += 1,
        }
    }

    /// Counts what a session sent beyond its limit; the first of a batch is told.
    fn limit(&mut self, too_much: TooMuch) {
        self.tally.datagrams_limited += 1;
        self.too_much.get_or_insert(too_much);
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

    /// Answers a probe the way that it came.
    fn handle_probe(
        &mut self,
        batch: &Batch<'_>,
        hop: HopHeader,
        datagram: &mut [u8],
        path: Option<Path>,
    ) {
        let Some(session) = self.sessions.get_mut(&hop.session) else {
            return;
        };
        let length = datagram.len();
        let probe: Probe = match session.keys().open_up(datagram) {
            Ok(probe) => probe,
            Err(error) => return self.tally.refuse(error),
        };
        let is_newest = session.hear(hop.counter);
        if let Err(too_much) = session.may_send(length) {
            return self.limit(too_much);
        }
        let Probe::Ask { sent, seen, .. } = probe else {
            self.tally.datagrams_bad_body += 1;
            return;
        };
        self.tally.probes += 1;
        let answer = Probe::Answer {
            sent,
            relay: clock::now(),
            padding: Padding::NONE,
        };
        // As long as the probe: the way down has to pass what the way up has passed.
        let answer = answer.padded_to(body_down(length));
        let counter = session.down_counter;
        session.down_counter += 1;
        if let Some(path) = path
            && is_newest
        {
            self.tally.address_moves += u64::from(session.way.asked(path, seen, batch.now));
            session.way.answered(path, counter);
        }
        let mut out = [0; MAX_DATAGRAM];
        let sealed = session
            .keys()
            .seal_down(counter, Kind::Probe, &answer, &mut out);
        let Ok(length) = sealed else {
            return;
        };
        match path {
            Some(path) => {
                self.sender
                    .send(path, &out[..length], length, &mut self.tally);
            }
            None => {
                let run = MediaRun::copy(None, length, &out[..length]);
                hand_over(session, Arc::new(run), &mut self.tally);
            }
        }
    }

    fn send(&mut self, run: FrameRun, now: Instant) {
        if self.may_send_on(&run, now) {
            let receivers = fan_out(&run, &self.sender, &mut self.sessions, now, &mut self.tally);
            if let Some(owner) = self.sessions.get_mut(&run.route.owner) {
                self.budget.spend(&run, &mut owner.spender(), receivers);
            }
        }
        self.runs.recycle(run);
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
    fn route(&mut self, stream: StreamId) -> Option<&Arc<StreamRoute>> {
        if self.last.as_ref().is_none_or(|(last, _)| *last != stream) {
            let route = Arc::clone(self.routes.get(stream)?);
            self.last = Some((stream, route));
        }
        self.last.as_ref().map(|(_, route)| route)
    }
}

fn enlarge(socket: &UdpSocket) {
    let socket = socket2::SockRef::from(socket);
    // The kernel caps both at net.core.{r,w}mem_max. What its receive queue then drops shows in
    // /proc/net/snmp (RcvbufErrors), not here; what the send queue does not take is counted.
    let _ = socket.set_recv_buffer_size(SOCKET_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BYTES);
}
