//! Golden vectors: the bytes of every message and of every seal, pinned.
//!
//! `tests/vectors/*.json` holds each value in words and its bytes in hexadecimal. What the code makes must
//! be what is written there, and what is written there must be read as the value. A change of these files is
//! a change of the protocol: of `WIRE.md`, and of the version.
//!
//! To write the files anew, run this with `CONCLAVE_WRITE_VECTORS=1`: it writes them and fails, so that
//! nobody forgets to read the difference.
#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking; nobody imports it"
)]

#[path = "../common/mod.rs"]
mod common;
mod control;
mod control_values;
mod document;
mod keys;
mod media;
mod vectors;
