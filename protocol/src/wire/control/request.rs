//! What an endpoint asks for.

use alloc::{boxed::Box, vec::Vec};
use serde::{Deserialize, Serialize};

use super::{AddressedEnvelope, Devices, StreamOffer, Want};
use crate::id::{ChatId, LineMark, ParticipantId, RoomId, StreamId};
use crate::member_key::JoinNonce;
use crate::name::{ChatText, DisplayName, Email, Pin, RoomName, Username};
use crate::secret::Secret;
use crate::units::ClockOffset;

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
    /// Creates a room that exists until it is closed; the creator does not join it by this. Asked again by the same
    /// session for the room that it made last, with the same fields, the answer is that of the first time.
    CreateRoom {
        /// Its name, unique by its key.
        name: RoomName,
        /// The PIN that participants need to join.
        pin: Option<Pin>,
        /// The most members at a time, 1 to [`super::MAX_ROOM_CAPACITY`].
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
        /// Below [`LineMark::END`]. The relay stores a line of this writer in this room with this mark once: the same
        /// line sent again has the answer of the first time, and is told to nobody; also when its recipient has left.
        mark: LineMark,
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
        /// How long the link is valid, 1 to [`super::MAX_LINK_MINUTES`].
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
