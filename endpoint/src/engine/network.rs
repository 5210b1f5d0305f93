//! How the engine gets a connection and a media socket: from the system, or, in tests of the engine, from the test.

use crate::net::control::Connection;
use crate::net::udp::{MediaSocket, Readiness};
use conclave_protocol::identity::{Identity, PublicKey};
use conclave_protocol::secret::Secret;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Where connections and sockets come from.
pub(super) trait Network {
    /// Begins to connect to a relay's host and port.
    fn connect(
        &self,
        relay: String,
        identity: Identity,
        pinned: Option<PublicKey>,
        ephemeral: Secret<32>,
    ) -> Connection;

    /// Opens a socket for media to a relay.
    fn open_socket(&self, relay: SocketAddr) -> io::Result<(Readiness, Arc<MediaSocket>)>;
}

/// The system's.
pub(super) struct SystemNetwork;

impl Network for SystemNetwork {
    fn connect(
        &self,
        relay: String,
        identity: Identity,
        pinned: Option<PublicKey>,
        ephemeral: Secret<32>,
    ) -> Connection {
        Connection::open(relay, identity, pinned, ephemeral)
    }

    fn open_socket(&self, relay: SocketAddr) -> io::Result<(Readiness, Arc<MediaSocket>)> {
        let socket = MediaSocket::open(relay)?;
        Ok((socket.readiness()?, Arc::new(socket)))
    }
}
