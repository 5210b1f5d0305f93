//! What media threads send through: the stream and key that they were granted, and the way there is now.
//!
//! The engine swaps a [`Grant`] in when a stream is published or the key changes; a media thread looks at
//! it once a frame. Nothing here waits: without a grant or a way, the frame is dropped.
//!
//! A stream's numbers belong to the published stream, hence to the [`StreamSlot`]: devices, and their threads, come
//! and go, and receivers take nothing that is numbered lower than what they have seen.

use crate::clock;
use crate::net::recent::Recent;
use crate::net::udp::MediaSocket;
use arc_swap::ArcSwapOption;
use conclave_protocol::id::StreamId;
use conclave_protocol::packetize::PacketizeError;
use conclave_protocol::sender::{DatagramBatch, StreamSender, Uplink};
use conclave_protocol::sender_key::SenderKey;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::feedback::StreamGaps;
use conclave_protocol::wire::header::Kind;
use serde::Serialize;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// Datagrams that may wait for the control connection where UDP is blocked: one large frame.
///
/// Raising it adds delay on a slow path; when it is full, the rest of the frame is dropped and counted.
pub const TCP_QUEUE: usize = 128;

/// How media travels now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Path {
    /// Not at all yet.
    None = 0,
    /// As datagrams.
    Udp = 1,
    /// Within the control connection.
    Tcp = 2,
}

/// Leave to send a stream, under this key.
#[derive(Clone)]
pub struct Grant {
    /// The session's way up.
    pub uplink: Arc<Uplink>,
    /// The stream's number.
    pub stream: StreamId,
    /// The sender key that everyone has by now.
    pub key: Arc<SenderKey>,
}

/// The way to the relay, shared by the engine and all media threads.
pub struct Transport {
    socket: ArcSwapOption<MediaSocket>,
    path: AtomicU8,
    tcp: mpsc::Sender<Vec<u8>>,
    dropped: AtomicU64,
}

impl Transport {
    /// A transport without a way yet, and where its datagrams come out when they travel by TCP.
    #[must_use]
    pub fn new() -> (Arc<Self>, mpsc::Receiver<Vec<u8>>) {
        let (tcp, datagrams) = mpsc::channel(TCP_QUEUE);
        let transport = Self {
            socket: ArcSwapOption::empty(),
            path: AtomicU8::new(Path::None as u8),
            tcp,
            dropped: AtomicU64::new(0),
        };
        (Arc::new(transport), datagrams)
    }

    /// Uses another socket from now on.
    pub fn set_socket(&self, socket: Option<Arc<MediaSocket>>) {
        self.socket.store(socket);
    }

    /// Takes another way from the next frame on.
    pub fn set_path(&self, path: Path) {
        self.path.store(path as u8, Relaxed);
    }

    /// The way now.
    #[must_use]
    pub fn path(&self) -> Path {
        match self.path.load(Relaxed) {
            1 => Path::Udp,
            2 => Path::Tcp,
            _ => Path::None,
        }
    }

    /// Datagrams that found a full queue.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Sends a datagram of before, by UDP or not at all.
    fn send_again(&self, datagram: &[u8]) {
        if let (Path::Udp, Some(socket)) = (self.path(), &*self.socket.load()) {
            socket.send(datagram);
        }
    }

    fn send(&self, batch: &DatagramBatch) -> bool {
        let dropped = match self.path() {
            Path::None => return false,
            Path::Udp => match &*self.socket.load() {
                Some(socket) => socket.send(batch.bytes()),
                None => return false,
            },
            Path::Tcp => {
                let mut datagrams = batch.datagrams();
                let full =
                    datagrams.position(|datagram| self.tcp.try_send(datagram.to_vec()).is_err());
                full.map_or(0, |_| datagrams.len() + 1)
            }
        };
        self.dropped.fetch_add(dropped as u64, Relaxed);
        dropped == 0
    }
}

/// One source's way out, held by its media thread and steered by the engine.
#[derive(Clone, Default)]
pub struct StreamSlot(Arc<StreamSlotState>);

#[derive(Default)]
struct StreamSlotState {
    grant: ArcSwapOption<Grant>,
    /// Counts the stream that was granted last. Media threads alone lock it, one at a time, so none ever waits.
    numbering: Mutex<Option<(Arc<Grant>, StreamSender)>>,
    /// What was sent last by UDP. The engine locks it for the time of a few sends.
    recent: Mutex<Option<Recent>>,
    datagrams_repeated: AtomicU64,
    frames_sent: AtomicU64,
    frames_dropped: AtomicU64,
    bytes_sent: AtomicU64,
}

impl StreamSlot {
    /// Grants a stream, changes its key, or takes it back.
    pub fn set(&self, grant: Option<Grant>) {
        self.0.grant.store(grant.map(Arc::new));
    }

    /// Sends packets again that the relay misses, if they are of this source and not too old.
    pub fn repeat(&self, missing: &StreamGaps, transport: &Transport, now: Instant) {
        let grant = self.0.grant.load();
        let is_own = grant
            .as_ref()
            .is_some_and(|grant| grant.stream == missing.stream);
        if !is_own || transport.path() != Path::Udp {
            return;
        }
        let mut recent = self.0.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(recent) = &mut *recent else { return };
        for sequence in missing.missing().take(MOST_REPEATED) {
            if let Some(datagram) = recent.again(missing.stream, sequence, now) {
                transport.send_again(datagram);
                self.0.datagrams_repeated.fetch_add(1, Relaxed);
            }
        }
    }

    /// Datagrams that were sent again because the relay missed them.
    #[must_use]
    pub fn datagrams_repeated(&self) -> u64 {
        self.0.datagrams_repeated.load(Relaxed)
    }

    /// Frames whose every datagram was handed to the kernel, or to the control connection.
    #[must_use]
    pub fn frames_sent(&self) -> u64 {
        self.0.frames_sent.load(Relaxed)
    }

    /// Frames that were granted but found no way or a full queue.
    #[must_use]
    pub fn frames_dropped(&self) -> u64 {
        self.0.frames_dropped.load(Relaxed)
    }

    /// Bytes of the frames sent, as captured.
    #[must_use]
    pub fn bytes_sent(&self) -> u64 {
        self.0.bytes_sent.load(Relaxed)
    }
}

/// Seals and sends one source's frames; lives on its media thread and allocates nothing per frame.
pub struct MediaSender {
    kind: Kind,
    slot: StreamSlot,
    transport: Arc<Transport>,
    batch: DatagramBatch,
}

impl MediaSender {
    /// A sender of frames of one kind.
    #[must_use]
    pub fn new(kind: Kind, slot: StreamSlot, transport: Arc<Transport>) -> Self {
        Self {
            kind,
            slot,
            transport,
            batch: DatagramBatch::default(),
        }
    }

    /// Seals a frame, given in consecutive parts, and sends it, if that is granted now.
    ///
    /// # Errors
    /// [`PacketizeError`] when no receiver would take such a frame.
    pub fn send(
        &mut self,
        parts: &[&[u8]],
        level: u8,
        captured: Instant,
    ) -> Result<(), PacketizeError> {
        let grant = self.slot.0.grant.load();
        let Some(grant) = &*grant else { return Ok(()) };
        let numbering = &self.slot.0.numbering;
        let mut numbering = numbering.lock().unwrap_or_else(PoisonError::into_inner);
        let is_other_session = numbering
            .as_ref()
            .is_some_and(|(last, _)| !Arc::ptr_eq(&last.uplink, &grant.uplink));
        let sender = follow(&mut numbering, self.kind, grant);
        sender.seal_frame(parts, level, captured, &mut self.batch)?;
        let is_sent = self.transport.send(&self.batch);
        let recent = &self.slot.0.recent;
        let mut recent = recent.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = recent.get_or_insert_with(|| Recent::of(self.kind));
        if is_other_session {
            recent.clear();
        }
        if self.transport.path() == Path::Udp {
            if self.kind == Kind::Audio
                && let Some(before) = recent.once_more()
            {
                self.transport.send_again(before);
            }
            recent.keep(&mut self.batch, clock::now());
        }
        if is_sent {
            let bytes: usize = parts.iter().map(|part| part.len()).sum();
            self.slot.0.frames_sent.fetch_add(1, Relaxed);
            self.slot.0.bytes_sent.fetch_add(bytes as u64, Relaxed);
        } else {
            self.slot.0.frames_dropped.fetch_add(1, Relaxed);
        }
        Ok(())
    }
}

/// Packets of one request that are looked at.
const MOST_REPEATED: usize = 256;

/// The sender of the granted stream: the one that has counted it so far, if there is one.
fn follow<'n>(
    numbering: &'n mut Option<(Arc<Grant>, StreamSender)>,
    kind: Kind,
    grant: &Arc<Grant>,
) -> &'n mut StreamSender {
    numbering.take_if(|(last, _)| last.stream != grant.stream);
    let (last, sender) = numbering.get_or_insert_with(|| {
        let uplink = Arc::clone(&grant.uplink);
        let sender = StreamSender::new(uplink, kind, grant.stream, &grant.key);
        (Arc::clone(grant), sender)
    });
    if !Arc::ptr_eq(last, grant) {
        if !Arc::ptr_eq(&last.key, &grant.key) {
            sender.rekey(&grant.key);
        }
        sender.set_uplink(Arc::clone(&grant.uplink));
        *last = Arc::clone(grant);
    }
    sender
}
