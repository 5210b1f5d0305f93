//! Golden vectors: the bytes of every message and of every seal, pinned.
//!
//! `tests/vectors/*.json` holds each value in words and its bytes in hexadecimal. The code must encode the value to
//! these bytes, and decode these bytes to the value. A change of these files is a change of the protocol: of
//! `WIRE.md`, and of the version.
//!
//! To write the files again, run this with `CONCLAVE_WRITE_VECTORS=1`: it writes them and fails, so that the
//! difference is read.
#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking, and is not imported"
)]

#[path = "../common/mod.rs"]
mod common;
mod control;
mod control_values;
mod document;
mod keys;
mod media;
mod vectors;
