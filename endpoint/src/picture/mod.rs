//! Pictures: captured ones with their JPEG, and received ones on their way to the decoder.

pub mod frame;
pub mod jpeg;
pub mod marker;
pub mod received;
