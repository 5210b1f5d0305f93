//! What waits to be written to one connection: bounded in messages and in bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use conclave_protocol::wire::control::{ClosingReason, ToEndpoint};
use tokio::sync::{mpsc, oneshot};

use super::media_run::{MediaInbox, MediaOutbox, media_way};

/// Messages that may wait. Higher lets a slow reader cost more memory before it is disconnected.
pub(crate) const MESSAGES: usize = 256;
/// Bytes that may wait, as the messages are on the wire.
pub(crate) const BYTES: usize = 1024 * 1024;
/// Bytes of media between the media plane and the connection's own queue.
pub(crate) const MEDIA: usize = 256 * 1024;
/// The same for a browser, which gets all of its media there: four of the largest pictures.
pub(crate) const MEDIA_FOR_BROWSERS: usize = 2304 * 1024;

/// The core's end.
pub(crate) struct Outbox {
    messages: mpsc::Sender<Outgoing>,
    bytes: Arc<AtomicUsize>,
    /// Dropped: write what waits and end. Sent: end now.
    ending: oneshot::Sender<ClosingReason>,
    media: MediaOutbox,
}

/// The connection's end.
pub(crate) struct Inbox {
    pub(crate) messages: mpsc::Receiver<Outgoing>,
    pub(crate) bytes: Arc<AtomicUsize>,
    pub(crate) ending: oneshot::Receiver<ClosingReason>,
    pub(crate) media: MediaInbox,
}

/// A message with its size.
pub(crate) struct Outgoing {
    pub(crate) message: Arc<ToEndpoint>,
    pub(crate) bytes: usize,
}

/// Why a message was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// Too much waits.
    Full,
    /// The connection's task has ended.
    Closed,
}

/// Both ends, with room for so many bytes of media.
pub(crate) fn outbox(media: usize) -> (Outbox, Inbox) {
    let (messages, inbox) = mpsc::channel(MESSAGES);
    let (ending, ended) = oneshot::channel();
    let (media, runs) = media_way(media);
    let bytes = Arc::new(AtomicUsize::new(0));
    (
        Outbox {
            messages,
            bytes: Arc::clone(&bytes),
            ending,
            media,
        },
        Inbox {
            messages: inbox,
            bytes,
            ending: ended,
            media: runs,
        },
    )
}

impl Outbox {
    /// Queues a message.
    pub(crate) fn send(&self, message: Arc<ToEndpoint>) -> Result<(), Unsent> {
        let bytes = encoded_bytes(&message);
        if self.messages.is_closed() {
            return Err(Unsent::Closed);
        }
        if self.bytes.load(Ordering::Relaxed) + bytes > BYTES {
            return Err(Unsent::Full);
        }
        match self.messages.try_send(Outgoing { message, bytes }) {
            Ok(()) => {
                self.bytes.fetch_add(bytes, Ordering::Relaxed);
                Ok(())
            }
            Err(mpsc::error::TrySendError::Full(_)) => Err(Unsent::Full),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Unsent::Closed),
        }
    }

    /// Ends the connection at once.
    pub(crate) fn end_now(self, reason: ClosingReason) {
        // A connection that is gone has ended already.
        let _ = self.ending.send(reason);
    }

    /// Where media goes while UDP does not.
    pub(crate) fn media(&self) -> MediaOutbox {
        self.media.clone()
    }
}

fn encoded_bytes(message: &ToEndpoint) -> usize {
    let size = postcard::ser_flavors::Size::default();
    postcard::serialize_with_flavor(message, size).unwrap_or(BYTES)
}
