//! What the relay tells without being asked.

use alloc::boxed::Box;
use core::net::IpAddr;
use serde::{Deserialize, Serialize};

use super::{Devices, KeyEnvelope, Participant, RoomSummary, Stream};
use crate::id::{ChatId, LineMark, ParticipantId, RoomId, StreamId};
use crate::name::{ChatText, DisplayName, Username};
use crate::units::{ClockOffset, UnixMillis};

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
    /// The mark that the writer drew for it.
    pub mark: LineMark,
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
    /// The relay lost a participant's connection, or has it again.
    AwayChanged {
        /// The participant.
        participant: ParticipantId,
        /// Whether they are without a connection now.
        away: bool,
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
