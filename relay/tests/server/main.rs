//! The relay over real loopback sockets, with endpoints that may say anything.
#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod admin;
mod announce;
mod bad_input;
mod browser;
mod gateway;
mod gateway_crowd;
mod gateway_guests;
mod gateway_limits;
mod gateway_resume;
mod gateway_trust;
mod harness;
mod idle;
mod media;
mod raw;
mod restart;
mod rooms;
mod trusting;
