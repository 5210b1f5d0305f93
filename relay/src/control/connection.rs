//! One control connection: handshake, then requests in and messages out, each direction bounded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use conclave_common::entropy;
use conclave_protocol::channel::{ChannelError, ChannelEvent, RelayChannel};
use conclave_protocol::wire::control::{ClosingReason, Event as WireEvent, ToEndpoint, ToRelay};
use conclave_relay_core::quota::{Direct, SetClock, quota};
use conclave_relay_core::{ConnectionId, Peer};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

use super::Shared;
use super::presence::Presence;
use crate::clock;
use crate::mail::media_queue::MediaQueue;
use crate::mail::{Event, Inbox, MEDIA, outbox};

/// How long the handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Silence that ends a connection; endpoints ping each 5 s.
const SILENCE: Duration = Duration::from_secs(15);
/// How long a connection that ends may take to write what waits.
const DRAIN: Duration = Duration::from_secs(2);
/// Read at a time, on the stack: an idle connection holds no buffer.
const READ: usize = 4096;
/// Bytes that the kernel may hold unsent. Higher delays control behind media on a slow path.
const UNSENT: u32 = 32 * 1024;
/// Bytes of output buffer that an idle connection keeps.
const KEPT: usize = 256;
/// Media sealed at a time, so that control gets its turn between.
const MEDIA_A_TURN: usize = 16;

/// Why a connection ended.
enum Over {
    /// The other side closed it, or its network did.
    Gone,
    /// What was to be written is written.
    Drained,
    /// Nothing came for too long.
    Silent,
    /// What came cannot be.
    Bad(ChannelError),
    /// The handshake took too long for how many wait for theirs.
    PushedOut,
    /// The relay itself stops.
    Stopped,
}

struct Connection<'a> {
    id: ConnectionId,
    peer: SocketAddr,
    stream: TcpStream,
    channel: RelayChannel,
    shared: &'a Shared,
    inbox: Option<Inbox>,
    /// Once the core knows of the connection.
    presence: Option<Presence>,
    media: MediaQueue,
    output: Vec<u8>,
    written: usize,
    /// When to look at the clock again.
    deadline: Instant,
    heard: Instant,
    ending: bool,
    pings: (Direct, SetClock),
}

/// Serves one connection to its end. `half_open` is given back when the handshake is done.
pub(super) async fn serve(
    id: ConnectionId,
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    half_open: super::admission::HalfOpen,
) {
    let Ok(ephemeral) = entropy::secret() else {
        return;
    };
    // Small messages must not wait for each other.
    let _ = stream.set_nodelay(true);
    // What the kernel holds cannot be overtaken: media there would delay control.
    let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT);
    let now = Instant::now();
    let clock = SetClock::default();
    let mut connection = Connection {
        id,
        peer,
        stream,
        channel: RelayChannel::responder(&shared.identity, ephemeral),
        shared: &shared,
        inbox: None,
        presence: None,
        media: MediaQueue::default(),
        output: Vec::new(),
        written: 0,
        deadline: now + HANDSHAKE,
        heard: now,
        ending: false,
        pings: (
            Direct::direct_with_clock(quota(5, 20), clock.clone()),
            clock,
        ),
    };
    let over = connection.run(half_open).await;
    connection.finish(over).await;
}

impl Connection<'_> {
    async fn run(&mut self, half_open: super::admission::HalfOpen) -> Over {
        let mut half_open = Some(half_open);
        let timer = sleep_until(self.deadline);
        tokio::pin!(timer);
        loop {
            if self.inbox.is_some() {
                half_open = None;
            }
            let step = match &half_open {
                Some(place) => self.shake_hands(timer.as_mut(), place).await,
                None => self.talk(timer.as_mut()).await,
            };
            if let Err(over) = step {
                if half_open.is_some() {
                    self.count_failed_handshake(&over);
                }
                return over;
            }
        }
    }

    fn count_failed_handshake(&self, over: &Over) {
        match over {
            Over::Silent => self.shared.metrics.handshakes_timed_out.inc(),
            // Counted by the one who took the place.
            Over::PushedOut => return,
            _ => self.shared.metrics.handshakes_failed.inc(),
        };
    }

    async fn shake_hands(
        &mut self,
        timer: std::pin::Pin<&mut Sleep>,
        place: &super::admission::HalfOpen,
    ) -> Result<(), Over> {
        tokio::select! {
            () = place.pushed_out() => Err(Over::PushedOut),
            () = timer => Err(Over::Silent),
            ready = self.stream.writable(), if self.written < self.output.len() => {
                ready.map_err(|_| Over::Gone)?;
                self.write()
            }
            ready = self.stream.readable() => {
                ready.map_err(|_| Over::Gone)?;
                Box::pin(self.read()).await
            }
        }
    }

    /// One step: the first thing of these that can be done.
    async fn talk(&mut self, mut timer: std::pin::Pin<&mut Sleep>) -> Result<(), Over> {
        let Some(inbox) = &mut self.inbox else {
            return Ok(());
        };
        let writing = self.written < self.output.len();
        tokio::select! {
            biased;
            ending = &mut inbox.ending, if !self.ending => {
                self.begin_ending(ending);
                timer.as_mut().reset(self.deadline);
            }
            () = timer.as_mut() => {
                let silent_at = self.heard + SILENCE;
                if self.ending || Instant::now() >= silent_at {
                    return Err(if self.ending { Over::Drained } else { Over::Silent });
                }
                self.deadline = silent_at;
                timer.as_mut().reset(silent_at);
            }
            ready = self.stream.writable(), if writing => {
                ready.map_err(|_| Over::Gone)?;
                self.write()?;
            }
            outgoing = inbox.messages.recv(), if !writing => match outgoing {
                Some(outgoing) => {
                    inbox.bytes.fetch_sub(outgoing.bytes, Ordering::Relaxed);
                    self.seal(&outgoing.message);
                    self.write()?;
                }
                None => return Err(Over::Drained),
            },
            Some(run) = inbox.media.recv() => {
                let mut dropped = 0;
                let mut next = Some(run);
                while let Some(run) = next {
                    dropped += run.packets().map(|packet| self.media.push(packet)).sum::<usize>();
                    next = inbox.media.try_recv().ok();
                }
                self.shared.metrics.packets_dropped_tcp.inc_by(dropped as u64);
                if !writing {
                    self.write_media()?;
                }
            }
            ready = self.stream.readable(), if !self.ending => {
                ready.map_err(|_| Over::Gone)?;
                Box::pin(self.read()).await?;
            }
        }
        Ok(())
    }

    fn begin_ending(&mut self, ending: Result<ClosingReason, oneshot::error::RecvError>) {
        self.ending = true;
        self.deadline = Instant::now() + DRAIN;
        if let Ok(reason) = ending {
            if let Some(inbox) = &mut self.inbox {
                inbox.messages.close();
                while inbox.messages.try_recv().is_ok() {}
            }
            self.seal(&ToEndpoint::Event(WireEvent::Closing { reason }));
        }
    }

    /// Appends a message to what is being written.
    fn seal(&mut self, message: &ToEndpoint) {
        if let Err(error) = self.channel.send(message) {
            // The core keeps its messages below the limit.
            tracing::error!(%error, "a message could not be sealed");
        }
        self.output.append(&mut self.channel.take_output());
    }

    fn write_media(&mut self) -> Result<(), Over> {
        for _ in 0..MEDIA_A_TURN {
            let Some(packet) = self.media.pop() else {
                break;
            };
            self.seal(&ToEndpoint::Datagram(packet.bytes));
        }
        self.write()
    }

    /// Writes what the socket takes; what is left waits for it.
    fn write(&mut self) -> Result<(), Over> {
        while self.written < self.output.len() {
            match self.stream.try_write(&self.output[self.written..]) {
                Ok(0) => return Err(Over::Gone),
                Ok(written) => self.written += written,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err(Over::Gone),
            }
        }
        self.output.clear();
        self.output.shrink_to(KEPT);
        self.written = 0;
        let control_waits = self.inbox.as_ref().is_some_and(|i| !i.messages.is_empty());
        if control_waits || self.media.is_empty() {
            return Ok(());
        }
        // Goes on as long as the socket takes it and nothing else waits.
        self.write_media()
    }

    /// Boxed by its callers: what it holds while it waits must not make every idle task larger.
    async fn read(&mut self) -> Result<(), Over> {
        let (events, taken) = self.receive();
        for event in events {
            self.take(event).await?;
        }
        taken
    }

    /// Reads what is there. No `await` in here: the buffer must not become part of the task.
    fn receive(&mut self) -> (Vec<ChannelEvent<ToRelay>>, Result<(), Over>) {
        let mut events = Vec::new();
        let mut buffer = [0; READ];
        let read = match self.stream.try_read(&mut buffer) {
            Ok(0) => return (events, Err(Over::Gone)),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                return (events, Ok(()));
            }
            Err(_) => return (events, Err(Over::Gone)),
        };
        let mut input = &buffer[..read];
        let taken = loop {
            match self.channel.receive(&mut input) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break Ok(()),
                Err(error) => break Err(Over::Bad(error)),
            }
        };
        // Answers of the handshake, or the refusal of a version.
        self.output.append(&mut self.channel.take_output());
        let written = self.write();
        (events, taken.and(written))
    }

    async fn take(&mut self, event: ChannelEvent<ToRelay>) -> Result<(), Over> {
        self.heard = Instant::now();
        let event = match event {
            ChannelEvent::Established { peer } => {
                let (outbox, inbox) = outbox(MEDIA);
                self.inbox = Some(inbox);
                self.presence = Some(Presence::new(self.id, self.shared.events.clone()));
                Event::Connected {
                    connection: self.id,
                    peer: Peer {
                        identity: peer.0,
                        address: self.peer.ip(),
                        via_gateway: false,
                    },
                    outbox,
                }
            }
            ChannelEvent::Message(ToRelay::Request { id, request }) => {
                self.shared.metrics.requests.inc();
                Event::Request {
                    connection: self.id,
                    id,
                    request,
                }
            }
            ChannelEvent::Message(ToRelay::Ping { sent }) => {
                self.pong(sent);
                return Ok(());
            }
            ChannelEvent::Message(ToRelay::Datagram(datagram)) => {
                self.shared.media.hand_in(datagram);
                return Ok(());
            }
        };
        self.shared
            .events
            .send(event)
            .await
            .map_err(|_| Over::Stopped)
    }

    /// Answers a ping, unless the last answers still wait or pings come too often.
    fn pong(&mut self, sent: conclave_protocol::time::Instant) {
        #[cfg(test)]
        assert_ne!(sent.0, u64::MAX, "injected");
        let relay = clock::now();
        self.pings.1.set(relay);
        if self.output.len() > self.written + READ || self.pings.0.check().is_err() {
            self.shared.metrics.pings_limited.inc();
            return;
        }
        self.seal(&ToEndpoint::Pong { sent, relay });
        let _ = self.write();
    }

    /// Says why, if it can still be said, and tells the core.
    async fn finish(&mut self, over: Over) {
        let reason = match &over {
            Over::Silent if self.inbox.is_some() => {
                self.shared.metrics.connections_silent.inc();
                Some(ClosingReason::Silent)
            }
            Over::Bad(error) => {
                tracing::debug!(peer = %self.peer, %error, "connection refused");
                if self.inbox.is_some() {
                    self.shared.metrics.messages_malformed.inc();
                }
                (*error == ChannelError::Malformed).then_some(ClosingReason::Malformed)
            }
            _ => None,
        };
        if let Some(reason) = reason {
            self.seal(&ToEndpoint::Event(WireEvent::Closing { reason }));
        }
        let _ = self.write();
        self.inbox = None;
        if let Some(presence) = self.presence.take() {
            presence.end().await;
        }
    }
}
