//! What a request was for, kept until it is answered.

use super::messages::Written;
use conclave_protocol::hand_out::Sent;
use conclave_protocol::id::LineMark;
use conclave_protocol::name::{ChatText, Username};

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
        to: Option<Username>,
        text: Box<ChatText>,
        mark: LineMark,
        written: Option<Written>,
        visit: Visit,
    },
    History {
        visit: Visit,
    },
    Publish(Source),
    SendKeys(Sent),
    Nothing,
}

/// Which stay in a room a request belongs to: what is answered after it tells nothing of the next room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Visit(pub(super) u32);

/// One step towards a goal, so that its answer is known from that of another goal's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt(pub(super) u32);

/// A device that is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Camera,
    Microphone,
}
