//! What comes out of a member's state machine besides media: requests with what they are for, and changes in the room.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::hand_out::Sent;
use crate::id::{ParticipantId, SourceId, StreamId};
use crate::receiver::{NumberReused, StreamCounts};
use crate::sender_key::EnvelopeError;
use crate::wire::control::{Devices, LeaveReason, Media, Participant, Stream};

/// What a request of this machine was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Envelopes with the own key.
    Keys(Sent),
    /// Whether these are shown as switched on.
    Devices(Devices),
    /// A stream for this source.
    Publish(SourceId, Media),
    /// Its answer changes nothing.
    Nothing,
}

/// A change in the room.
#[derive(Debug)]
pub enum Change {
    /// Another member is in the room who was not known before.
    Came(ParticipantId),
    /// Another member left; there is no reason if that was found after a lost connection.
    Left(Box<Participant>, Option<LeaveReason>),
    /// A member's stream is received from now on.
    StreamBegan(ParticipantId, Stream),
    /// A stream is no longer received; its final counts.
    StreamEnded(StreamId, StreamCounts),
    /// A key arrived: hand each of these packets, which waited for it, to [`super::Attendance::handle_packet`].
    Opened(Vec<Vec<u8>>),
    /// The relay removed this member from the room: drop the attendance.
    Removed,
    /// A value of another member's was refused.
    Refused(ParticipantId, Fault),
}

/// Why a value of another member's was refused, or could not be made for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The number of a member or stream was used before.
    #[error(transparent)]
    Number(#[from] NumberReused),
    /// More members than a room holds, or more streams than a member may publish.
    #[error("the relay tells of more members or streams than a room may have")]
    TooMany,
    /// Their envelope is not for this join.
    #[error("a key envelope is refused: {0}")]
    Envelope(EnvelopeError),
    /// Their public key is not valid.
    #[error("no key can be sealed for them: {0}")]
    PublicKey(EnvelopeError),
}
