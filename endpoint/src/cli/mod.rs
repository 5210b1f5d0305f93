//! The verbs of the command line that need no screen.

pub mod arguments;
pub mod call;
pub mod devices;
pub mod doctor;
pub mod provision;
