//! The control connection: a task that moves bytes between the socket and the channel.
//!
//! Both queues are bounded. When the engine does not take what came, reading stops and TCP's own flow
//! control holds the relay back; when what is to be sent piles up, the connection is given up.

mod connect;

use conclave_protocol::channel::{ChannelError, ChannelEvent, EndpointChannel};
use conclave_protocol::identity::{Identity, PublicKey};
use conclave_protocol::secret::Secret;
use conclave_protocol::wire::control::{ToEndpoint, ToRelay};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Messages that may wait in each direction.
pub const QUEUE: usize = 256;
/// How long connecting and the handshake may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
const READ_BYTES: usize = 16 * 1024;

/// Why there is no connection, or no longer.
#[derive(Debug, Error)]
pub enum ConnectionError {
    /// The relay cannot be reached, or the connection broke.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The relay's name has no address, or cannot be looked up.
    #[error("{0}")]
    NameUnknown(io::Error),
    /// The relay does not answer.
    #[error("no answer within {} s", CONNECT_TIMEOUT.as_secs())]
    TimedOut,
    /// The relay closed the connection.
    #[error("the relay closed the connection")]
    Closed,
    /// The channel does not hold.
    #[error(transparent)]
    Channel(#[from] ChannelError),
}

/// Why there is no connection, as far as it matters to the person who is to mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionFailure {
    /// This device has no way into a network.
    NoNetwork,
    /// The relay's name cannot be found.
    NameUnknown,
    /// Nothing answers at the relay's address, or it does not take connections.
    NoAnswer,
    /// A connection broke, or what came by it cannot be understood.
    Broken,
}

impl ConnectionError {
    /// Why there is no connection, by the system's error number.
    #[must_use]
    pub fn failure(&self) -> ConnectionFailure {
        match self {
            Self::NameUnknown(_) => ConnectionFailure::NameUnknown,
            Self::TimedOut => ConnectionFailure::NoAnswer,
            Self::Closed | Self::Channel(_) => ConnectionFailure::Broken,
            Self::Io(error) => match error.raw_os_error() {
                Some(libc::ENETUNREACH | libc::ENETDOWN) => ConnectionFailure::NoNetwork,
                Some(libc::ECONNREFUSED | libc::EHOSTUNREACH | libc::ETIMEDOUT) => {
                    ConnectionFailure::NoAnswer
                }
                _ => ConnectionFailure::Broken,
            },
        }
    }
}

/// What the connection tells the engine.
#[derive(Debug)]
pub enum ConnectionEvent {
    /// The handshake is through.
    Established {
        /// Who the relay is.
        relay: PublicKey,
        /// Where it is.
        address: SocketAddr,
    },
    /// A message came.
    Message(Box<ToEndpoint>),
    /// The connection has ended, or was never made.
    Lost(ConnectionError),
}

/// A running connection; dropping it closes it, after what was queued is written.
pub struct Connection {
    outgoing: mpsc::Sender<ToRelay>,
    incoming: mpsc::Receiver<ConnectionEvent>,
}

impl Connection {
    /// Begins to connect to a host and port; how that goes comes as events.
    #[must_use]
    pub fn open(
        relay: String,
        identity: Identity,
        pinned: Option<PublicKey>,
        ephemeral: Secret<32>,
    ) -> Self {
        let (outgoing, to_send) = mpsc::channel(QUEUE);
        let (events, incoming) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            let error = match run(&relay, &identity, pinned, ephemeral, to_send, &events).await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            let _ = events.send(ConnectionEvent::Lost(error)).await;
        });
        Self { outgoing, incoming }
    }

    /// A connection whose other end a test plays.
    #[cfg(test)]
    pub(crate) const fn of(
        outgoing: mpsc::Sender<ToRelay>,
        incoming: mpsc::Receiver<ConnectionEvent>,
    ) -> Self {
        Self { outgoing, incoming }
    }

    /// The next event. Cancel-safe.
    pub async fn next(&mut self) -> ConnectionEvent {
        self.incoming
            .recv()
            .await
            .unwrap_or(ConnectionEvent::Lost(ConnectionError::Closed))
    }

    /// Queues a message; false when the queue is full, which a connection that works never lets happen.
    #[must_use]
    pub fn send(&self, message: ToRelay) -> bool {
        self.outgoing.try_send(message).is_ok()
    }
}

enum Never {}

async fn run(
    relay: &str,
    identity: &Identity,
    pinned: Option<PublicKey>,
    ephemeral: Secret<32>,
    mut to_send: mpsc::Receiver<ToRelay>,
    events: &mpsc::Sender<ConnectionEvent>,
) -> Result<Never, ConnectionError> {
    let mut channel = EndpointChannel::initiator(identity, pinned, ephemeral);
    let mut buffer = vec![0; READ_BYTES];
    let connect = async {
        let mut stream = connect::connect(relay).await?;
        stream.set_nodelay(true)?;
        let address = stream.peer_addr()?;
        loop {
            stream.write_all(&channel.take_output()).await?;
            let mut input = read(&mut stream, &mut buffer).await?;
            let event = channel.receive(&mut input)?;
            if let Some(ChannelEvent::Established { peer }) = event {
                stream.write_all(&channel.take_output()).await?;
                return Ok::<_, ConnectionError>((stream, address, peer));
            }
        }
    };
    let (mut stream, address, peer) = tokio::time::timeout(CONNECT_TIMEOUT, connect)
        .await
        .map_err(|_| ConnectionError::TimedOut)??;
    let established = ConnectionEvent::Established {
        relay: peer,
        address,
    };
    events
        .send(established)
        .await
        .map_err(|_| ConnectionError::Closed)?;
    loop {
        tokio::select! {
            read = read(&mut stream, &mut buffer) => {
                let mut input = read?;
                while let Some(event) = channel.receive(&mut input)? {
                    if let ChannelEvent::Message(message) = event {
                        let message = ConnectionEvent::Message(Box::new(message));
                        events.send(message).await.map_err(|_| ConnectionError::Closed)?;
                    }
                }
            }
            message = to_send.recv() => {
                let Some(message) = message else {
                    let _ = stream.shutdown().await;
                    return Err(ConnectionError::Closed);
                };
                seal(&mut channel, &message);
                // All that waits goes out in one write.
                while let Ok(message) = to_send.try_recv() {
                    seal(&mut channel, &message);
                }
                stream.write_all(&channel.take_output()).await?;
            }
        }
    }
}

fn seal(channel: &mut EndpointChannel, message: &ToRelay) {
    if let Err(error) = channel.send(message) {
        tracing::warn!(%error, "a request was too long to be sent");
    }
}

async fn read<'b>(
    stream: &mut TcpStream,
    buffer: &'b mut [u8],
) -> Result<&'b [u8], ConnectionError> {
    match stream.read(buffer).await? {
        0 => Err(ConnectionError::Closed),
        length => Ok(&buffer[..length]),
    }
}

/// Adds the default port to a host, an IPv4 or an IPv6 address that has none.
#[must_use]
pub fn with_default_port(relay: &str) -> String {
    let port = conclave_protocol::DEFAULT_PORT;
    match relay.parse::<std::net::IpAddr>() {
        Ok(address) => std::net::SocketAddr::new(address, port).to_string(),
        Err(_)
            if relay
                .rsplit_once(':')
                .is_some_and(|(_, port)| port.parse::<u16>().is_ok()) =>
        {
            relay.into()
        }
        Err(_) => format!("{relay}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_number_decides_why_there_is_no_connection() {
        let failure = |errno| ConnectionError::Io(io::Error::from_raw_os_error(errno)).failure();
        assert_eq!(failure(libc::ENETUNREACH), ConnectionFailure::NoNetwork);
        assert_eq!(failure(libc::ECONNREFUSED), ConnectionFailure::NoAnswer);
        assert_eq!(failure(libc::ECONNRESET), ConnectionFailure::Broken);
    }

    #[test]
    fn a_relay_without_a_port_gets_the_default_one() {
        assert_eq!(with_default_port("relay.lan"), "relay.lan:7470");
        assert_eq!(with_default_port("relay.lan:9"), "relay.lan:9");
        assert_eq!(with_default_port("192.0.2.1"), "192.0.2.1:7470");
        assert_eq!(with_default_port("2001:db8::1"), "[2001:db8::1]:7470");
        assert_eq!(with_default_port("[2001:db8::1]:9"), "[2001:db8::1]:9");
    }
}
