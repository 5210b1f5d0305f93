//! What a granted request brings.

use alloc::{boxed::Box, format, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use super::{ChatLine, Joined, RoomSummary};
use crate::id::{ChatId, ParticipantId, RoomId, SessionId, StreamId};
use crate::name::{LinkToken, PublicUrl, Username};
use crate::secret::Secret;
use crate::time::Micros;
use crate::units::UnixMillis;

/// What a granted request brings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Nothing more to say.
    Done,
    /// To [`super::Request::SignIn`].
    SignedIn(Box<SignedIn>),
    /// To [`super::Request::ListRooms`].
    Rooms {
        /// At most [`super::ROOMS_A_PAGE`].
        rooms: Vec<RoomSummary>,
        /// Whether a page follows.
        more: bool,
    },
    /// To [`super::Request::CreateRoom`].
    Created {
        /// The new room.
        room: RoomId,
    },
    /// To [`super::Request::JoinRoom`].
    Joined(Box<Joined>),
    /// To [`super::Request::Say`]: the line is stored and has its place.
    Said {
        /// Its place.
        id: ChatId,
        /// When the relay took it.
        at: UnixMillis,
    },
    /// To [`super::Request::History`], oldest first.
    History {
        /// At most [`super::HISTORY_LINES_A_PAGE`].
        lines: Vec<ChatLine>,
        /// Whether there are earlier ones within the last [`super::HISTORY_LINES`].
        more: bool,
    },
    /// To [`super::Request::Publish`].
    Published {
        /// The number for the media header.
        stream: StreamId,
    },
    /// To [`super::Request::MakeLink`].
    Link(Box<Link>),
    /// To [`super::Request::SendKeys`]: all but these were passed on; these members got too many of this sender's of late.
    KeysPutOff {
        /// Who.
        to: Vec<ParticipantId>,
        /// When to try them again.
        retry_after_ms: u32,
    },
}

/// A link to a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What opens the room.
    pub token: LinkToken,
    /// From when on it does not.
    pub expires_at: UnixMillis,
    /// The port at which the relay serves browsers.
    pub port: u16,
    /// Whether it does so with TLS.
    pub https: bool,
    /// Where browsers find it instead, if the relay was told.
    pub base: Option<PublicUrl>,
}

impl Link {
    /// What a browser opens, where the relay is known as `host`: a name or an address, without a port.
    ///
    /// The token stands behind `#`, which a browser sends to nobody.
    #[must_use]
    pub fn url(&self, host: &str) -> String {
        let token = self.token.as_str();
        if let Some(base) = &self.base {
            return format!("{}/#j={token}", base.as_str().trim_end_matches('/'));
        }
        let scheme = if self.https { "https" } else { "http" };
        let is_bare_ipv6 = host.contains(':') && !host.starts_with('[');
        let (open, close) = if is_bare_ipv6 { ("[", "]") } else { ("", "") };
        format!("{scheme}://{open}{host}{close}:{}/#j={token}", self.port)
    }
}

/// What a session starts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// Stands in the hop header.
    pub session: SessionId,
    /// Root of the hop keys, see [`crate::hop`].
    pub hop_secret: Secret<32>,
    /// Opens this session again within [`Self::resume_for`] after a drop.
    pub resume_secret: Secret<32>,
    /// How long a dropped session waits.
    pub resume_for: Micros,
    /// The name as the account has it.
    pub username: Username,
    /// The room that a resumed session is still in.
    pub room: Option<Joined>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_names_the_host_that_it_is_asked_for_or_the_public_one() {
        let mut link = Link {
            token: LinkToken::parse("abc").unwrap(),
            expires_at: UnixMillis(0),
            port: 7480,
            https: true,
            base: None,
        };
        assert_eq!(link.url("relay.local"), "https://relay.local:7480/#j=abc");
        assert_eq!(link.url("fe80::1"), "https://[fe80::1]:7480/#j=abc");
        assert_eq!(link.url("[::1]"), "https://[::1]:7480/#j=abc");
        link.https = false;
        assert_eq!(link.url("192.0.2.7"), "http://192.0.2.7:7480/#j=abc");
        link.base = PublicUrl::parse("https://example.org/calls/").ok();
        assert_eq!(link.url("relay.local"), "https://example.org/calls/#j=abc");
    }
}
