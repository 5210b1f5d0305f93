//! JPEG: what a picture's header says, making pictures of pixels, and pixels of received pictures.
//!
//! Received pictures are hostile until [`Decoder`] has checked them: the header is read by
//! [`segments::head`], a bounded walk of our own, before anything is allocated or handed to the C library.

pub mod decode;
pub mod encode;
pub mod huffman;
pub mod segments;

pub use decode::{DecodeError, Decoder, Scale};
pub use encode::{Chroma, EncodeError, Encoder, Planes};
pub use segments::{Head, HeadError};
