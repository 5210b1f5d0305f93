//! One browser's talk with the core: requests in, texts and frames out, and the participant's own requests between.
//!
//! It does no I/O: the socket hands in what came, and carries out what waits in [`Conversation::to_core`],
//! [`Conversation::texts`] and [`Conversation::frames`].

mod replies;
mod requests;

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use conclave_common::entropy::NoEntropy;
use conclave_protocol::id::{RequestId, SessionId};
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::DatagramBatch;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::{Event as WireEvent, Refusal, RoomSummary, ToEndpoint};
use conclave_relay_core::quota::{Direct, SetClock, quota};
use tokio::sync::mpsc;

pub(super) use replies::Claim;
use requests::Asked;

use super::Gateway;
use super::downlink::Downlink;
use super::media_frame::MediaFrame;
use super::message::{Ask, Incoming, Malformed};
use super::participant::{Delivery, Participant, Unsent};
use super::reply;
use crate::clock;
use crate::control::Presence;
use crate::mail::media_run::MediaRun;
use crate::mail::{Event, Inbox};

/// Requests of the browser's that may wait for the core; one more waits in the socket.
const PENDING: usize = 64;
/// Texts that may wait for the socket before no more requests are read.
const TEXTS: usize = 32;
/// Texts that may wait before what the core says waits in its own queue, which is bounded, too.
const TEXTS_FROM_CORE: usize = 64;
/// Media frames that cannot be understood before the socket is closed.
const BAD_FRAMES: u32 = 100;

/// The socket must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// A text that cannot be understood.
    Text,
    /// Too many media frames that cannot be.
    Frames,
    /// The system fails.
    System,
}

/// The talk.
pub(super) struct Conversation {
    gateway: Arc<Gateway>,
    address: IpAddr,
    connection: Option<(Presence, Secret<32>)>,
    participant: Option<Box<Participant>>,
    session: Option<SessionId>,
    pending: BTreeMap<RequestId, Asked>,
    last_request: u32,
    /// The room of a guest, which the core tells before it lets them in.
    link_room: Option<RoomSummary>,
    awaits_link_room: bool,
    limit: (Direct, SetClock),
    bad_frames: u32,
    batch: DatagramBatch,
    deliveries: Vec<Delivery>,
    /// The run that is being opened, at most what one send of UDP's takes.
    opening: Vec<u8>,
    /// The core's messages, once it knows the connection; the socket takes it.
    pub(super) inbox: Option<Inbox>,
    /// What the core is to be told.
    pub(super) to_core: VecDeque<Event>,
    /// What the browser is to be told.
    pub(super) texts: VecDeque<String>,
    /// What the browser is to see and hear.
    pub(super) frames: Downlink,
}

impl From<NoEntropy> for Broken {
    fn from(error: NoEntropy) -> Self {
        tracing::error!(%error, "a browser's connection is closed");
        Self::System
    }
}

impl From<Malformed> for Broken {
    fn from(_: Malformed) -> Self {
        Self::Text
    }
}

impl Conversation {
    pub(super) fn new(gateway: Arc<Gateway>, address: IpAddr) -> Self {
        let clock = SetClock::default();
        Self {
            gateway,
            address,
            connection: None,
            participant: None,
            session: None,
            pending: BTreeMap::new(),
            last_request: 0,
            link_room: None,
            awaits_link_room: false,
            limit: (
                Direct::direct_with_clock(quota(100, 500), clock.clone()),
                clock,
            ),
            bad_frames: 0,
            batch: DatagramBatch::default(),
            deliveries: Vec::new(),
            opening: Vec::new(),
            inbox: None,
            to_core: VecDeque::new(),
            texts: VecDeque::new(),
            frames: Downlink::default(),
        }
    }

    /// The way to the core.
    pub(super) fn events(&self) -> &mpsc::Sender<Event> {
        &self.gateway.events
    }

    /// The next frame for the browser.
    pub(super) fn next_frame(&mut self) -> Option<Vec<u8>> {
        let frame = self.frames.pop()?;
        self.gateway.metrics.web_frames_delivered.inc();
        self.gateway
            .metrics
            .web_bytes_delivered
            .inc_by(frame.len() as u64);
        Some(frame)
    }

    /// Whether the core knows of it.
    pub(super) const fn has_begun(&self) -> bool {
        self.connection.is_some()
    }

    /// Whether there is room for what a browser's next frame may lead to.
    pub(super) fn may_read(&self) -> bool {
        self.texts.len() < TEXTS && self.pending.len() < PENDING
    }

    /// Whether there is room for what the core says.
    pub(super) fn may_listen(&self) -> bool {
        self.texts.len() < TEXTS_FROM_CORE
    }

    /// When to call [`Self::handle_time`].
    pub(super) fn next_time(&self) -> Option<Instant> {
        self.participant.as_ref()?.next_time()
    }

    /// Time has come.
    pub(super) fn handle_time(&mut self, now: Instant) -> Result<(), Broken> {
        if let Some(participant) = &mut self.participant {
            participant.handle_time(now)?;
        }
        self.forward_own();
        Ok(())
    }

    /// The browser says something.
    pub(super) fn handle_text(&mut self, text: &str) -> Result<(), Broken> {
        #[cfg(test)]
        assert_ne!(text, "panic", "injected");
        let incoming = Incoming::parse(text)?;
        let now = clock::now();
        self.limit.1.set(now);
        let is_too_often = self.limit.0.check().is_err();
        match incoming {
            Incoming::Ping { .. } if is_too_often => {
                self.gateway.metrics.pings_limited.inc();
            }
            Incoming::Ping { sent } => self.texts.push_back(reply::pong(sent, now)),
            Incoming::Request { id, .. } if is_too_often => {
                let retry_after_ms = 1_000;
                self.refuse(id, Refusal::RateLimited { retry_after_ms });
            }
            Incoming::Request { id, ask } => {
                self.gateway.metrics.requests.inc();
                match ask {
                    Ok(Ask::SignIn(sign_in)) => self.sign_in(id, *sign_in),
                    Ok(Ask::EnterLink(enter)) => self.enter_link(id, *enter),
                    Ok(Ask::Join(join)) => self.join(id, *join)?,
                    Ok(Ask::Say(say)) => self.say(id, *say)?,
                    Ok(Ask::Core(request)) => self.ask(id, *request),
                    Err(invalid) => self.texts.push_back(reply::invalid(id, invalid)),
                }
            }
        }
        Ok(())
    }

    /// The browser sends a block or a picture.
    pub(super) fn handle_binary(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let metrics = &self.gateway.metrics;
        let sent = match MediaFrame::parse(bytes) {
            Ok((frame, body)) => match &mut self.participant {
                Some(participant) => participant.send(&frame, body, &mut self.batch),
                None => Err(Unsent::NoStream),
            },
            Err(error) => {
                tracing::trace!(%error, "a media frame is dropped");
                Err(Unsent::Malformed)
            }
        };
        match sent {
            Ok(()) => {
                metrics.web_frames_taken.inc();
                self.gateway.media.hand_in(self.batch.bytes().to_vec());
            }
            Err(Unsent::NoStream) => drop(metrics.web_frames_unpublished.inc()),
            Err(Unsent::NoKey) => drop(metrics.web_frames_early.inc()),
            Err(Unsent::Malformed) => {
                metrics.web_frames_malformed.inc();
                self.bad_frames += 1;
                if self.bad_frames >= BAD_FRAMES {
                    return Err(Broken::Frames);
                }
            }
        }
        Ok(())
    }

    /// The core says something; a resumed session's participant is to be claimed, and given to [`Self::resume`].
    pub(super) fn handle_message(&mut self, message: &ToEndpoint) -> Result<Option<Claim>, Broken> {
        let claim = match message {
            ToEndpoint::Reply { id, result } => self.handle_reply(*id, result)?,
            ToEndpoint::Event(event) => {
                self.handle_event(event)?;
                None
            }
            ToEndpoint::Datagram(_) | ToEndpoint::Pong { .. } => None,
        };
        self.forward_own();
        Ok(claim)
    }

    /// The media plane brings packets.
    pub(super) fn handle_run(&mut self, run: &MediaRun) {
        let Some(participant) = &mut self.participant else {
            return;
        };
        let now = clock::now();
        // Others share the run, and packets are opened in place.
        self.opening.clear();
        self.opening.extend_from_slice(run.bytes());
        for packet in self.opening.chunks_mut(run.segment()) {
            if let Err(reason) = participant.handle_packet(packet, now, &mut self.deliveries) {
                tracing::trace!(%reason, "a packet for a browser is dropped");
                self.gateway.metrics.web_packets_unopened.inc();
            }
        }
        self.deliver();
    }

    /// The socket is gone: the participant waits with its session.
    pub(super) fn finish(&mut self) -> Option<Presence> {
        self.park();
        let (presence, _) = self.connection.take()?;
        Some(presence)
    }

    /// The core has let go of the session, or the socket is gone: another socket may go on with it at once.
    pub(super) fn park(&mut self) {
        if let (Some(session), Some(participant)) = (self.session, self.participant.take()) {
            self.gateway.parking.leave(session, participant);
        }
    }

    fn refuse(&mut self, id: RequestId, refusal: Refusal) {
        self.texts.push_back(reply::refused(id, refusal));
    }

    fn handle_event(&mut self, event: &WireEvent) -> Result<(), Broken> {
        if let WireEvent::RoomChanged(room) = event
            && self.awaits_link_room
        {
            self.link_room = Some(room.clone());
            return Ok(());
        }
        let mut company_changed = false;
        if let Some(participant) = &mut self.participant {
            let now = clock::now();
            company_changed = participant.handle_event(event, now, &mut self.deliveries)?;
        }
        self.deliver();
        self.texts.extend(reply::event(event));
        if company_changed {
            self.tell_safety_number();
        }
        Ok(())
    }

    fn tell_safety_number(&mut self) {
        let digits = self.participant.as_ref().and_then(|p| p.safety_number());
        self.texts
            .extend(digits.map(|digits| reply::safety_number(&digits)));
    }

    fn deliver(&mut self) {
        let mut dropped = 0;
        for delivery in self.deliveries.drain(..) {
            dropped += match delivery {
                Delivery::Sound(from, block) => self.frames.push_sound(from, block),
                Delivery::Picture(stream, picture) => self.frames.push_picture(stream, picture),
            };
        }
        self.gateway.metrics.web_frames_dropped.inc_by(dropped);
    }
}
