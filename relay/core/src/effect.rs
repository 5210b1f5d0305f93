//! What the core wants done: values for the shell to carry out, and for tests to look at.

use std::net::IpAddr;
use std::sync::Arc;

use conclave_protocol::id::SessionId;
use conclave_protocol::secret::Secret;
use conclave_protocol::wire::control::{ClosingReason, ToEndpoint};

use super::storage::{PinCommand, StoreCommand};

/// One control connection, for as long as it is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "moved once, through a queue that is short"
)]
pub enum Effect {
    /// Queue a message on a connection.
    Send {
        /// The recipient.
        to: ConnectionId,
        /// What; shared by all who get the same.
        message: Arc<ToEndpoint>,
    },
    /// End a connection.
    End {
        /// The connection to close.
        connection: ConnectionId,
        /// Whether queued messages still go out.
        ending: Ending,
    },
    /// Have the store do something.
    Store(StoreCommand),
    /// Have a PIN hashed or compared.
    Pin(PinCommand),
    /// Tell the media plane about a session.
    Media(MediaCommand),
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// After what is queued has been written.
    Drained,
    /// At once, saying why instead of what is queued.
    Now(ClosingReason),
}

/// What the media plane must know before the endpoint does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaCommand {
    /// A session has new keys and a connection to fall back to.
    Open {
        /// The session in the hop header of its datagrams.
        session: SessionId,
        /// Root of its hop keys.
        secret: Secret<32>,
        /// Where its media goes while UDP does not.
        fallback: ConnectionId,
        /// Where the connection comes from.
        address: IpAddr,
    },
    /// A session ended.
    Close {
        /// The session in the hop header of its datagrams.
        session: SessionId,
    },
}
