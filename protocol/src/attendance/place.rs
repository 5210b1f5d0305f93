//! Which join of which room, and how this member takes part in it.

use crate::id::{ParticipantId, RoomId};
use crate::member_key::JoinNonce;
use crate::wire::control::{Joined, Media, Suite};

/// One join of one room, to which all keys are bound. A resumed session still has the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The room.
    pub room: RoomId,
    /// This member's number.
    pub me: ParticipantId,
    /// The nonce that this member drew for the join.
    pub nonce: JoinNonce,
}

impl Place {
    /// The place that the relay reports; `None` if its roster lacks this member.
    #[must_use]
    pub fn of(joined: &Joined) -> Option<Self> {
        let own = joined.roster.iter().find(|member| member.id == joined.me)?;
        Some(Self {
            room: joined.room.id,
            me: joined.me,
            nonce: own.nonce,
        })
    }
}

/// What this member can receive and how it sends.
#[derive(Clone, Copy, Debug)]
pub struct Abilities {
    /// The cipher that its media is sealed with.
    pub suite: Suite,
    /// Bytes that incomplete frames may take, see [`crate::receiver::Receiver::with_memory`].
    pub frame_memory: usize,
    /// Which streams it can play; other streams are not received.
    pub plays: fn(Media) -> bool,
}
