//! Why bytes are no JPEG that is sent and shown.

use super::LARGEST;
use crate::picture::frame::PictureSize;
use std::fmt;
use thiserror::Error;

/// How the pixels of a picture are coded, where that is not baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// In several passes over the picture.
    Progressive,
    /// By arithmetic codes.
    Arithmetic,
    /// Without loss.
    Lossless,
    /// As differences between pictures.
    Hierarchical,
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Progressive => "progressive",
            Self::Arithmetic => "arithmetic",
            Self::Lossless => "lossless",
            Self::Hierarchical => "hierarchical",
        })
    }
}

/// Why bytes are no JPEG that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum HeadError {
    /// The first two bytes are not the SOI marker.
    #[error("no JPEG")]
    NoStart,
    /// The bytes end before the first scan.
    #[error("JPEG that ends in its header")]
    Truncated,
    /// There is no marker where one has to be.
    #[error("JPEG without a marker at offset {at}")]
    NoMarker {
        /// Offset in bytes.
        at: usize,
    },
    /// A segment that contradicts itself or what came before it.
    #[error("JPEG with a damaged segment at offset {at}")]
    Damaged {
        /// Offset in bytes.
        at: usize,
    },
    /// The first scan comes before any frame header, or there is none.
    #[error("JPEG without a frame header")]
    NoFrame,
    /// Not baseline.
    #[error("{0} JPEG, and only baseline JPEG is sent and shown")]
    Coding(Coding),
    /// Not of 8 bits.
    #[error("JPEG of {0} bits, and only JPEG of 8 bits is sent and shown")]
    Precision(u8),
    /// Neither gray nor of three colors.
    #[error("JPEG of {0} components, and only gray or three-color JPEG is sent and shown")]
    Components(u8),
    /// The height comes behind the first scan (DNL), which no decoder in use reads.
    #[error("JPEG that does not tell its height in front")]
    NoHeight,
    /// It names a quantization table that it does not have.
    #[error("JPEG without its quantization tables")]
    NoQuantization,
    /// It names a Huffman table that it does not have, and that is none of the standard ones.
    #[error("JPEG without its Huffman tables")]
    NoHuffman,
    /// Larger than any camera's.
    #[error("JPEG of {0}, larger than {LARGEST}")]
    TooLarge(PictureSize),
}
