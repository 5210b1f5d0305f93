//! Members of a room in virtual time: they join, leave, lose their connection and resume, in any order.
#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking, and is not imported"
)]

#[path = "../common/mod.rs"]
mod common;
mod faults;
mod member;
mod orders;
mod relay;
mod world;
