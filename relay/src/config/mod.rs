//! The configuration: a TOML file, the environment over it, flags over both.
//!
//! `relay.example.toml` documents every key; a test holds the two together.

mod layers;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;

use conclave_relay_core::CoreLimits;
use serde::{Deserialize, Serialize};

use crate::announce::RelayName;
use crate::control::ConnectionLimits;
use crate::gateway::{CertificateSource, Settings, WebLimits};
use crate::media::{FanOutLimits, MediaLimits};
use crate::store::StoreLimits;

pub use layers::ConfigError;
pub use value::{HostNames, Listener, PublicAddress, TrustedProxy};

/// Where the configuration is when nothing else is said.
pub const DEFAULT_FILE: &str = "/etc/conclave/relay.toml";

/// Everything that can be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    pub listen: Listen,
    /// What is kept.
    pub data: Data,
    /// How much is held at a time.
    pub limits: Limits,
    /// How much one session may send.
    pub media: Media,
    /// How browsers are served.
    pub web: Web,
    /// What is logged.
    pub log: Log,
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// Control over TCP and media over UDP.
    pub control: SocketAddr,
    /// HTTPS for browsers.
    pub web: Listener,
    /// Metrics and health over HTTP.
    pub admin: Listener,
    /// Whether endpoints on the LAN are told where the relay is.
    pub announce: bool,
    /// What it is called there.
    pub name: RelayName,
}

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// The folder of everything that the relay writes.
    pub dir: PathBuf,
    /// The most bytes that the database may grow to; 0 leaves it to the disk.
    pub max_bytes: u64,
}

/// How much is held at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Sessions, those that wait to be resumed included.
    pub sessions: usize,
    /// Rooms.
    pub rooms: usize,
    /// Rooms that one account has made.
    pub rooms_per_account: usize,
    /// Accounts.
    pub accounts: usize,
    /// Accounts that may be made at once from one address; then one each minute.
    pub sign_ups_at_once: u32,
    /// Control connections.
    pub connections: usize,
    /// Control connections from one address.
    pub connections_per_address: usize,
    /// Control connections whose handshake is not done.
    pub half_open: usize,
    /// The same from one address.
    pub half_open_per_address: usize,
    /// Handshakes a second from one address.
    pub handshakes_per_second: u32,
    /// Handshakes at once from one address.
    pub handshakes_at_once: u32,
}

/// How much may be sent, and sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Media {
    /// Datagrams a second of one session, and twice as many at once.
    pub packets_per_second: u32,
    /// Bytes a second of one session, and twice as many at once.
    pub bytes_per_second: u32,
    /// Bytes a second that are sent on of one session, each counted once a receiver; twice as many at once.
    pub fan_out_bytes_per_second: u32,
    /// The same of a room.
    pub fan_out_bytes_per_second_per_room: u32,
    /// The same of all sessions from one address.
    pub fan_out_bytes_per_second_per_address: u32,
    /// Bytes of the packets that are kept for a third of a second, to be sent again to those who miss them.
    pub history_bytes: u32,
}

/// How browsers are served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Web {
    /// The certificate and what vouches for it, in PEM; empty makes an own one.
    pub certificate: PathBuf,
    /// The certificate's key, in PEM; given when that is.
    pub key: PathBuf,
    /// Whether plain HTTP is spoken, to a proxy that speaks TLS.
    pub plain_http: bool,
    /// Whether plain HTTP is spoken to other machines, too.
    pub plain_http_anywhere: bool,
    /// Further names by which browsers may ask for the relay.
    pub names: HostNames,
    /// Where browsers find the relay, if not at its own address.
    pub public_url: PublicAddress,
    /// The proxy whose word about addresses is taken, if there is one.
    pub trusted_proxy: TrustedProxy,
    /// WebSockets.
    pub sockets: usize,
    /// WebSockets from one address.
    pub sockets_per_address: usize,
    /// Connections a second from one address.
    pub handshakes_per_second: u32,
    /// Connections at once from one address.
    pub handshakes_at_once: u32,
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// Directives as of tracing's `EnvFilter`.
    pub filter: String,
}

impl Default for Listen {
    fn default() -> Self {
        let any = std::net::Ipv4Addr::UNSPECIFIED;
        let here = std::net::Ipv4Addr::LOCALHOST;
        Self {
            control: (any, conclave_protocol::DEFAULT_PORT).into(),
            web: Listener::On((any, 7480).into()),
            admin: Listener::On((here, 7490).into()),
            announce: true,
            name: RelayName::default(),
        }
    }
}

impl Default for Data {
    fn default() -> Self {
        Self {
            dir: "/var/lib/conclave-relay".into(),
            max_bytes: 0,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 10_000,
            rooms: 1_000,
            rooms_per_account: 20,
            accounts: 100_000,
            sign_ups_at_once: 200,
            connections: 12_000,
            connections_per_address: 256,
            half_open: 1_024,
            half_open_per_address: 64,
            handshakes_per_second: 20,
            handshakes_at_once: 200,
        }
    }
}

impl Default for Media {
    fn default() -> Self {
        Self {
            packets_per_second: 20_000,
            bytes_per_second: 20_000_000,
            fan_out_bytes_per_second: 64_000_000,
            fan_out_bytes_per_second_per_room: 1_000_000_000,
            fan_out_bytes_per_second_per_address: 512_000_000,
            history_bytes: 64 << 20,
        }
    }
}

impl Default for Web {
    fn default() -> Self {
        Self {
            certificate: PathBuf::new(),
            key: PathBuf::new(),
            plain_http: false,
            plain_http_anywhere: false,
            names: HostNames::default(),
            public_url: PublicAddress::default(),
            trusted_proxy: TrustedProxy::default(),
            sockets: 1_000,
            sockets_per_address: 64,
            handshakes_per_second: 40,
            handshakes_at_once: 600,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            filter: "info".into(),
        }
    }
}

impl Config {
    /// The part for the core.
    #[must_use]
    pub const fn core_limits(&self) -> CoreLimits {
        CoreLimits {
            sessions: self.limits.sessions,
            rooms: self.limits.rooms,
            rooms_per_account: self.limits.rooms_per_account,
            accounts: self.limits.accounts,
            sign_ups_at_once: self.limits.sign_ups_at_once,
        }
    }

    /// The part for the control plane.
    #[must_use]
    pub const fn connection_limits(&self) -> ConnectionLimits {
        ConnectionLimits {
            connections: self.limits.connections,
            connections_per_address: self.limits.connections_per_address,
            half_open: self.limits.half_open,
            half_open_per_address: self.limits.half_open_per_address,
            handshakes_per_second: self.limits.handshakes_per_second,
            handshakes_at_once: self.limits.handshakes_at_once,
        }
    }

    /// The part for the media plane.
    #[must_use]
    pub const fn media_limits(&self) -> MediaLimits {
        MediaLimits {
            packets_per_second: self.media.packets_per_second,
            bytes_per_second: self.media.bytes_per_second,
            fan_out: FanOutLimits {
                sender: self.media.fan_out_bytes_per_second,
                room: self.media.fan_out_bytes_per_second_per_room,
                address: self.media.fan_out_bytes_per_second_per_address,
            },
            history_bytes: self.media.history_bytes,
        }
    }

    /// The part of the gateway's that may change while it runs.
    #[must_use]
    pub const fn web_limits(&self) -> WebLimits {
        WebLimits {
            sockets: self.web.sockets,
            sockets_per_address: self.web.sockets_per_address,
            handshakes_per_second: self.web.handshakes_per_second,
            handshakes_at_once: self.web.handshakes_at_once,
        }
    }

    /// The part for the gateway.
    #[must_use]
    pub fn gateway_settings(&self) -> Settings {
        let certificate = if self.web.plain_http {
            None
        } else if self.web.certificate.as_os_str().is_empty() {
            Some(CertificateSource::Own(self.own_names()))
        } else {
            Some(CertificateSource::Files {
                certificate: self.web.certificate.clone(),
                key: self.web.key.clone(),
            })
        };
        let public = self.web.public_url.0.as_ref();
        Settings {
            certificate,
            public_host: public.map(|url| url.host().to_owned()),
            names: self.own_names(),
            trusted_proxy: self.web.trusted_proxy.0,
        }
    }

    /// Which names are the relay's, also in an own certificate: every name of this host that browsers on the LAN
    /// may use.
    fn own_names(&self) -> Vec<String> {
        let host = rustix::system::uname();
        let host = host.nodename().to_string_lossy().to_lowercase();
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".into(), "::1".into()];
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        if !host.is_empty() && host.chars().all(is_name) {
            if !host.contains('.') {
                names.push(format!("{host}.local"));
            }
            names.push(host);
        }
        if let Listener::On(web) = self.listen.web
            && !web.ip().is_unspecified()
        {
            names.push(web.ip().to_string());
        }
        if let Some(public) = &self.web.public_url.0 {
            let host = public.host();
            let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
            names.push(host.trim_matches(['[', ']']).to_lowercase());
        }
        names.extend(self.web.names.0.iter().cloned());
        names.sort();
        names.dedup();
        names
    }

    /// What one key says must go with what another says.
    fn check(&self) -> Result<(), ConfigError> {
        let given = |path: &PathBuf| !path.as_os_str().is_empty();
        let (certificate, key) = (given(&self.web.certificate), given(&self.web.key));
        if certificate != key {
            return Err(ConfigError::HalfACertificate);
        }
        if certificate && self.web.plain_http {
            return Err(ConfigError::CertificateWithoutTls);
        }
        if let Listener::On(web) = self.listen.web
            && self.web.plain_http
            && !self.web.plain_http_anywhere
            && !web.ip().is_loopback()
        {
            return Err(ConfigError::PlainHttpForAll(web));
        }
        Ok(())
    }

    /// The part for the store.
    #[must_use]
    pub const fn store_limits(&self) -> StoreLimits {
        StoreLimits {
            max_bytes: self.data.max_bytes,
        }
    }
}
