//! What the relay tells without being asked.

use alloc::boxed::Box;
use core::net::IpAddr;
use serde::{Deserialize, Serialize};

use super::{Devices, KeyEnvelope, Participant, RoomSummary, Stream};
use crate::id::{ChatId, ParticipantId, RoomId, StreamId};
use crate::name::{ChatText, DisplayName, Username};
use crate::units::{ClockOffset, UnixMillis};

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
