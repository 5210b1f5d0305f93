//! A room from the outside and from the inside, and its members.

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use super::Stream;
use crate::id::{ParticipantId, RoomId};
use crate::identity::PublicKey;
use crate::member_key::{JoinNonce, MemberKey};
use crate::name::{DisplayName, RoomName, Username};
use crate::units::ClockOffset;

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
