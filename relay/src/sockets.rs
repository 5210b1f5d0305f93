//! The sockets that a relay serves, bound before it starts.

use std::net::{SocketAddr, TcpListener, UdpSocket};

use crate::StartError;
use crate::config::{Config, Listener};

/// Connections that may wait to be accepted: a whole school after a power cut. The kernel may give less.
const BACKLOG: i32 = 4096;
/// Bytes of the kernel's queues for one control connection, which accepted ones inherit.
///
/// Higher speeds media over TCP on long paths; lower bounds what one peer can make the kernel hold.
const CONTROL_SOCKET_BYTES: usize = 128 * 1024;

/// The sockets that a relay serves.
pub struct Sockets {
    /// Control connections.
    pub control: TcpListener,
    /// Media, on the same port.
    pub media: UdpSocket,
    /// Browsers.
    pub web: Option<TcpListener>,
    /// Metrics and health.
    pub admin: Option<TcpListener>,
}

impl Sockets {
    /// Binds what the configuration names; a port 0 is the same free one for TCP and UDP.
    ///
    /// # Errors
    /// [`StartError::Bind`] with the address that is not available.
    pub fn bind(config: &Config) -> Result<Self, StartError> {
        let bind_tcp =
            |address| listen(address).map_err(|error| StartError::Bind { address, error });
        let mut tries = 0;
        let (control, media) = loop {
            let control = bind_tcp(config.listen.control)?;
            let address = control.local_addr()?;
            match UdpSocket::bind(address) {
                Ok(media) => break (control, media),
                // Another program may hold the port for UDP alone.
                Err(_) if config.listen.control.port() == 0 && tries < 16 => tries += 1,
                Err(error) => return Err(StartError::Bind { address, error }),
            }
        };
        let bind = |listener| match listener {
            Listener::Off => Ok(None),
            Listener::On(address) => bind_tcp(address).map(Some),
        };
        let (web, admin) = (bind(config.listen.web)?, bind(config.listen.admin)?);
        Ok(Self {
            control,
            media,
            web,
            admin,
        })
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // A restart must not wait for the connections of before.
    socket.set_reuse_address(true)?;
    socket.set_recv_buffer_size(CONTROL_SOCKET_BYTES)?;
    socket.set_send_buffer_size(CONTROL_SOCKET_BYTES)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

pub(crate) fn into_tokio(listener: TcpListener) -> std::io::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}
