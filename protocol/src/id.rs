//! Numbers that identify things: each has its own type, so that one cannot be taken for another.

use core::fmt;
use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// One sign-in over one control connection and its resumptions; it is in the hop header.
    SessionId(u32)
}
id! {
    /// One member of a room, for the time of one stay; unique in the relay's lifetime.
    ParticipantId(u32)
}
id! {
    /// A room, for as long as the relay keeps it; survives restarts.
    RoomId(u32)
}
id! {
    /// One audio or video source of one participant in one layer; unique in the relay's lifetime.
    StreamId(u32)
}
id! {
    /// What the layers of one camera, screen or microphone share; numbered by the publisher.
    SourceId(u16)
}
id! {
    /// A line of chat: rises in the order in which the relay accepted the lines, across all rooms.
    ChatId(u64)
}
id! {
    /// Tells the lines of one writer in one room apart. The writer draws it, and sends it again with the same line when
    /// it does not know whether the relay has stored that line.
    LineMark(u64)
}
id! {
    /// Relates a reply to its request; numbered by the requester.
    RequestId(u32)
}
id! {
    /// Counts a stream's packets, and is the AEAD nonce: never reused under a key.
    SequenceNumber(u64)
}
id! {
    /// Counts a video stream's frames, wrapping.
    FrameNumber(u32)
}
id! {
    /// Identifies one of a sender's media keys: the generation in the high byte, the ratchet step in the low byte.
    Epoch(u16)
}

impl LineMark {
    /// The first number that is no mark: JSON's readers keep integers below it exactly.
    pub const END: u64 = 1 << 53;

    /// A mark made of random bits.
    #[must_use]
    pub const fn from_random(bits: u64) -> Self {
        Self(bits % Self::END)
    }

    /// Whether the relay takes it.
    #[must_use]
    pub const fn is_in_range(self) -> bool {
        self.0 < Self::END
    }
}

impl Epoch {
    /// The epoch of a generation and a ratchet step in it.
    #[must_use]
    pub const fn new(generation: u8, step: u8) -> Self {
        Self(((generation as u16) << 8) | step as u16)
    }

    /// The freshly drawn key that this epoch descends from.
    #[must_use]
    pub const fn generation(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// The number of ratchet steps since that key.
    #[must_use]
    pub const fn step(self) -> u8 {
        (self.0 & 0xff) as u8
    }
}
