//! A room from the outside and from the inside, and its members.

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use super::Stream;
use crate::id::{ParticipantId, RoomId};
use crate::identity::PublicKey;
use crate::member_key::{JoinNonce, MemberKey};
use crate::name::{DisplayName, RoomName, Username};
use crate::units::ClockOffset;

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
    /// Whether the relay has lost their connection, and keeps their place until they resume or their time is over.
    pub away: bool,
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
