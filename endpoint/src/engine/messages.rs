//! What goes into an engine and what comes out of it.

use super::loss::ConnectionLoss;
use super::stats::Stats;
use crate::camera::{CameraSpec, CameraState};
use crate::data_dir::DataDirError;
use crate::net::control::ConnectionError;
use crate::net::outbound::Path;
use crate::sound::{MicrophoneSpec, SoundState, SpeakerSpec};
use conclave_protocol::id::{ParticipantId, StreamId};
use conclave_protocol::identity::PublicKey;
use conclave_protocol::name::{ChatText, DisplayName, Email, Pin, RoomName, Username};
use conclave_protocol::time::Micros;
use conclave_protocol::units::AudioLevel;
use conclave_protocol::wire::control::{
    ChatLine, Devices, LeaveReason, Refusal, RoomSummary, Suite,
};
use thiserror::Error;
use tokio::sync::oneshot;

/// What an engine is to do.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Host and port.
    pub relay: String,
    /// What the relay's identity is kept under beside its address: how it is looked for, if it is.
    pub relay_kept_as: String,
    /// What the relay must be known by at first contact, where that was said beforehand.
    pub relay_fingerprint: Option<String>,
    /// The account's name.
    pub username: Username,
    /// What others see.
    pub display_name: DisplayName,
    /// The account's e-mail address.
    pub email: Email,
    /// Where to be from the start; being refused there ends the engine. In the lobby when absent.
    pub room: Option<Room>,
    /// The AEAD of what this endpoint sends.
    pub suite: Suite,
    /// The camera.
    pub camera: CameraSpec,
    /// The microphone.
    pub microphone: MicrophoneSpec,
    /// The speaker.
    pub speaker: SpeakerSpec,
    /// Whether devices are open only while they are needed, and not from start to end.
    pub devices_on_demand: bool,
    /// How long the first connection may take before it counts as unreachable; later ones are retried for ever.
    pub patience: Micros,
}

/// A room to be in.
#[derive(Clone, Debug)]
pub struct Room {
    /// Its name.
    pub name: RoomName,
    /// Its PIN, for one that is locked or is to be.
    pub pin: Option<Pin>,
    /// Whether to make it when it is not there, for how many.
    pub create: Option<u16>,
}

/// What a person wants of a running engine.
#[derive(Debug)]
pub enum Intent {
    /// Go to this room, from the lobby or another room; a refusal is reported. The wish expires when it is not
    /// fulfilled in 15 s.
    Enter(Room),
    /// Go to this room as soon as it has a place. The wish expires after 10 min.
    AwaitPlace(Room),
    /// Go back to the lobby.
    LeaveRoom,
    /// Write to the room once it is joined.
    Say(Box<ChatText>),
    /// Write to the room once it is joined, or to one who is in it now, and hear what became of the line.
    Write {
        /// The recipient; everyone in the room when absent.
        to: Option<ParticipantId>,
        /// The line.
        text: Box<ChatText>,
        /// Gets the answer; dropped when the call ends before one came.
        written: Written,
    },
    /// Say a refused line once more.
    SendAgain(LineNumber),
    /// Give a refused line up.
    DiscardLine(LineNumber),
    /// Get lines before the first one that was told.
    EarlierChat,
    /// Switch the microphone on or off; off, no sample leaves the process.
    Microphone(bool),
    /// Switch the camera on or off; off, the device is released.
    Camera(bool),
    /// Take another camera.
    UseCamera(CameraSpec),
    /// Take another microphone.
    UseMicrophone(MicrophoneSpec),
    /// Take another speaker.
    UseSpeaker(SpeakerSpec),
    /// Open the devices to try them outside a room, or close them again.
    TryDevices(bool),
    /// Play a short tone.
    TestTone,
    /// How loud others are heard, 0 to 100.
    Volume(u8),
    /// Make a link by which browsers come into this room, from within it or from the lobby.
    MakeLink {
        /// Which room.
        room: Room,
        /// How long the link is valid.
        lifetime_minutes: u16,
    },
    /// Revoke all links to this room.
    RevokeLinks(Room),
    /// Leave and end.
    Stop,
}

/// What became of a line of chat: the relay has stored it, or why it did not.
pub type Written = oneshot::Sender<Result<(), Refusal>>;

/// A line that this endpoint wrote, until the relay has stored it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineNumber(pub u32);

/// What becomes of a line that this endpoint wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineState {
    /// It is sent as soon as that is possible.
    Waiting,
    /// The relay did not take it.
    Failed(Refusal),
}

/// Why a room is not entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyNotEntered {
    /// The relay did not let this endpoint in.
    Refused(Refusal),
    /// The relay could not be asked for so long that nobody may expect to be in the room any more.
    NoConnection,
}

/// One in the room, as the screen needs them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Their number.
    pub id: ParticipantId,
    /// Their account's name.
    pub username: Username,
    /// What they are called.
    pub display_name: DisplayName,
    /// Whether this is the endpoint itself.
    pub own: bool,
    /// What they have switched on; of the endpoint itself: what its person wants.
    pub devices: Devices,
    /// What the relay shows the others as switched on. Of the endpoint itself it follows `devices` as soon as the relay
    /// has confirmed that; a device that is lost is not shown as on.
    pub confirmed: Devices,
    /// Their connection is lost, and the relay keeps their place for a while.
    pub away: bool,
    /// Whether the relay's gateway holds their keys.
    pub via_gateway: bool,
    /// Their camera's stream.
    pub picture: Option<StreamId>,
}

/// How loud a participant is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loudness {
    /// Who; the endpoint's own microphone when absent.
    pub of: Option<ParticipantId>,
    /// Of the newest block.
    pub level: AudioLevel,
}

/// What an engine tells.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "they are told one at a time, and the largest, joining, is rare"
)]
pub enum Report {
    /// The first contact with a relay: what it is known by from now on.
    FirstContact(PublicKey),
    /// No connection could be made yet; it is tried again.
    NotConnected(ConnectionLoss),
    /// Signed in.
    SignedIn,
    /// The rooms that there are, whenever that changes while in the lobby.
    Rooms(Vec<RoomSummary>),
    /// In the room, with these others.
    Joined {
        /// The room.
        room: RoomSummary,
        /// Who was there before.
        others: Vec<DisplayName>,
        /// After an outage: this endpoint was in the room before, and who came and left meanwhile is reported next.
        back: bool,
    },
    /// This endpoint is not in the room that it was to enter, and does not try any more.
    NotEntered {
        /// What was asked for.
        act: &'static str,
        /// Why not.
        why: WhyNotEntered,
    },
    /// The room is full; it is entered as soon as it has a place.
    WaitsForPlace,
    /// Back in the lobby.
    LeftRoom,
    /// Everyone in the room, whenever something about them changes.
    People(Vec<Person>),
    /// How loud everyone is, ten times a second while in a room or trying the devices.
    Levels(Vec<Loudness>),
    /// A participant joined.
    Came(DisplayName),
    /// A participant left; there is no reason if that was found after a lost connection.
    Left(DisplayName, Option<LeaveReason>),
    /// What everyone in the room can compare aloud: the same for all who are end to end with each other.
    SafetyNumber(String),
    /// A line of chat, from another participant or from this endpoint.
    Chat {
        /// The line.
        line: ChatLine,
        /// Whether this account wrote it.
        own: bool,
        /// The number by which it was told before, if this endpoint wrote it.
        number: Option<LineNumber>,
    },
    /// A line that this endpoint wrote is not stored yet, or was refused.
    OwnLine {
        /// Its number.
        number: LineNumber,
        /// The recipient; everyone in the room when absent.
        to: Option<DisplayName>,
        /// The text.
        text: Box<ChatText>,
        /// What becomes of it.
        state: LineState,
    },
    /// A refused line was given up by its writer.
    LineGone(LineNumber),
    /// A page of history was told; whether there are earlier lines.
    History {
        /// There are.
        more: bool,
    },
    /// What a browser opens to come into the room that a link was wanted for, or why there is none.
    Link(Result<String, Refusal>),
    /// How media travels from now on.
    Path(Path),
    /// The connection is gone; it is tried again.
    Interrupted(ConnectionLoss),
    /// The camera's state changed.
    Camera(CameraState),
    /// The microphone's state changed.
    Microphone(SoundState),
    /// The speaker's state changed.
    Speaker(SoundState),
    /// Once a second, and once at the end.
    Stats(Box<Stats>),
}

/// Why an engine ends by itself.
#[derive(Debug, Error)]
pub enum EngineError {
    /// What is kept cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The system gives no thread, socket or random bytes.
    #[error("the system refuses {what}: {error}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What it says.
        error: std::io::Error,
    },
    /// No relay at the address.
    #[error("cannot reach the relay at {relay}: {error}; is it running, and is the address right?")]
    Unreachable {
        /// The address.
        relay: String,
        /// What went wrong last.
        error: ConnectionError,
    },
    /// Another relay at the address.
    #[error(
        "{error}. If the relay was installed again, compare this fingerprint with `conclave-relay identity` there, \
         then remove {kept_as}"
    )]
    IdentityChanged {
        /// The address.
        relay: String,
        /// Both fingerprints.
        error: ConnectionError,
        /// Which lines of which file keep the old one.
        kept_as: String,
    },
    /// Not the relay that was announced.
    #[error(
        "the relay at {relay} has the fingerprint {met}, not {expected}: it is another one, or the fingerprint was mistyped"
    )]
    WrongFingerprint {
        /// The address.
        relay: String,
        /// What was said beforehand.
        expected: String,
        /// What it has.
        met: String,
    },
    /// Signed in elsewhere.
    #[error(
        "this device and name signed in once more{}; the earlier call ends",
        .by.map_or_else(String::new, |by| format!(
            ", from {by}. If that is another device, its card is a copy of this one's: remove the file `identity` \
             from the data folder of one of them, and give it a name of its own"
        ))
    )]
    Replaced {
        /// Where from, if the relay said so.
        by: Option<std::net::IpAddr>,
    },
    /// The relay said no.
    #[error("{act}: {refusal}")]
    Refused {
        /// What was asked for.
        act: &'static str,
        /// The relay's reason.
        refusal: Refusal,
    },
}
