//! What the core knows of connections and sessions.

use std::net::IpAddr;

use conclave_protocol::id::{ParticipantId, RoomId, SessionId};
use conclave_protocol::member_key::JoinNonce;
use conclave_protocol::name::{DisplayName, Username};
use conclave_protocol::secret::Secret;
use conclave_protocol::time::Instant;
use conclave_protocol::units::ClockOffset;
use conclave_protocol::wire::control::{Devices, Participant, Refusal, Request, Stream};

use super::effect::ConnectionId;
use super::limits::{RequestLimits, SignInLimit};

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Their device's public key.
    pub identity: [u8; 32],
    /// Where they come from.
    pub address: IpAddr,
    /// Whether the gateway holds the secret half of it.
    pub via_gateway: bool,
}

/// A connection whose identity is proven.
pub(super) struct Connection {
    pub(super) peer: Peer,
    pub(super) stage: Stage,
    pub(super) limit: SignInLimit,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Fresh,
    SigningIn,
    SignedIn(SessionId),
}

/// One login, over one connection and its resumptions.
pub(super) struct Session {
    pub(super) username: Username,
    /// What others see.
    pub(super) display_name: DisplayName,
    pub(super) peer: Peer,
    /// The only room of a guest, who came by a link and has no account.
    pub(super) guest: Option<RoomId>,
    pub(super) resume_secret: Secret<32>,
    /// The one before: the answer with the newer one may be lost with the connection.
    pub(super) former_secret: Option<Secret<32>>,
    /// `None` while it waits to be resumed.
    pub(super) connection: Option<ConnectionId>,
    /// When a detached session ends.
    pub(super) over_at: Option<Instant>,
    /// Whether it asked for the lobby.
    pub(super) watching: bool,
    /// Whether a join waits for its PIN to be compared.
    pub(super) joining: bool,
    /// The room that it made last.
    pub(super) made: Option<RoomId>,
    pub(super) clock: ClockOffset,
    pub(super) membership: Option<Membership>,
    pub(super) limits: RequestLimits,
}

/// A session's place in a room.
pub(super) struct Membership {
    pub(super) room: RoomId,
    pub(super) participant: ParticipantId,
    pub(super) nonce: JoinNonce,
    pub(super) devices: Devices,
    pub(super) streams: Vec<Stream>,
}

impl Session {
    pub(super) fn key(&self) -> String {
        self.username.key()
    }

    /// A guest may ask for what concerns their room alone.
    pub(super) fn may_ask(&self, request: &Request) -> Result<(), Refusal> {
        let Some(own) = self.guest else { return Ok(()) };
        match request {
            Request::ListRooms { .. }
            | Request::CreateRoom { .. }
            | Request::MakeLink { .. }
            | Request::RevokeLinks { .. }
            | Request::AllowBrowsers { .. } => Err(Refusal::NotAllowed),
            Request::JoinRoom { room, .. } if *room != own => Err(Refusal::NotAllowed),
            _ => Ok(()),
        }
    }

    /// The session as its room sees it.
    pub(super) fn participant(&self) -> Option<Participant> {
        self.membership.as_ref().map(|membership| Participant {
            id: membership.participant,
            username: self.username.clone(),
            display_name: self.display_name.clone(),
            identity: self.peer.identity,
            nonce: membership.nonce,
            devices: membership.devices,
            clock: self.clock,
            via_gateway: self.peer.via_gateway,
            away: self.connection.is_none(),
            streams: membership.streams.clone(),
        })
    }
}
