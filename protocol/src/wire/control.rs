//! The control channel's messages: [`ToRelay`] and [`ToEndpoint`], each one postcard value.
//!
//! postcard is not self-describing: variants are only ever appended, and a struct never changes within
//! a protocol version. `tests/vectors/control.json` pins every message.

mod answer;
mod event;
mod keys;
mod media;
mod refusal;
mod request;
mod room;

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

pub use answer::{Answer, Link, SignedIn};
pub use event::{ChatLine, ClosingReason, Event, LeaveReason};
pub use keys::{AddressedEnvelope, KeyEnvelope, Suite};
pub use media::{AudioCodec, Layer, Media, Picture, Stream, StreamOffer, Want};
pub use refusal::Refusal;
pub use request::Request;
pub use room::{Devices, Joined, Participant, RoomSummary};

use crate::id::RequestId;
use crate::time::Instant;

/// The highest capacity of a room.
///
/// Above ~129 a roster does not fit one message to the endpoint.
pub const MAX_ROOM_CAPACITY: u16 = 128;

/// Rooms in one page of the lobby; a page of the longest names stays below the message limit.
pub const ROOMS_A_PAGE: usize = 200;

/// Lines of chat in one page of history; a page of the longest lines stays below the message limit.
pub const HISTORY_LINES_A_PAGE: usize = 20;

/// Lines of a room's history that a member can page back to.
pub const HISTORY_LINES: usize = 1000;

/// The longest validity of a link, in minutes: a week.
pub const MAX_LINK_MINUTES: u16 = 7 * 24 * 60;

/// Streams that one participant may publish at a time.
pub const MAX_STREAMS: usize = 8;

/// A message from the endpoint to the relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "one message at a time is held, and moved a few times"
)]
pub enum ToRelay {
    /// Requests something; answered by exactly one [`ToEndpoint::Reply`].
    Request {
        /// The requester's number, which the reply repeats.
        id: RequestId,
        /// The request.
        request: Request,
    },
    /// An uplink datagram, hop header included, if UDP is blocked.
    Datagram(#[serde(with = "bytes")] Vec<u8>),
    /// Interrupts a silence, and asks for the relay's clock.
    Ping {
        /// The endpoint's clock at sending.
        sent: Instant,
    },
}

/// A message from the relay to the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "one message at a time is held, and moved a few times"
)]
pub enum ToEndpoint {
    /// Answers a request, once.
    Reply {
        /// The number of the request.
        id: RequestId,
        /// The answer, or the refusal.
        result: Result<Answer, Refusal>,
    },
    /// An event in the room or the lobby.
    Event(Event),
    /// A downlink datagram, if UDP is blocked.
    Datagram(#[serde(with = "bytes")] Vec<u8>),
    /// Answers a ping.
    Pong {
        /// The time in the ping, unchanged.
        sent: Instant,
        /// The relay's clock when it answered.
        relay: Instant,
    },
}

/// A byte string: encoded like a sequence of `u8`, but in one step.
mod bytes {
    use alloc::vec::Vec;
    use core::fmt;
    use serde::{Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a datagram")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                if bytes.len() > crate::MAX_DATAGRAM {
                    return Err(E::invalid_length(bytes.len(), &self));
                }
                Ok(bytes.to_vec())
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}
