//! Code shared by the tests: a seeded generator, a network in virtual time, and people with keys.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test program uses a part of it"
)]

pub mod network;
pub mod random;
