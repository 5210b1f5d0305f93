//! Why there is no connection to the relay.

use crate::net::control::{ConnectionError, ConnectionFailure};
use conclave_protocol::time::Micros;
use conclave_protocol::wire::control::ClosingReason;
use std::net::IpAddr;
use thiserror::Error;

/// A connection on which nothing is heard for so long counts as dead.
pub(super) const DEAD_AFTER: Micros = Micros::from_secs(7);

/// Why there is no connection to the relay. The screen words it; its own words are for the log and the command line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConnectionLoss {
    /// Nothing is heard for too long.
    #[error("nothing heard for {} s", DEAD_AFTER.0 / 1_000_000)]
    Silent,
    /// What is to be sent piles up.
    #[error("the relay takes nothing any more")]
    Stuck,
    /// The relay closes the connection, and says why.
    #[error("the relay closes: {0:?}")]
    Closing(ClosingReason),
    /// The answer belongs to an earlier request to enter a room.
    #[error("the relay answers another join than the last")]
    OtherJoin,
    /// The relay limits how often this endpoint signs in.
    #[error("the relay asks to wait")]
    AskedToWait,
    /// Another device has this one's identity; this is its address.
    #[error("the device at {0} has this one's identity and is signed in: was the card copied?")]
    CopiedCard(IpAddr),
    /// It broke, or could not be made.
    #[error("{detail}")]
    Failed {
        /// What the screen words.
        failure: ConnectionFailure,
        /// In English, with the system's own words.
        detail: String,
    },
}

impl From<&ConnectionError> for ConnectionLoss {
    fn from(error: &ConnectionError) -> Self {
        Self::Failed {
            failure: error.failure(),
            detail: error.to_string(),
        }
    }
}
