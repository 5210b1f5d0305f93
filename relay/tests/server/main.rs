//! The relay over real loopback sockets, with endpoints that may say anything.

mod admin;
mod bad_input;
mod harness;
mod idle;
mod media;
mod raw;
mod restart;
mod rooms;
