//! Received JPEGs to pixels, by TurboJPEG, after our own check of the header.

use super::segments::{self, Head, HeadError};
use super::whole::{Fault, Inspector};
use crate::picture::frame::PictureSize;
use thiserror::Error;
use turbojpeg::{Decompressor, Image, PixelFormat, ScalingFactor};

/// A baseline picture has one scan, or one for each component.
const MOST_SCANS: u32 = 3;

/// Pixels of the largest picture with several scans, whose coefficients the library keeps all at once: 6 bytes a pixel
/// and decoder, 15 MiB here. Raising it lets one participant cost the others more memory.
const MOST_PIXELS_IN_SCANS: usize = 2048 * 1280;

/// Why a received picture is not shown.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// It is no JPEG.
    #[error("not a usable JPEG: {0}")]
    Head(#[from] HeadError),
    /// It has several scans and is too large to keep them all.
    #[error("picture of {0} in several scans")]
    Scans(PictureSize),
    /// Something of it is missing.
    #[error("not a whole JPEG: {0}")]
    Torn(Fault),
    /// The caller's buffer does not fit the picture.
    #[error("{got} bytes for pixels, {need} needed")]
    BufferSize {
        /// Bytes that the picture takes.
        need: usize,
        /// Bytes that were given.
        got: usize,
    },
    /// TurboJPEG found it damaged.
    #[error("JPEG decoder: {0}")]
    Library(#[from] turbojpeg::Error),
}

/// Decoding to a fraction of the size: cheaper, and right for tiles.
///
/// TurboJPEG can scale by any eighth, but on x86 and ARM has vector code for these alone (an eighth needs next to
/// none): 6/8 of 640×360 take 1.3 ms and all of it 0.63 ms; 5/8 of 1280×720 take 3.0 ms, all of it 2.3 ms, and 3/8
/// no less than the half, 1.6 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Every pixel.
    #[default]
    Full,
    /// Half as wide and high.
    Half,
    /// A quarter.
    Quarter,
    /// An eighth.
    Eighth,
}

impl Scale {
    const fn factor(self) -> ScalingFactor {
        match self {
            Self::Full => ScalingFactor::ONE,
            Self::Half => ScalingFactor::ONE_HALF,
            Self::Quarter => ScalingFactor::ONE_QUARTER,
            Self::Eighth => ScalingFactor::ONE_EIGHTH,
        }
    }

    /// The size that a picture of `size` decodes to.
    #[must_use]
    pub const fn of(self, size: PictureSize) -> PictureSize {
        let by = match self {
            Self::Full => 1,
            Self::Half => 2,
            Self::Quarter => 4,
            Self::Eighth => 8,
        };
        PictureSize::new(size.width.div_ceil(by), size.height.div_ceil(by))
    }

    /// The smallest scale at which a picture of `size` still covers a tile of `tile`.
    #[must_use]
    pub fn to_cover(size: PictureSize, tile: PictureSize) -> Self {
        [Self::Eighth, Self::Quarter, Self::Half]
            .into_iter()
            .find(|scale| {
                let scaled = scale.of(size);
                scaled.width >= tile.width && scaled.height >= tile.height
            })
            .unwrap_or(Self::Full)
    }
}

/// Pixels in memory that is used again for the next picture.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Size in pixels.
    pub size: PictureSize,
    /// Rows without padding, from the top: 3 bytes a pixel (RGB), 4 (RGBX) or 1 (luma).
    pub pixels: Vec<u8>,
}

impl Default for Picture {
    fn default() -> Self {
        Self {
            size: PictureSize::new(0, 0),
            pixels: Vec::new(),
        }
    }
}

/// Checks that a received picture is one that may be decoded: a baseline JPEG of 8 bits that is not too large. Costs a
/// walk over its header.
///
/// # Errors
/// When it is anything else.
pub fn validate(jpeg: &[u8]) -> Result<Head, DecodeError> {
    let head = segments::head(jpeg)?;
    // The library would complain of these before it has decoded a pixel.
    if let Some(at) = head.junk_at() {
        return Err(HeadError::NoMarker { at }.into());
    }
    if !head.is_one_scan() && head.size.pixels() > MOST_PIXELS_IN_SCANS {
        return Err(DecodeError::Scans(head.size));
    }
    Ok(head)
}

/// What the library says of a picture that it has decoded to its end although something about it was wrong: padding in
/// front of a restart marker, or missing data. All else that it says means that there are no pixels.
const WARNINGS: [&str; 5] = [
    "extraneous bytes before marker",
    "premature end of data segment",
    "bad Huffman code",
    "instead of RST",
    "Premature end of JPEG file",
];

/// Decodes received pictures, one after the other.
pub struct Decoder {
    decompressor: Decompressor,
    /// Judges pictures that the library warned of.
    inspector: Inspector,
}

impl Decoder {
    /// A decoder.
    ///
    /// # Errors
    /// When TurboJPEG cannot be set up.
    pub fn new() -> Result<Self, DecodeError> {
        let mut decompressor = Decompressor::new()?;
        decompressor.set_scan_limit(MOST_SCANS)?;
        Ok(Self {
            decompressor,
            inspector: Inspector::default(),
        })
    }

    /// Decodes to RGB, 3 bytes a pixel, into a picture whose memory is used again.
    ///
    /// # Errors
    /// When the picture is refused ([`validate`]) or damaged; `into` holds nothing of use then.
    pub fn rgb(
        &mut self,
        jpeg: &[u8],
        scale: Scale,
        into: &mut Picture,
    ) -> Result<(), DecodeError> {
        self.picture(jpeg, scale, PixelFormat::RGB, into)
    }

    /// Decodes to RGB with a fourth byte without meaning, for callers that compute with the pixels.
    ///
    /// # Errors
    /// As [`Decoder::rgb`].
    pub fn rgbx(
        &mut self,
        jpeg: &[u8],
        scale: Scale,
        into: &mut Picture,
    ) -> Result<(), DecodeError> {
        self.picture(jpeg, scale, PixelFormat::RGBX, into)
    }

    /// Decodes the brightness alone, 1 byte a pixel: cheaper, for markers and measurements.
    ///
    /// # Errors
    /// As [`Decoder::rgb`].
    pub fn luma(
        &mut self,
        jpeg: &[u8],
        scale: Scale,
        into: &mut Picture,
    ) -> Result<(), DecodeError> {
        self.picture(jpeg, scale, PixelFormat::GRAY, into)
    }

    /// Decodes to RGB into memory of the caller's, of exactly the size that `scale` gives the picture.
    ///
    /// # Errors
    /// As [`Decoder::rgb`], and when `pixels` is of another size.
    pub fn rgb_into(
        &mut self,
        jpeg: &[u8],
        scale: Scale,
        pixels: &mut [u8],
    ) -> Result<PictureSize, DecodeError> {
        let size = scale.of(validate(jpeg)?.size);
        self.pixels(jpeg, scale, PixelFormat::RGB, size, pixels)?;
        Ok(size)
    }

    fn picture(
        &mut self,
        jpeg: &[u8],
        scale: Scale,
        format: PixelFormat,
        into: &mut Picture,
    ) -> Result<(), DecodeError> {
        let size = scale.of(validate(jpeg)?.size);
        into.pixels.resize(size.pixels() * format.size(), 0);
        into.size = size;
        self.pixels(jpeg, scale, format, size, &mut into.pixels)
    }

    fn pixels(
        &mut self,
        jpeg: &[u8],
        scale: Scale,
        format: PixelFormat,
        size: PictureSize,
        pixels: &mut [u8],
    ) -> Result<(), DecodeError> {
        let need = size.pixels() * format.size();
        if pixels.len() != need {
            let got = pixels.len();
            return Err(DecodeError::BufferSize { need, got });
        }
        self.decompressor.set_scaling_factor(scale.factor())?;
        let image = Image {
            pixels,
            width: size.width as usize,
            pitch: size.width as usize * format.size(),
            height: size.height as usize,
            format,
        };
        // The library reads the header again and refuses if its size is not the one checked above.
        match self.decompressor.decompress(jpeg, image) {
            // It tells the first of its warnings alone, so that the walk decides whether all the picture is there.
            Err(turbojpeg::Error::TurboJpegError(warning))
                if WARNINGS.iter().any(|known| warning.contains(known)) =>
            {
                self.inspector
                    .examine(jpeg)
                    .map(drop)
                    .map_err(DecodeError::Torn)
            }
            decoded => Ok(decoded?),
        }
    }
}

#[cfg(test)]
mod tests;
