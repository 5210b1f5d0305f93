//! The endpoint of Conclave: camera, microphone and speaker on the way to the wire and back.
//!
//! Pictures and sound run on threads of their own ([`camera`], [`sound`]), sealed and sent where they are made
//! ([`outbound`]); the [`engine`] owns everything else in one loop. [`call`] is a call without a screen.
#![deny(unsafe_code)]

pub mod call;
pub mod camera;
pub mod config;
pub mod control;
pub mod device;
pub mod devices;
pub mod discovery;
pub mod doctor;
pub mod engine;
pub mod frame;
pub mod jpeg;
pub mod keep;
pub mod kiosk;
pub mod latency;
pub mod marker;
pub mod metronome;
pub mod outbound;
pub mod pictures;
pub mod playout;
pub mod processor;
pub mod record;
pub mod screen;
pub mod sound;
pub mod stop;
pub mod udp;
#[cfg(feature = "screen")]
pub mod ui;
pub mod watchdog;

pub use conclave_common::clock;
