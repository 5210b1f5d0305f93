//! Members of a room in virtual time: they come, leave, lose their connection and come back, in any order.
#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking; nobody imports it"
)]

#[path = "../common/mod.rs"]
mod common;
mod faults;
mod member;
mod orders;
mod relay;
mod world;
