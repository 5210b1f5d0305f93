//! Everything that happens to the core, as one message each to the loop that owns it.

use conclave_protocol::id::RequestId;
use conclave_protocol::wire::control::{Refusal, Request};
use conclave_relay_core::storage::{PinAnswer, Token};
use conclave_relay_core::{ConnectionId, CoreLimits, Guest, Peer};

use super::outbox::Outbox;
#[cfg(test)]
use crate::health::Part;
use crate::store::Stored;

/// Events that may wait; the sender of one more waits.
pub(crate) const EVENTS: usize = 1024;

/// Everything that happens to the core.
#[expect(
    clippy::large_enum_variant,
    reason = "the queue is bounded, and requests are most of what passes through it"
)]
pub(crate) enum Event {
    /// A handshake is done.
    Connected {
        connection: ConnectionId,
        peer: Peer,
        outbox: Outbox,
    },
    /// An endpoint asks for something.
    Request {
        connection: ConnectionId,
        id: RequestId,
        request: Request,
    },
    /// A browser comes by a link.
    Guest {
        connection: ConnectionId,
        id: RequestId,
        guest: Guest,
    },
    /// A connection is gone.
    Disconnected { connection: ConnectionId },
    /// The store has answered.
    Stored(Stored),
    /// The PIN worker has answered.
    Pin {
        token: Token,
        answer: Result<PinAnswer, Refusal>,
    },
    /// The configuration was read again.
    Limits(CoreLimits),
    /// The relay stops.
    Stop,
    /// Ends a part by a panic.
    #[cfg(test)]
    Panic(Part),
}
