//! The formats of messages and packets, byte for byte. `WIRE.md` specifies the same in words.

pub mod control;
pub mod feedback;
pub mod framing;
pub mod header;
