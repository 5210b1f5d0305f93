//! One WebSocket: texts and frames in and out, control before media, sound before pictures.
//!
//! At most one message is on its way into the kernel at a time; everything else waits where it is bounded and
//! where a newer picture takes an older one's place.

use std::future::pending;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use conclave_protocol::wire::control::{ClosingReason, Event as WireEvent};
use futures_util::{Sink, SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error as SocketError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};

use super::conversation::{Broken, Conversation};
use super::media_frame::{HEADER_BYTES, MAX_PICTURE_BYTES};
use super::message::MAX_TEXT_BYTES;
use super::parking::DRAIN;
use super::{Gateway, reply};
use crate::clock;
use crate::mail::media_run::{MediaInbox, MediaRun};
use crate::mail::{Inbox, Outgoing};

/// How long the first request may take.
const FIRST: Duration = Duration::from_secs(10);
/// Silence that ends a socket; the page pings each 5 s.
const SILENCE: Duration = Duration::from_secs(30);
/// How often a browser is pinged, so that one that only listens is heard.
const PING_EVERY: Duration = Duration::from_secs(10);
/// Bytes that are read at a time. Higher costs memory a socket; lower, calls a picture.
const READ: usize = 8 * 1024;
/// Packets opened in a row, so that requests get their turn between.
const PACKETS_A_TURN: usize = 128;

/// How sockets are set up.
pub(super) fn config() -> WebSocketConfig {
    let longest = HEADER_BYTES + MAX_PICTURE_BYTES;
    WebSocketConfig::default()
        .read_buffer_size(READ)
        // Every message goes to the kernel by itself: none waits behind another in here.
        .write_buffer_size(0)
        .max_message_size(Some(longest))
        .max_frame_size(Some(longest))
}

/// Why a socket ended.
#[derive(Debug)]
enum Over {
    /// The other side closed it, or its network did.
    Gone,
    /// What was to be written is written.
    Drained,
    /// It took too long to take what waits.
    Stuck,
    /// Nothing came for too long, or no first request.
    Silent,
    /// What came cannot be.
    Broken(Broken),
    /// What came is too long.
    TooLong,
    /// The relay itself stops.
    Stopped,
}

/// Serves one socket to its end.
pub(super) async fn serve<S>(stream: WebSocketStream<S>, address: IpAddr, gateway: Arc<Gateway>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (mut sink, mut stream) = stream.split();
    let now = Instant::now();
    let mut talk = Talk {
        conversation: Conversation::new(Arc::clone(&gateway), address),
        inbox: None,
        writing: false,
        begun: now,
        heard: now,
        ping_at: now + PING_EVERY,
        ending: None,
        is_told: false,
    };
    let over = talk.run(&mut sink, &mut stream).await;
    let farewell = talk.farewell(&over, &gateway);
    tracing::debug!(?over, "a browser's socket ended");
    // The core need not wait for a slow browser.
    if let Some(presence) = talk.conversation.finish() {
        presence.end().await;
    }
    let say = async {
        for message in farewell {
            sink.send(message).await?;
        }
        sink.close().await
    };
    let _ = tokio::time::timeout(DRAIN, say).await;
}

struct Talk {
    conversation: Conversation,
    inbox: Option<Inbox>,
    /// Whether a message is on its way into the kernel.
    writing: bool,
    begun: Instant,
    heard: Instant,
    ping_at: Instant,
    /// Until when what waits may be written, once it ends.
    ending: Option<Instant>,
    /// Whether the core has said everything.
    is_told: bool,
}

impl Talk {
    async fn run<Out, In>(&mut self, sink: &mut Out, stream: &mut In) -> Over
    where
        Out: Sink<Message, Error = SocketError> + Unpin,
        In: StreamExt<Item = Result<Message, SocketError>> + Unpin,
    {
        loop {
            if let Err(over) = self.tell_core().await {
                return over;
            }
            if !self.writing {
                match self.next_message() {
                    // The sink has room: the message before was flushed.
                    Some(message) => match sink.feed(message).await {
                        Ok(()) => self.writing = true,
                        Err(_) => return Over::Gone,
                    },
                    None if self.is_told => return Over::Drained,
                    None => {}
                }
            }
            if let Err(over) = self.step(sink, stream).await {
                return over;
            }
        }
    }

    /// Waits for the first thing that can be done, and does it.
    async fn step<Out, In>(&mut self, sink: &mut Out, stream: &mut In) -> Result<(), Over>
    where
        Out: Sink<Message, Error = SocketError> + Unpin,
        In: StreamExt<Item = Result<Message, SocketError>> + Unpin,
    {
        let deadline = self.deadline();
        let may_read = self.ending.is_none() && self.conversation.may_read();
        let may_listen = !self.is_told && self.conversation.may_listen();
        let may_end = self.ending.is_none();
        let (messages, media, ending) = match &mut self.inbox {
            Some(inbox) => (
                Some(&mut inbox.messages),
                Some(&mut inbox.media),
                Some(&mut inbox.ending),
            ),
            None => (None, None, None),
        };
        tokio::select! {
            flushed = sink.flush(), if self.writing => {
                self.writing = false;
                flushed.map_err(|_| Over::Gone)
            }
            message = stream.next(), if may_read => self.hear(message),
            outgoing = receive(messages), if may_listen => self.listen(outgoing).await,
            Some(run) = receive_media(media) => {
                self.open(&run);
                Ok(())
            }
            ending = end(ending), if may_end => {
                self.begin_ending(ending);
                Ok(())
            }
            () = sleep_until(deadline) => self.look_at_clock(),
        }
    }

    async fn tell_core(&mut self) -> Result<(), Over> {
        if let Some(inbox) = self.conversation.inbox.take() {
            self.inbox = Some(inbox);
        }
        while let Some(event) = self.conversation.to_core.pop_front() {
            let sent = self.conversation.events().send(event).await;
            sent.map_err(|_| Over::Stopped)?;
        }
        Ok(())
    }

    /// What goes out next: control before media.
    fn next_message(&mut self) -> Option<Message> {
        if let Some(text) = self.conversation.texts.pop_front() {
            return Some(Message::text(text));
        }
        if self.ping_at <= Instant::now() {
            self.ping_at = Instant::now() + PING_EVERY;
            return Some(Message::Ping(Vec::new().into()));
        }
        let frame = self.conversation.next_frame()?;
        Some(Message::binary(frame))
    }

    fn hear(&mut self, message: Option<Result<Message, SocketError>>) -> Result<(), Over> {
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(SocketError::Capacity(CapacityError::MessageTooLong { .. }))) => {
                return Err(Over::TooLong);
            }
            Some(Err(SocketError::Utf8(_))) => return Err(Over::Broken(Broken::Text)),
            Some(Err(_)) | None => return Err(Over::Gone),
        };
        self.heard = Instant::now();
        match message {
            Message::Text(text) if text.len() > MAX_TEXT_BYTES => Err(Over::TooLong),
            Message::Text(text) => self.conversation.handle_text(&text).map_err(Over::Broken),
            Message::Binary(bytes) => self
                .conversation
                .handle_binary(&bytes)
                .map_err(Over::Broken),
            Message::Close(_) => Err(Over::Gone),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(()),
        }
    }

    async fn listen(&mut self, outgoing: Option<Outgoing>) -> Result<(), Over> {
        let Some(outgoing) = outgoing else {
            // The core has let go of it.
            self.is_told = true;
            self.ending.get_or_insert(Instant::now() + DRAIN);
            return Ok(());
        };
        if let Some(inbox) = &self.inbox {
            inbox.bytes.fetch_sub(outgoing.bytes, Ordering::Relaxed);
        }
        let conversation = &mut self.conversation;
        let claim = conversation.handle_message(&outgoing.message);
        if let Some(claim) = claim.map_err(Over::Broken)? {
            conversation.resume(claim).await.map_err(Over::Broken)?;
        }
        Ok(())
    }

    fn open(&mut self, run: &MediaRun) {
        let Some(inbox) = &mut self.inbox else { return };
        self.conversation.handle_run(run);
        let mut opened = run.count();
        while opened < PACKETS_A_TURN {
            let Ok(next) = inbox.media.try_recv() else {
                break;
            };
            self.conversation.handle_run(&next);
            opened += next.count();
        }
    }

    /// The core lets go of the connection: after what it has said, or at once with the reason alone.
    fn begin_ending(&mut self, ending: Result<ClosingReason, oneshot::error::RecvError>) {
        self.ending = Some(Instant::now() + DRAIN);
        self.conversation.frames.clear();
        // Before what waits is written: a socket that resumes the session must not wait for a network that is gone.
        self.conversation.park();
        if let Ok(reason) = ending {
            self.is_told = true;
            self.conversation.texts.clear();
            self.say_closing(reason);
        }
    }

    fn say_closing(&mut self, reason: ClosingReason) {
        let closing = reply::event(&WireEvent::Closing { reason });
        self.conversation.texts.extend(closing);
    }

    fn deadline(&self) -> Instant {
        if let Some(ending) = self.ending {
            return ending;
        }
        let silent_at = match self.conversation.has_begun() {
            true => self.heard + SILENCE,
            false => self.begun + FIRST,
        };
        let mut deadline = silent_at;
        if !self.writing {
            deadline = deadline.min(self.ping_at);
        }
        if let Some(next) = self.conversation.next_time() {
            deadline = deadline.min(Instant::now() + next.since(clock::now()).as_duration());
        }
        deadline
    }

    fn look_at_clock(&mut self) -> Result<(), Over> {
        let now = Instant::now();
        if self.ending.is_some_and(|until| until <= now) {
            return Err(Over::Stuck);
        }
        if self.ending.is_none() {
            let is_silent = match self.conversation.has_begun() {
                true => now >= self.heard + SILENCE,
                false => now >= self.begun + FIRST,
            };
            if is_silent {
                return Err(Over::Silent);
            }
        }
        self.conversation
            .handle_time(clock::now())
            .map_err(Over::Broken)
    }

    /// The last messages, and the count of why.
    fn farewell(&mut self, over: &Over, gateway: &Gateway) -> Vec<Message> {
        let metrics = &gateway.metrics;
        let (code, reason) = match over {
            Over::Gone | Over::Stuck => return Vec::new(),
            Over::Drained => (CloseCode::Normal, None),
            Over::Stopped => (CloseCode::Away, Some(ClosingReason::RelayStops)),
            Over::Silent => {
                metrics.web_silent.inc();
                (CloseCode::Policy, Some(ClosingReason::Silent))
            }
            Over::Broken(Broken::Text) => {
                metrics.web_malformed.inc();
                (CloseCode::Invalid, Some(ClosingReason::Malformed))
            }
            Over::Broken(Broken::Frames) => {
                metrics.web_malformed.inc();
                (CloseCode::Policy, Some(ClosingReason::Malformed))
            }
            Over::Broken(Broken::System) => (CloseCode::Error, None),
            Over::TooLong => {
                metrics.web_too_long.inc();
                (CloseCode::Size, Some(ClosingReason::Malformed))
            }
        };
        if let Some(reason) = reason {
            self.say_closing(reason);
        }
        let texts = self.conversation.texts.drain(..).map(Message::text);
        let close = Message::Close(Some(CloseFrame {
            code,
            reason: "".into(),
        }));
        texts.chain([close]).collect()
    }
}

async fn receive<T>(queue: Option<&mut mpsc::Receiver<T>>) -> Option<T> {
    match queue {
        Some(queue) => queue.recv().await,
        None => pending().await,
    }
}

async fn receive_media(inbox: Option<&mut MediaInbox>) -> Option<Arc<MediaRun>> {
    match inbox {
        Some(inbox) => inbox.recv().await,
        None => pending().await,
    }
}

async fn end(
    ending: Option<&mut oneshot::Receiver<ClosingReason>>,
) -> Result<ClosingReason, oneshot::error::RecvError> {
    match ending {
        Some(ending) => ending.await,
        None => pending().await,
    }
}
