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

/// The most members that a room may be given.
///
/// Raising it past ~129 makes a roster outgrow one message to the endpoint.
pub const MAX_ROOM_CAPACITY: u16 = 128;
/// Rooms in one page of the lobby; a page of the longest names stays below the message limit.
pub const ROOMS_A_PAGE: usize = 200;
/// Lines of chat in one page of history; a page of the longest lines stays below the message limit.
pub const HISTORY_LINES_A_PAGE: usize = 20;
/// Lines of a room's history that a member can page back to.
pub const HISTORY_LINES: usize = 1000;
/// The longest that a link may be valid, in minutes: a week.
pub const MAX_LINK_MINUTES: u16 = 7 * 24 * 60;
/// Streams that one participant may publish at a time.
pub const MAX_STREAMS: usize = 8;

/// What an endpoint sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "one message at a time is held, and moved a few times"
)]
pub enum ToRelay {
    /// Asks for something; answered by exactly one [`ToEndpoint::Reply`].
    Request {
        /// The requester's number, to find the reply by.
        id: RequestId,
        /// What is asked for.
        request: Request,
    },
    /// An uplink datagram, hop header included, where UDP is blocked.
    Datagram(#[serde(with = "bytes")] Vec<u8>),
    /// Breaks a silence, and asks for the relay's clock.
    Ping {
        /// The endpoint's clock at sending.
        sent: Instant,
    },
}

/// What an endpoint asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "one message at a time is held, and moved a few times"
)]
pub enum Request {
    /// Opens a session; the device identity is the one that the handshake proved.
    SignIn {
        /// The account's name; the first device to use it binds it.
        username: Username,
        /// What others are to see; it may be another one at each sign-in.
        display_name: DisplayName,
        /// The account's address; must stay the same.
        email: Email,
        /// The secret of a session that dropped, to go on with it.
        resume: Option<Secret<32>>,
    },
    /// Lists rooms in the order of their ids, a page a time, and from then on sends every change.
    ListRooms {
        /// The last room of the page before.
        after: Option<RoomId>,
    },
    /// Makes a room that stays until it is closed; the creator does not join it by this.
    CreateRoom {
        /// Its name, unique without case.
        name: RoomName,
        /// What others must know to join.
        pin: Option<Pin>,
        /// The most members at a time, 1 to [`MAX_ROOM_CAPACITY`].
        capacity: u16,
    },
    /// Enters a room; a session is in one room at a time.
    JoinRoom {
        /// Which.
        room: RoomId,
        /// Its PIN, when it is locked.
        pin: Option<Pin>,
        /// What of this participant is on from the start.
        devices: Devices,
        /// Drawn for this join; it stays when the session is resumed.
        nonce: JoinNonce,
    },
    /// Leaves the room; what was published there ends.
    LeaveRoom,
    /// Writes to the room, or to one participant in it.
    Say {
        /// Whom, if not everyone.
        to: Option<ParticipantId>,
        /// What.
        text: Box<ChatText>,
    },
    /// Asks for earlier lines of the room's chat, the newest first page by page.
    History {
        /// Lines before this one; the newest when absent.
        before: Option<ChatId>,
    },
    /// Announces a stream and gets its number.
    Publish(StreamOffer),
    /// Ends a stream.
    Unpublish {
        /// Which.
        stream: StreamId,
    },
    /// Says what is switched on.
    SetDevices(Devices),
    /// Says how far the relay's clock is ahead of this endpoint's.
    SetClock {
        /// Relay minus endpoint.
        offset: ClockOffset,
    },
    /// Hands media keys to members; the relay passes them on unopened, to each who did not get too many of late.
    SendKeys {
        /// At most one a member.
        envelopes: Vec<AddressedEnvelope>,
    },
    /// Asks a member for the media key that they use now.
    AskKeys {
        /// Whose.
        of: ParticipantId,
    },
    /// Chooses what to receive of a stream; without a choice everything is received.
    Subscribe {
        /// Which.
        stream: StreamId,
        /// How much of it.
        want: Want,
    },
    /// Ends the session for good: nothing to resume.
    SignOut,
    /// Makes a link by which browsers come into a room as guests, without an account and without its PIN.
    MakeLink {
        /// Which.
        room: RoomId,
        /// How long the link is valid, 1 to [`MAX_LINK_MINUTES`].
        lifetime_minutes: u16,
    },
    /// Ends every link to a room; guests who are in it stay.
    RevokeLinks {
        /// Which.
        room: RoomId,
    },
    /// Lets browsers into a room or keeps them out; for the account that made the room alone.
    AllowBrowsers {
        /// Which.
        room: RoomId,
        /// Whether they may come in; those who are in it are put out when not.
        allowed: bool,
    },
}

/// What the relay sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "one message at a time is held, and moved a few times"
)]
pub enum ToEndpoint {
    /// Answers a request, once.
    Reply {
        /// The request's number.
        id: RequestId,
        /// What came of it.
        result: Result<Answer, Refusal>,
    },
    /// Something happened.
    Event(Event),
    /// A downlink datagram, where UDP is blocked.
    Datagram(#[serde(with = "bytes")] Vec<u8>),
    /// Answers a ping.
    Pong {
        /// The ping's time, as it came.
        sent: Instant,
        /// The relay's clock when it answered.
        relay: Instant,
    },
}

/// What a granted request brings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Nothing more to say.
    Done,
    /// To [`Request::SignIn`].
    SignedIn(Box<SignedIn>),
    /// To [`Request::ListRooms`].
    Rooms {
        /// At most [`ROOMS_A_PAGE`].
        rooms: Vec<RoomSummary>,
        /// Whether a page follows.
        more: bool,
    },
    /// To [`Request::CreateRoom`].
    Created {
        /// The new room.
        room: RoomId,
    },
    /// To [`Request::JoinRoom`].
    Joined(Box<Joined>),
    /// To [`Request::Say`]: the line is stored and has its place.
    Said {
        /// Its place.
        id: ChatId,
        /// When the relay took it.
        at: UnixMillis,
    },
    /// To [`Request::History`], oldest first.
    History {
        /// At most [`HISTORY_LINES_A_PAGE`].
        lines: Vec<ChatLine>,
        /// Whether there are earlier ones within the last [`HISTORY_LINES`].
        more: bool,
    },
    /// To [`Request::Publish`].
    Published {
        /// The number for the media header.
        stream: StreamId,
    },
    /// To [`Request::MakeLink`].
    Link(Box<Link>),
    /// To [`Request::SendKeys`]: all but these were passed on; these members got too many of this sender's of late.
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

/// A room from the inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The room.
    pub room: RoomSummary,
    /// Which of the roster is this session.
    pub me: ParticipantId,
    /// Everyone, this session included, in the order in which they came.
    pub roster: Vec<Participant>,
}

/// A room from the outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSummary {
    /// Its number.
    pub id: RoomId,
    /// Its name.
    pub name: RoomName,
    /// How many are in it now.
    pub members: u16,
    /// How many fit.
    pub capacity: u16,
    /// Whether a PIN is needed.
    pub locked: bool,
}

/// One member of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Their number.
    pub id: ParticipantId,
    /// Their account's name; a guest's is made of their display name.
    pub username: Username,
    /// What they want to be called. It proves nothing.
    pub display_name: DisplayName,
    /// Their device's public key, as the relay saw it proven.
    pub identity: [u8; 32],
    /// What they drew for this join.
    pub nonce: JoinNonce,
    /// What they have switched on.
    pub devices: Devices,
    /// Relay's clock minus theirs.
    pub clock: ClockOffset,
    /// Whether the relay's gateway holds their keys, so that they are not end-to-end encrypted.
    pub via_gateway: bool,
    /// What they publish, in the order in which they began.
    pub streams: Vec<Stream>,
}

impl Participant {
    /// What is sealed for them is sealed for, and what people compare.
    #[must_use]
    pub const fn key(&self) -> MemberKey {
        MemberKey {
            identity: PublicKey(self.identity),
            nonce: self.nonce,
        }
    }
}

/// What a participant has switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Devices {
    /// Whether they can be heard.
    pub microphone: bool,
    /// Whether they can be seen.
    pub camera: bool,
}

/// A stream with its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// The number in the media header.
    pub id: StreamId,
    /// What it is.
    pub offer: StreamOffer,
}

/// What a stream is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamOffer {
    /// What the layers of one source share.
    pub source: SourceId,
    /// What it carries.
    pub media: Media,
}

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Media {
    /// Sound in blocks of 20 ms, a packet each.
    Audio(AudioCodec),
    /// A camera's pictures, each a JPEG.
    Camera(Picture),
    /// A screen's pictures, each a JPEG.
    Screen(Picture),
}

/// How a block of sound is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AudioCodec {
    /// 16-bit big-endian samples at 16 kHz, mono (RFC 3551 §4.5.11): what every endpoint speaks.
    L16Mono16k,
    /// Opus at 48 kHz, mono (RFC 6716).
    OpusMono48k,
}

/// Size and rate that a picture stream aims at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Which of the source's layers.
    pub layer: Layer,
    /// In pixels.
    pub size: PictureSize,
    /// Frames a second.
    pub fps: u8,
}

/// Sizes of one picture source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Layer {
    /// As the camera gives it.
    Full,
    /// Half the width and height.
    Half,
    /// A thumbnail.
    Thumbnail,
}

/// How much of a stream to send on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Want {
    /// Every frame.
    All,
    /// Whole frames, at most so many a second; at least 1.
    AtMost {
        /// Frames a second.
        fps: u8,
    },
    /// Nothing.
    Nothing,
}

/// A media key on its way to one member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressedEnvelope {
    /// To whom.
    pub to: ParticipantId,
    /// What.
    pub envelope: KeyEnvelope,
}

/// A sender key under HPKE, see [`crate::sender_key`].
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

/// A line of chat in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatLine {
    /// Its place.
    pub id: ChatId,
    /// When the relay took it.
    pub at: UnixMillis,
    /// Who wrote it.
    pub from: Username,
    /// What they were called then.
    pub from_name: DisplayName,
    /// To whom alone, if not to the room.
    pub to: Option<Username>,
    /// What.
    pub text: Box<ChatText>,
}

/// What happens without being asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "one message at a time is held, and moved a few times"
)]
pub enum Event {
    /// A room is new, or its count or lock changed.
    RoomChanged(RoomSummary),
    /// A room was closed.
    RoomClosed {
        /// Which.
        room: RoomId,
    },
    /// Somebody came into this room.
    ParticipantJoined(Box<Participant>),
    /// Somebody left this room.
    ParticipantLeft {
        /// Who.
        participant: ParticipantId,
        /// Why.
        reason: LeaveReason,
    },
    /// Somebody switched something.
    DevicesChanged {
        /// Who.
        participant: ParticipantId,
        /// What is on now.
        devices: Devices,
    },
    /// Somebody's clock offset is known better.
    ClockChanged {
        /// Who.
        participant: ParticipantId,
        /// Relay's clock minus theirs.
        clock: ClockOffset,
    },
    /// A stream began.
    StreamPublished {
        /// Whose.
        participant: ParticipantId,
        /// Which.
        stream: Stream,
    },
    /// A stream ended.
    StreamUnpublished {
        /// Which.
        stream: StreamId,
    },
    /// Somebody wrote.
    Chat(ChatLine),
    /// A member's media key.
    Keys {
        /// Whose.
        from: ParticipantId,
        /// Under HPKE.
        envelope: KeyEnvelope,
    },
    /// A member has no key for what this participant sends.
    KeysWanted {
        /// Who.
        by: ParticipantId,
    },
    /// The connection is about to end.
    Closing {
        /// Why.
        reason: ClosingReason,
    },
    /// Whether browsers may be in this room; without a word they may.
    BrowsersAllowed {
        /// Whether they may.
        allowed: bool,
    },
    /// Another device with the same identity is there, or takes the place of this one: its card may have been copied.
    SignedInElsewhere {
        /// Where it is.
        address: IpAddr,
    },
}

/// Why a participant is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeaveReason {
    /// They left.
    Left,
    /// Their connection was lost and did not come back in time.
    Lost,
    /// They read too slowly to be kept.
    TooSlow,
    /// They were put out.
    Removed,
}

/// Why the relay ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClosingReason {
    /// The relay stops; come back when it is up.
    RelayStops,
    /// The same device opened the session elsewhere.
    Replaced,
    /// What was sent cannot be understood.
    Malformed,
    /// Nothing came for too long.
    Silent,
    /// Too much waits to be read.
    TooSlow,
}

/// Why a request is not granted. Never prose: the UI words it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// Sign in first.
    #[error("not signed in")]
    NotSignedIn,
    /// Already signed in on this connection.
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
    /// The session to resume is gone.
    #[error("the session is over")]
    SessionOver,
    /// No such room.
    #[error("there is no such room")]
    NoSuchRoom,
    /// A room of that name exists.
    #[error("a room of that name exists")]
    RoomExists,
    /// Nobody else fits.
    #[error("the room is full")]
    RoomFull,
    /// The PIN is missing or wrong.
    #[error("wrong PIN")]
    WrongPin,
    /// Join a room first.
    #[error("not in a room")]
    NotInRoom,
    /// Leave the other room first.
    #[error("already in a room")]
    AlreadyInRoom,
    /// No such participant in this room.
    #[error("there is no such participant")]
    NoSuchParticipant,
    /// No such stream of this participant, or in this room.
    #[error("there is no such stream")]
    NoSuchStream,
    /// As many as allowed are there already.
    #[error("too many of them")]
    TooMany,
    /// A value is out of its range.
    #[error("out of range")]
    OutOfRange,
    /// Slower.
    #[error("too often: again in {retry_after_ms} ms")]
    RateLimited {
        /// When to try again.
        retry_after_ms: u32,
    },
    /// The relay could not store it, and so did not do it.
    #[error("the relay cannot store it now")]
    StorageFailed,
    /// The relay has no room for another session.
    #[error("the relay is full")]
    RelayFull,
    /// The link is wrong, over or revoked.
    #[error("the link is not valid")]
    LinkInvalid,
    /// The room keeps browsers out.
    #[error("browsers are not let into this room")]
    BrowsersRefused,
    /// It is not for this participant to ask.
    #[error("not allowed")]
    NotAllowed,
    /// The relay serves no browsers.
    #[error("the relay serves no browsers")]
    NoGateway,
}

/// A byte string: the same bytes on the wire as a sequence of `u8`, and encoded at once.
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

/// serde has no arrays of 48: as a tuple of 32 and 16, which postcard writes as 48 plain bytes.
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
