//! What goes into an engine and what comes out of it.

use super::ledger::Stats;
use crate::camera::{CameraSpec, CameraState};
use crate::control::ConnectionError;
use crate::keep::KeepError;
use crate::outbound::Path;
use crate::sound::{MicrophoneSpec, SoundState, SpeakerSpec};
use conclave_protocol::identity::PublicKey;
use conclave_protocol::name::{ChatText, Email, Pin, RoomName, Username};
use conclave_protocol::time::Micros;
use conclave_protocol::wire::control::{ChatLine, LeaveReason, Refusal, Suite};
use std::path::PathBuf;
use thiserror::Error;

/// What an engine is to do.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Host and port.
    pub relay: String,
    /// What the relay must be known by at first contact, where that was said beforehand.
    pub relay_fingerprint: Option<String>,
    /// The account's name.
    pub username: Username,
    /// The account's e-mail address.
    pub email: Email,
    /// Where to be.
    pub room: Room,
    /// The AEAD of what this endpoint sends.
    pub suite: Suite,
    /// The camera.
    pub camera: CameraSpec,
    /// The microphone.
    pub microphone: MicrophoneSpec,
    /// The speaker.
    pub speaker: SpeakerSpec,
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
#[derive(Clone, Debug)]
pub enum Intent {
    /// Write to the room once it is joined.
    Say(Box<ChatText>),
    /// Switch the microphone on or off; off, no sample leaves the process.
    Microphone(bool),
    /// Switch the camera on or off.
    Camera(bool),
    /// Leave and end.
    Stop,
}

/// What an engine tells.
#[derive(Debug)]
pub enum Report {
    /// The first contact with a relay: what it is known by from now on.
    FirstContact(PublicKey),
    /// Signed in.
    SignedIn,
    /// In the room, with these others.
    Joined(Vec<Username>),
    /// Somebody came.
    Came(Username),
    /// Somebody left.
    Left(Username, LeaveReason),
    /// What everyone in the room can compare aloud: the same for all who are end to end with each other.
    SafetyNumber(String),
    /// Somebody wrote, or this endpoint did.
    Chat {
        /// The line.
        line: ChatLine,
        /// Whether this account wrote it.
        own: bool,
    },
    /// The relay did not take a line.
    NotSaid(Refusal),
    /// How media travels from now on.
    Path(Path),
    /// The connection is gone; it is tried again.
    Interrupted(String),
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
    Keep(#[from] KeepError),
    /// A thread, a socket or random bytes were not to be had.
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
        "{error}. If the relay was set up anew, compare this fingerprint with `conclave-relay identity` there, \
         then remove the line of {relay} from {}", .list.display()
    )]
    IdentityChanged {
        /// The address.
        relay: String,
        /// Both fingerprints.
        error: ConnectionError,
        /// Where the old one is kept.
        list: PathBuf,
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
    #[error("this device and name signed in once more; the earlier call ends")]
    Replaced,
    /// The relay said no.
    #[error("{act}: {refusal}")]
    Refused {
        /// What was asked for.
        act: &'static str,
        /// Why not.
        refusal: Refusal,
    },
}
