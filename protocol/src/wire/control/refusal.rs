//! Why a request is not granted.

use serde::{Deserialize, Serialize};

/// Why a request is not granted. Never prose: the UI words it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// Sign in first.
    #[error("not signed in")]
    NotSignedIn,
    /// Already signed in on this connection.
    #[error("already signed in")]
    AlreadySignedIn,
    /// The name belongs to another device.
    #[error("this name is bound to another device")]
    NameTaken,
    /// The name is bound to another e-mail address.
    #[error("this name is bound to another e-mail address")]
    EmailDiffers,
    /// The account is blocked.
    #[error("this account is blocked")]
    Blocked,
    /// The session to resume is gone.
    #[error("the session is over")]
    SessionOver,
    /// No such room.
    #[error("there is no such room")]
    NoSuchRoom,
    /// A room of that name exists.
    #[error("a room of that name exists")]
    RoomExists,
    /// Nobody else fits.
    #[error("the room is full")]
    RoomFull,
    /// The PIN is missing or wrong.
    #[error("wrong PIN")]
    WrongPin,
    /// Join a room first.
    #[error("not in a room")]
    NotInRoom,
    /// Leave the other room first.
    #[error("already in a room")]
    AlreadyInRoom,
    /// No such participant in this room.
    #[error("there is no such participant")]
    NoSuchParticipant,
    /// No such stream of this participant, or in this room.
    #[error("there is no such stream")]
    NoSuchStream,
    /// As many as allowed are there already.
    #[error("too many of them")]
    TooMany,
    /// A value is out of its range.
    #[error("out of range")]
    OutOfRange,
    /// Slower.
    #[error("too often: again in {retry_after_ms} ms")]
    RateLimited {
        /// When to try again.
        retry_after_ms: u32,
    },
    /// The relay could not store it, and so did not do it.
    #[error("the relay cannot store it now")]
    StorageFailed,
    /// The relay has no room for another session.
    #[error("the relay is full")]
    RelayFull,
    /// The link is wrong, over or revoked.
    #[error("the link is not valid")]
    LinkInvalid,
    /// The room keeps browsers out.
    #[error("browsers are not let into this room")]
    BrowsersRefused,
    /// It is not for this participant to ask.
    #[error("not allowed")]
    NotAllowed,
    /// The relay serves no browsers.
    #[error("the relay serves no browsers")]
    NoGateway,
}
