//! What a browser says in text frames: JSON, parsed once into requests that cannot be wrong.
//!
//! What is not of the shape that the reference gives is [`Malformed`]; a name, address or text that breaks
//! its own rule is a request still, which is answered with the field.

mod field;
mod shape;
#[cfg(test)]
mod tests;

use conclave_protocol::id::{LineMark, ParticipantId, RequestId, RoomId};
use conclave_protocol::name::{ChatText, DisplayName, Email, LinkToken, Pin, Username};
use conclave_protocol::secret::Secret;
use conclave_protocol::wire::control::{Devices, Request};
use serde_json::Value;

use shape::Shape;

/// The most bytes of a text frame from a browser.
pub(super) const MAX_TEXT_BYTES: usize = 16 * 1024;
/// Integers that JSON's readers keep exactly.
const MAX_INTEGER: u64 = 1 << 53;

/// A text frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// Breaks a silence, and asks for the relay's clock.
    Ping {
        /// The browser's clock in µs, to be sent back.
        sent: u64,
    },
    /// Asks for something.
    Request {
        /// The browser's number, to find the reply by.
        id: RequestId,
        /// What is asked for, or the field that breaks its rule.
        ask: Result<Ask, Invalid>,
    },
}

/// What a browser asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Opens a session on an account.
    SignIn(Box<SignIn>),
    /// Opens a session by a link.
    EnterLink(Box<EnterLink>),
    /// Enters a room; the gateway draws the nonce of the join.
    Join(Box<Join>),
    /// Writes a line; the gateway draws its mark where the browser did not.
    Say(Box<Say>),
    /// What an endpoint could ask for in the same words.
    Core(Box<Request>),
}

/// A join.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Join {
    pub(super) room: RoomId,
    pub(super) pin: Option<Pin>,
    pub(super) devices: Devices,
}

/// A line of chat.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Say {
    pub(super) to: Option<ParticipantId>,
    pub(super) text: Box<ChatText>,
    pub(super) mark: Option<LineMark>,
}

/// A sign-in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SignIn {
    /// The browser's own secret.
    pub(super) device: Secret<32>,
    /// The account's name.
    pub(super) username: Username,
    /// What others are to see.
    pub(super) display_name: DisplayName,
    /// The account's address.
    pub(super) email: Email,
    /// To go on with a session that dropped.
    pub(super) resume: Option<Secret<32>>,
}

/// A guest's sign-in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EnterLink {
    /// The browser's own secret.
    pub(super) device: Secret<32>,
    /// The link's token.
    pub(super) token: LinkToken,
    /// What they want to be called.
    pub(super) display_name: DisplayName,
    /// To go on with a session that dropped.
    pub(super) resume: Option<Secret<32>>,
}

/// A field that breaks its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Invalid {
    /// Its name.
    pub(super) field: &'static str,
    /// Which part of its rule it breaks, where it is a text with one.
    pub(super) why: Option<&'static str>,
}

impl Invalid {
    /// A field that can have one flaw alone.
    pub(super) const fn field(field: &'static str) -> Self {
        Self { field, why: None }
    }
}

/// Not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message of the gateway's")]
pub(super) struct Malformed;

impl Incoming {
    /// Reads a text frame.
    ///
    /// # Errors
    /// [`Malformed`] when it is no message of this version.
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(Malformed);
        }
        let value: Value = serde_json::from_str(text).map_err(|_| Malformed)?;
        let Value::Object(mut fields) = value else {
            return Err(Malformed);
        };
        let id = fields.remove("id");
        let shape = serde_json::from_value(Value::Object(fields)).map_err(|_| Malformed)?;
        match (shape, id) {
            (Shape::Ping { sent }, None) if sent < MAX_INTEGER => Ok(Self::Ping { sent }),
            (Shape::Ping { .. }, _) | (_, None) => Err(Malformed),
            (shape, Some(id)) => {
                let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
                Ok(Self::Request {
                    id: RequestId(id.ok_or(Malformed)?),
                    ask: shape.ask(),
                })
            }
        }
    }
}
