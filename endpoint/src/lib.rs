//! The endpoint.
#![deny(unsafe_code)]

pub mod camera;
pub mod clock;
pub mod devices;
pub mod frame;
pub mod jpeg;
pub mod marker;
pub mod metronome;
pub mod sound;
pub mod stop;
