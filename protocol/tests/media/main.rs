//! Media end to end: a sender, a path that loses, duplicates and reorders, a relay's hop check, a receiver.
#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking, and is not imported"
)]

#[path = "../common/mod.rs"]
mod common;
mod ends;
mod frames;
mod hostile;
mod keys;
mod nonces;
