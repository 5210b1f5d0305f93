//! The formats: what stands in which byte. `WIRE.md` is the same in words.

pub mod control;
pub mod feedback;
pub mod framing;
pub mod header;
