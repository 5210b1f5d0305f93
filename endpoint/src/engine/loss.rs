//! Why a connection is given up.

use conclave_protocol::time::Micros;
use conclave_protocol::wire::control::ClosingReason;
use std::net::IpAddr;
use thiserror::Error;

/// A connection on which nothing is heard for so long counts as dead.
pub(super) const DEAD_AFTER: Micros = Micros::from_secs(7);

/// Why a connection is given up that had not broken by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Loss {
    #[error("nothing heard for {} s", DEAD_AFTER.0 / 1_000_000)]
    Silent,
    #[error("the relay takes nothing any more")]
    Stuck,
    #[error("the relay closes: {0:?}")]
    Closing(ClosingReason),
    #[error("the relay answers another join than the last")]
    OtherJoin,
    #[error("the relay asks to wait")]
    AskedToWait,
    /// The address is that of the other device.
    #[error("the device at {0} has this one's identity and is signed in: was the card copied?")]
    CopiedCard(IpAddr),
}
