//! What an endpoint asks for.

use alloc::{boxed::Box, vec::Vec};
use serde::{Deserialize, Serialize};

use super::{AddressedEnvelope, Devices, StreamOffer, Want};
use crate::id::{ChatId, ParticipantId, RoomId, StreamId};
use crate::member_key::JoinNonce;
use crate::name::{ChatText, DisplayName, Email, Pin, RoomName, Username};
use crate::secret::Secret;
use crate::units::ClockOffset;

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
        /// The most members at a time, 1 to [`super::MAX_ROOM_CAPACITY`].
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
        /// How long the link is valid, 1 to [`super::MAX_LINK_MINUTES`].
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
