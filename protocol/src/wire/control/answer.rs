//! What a granted request brings.

use alloc::{boxed::Box, format, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use super::{ChatLine, Joined, RoomSummary};
use crate::id::{ChatId, ParticipantId, RoomId, SessionId, StreamId};
use crate::name::{LinkToken, PublicUrl, Username};
use crate::secret::Secret;
use crate::time::Micros;
use crate::units::UnixMillis;

/// The answer to a granted request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Done; there is no more to report.
    Done,
    /// To [`super::Request::SignIn`].
    SignedIn(Box<SignedIn>),
    /// To [`super::Request::ListRooms`].
    Rooms {
        /// At most [`super::ROOMS_A_PAGE`].
        rooms: Vec<RoomSummary>,
        /// Whether another page follows.
        more: bool,
    },
    /// To [`super::Request::CreateRoom`].
    Created {
        /// The new room.
        room: RoomId,
    },
    /// To [`super::Request::JoinRoom`].
    Joined(Box<Joined>),
    /// To [`super::Request::Say`]: the line is stored.
    Said {
        /// The line's number.
        id: ChatId,
        /// When the relay accepted it.
        at: UnixMillis,
    },
    /// To [`super::Request::History`], oldest first.
    History {
        /// At most [`super::HISTORY_LINES_A_PAGE`].
        lines: Vec<ChatLine>,
        /// Whether there are earlier lines within the last [`super::HISTORY_LINES`].
        more: bool,
    },
    /// To [`super::Request::Publish`].
    Published {
        /// The stream's number, for the media header.
        stream: StreamId,
    },
    /// To [`super::Request::MakeLink`].
    Link(Box<Link>),
    /// To [`super::Request::SendKeys`]: the keys were passed on to all members except these, who received too many
    /// of this sender's recently.
    KeysPutOff {
        /// The members who did not get theirs.
        to: Vec<ParticipantId>,
        /// When to try these members again.
        retry_after_ms: u32,
    },
}

/// A link to a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The token that opens the room.
    pub token: LinkToken,
    /// When the link expires.
    pub expires_at: UnixMillis,
    /// The port at which the relay serves browsers.
    pub port: u16,
    /// Whether it uses TLS there.
    pub https: bool,
    /// The address at which browsers find the relay instead, if one is configured.
    pub base: Option<PublicUrl>,
}

impl Link {
    /// The URL for a browser, if the relay is known as `host`: a name or an address, without a port.
    ///
    /// The token is behind `#`, which a browser does not send to any server.
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

/// The values of a new or resumed session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// The session's number, for the hop header.
    pub session: SessionId,
    /// The secret from which the hop keys are derived, see [`crate::hop`].
    pub hop_secret: Secret<32>,
    /// Resumes this session within [`Self::resume_for`] after its connection was lost.
    pub resume_secret: Secret<32>,
    /// How long a session without a connection waits.
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
