//! What a request was for, kept until it is answered.

use super::messages::LineNumber;
use conclave_protocol::attendance;

/// What a request was for.
#[derive(Debug)]
pub(super) enum Asked {
    SignIn {
        resuming: bool,
    },
    ListRooms,
    CreateRoom(Attempt),
    JoinRoom(Attempt),
    CreateRoomToInvite {
        lifetime_minutes: u16,
    },
    MakeLink,
    Say {
        number: LineNumber,
        visit: Visit,
    },
    History {
        visit: Visit,
    },
    /// A request of the member in the room.
    Member(attendance::Asked),
    Nothing,
}

/// Which stay in a room a request belongs to: what is answered after it tells nothing of the next room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Visit(pub(super) u32);

/// One step towards a goal, so that its answer is known from that of another goal's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt(pub(super) u32);
