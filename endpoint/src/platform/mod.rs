//! What the endpoint needs of the machine and of systemd.

pub mod metronome;
pub mod processor;
pub mod stop;
pub mod watchdog;
