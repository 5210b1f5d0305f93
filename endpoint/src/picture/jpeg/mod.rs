//! JPEG: what a picture's header says, whether it is whole, making pictures of pixels, and pixels of received pictures.
//!
//! Received pictures are hostile until [`Decoder`] has checked them: the header is read by
//! [`segments::head`], a bounded walk of our own, before anything is allocated or handed to the C library.
//! What cameras and files give is judged, and mended, by [`whole`] alone.

pub mod decode;
pub mod encode;
pub mod huffman;
mod scan;
pub mod segments;
pub mod whole;

pub use decode::{DecodeError, Decoder, Scale};
pub use encode::{Chroma, EncodeError, Encoder, Planes};
pub use segments::{Head, HeadError};
pub use whole::{Fault, Inspector, Whole};
