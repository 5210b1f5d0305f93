//! The engine: one loop over one kind of event, which owns the session, the room, the senders and the receivers.
//!
//! It connects and signs in, and again whenever the connection or the relay goes; then it waits in the lobby, or keeps
//! at its goal, to be in a room: joins, publishes, receives. Its user sends [`Intent`]s and gets [`Report`]s.

mod asked;
mod chat;
mod clock_offset;
mod devices;
mod entering;
mod in_room;
mod invite;
mod lobby;
mod loss;
mod media;
mod messages;
mod network;
mod path;
mod publish;
mod reconnect;
mod replies;
mod requests;
mod room;
mod session;
mod shell;
mod sockets;
mod stats;
#[cfg(test)]
mod stories;
mod talking;
mod timers;

pub use devices::{Devices, OwnPictures};
pub use loss::ConnectionLoss;
pub use messages::{
    EngineError, Intent, LineNumber, LineState, Loudness, Person, Report, Room, Settings,
    WhyNotEntered, Written,
};
pub use shell::{Engine, PictureOutputs};
pub use stats::{ParticipantStats, RefusedPackets, SelfStats, Stats, StreamStats};
