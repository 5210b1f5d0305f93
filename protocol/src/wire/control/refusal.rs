//! Why a request is not granted.

use serde::{Deserialize, Serialize};

/// Why a request is refused. Never prose: the user interface words it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The request needs a sign-in first.
    #[error("not signed in")]
    NotSignedIn,
    /// This connection is already signed in.
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
    /// The session to resume does not exist any more.
    #[error("the session has ended")]
    SessionOver,
    /// There is no such room.
    #[error("there is no such room")]
    NoSuchRoom,
    /// A room with this name exists already.
    #[error("a room of that name exists")]
    RoomExists,
    /// The room has its full number of members.
    #[error("the room is full")]
    RoomFull,
    /// The PIN is missing or wrong.
    #[error("wrong PIN")]
    WrongPin,
    /// The request needs a joined room first.
    #[error("not in a room")]
    NotInRoom,
    /// The participant has to leave the other room first.
    #[error("already in a room")]
    AlreadyInRoom,
    /// There is no such participant in this room.
    #[error("there is no such participant")]
    NoSuchParticipant,
    /// There is no such stream of this participant, or in this room.
    #[error("there is no such stream")]
    NoSuchStream,
    /// The maximum number of such things exists already.
    #[error("too many of them")]
    TooMany,
    /// A value is out of its range.
    #[error("out of range")]
    OutOfRange,
    /// The requests come too fast.
    #[error("too often: again in {retry_after_ms} ms")]
    RateLimited {
        /// How long to wait before the next try.
        retry_after_ms: u32,
    },
    /// The relay could not store the change, and did not make it.
    #[error("the relay cannot store it now")]
    StorageFailed,
    /// The relay has its maximum number of sessions.
    #[error("the relay is full")]
    RelayFull,
    /// The link is invalid, expired or revoked.
    #[error("the link is not valid")]
    LinkInvalid,
    /// The room excludes browsers.
    #[error("browsers are not let into this room")]
    BrowsersRefused,
    /// The participant has no right to make this request.
    #[error("not allowed")]
    NotAllowed,
    /// The relay serves no browsers.
    #[error("the relay serves no browsers")]
    NoGateway,
}
