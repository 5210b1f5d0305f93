//! What the relay and the endpoint of Conclave have in common beside the protocol.
//!
//! It depends on neither program. Its licence is the relay's, so that both may use it.

#![forbid(unsafe_code)]

pub mod clock;
pub mod config;
pub mod entropy;
pub mod fingerprint;
pub mod lan;
pub mod manual;
pub mod private_dir;
