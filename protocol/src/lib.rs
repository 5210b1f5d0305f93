//! The wire of Conclave.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod channel;
pub mod hop;
pub mod id;
pub mod identity;
pub mod jitter;
pub mod keyring;
pub mod l16;
pub mod name;
pub mod packetize;
pub mod reassemble;
pub mod receiver;
pub mod replay;
pub mod seal;
pub mod secret;
pub mod sender;
pub mod sender_key;
pub mod time;
pub mod units;
pub mod wire;

/// The most bytes of UDP payload in one datagram: fits every path (RFC 8200 §5 leaves 1232 to UDP).
pub const MAX_DATAGRAM: usize = 1200;
/// The TCP and UDP port of a relay, when nothing else is said.
pub const DEFAULT_PORT: u16 = 7470;
