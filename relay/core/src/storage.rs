//! What the core asks of the store and of the PIN worker, and what they answer.

use conclave_protocol::id::{ChatId, LineMark, RoomId};
use conclave_protocol::name::{Email, Pin, RoomName, Username};
use conclave_protocol::units::UnixMillis;
use conclave_protocol::wire::control::ChatLine;

/// Ties an answer of the store or of the PIN worker to what waits for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// Something to remember or to look up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreCommand {
    /// Finds the account, or binds it to its first device.
    SignIn {
        /// The request that waits for the answer.
        token: Token,
        /// The name.
        username: Username,
        /// The address that it must have.
        email: Email,
        /// The device's public key.
        identity: [u8; 32],
        /// The time to record.
        at: UnixMillis,
        /// Whether the account is made when there is none.
        new: NewAccount,
    },
    /// Remembers a room.
    CreateRoom {
        /// The request that waits for the answer.
        token: Token,
        /// The room.
        room: StoredRoom,
        /// The time to record.
        at: UnixMillis,
    },
    /// Remembers a line of chat, unless it is there: by this writer, in this room, with this mark.
    AppendChat {
        /// The request that waits for the answer.
        token: Token,
        /// In which room.
        room: RoomId,
        /// The line.
        line: ChatLine,
        /// Whether a guest wrote it, whose name belongs to no account.
        from_guest: bool,
        /// Whether it is for a guest alone.
        to_guest: bool,
    },
    /// Finds a line of chat: by this writer, in this room, with this mark.
    FindLine {
        /// The request that waits for the answer.
        token: Token,
        /// In which room.
        room: RoomId,
        /// Who wrote it.
        from: Username,
        /// Whether that is a guest, whose name belongs to no account.
        from_guest: bool,
        /// The mark that its writer drew.
        mark: LineMark,
    },
    /// Finds out whether a name is an account's.
    FindName {
        /// The request that waits for the answer.
        token: Token,
        /// The name.
        username: Username,
    },
    /// Remembers one setting of a room, and leaves its others as they are.
    ChangeRoom {
        /// The request that waits for the answer.
        token: Token,
        /// The room that changes.
        room: RoomId,
        /// What changes.
        setting: RoomSetting,
    },
    /// Looks up a page of chat.
    ReadHistory {
        /// The request that waits for the answer.
        token: Token,
        /// Of which room.
        room: RoomId,
        /// Who reads: direct lines between others are not for them, and none are for guests.
        reader: Option<Username>,
        /// Lines before this one.
        before: Option<ChatId>,
    },
}

impl StoreCommand {
    /// Whom to answer.
    #[must_use]
    pub const fn token(&self) -> Token {
        match self {
            Self::SignIn { token, .. }
            | Self::CreateRoom { token, .. }
            | Self::AppendChat { token, .. }
            | Self::FindLine { token, .. }
            | Self::FindName { token, .. }
            | Self::ChangeRoom { token, .. }
            | Self::ReadHistory { token, .. } => *token,
        }
    }
}

/// One setting of a room. Each is a change of its own: two at once cannot undo each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomSetting {
    /// Every link that was made before has expired.
    RevokeLinks,
    /// Whether browsers may be there.
    AllowBrowsers(bool),
}

/// What becomes of a name that belongs to no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewAccount {
    /// It stays free, and the answer is [`StoreAnswer::NoAccount`].
    Tell,
    /// It becomes this device's, unless there are so many accounts.
    MakeBelow(usize),
}

/// A room as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRoom {
    /// Its number.
    pub id: RoomId,
    /// Its name.
    pub name: RoomName,
    /// What its PIN hashes to.
    pub pin: Option<PinHash>,
    /// How many fit.
    pub capacity: u16,
    /// The key of the account that made it; rooms of old have none.
    pub creator: Option<String>,
    /// Links of earlier ones are over.
    pub link_generation: u32,
    /// Whether browsers may be there.
    pub browsers_allowed: bool,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreAnswer {
    /// It is on the disk.
    Done,
    /// The account is this device's.
    Account {
        /// The name as it was first written.
        username: Username,
    },
    /// Links of earlier generations are over, and that is on the disk.
    LinksRevoked {
        /// What links are made with from now on.
        link_generation: u32,
    },
    /// No account has this name.
    NoAccount,
    /// The line was stored before.
    KnownLine {
        /// Its number then.
        id: ChatId,
        /// Its time then.
        at: UnixMillis,
    },
    /// No line is like that.
    NoLine,
    /// A page of chat, oldest first.
    History {
        /// The lines.
        lines: Vec<ChatLine>,
        /// Whether there are earlier ones.
        more: bool,
    },
}

/// What a PIN hashes to.
#[derive(Clone, PartialEq, Eq)]
pub struct PinHash {
    /// Drawn for each room.
    pub salt: [u8; 16],
    /// Argon2id of PIN and salt.
    pub hash: [u8; 32],
}

impl std::fmt::Debug for PinHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PinHash(…)")
    }
}

/// Work for the thread.
#[derive(Clone, PartialEq, Eq)]
pub enum PinCommand {
    /// Hash a new room's PIN.
    Hash {
        /// The request that waits for the answer.
        token: Token,
        /// The PIN.
        pin: Pin,
    },
    /// Compare a guess.
    Compare {
        /// The request that waits for the answer.
        token: Token,
        /// The guess.
        pin: Pin,
        /// The room's.
        hash: PinHash,
    },
}

impl PinCommand {
    /// Whom to answer.
    #[must_use]
    pub const fn token(&self) -> Token {
        match self {
            Self::Hash { token, .. } | Self::Compare { token, .. } => *token,
        }
    }
}

impl std::fmt::Debug for PinCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Hash { token, .. } => write!(f, "Hash({token:?})"),
            Self::Compare { token, .. } => write!(f, "Compare({token:?})"),
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinAnswer {
    /// The new hash.
    Hashed(PinHash),
    /// Whether the guess is right.
    Compared(bool),
}
