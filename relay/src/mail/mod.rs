//! What the parts of the relay send each other: bounded queues, and what is in them.

mod event;
pub mod media_queue;
pub mod media_run;
mod outbox;

pub(crate) use event::{EVENTS, Event};
pub(crate) use outbox::{Inbox, MEDIA, MEDIA_FOR_BROWSERS, Outbox, Outgoing, Unsent, outbox};
