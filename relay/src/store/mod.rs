//! What outlives a restart: accounts, devices, rooms and chat in one SQLite file, behind one thread.
//!
//! Commands come through a bounded queue. Those that wait together are committed together, and nothing
//! is answered before its commit has reached the disk (`synchronous = FULL`).

mod accounts;
mod chat;
pub mod pin;
mod rooms;
mod schema;
mod worker;

use conclave_protocol::wire::control::Refusal;

pub use schema::{Database, OpenError, StoreLimits};
pub use worker::{Store, Stored};

/// Why a command is not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExecuteError {
    /// The request is refused; the database is well.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database could not.
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
}
