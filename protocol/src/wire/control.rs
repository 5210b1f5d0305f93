//! The control channel's messages: [`ToRelay`] and [`ToEndpoint`], each one postcard value.
//!
//! postcard is not self-describing: variants are only ever appended, and a struct never changes within
//! a protocol version. `tests/vectors/control.json` pins every message.

use alloc::{boxed::Box, format, string::String, vec::Vec};
use core::net::IpAddr;
use serde::{Deserialize, Serialize};

use crate::id::{ChatId, Epoch, ParticipantId, RequestId, RoomId, SessionId, SourceId, StreamId};
use crate::identity::PublicKey;
use crate::member_key::{JoinNonce, MemberKey};
use crate::name::{ChatText, DisplayName, Email, LinkToken, Pin, PublicUrl, RoomName, Username};
use crate::secret::Secret;
use crate::time::{Instant, Micros};
use crate::units::{ClockOffset, PictureSize, UnixMillis};

/// The highest capacity of a room.
///
/// Above ~129 a roster does not fit one message to the endpoint.
pub const MAX_ROOM_CAPACITY: u16 = 128;
/// Rooms in one page of the lobby; a page of the longest names stays below the message limit.
pub const ROOMS_A_PAGE: usize = 200;
/// Lines of chat in one page of history; a page of the longest lines stays below the message limit.
pub const HISTORY_LINES_A_PAGE: usize = 20;
/// Lines of a room's history that a member can page back to.
pub const HISTORY_LINES: usize = 1000;
/// The longest validity of a link, in minutes: a week.
pub const MAX_LINK_MINUTES: u16 = 7 * 24 * 60;
/// Streams that one participant may publish at a time.
pub const MAX_STREAMS: usize = 8;

/// A message from the endpoint to the relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "one message at a time is held, and moved a few times"
)]
pub enum ToRelay {
    /// Requests something; answered by exactly one [`ToEndpoint::Reply`].
    Request {
        /// The requester's number, which the reply repeats.
        id: RequestId,
        /// The request.
        request: Request,
    },
    /// An uplink datagram, hop header included, if UDP is blocked.
    Datagram(#[serde(with = "bytes")] Vec<u8>),
    /// Interrupts a silence, and asks for the relay's clock.
    Ping {
        /// The endpoint's clock at sending.
        sent: Instant,
    },
}

/// A request of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "one message at a time is held, and moved a few times"
)]
pub enum Request {
    /// Opens a session; the device identity is the one that the handshake proved.
    SignIn {
        /// The account's name; the first device that uses it owns it.
        username: Username,
        /// The name that others see; it may change at each sign-in.
        display_name: DisplayName,
        /// The account's e-mail address, which cannot change.
        email: Email,
        /// The secret of a session whose connection was lost, to resume it.
        resume: Option<Secret<32>>,
    },
    /// Lists rooms in the order of their ids, page by page; from then on the relay sends every change.
    ListRooms {
        /// The last room of the previous page.
        after: Option<RoomId>,
    },
    /// Creates a room that exists until it is closed; the creator does not join it by this.
    CreateRoom {
        /// Its name, unique by its key.
        name: RoomName,
        /// The PIN that participants need to join.
        pin: Option<Pin>,
        /// The most members at a time, 1 to [`MAX_ROOM_CAPACITY`].
        capacity: u16,
    },
    /// Joins a room; a session is in one room at a time.
    JoinRoom {
        /// The room to join.
        room: RoomId,
        /// Its PIN, if it is locked.
        pin: Option<Pin>,
        /// Whether this participant's microphone and camera are on from the start.
        devices: Devices,
        /// The nonce drawn for this join; it stays when the session is resumed.
        nonce: JoinNonce,
    },
    /// Leaves the room; the streams published there end.
    LeaveRoom,
    /// Writes to the room, or to one participant in it.
    Say {
        /// The recipient; everyone in the room when absent.
        to: Option<ParticipantId>,
        /// The text of the line.
        text: Box<ChatText>,
    },
    /// Requests earlier lines of the room's chat, page by page, the newest first.
    History {
        /// Returns lines before this one; the newest lines when absent.
        before: Option<ChatId>,
    },
    /// Announces a stream; the answer has its number.
    Publish(StreamOffer),
    /// Ends a stream.
    Unpublish {
        /// The stream to end.
        stream: StreamId,
    },
    /// Reports whether microphone and camera are on.
    SetDevices(Devices),
    /// Reports how far the relay's clock is ahead of this endpoint's.
    SetClock {
        /// The relay's clock minus the endpoint's.
        offset: ClockOffset,
    },
    /// Hands media keys to members. The relay passes them on unopened, except to members who received too many
    /// recently.
    SendKeys {
        /// At most one for each member.
        envelopes: Vec<AddressedEnvelope>,
    },
    /// Asks a member for the media key that they use now.
    AskKeys {
        /// The member to ask.
        of: ParticipantId,
    },
    /// Chooses how much of a stream to receive; the default is every frame.
    Subscribe {
        /// The stream.
        stream: StreamId,
        /// How much of it to send.
        want: Want,
    },
    /// Ends the session; it cannot be resumed.
    SignOut,
    /// Creates a link by which browsers join a room as guests, without an account and without its PIN.
    MakeLink {
        /// The room that the link opens.
        room: RoomId,
        /// How long the link is valid, 1 to [`MAX_LINK_MINUTES`].
        lifetime_minutes: u16,
    },
    /// Revokes every link to a room; guests who are in it stay.
    RevokeLinks {
        /// The room whose links end.
        room: RoomId,
    },
    /// Admits browsers to a room or excludes them; only for the account that created the room.
    AllowBrowsers {
        /// The room.
        room: RoomId,
        /// Whether browsers may join; if not, those in the room are removed.
        allowed: bool,
    },
}

/// A message from the relay to the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "one message at a time is held, and moved a few times"
)]
pub enum ToEndpoint {
    /// Answers a request, once.
    Reply {
        /// The number of the request.
        id: RequestId,
        /// The answer, or the refusal.
        result: Result<Answer, Refusal>,
    },
    /// An event in the room or the lobby.
    Event(Event),
    /// A downlink datagram, if UDP is blocked.
    Datagram(#[serde(with = "bytes")] Vec<u8>),
    /// Answers a ping.
    Pong {
        /// The time in the ping, unchanged.
        sent: Instant,
        /// The relay's clock when it answered.
        relay: Instant,
    },
}

/// The answer to a granted request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Done; there is no more to report.
    Done,
    /// To [`Request::SignIn`].
    SignedIn(Box<SignedIn>),
    /// To [`Request::ListRooms`].
    Rooms {
        /// At most [`ROOMS_A_PAGE`].
        rooms: Vec<RoomSummary>,
        /// Whether another page follows.
        more: bool,
    },
    /// To [`Request::CreateRoom`].
    Created {
        /// The new room.
        room: RoomId,
    },
    /// To [`Request::JoinRoom`].
    Joined(Box<Joined>),
    /// To [`Request::Say`]: the line is stored.
    Said {
        /// The line's number.
        id: ChatId,
        /// When the relay accepted it.
        at: UnixMillis,
    },
    /// To [`Request::History`], oldest first.
    History {
        /// At most [`HISTORY_LINES_A_PAGE`].
        lines: Vec<ChatLine>,
        /// Whether there are earlier lines within the last [`HISTORY_LINES`].
        more: bool,
    },
    /// To [`Request::Publish`].
    Published {
        /// The stream's number, for the media header.
        stream: StreamId,
    },
    /// To [`Request::MakeLink`].
    Link(Box<Link>),
    /// To [`Request::SendKeys`]: the keys were passed on to all members except these, who received too many of this
    /// sender's recently.
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

/// A room as its members see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The room.
    pub room: RoomSummary,
    /// The number of this session's participant in the roster.
    pub me: ParticipantId,
    /// All members, including this session's participant, in the order in which they joined.
    pub roster: Vec<Participant>,
}

/// A room as the lobby shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSummary {
    /// Its number.
    pub id: RoomId,
    /// Its name.
    pub name: RoomName,
    /// How many participants are in it now.
    pub members: u16,
    /// How many participants it can have.
    pub capacity: u16,
    /// Whether a PIN is needed.
    pub locked: bool,
}

/// One member of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// The participant's number.
    pub id: ParticipantId,
    /// Their account's name; a guest's is derived from their display name.
    pub username: Username,
    /// The name that they want to show. It proves nothing.
    pub display_name: DisplayName,
    /// Their device's public key, as the relay saw it proven.
    pub identity: [u8; 32],
    /// The nonce that they drew for this join.
    pub nonce: JoinNonce,
    /// Whether their microphone and camera are on.
    pub devices: Devices,
    /// The relay's clock minus theirs.
    pub clock: ClockOffset,
    /// Whether the relay's gateway holds their keys, so that they are not end-to-end encrypted.
    pub via_gateway: bool,
    /// Their streams, in the order in which they began.
    pub streams: Vec<Stream>,
}

impl Participant {
    /// The member's key: envelopes are sealed for it, and the safety number is computed from it.
    #[must_use]
    pub const fn key(&self) -> MemberKey {
        MemberKey {
            identity: PublicKey(self.identity),
            nonce: self.nonce,
        }
    }
}

/// Whether a participant's devices are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Devices {
    /// Whether the microphone is on.
    pub microphone: bool,
    /// Whether the camera is on.
    pub camera: bool,
}

/// A stream with its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// The number in the media header.
    pub id: StreamId,
    /// Its description.
    pub offer: StreamOffer,
}

/// The description of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamOffer {
    /// The number shared by the layers of one source.
    pub source: SourceId,
    /// The content of the stream.
    pub media: Media,
}

/// The content of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Media {
    /// Sound in blocks of 20 ms, one in each packet.
    Audio(AudioCodec),
    /// A camera's pictures, each a JPEG.
    Camera(Picture),
    /// A screen's pictures, each a JPEG.
    Screen(Picture),
}

/// The encoding of a block of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AudioCodec {
    /// 16-bit big-endian samples at 16 kHz, mono (RFC 3551 §4.5.11); every endpoint supports it.
    L16Mono16k,
    /// Opus at 48 kHz, mono (RFC 6716).
    OpusMono48k,
}

/// Size and rate that a picture stream aims at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// The layer of the source.
    pub layer: Layer,
    /// In pixels.
    pub size: PictureSize,
    /// Frames a second.
    pub fps: u8,
}

/// Sizes of one picture source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Layer {
    /// The camera's own size.
    Full,
    /// Half the width and height.
    Half,
    /// A thumbnail.
    Thumbnail,
}

/// How much of a stream to forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Want {
    /// Every frame.
    All,
    /// Whole frames, at most this many a second; at least 1.
    AtMost {
        /// Frames a second.
        fps: u8,
    },
    /// No frames.
    Nothing,
}

/// A media key on its way to one member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressedEnvelope {
    /// The recipient.
    pub to: ParticipantId,
    /// The sealed key.
    pub envelope: KeyEnvelope,
}

/// A sender key, sealed by HPKE, see [`crate::sender_key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEnvelope {
    /// The first epoch that the key is for.
    pub epoch: Epoch,
    /// The AEAD of the packets that the key seals.
    pub suite: Suite,
    /// HPKE's encapsulated key.
    pub encapsulated: [u8; 32],
    /// The sender key and its tag.
    #[serde(with = "sealed_key")]
    pub sealed: [u8; 48],
}

/// The AEAD of media packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Suite {
    /// Number 1, the default.
    #[default]
    Aes256Gcm,
    /// Number 2, for senders whose processor has no AES instructions.
    ChaCha20Poly1305,
}

impl Suite {
    /// The number that the envelope's info binds.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Aes256Gcm => 1,
            Self::ChaCha20Poly1305 => 2,
        }
    }
}

/// A stored line of chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatLine {
    /// The line's number.
    pub id: ChatId,
    /// When the relay accepted it.
    pub at: UnixMillis,
    /// The account that wrote it.
    pub from: Username,
    /// Their display name at that time.
    pub from_name: DisplayName,
    /// The recipient, if not everyone in the room.
    pub to: Option<Username>,
    /// The text.
    pub text: Box<ChatText>,
}

/// An event, which the relay sends without a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "one message at a time is held, and moved a few times"
)]
pub enum Event {
    /// A room is new, or its number of members or its lock changed.
    RoomChanged(RoomSummary),
    /// A room was closed.
    RoomClosed {
        /// The room.
        room: RoomId,
    },
    /// A participant joined this room.
    ParticipantJoined(Box<Participant>),
    /// A participant left this room.
    ParticipantLeft {
        /// The participant who left.
        participant: ParticipantId,
        /// Why they left.
        reason: LeaveReason,
    },
    /// A participant switched a device on or off.
    DevicesChanged {
        /// The participant.
        participant: ParticipantId,
        /// Which of their devices are on now.
        devices: Devices,
    },
    /// A better value of a participant's clock offset.
    ClockChanged {
        /// The participant.
        participant: ParticipantId,
        /// The relay's clock minus theirs.
        clock: ClockOffset,
    },
    /// A stream began.
    StreamPublished {
        /// The participant who publishes it.
        participant: ParticipantId,
        /// The stream.
        stream: Stream,
    },
    /// A stream ended.
    StreamUnpublished {
        /// The stream.
        stream: StreamId,
    },
    /// A new line of chat.
    Chat(ChatLine),
    /// A member's media key.
    Keys {
        /// The sender of the key.
        from: ParticipantId,
        /// The key, sealed by HPKE.
        envelope: KeyEnvelope,
    },
    /// A member has no key for this participant's media.
    KeysWanted {
        /// The member who needs the key.
        by: ParticipantId,
    },
    /// The connection is about to end.
    Closing {
        /// The reason.
        reason: ClosingReason,
    },
    /// Whether browsers may be in this room; without this event they may.
    BrowsersAllowed {
        /// Whether they may.
        allowed: bool,
    },
    /// Another device with the same identity is connected, or takes the place of this one: its card may have been
    /// copied.
    SignedInElsewhere {
        /// The network address of the other device.
        address: IpAddr,
    },
}

/// Why a participant left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeaveReason {
    /// They left by themselves.
    Left,
    /// Their connection was lost and they did not resume in time.
    Lost,
    /// They read too slowly.
    TooSlow,
    /// They were removed.
    Removed,
}

/// Why the relay ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClosingReason {
    /// The relay stops; connect again when it is up.
    RelayStops,
    /// The same device opened the session elsewhere.
    Replaced,
    /// The endpoint sent a malformed message.
    Malformed,
    /// The endpoint sent no message for too long.
    Silent,
    /// The endpoint reads too slowly: too many messages wait for it.
    TooSlow,
}

/// Why a request is refused. Never prose: the user interface words it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The request needs a sign-in first.
    #[error("not signed in")]
    NotSignedIn,
    /// This connection is already signed in.
    #[error("already signed in")]
    AlreadySignedIn,
    /// The name belongs to another device.
    #[error("this name is bound to another device")]
    NameTaken,
    /// The name is bound to another e-mail address.
    #[error("this name is bound to another e-mail address")]
    EmailDiffers,
    /// The account is blocked.
    #[error("this account is blocked")]
    Blocked,
    /// The session to resume does not exist any more.
    #[error("the session has ended")]
    SessionOver,
    /// There is no such room.
    #[error("there is no such room")]
    NoSuchRoom,
    /// A room with this name exists already.
    #[error("a room of that name exists")]
    RoomExists,
    /// The room has its full number of members.
    #[error("the room is full")]
    RoomFull,
    /// The PIN is missing or wrong.
    #[error("wrong PIN")]
    WrongPin,
    /// The request needs a joined room first.
    #[error("not in a room")]
    NotInRoom,
    /// The participant has to leave the other room first.
    #[error("already in a room")]
    AlreadyInRoom,
    /// There is no such participant in this room.
    #[error("there is no such participant")]
    NoSuchParticipant,
    /// There is no such stream of this participant, or in this room.
    #[error("there is no such stream")]
    NoSuchStream,
    /// The maximum number of such things exists already.
    #[error("too many of them")]
    TooMany,
    /// A value is out of its range.
    #[error("out of range")]
    OutOfRange,
    /// The requests come too fast.
    #[error("too often: again in {retry_after_ms} ms")]
    RateLimited {
        /// How long to wait before the next try.
        retry_after_ms: u32,
    },
    /// The relay could not store the change, and did not make it.
    #[error("the relay cannot store it now")]
    StorageFailed,
    /// The relay has its maximum number of sessions.
    #[error("the relay is full")]
    RelayFull,
    /// The link is invalid, expired or revoked.
    #[error("the link is not valid")]
    LinkInvalid,
    /// The room excludes browsers.
    #[error("browsers are not let into this room")]
    BrowsersRefused,
    /// The participant has no right to make this request.
    #[error("not allowed")]
    NotAllowed,
    /// The relay serves no browsers.
    #[error("the relay serves no browsers")]
    NoGateway,
}

/// A byte string: encoded like a sequence of `u8`, but in one step.
mod bytes {
    use alloc::vec::Vec;
    use core::fmt;
    use serde::{Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a datagram")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                if bytes.len() > crate::MAX_DATAGRAM {
                    return Err(E::invalid_length(bytes.len(), &self));
                }
                Ok(bytes.to_vec())
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

/// serde has no arrays of 48 elements: a tuple of 32 and 16, which postcard writes as 48 plain bytes.
mod sealed_key {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        sealed: &[u8; 48],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let (mut key, mut tag) = ([0; 32], [0; 16]);
        key.copy_from_slice(&sealed[..32]);
        tag.copy_from_slice(&sealed[32..]);
        (key, tag).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; 48], D::Error> {
        let (key, tag) = <([u8; 32], [u8; 16])>::deserialize(deserializer)?;
        let mut sealed = [0; 48];
        sealed[..32].copy_from_slice(&key);
        sealed[32..].copy_from_slice(&tag);
        Ok(sealed)
    }
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
