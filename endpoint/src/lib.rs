//! The endpoint of Conclave: camera, microphone and speaker on the way to the wire and back.
//!
//! Pictures and sound run on threads of their own ([`camera`], [`sound`]), sealed and sent where they are made
//! ([`net::outbound`]); the [`engine`] owns everything else in one loop. [`cli::call`] is a call without a screen.
#![deny(unsafe_code)]

pub mod camera;
pub mod cli;
pub mod config;
pub mod data_dir;
pub mod device;
pub mod engine;
pub mod kiosk;
pub mod net;
pub mod picture;
pub mod platform;
pub mod record;
pub mod screen;
pub mod sound;
#[cfg(feature = "screen")]
pub mod ui;

pub use conclave_common::clock;
