//! Planar pixels to JPEG, by TurboJPEG, into a buffer of the caller's.

use crate::picture::frame::PictureSize;
use thiserror::Error;
use turbojpeg::{Compressor, Subsamp, YuvPlanesImage};

/// How much smaller the two color planes are than the luma plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    /// Half as wide, as high (4:2:2): what YUYV cameras give.
    HalfWidth,
    /// Half as wide and half as high (4:2:0).
    HalfBoth,
}

impl Chroma {
    /// Size of one color plane of a picture of `size`.
    #[must_use]
    pub const fn plane(self, size: PictureSize) -> PictureSize {
        let width = size.width.div_ceil(2);
        match self {
            Self::HalfWidth => PictureSize::new(width, size.height),
            Self::HalfBoth => PictureSize::new(width, size.height.div_ceil(2)),
        }
    }

    /// Whether a picture of `size` divides into whole color pixels.
    const fn divides(self, size: PictureSize) -> bool {
        let rows = match self {
            Self::HalfWidth => 1,
            Self::HalfBoth => 2,
        };
        size.pixels() > 0 && size.width.is_multiple_of(2) && size.height.is_multiple_of(rows)
    }

    const fn subsamp(self) -> Subsamp {
        match self {
            Self::HalfWidth => Subsamp::Sub2x1,
            Self::HalfBoth => Subsamp::Sub2x2,
        }
    }
}

/// A picture as three planes without padding between rows, full-range YCbCr (JFIF).
#[derive(Clone, Copy, Debug)]
pub struct Planes<'a> {
    /// Size of the picture and of its luma plane.
    pub size: PictureSize,
    /// Size of the color planes.
    pub chroma: Chroma,
    /// Brightness.
    pub luma: &'a [u8],
    /// Blue difference.
    pub cb: &'a [u8],
    /// Red difference.
    pub cr: &'a [u8],
}

/// Why a picture was not encoded.
#[derive(Debug, Error)]
pub enum EncodeError {
    /// The picture does not divide into whole color pixels, or has none.
    #[error("cannot encode a picture of {0}: odd or empty")]
    OddSize(PictureSize),
    /// A plane is shorter than the picture's size says.
    #[error("planes too short for a picture of {0}")]
    PlaneTooShort(PictureSize),
    /// TurboJPEG refused.
    #[error("JPEG encoder: {0}")]
    Library(#[from] turbojpeg::Error),
}

/// Encodes pictures, one after the other, at one quality.
#[derive(Debug)]
pub struct Encoder {
    compressor: Compressor,
}

impl Encoder {
    /// An encoder of quality 1 (worst) to 100.
    ///
    /// # Errors
    /// When TurboJPEG cannot be set up.
    pub fn new(quality: u8) -> Result<Self, EncodeError> {
        let mut compressor = Compressor::new()?;
        compressor.set_quality(i32::from(quality.clamp(1, 100)))?;
        Ok(Self { compressor })
    }

    /// Encodes a picture into the front of `out` and returns its length.
    ///
    /// # Errors
    /// When a plane is too short, or `out` is shorter than the JPEG; [`worst_case_bytes`] always suffices.
    pub fn encode(&mut self, planes: &Planes<'_>, out: &mut [u8]) -> Result<usize, EncodeError> {
        if !planes.chroma.divides(planes.size) {
            return Err(EncodeError::OddSize(planes.size));
        }
        let chroma = planes.chroma.plane(planes.size);
        if planes.luma.len() < planes.size.pixels()
            || planes.cb.len() < chroma.pixels()
            || planes.cr.len() < chroma.pixels()
        {
            return Err(EncodeError::PlaneTooShort(planes.size));
        }
        let image = YuvPlanesImage {
            y_plane: planes.luma,
            u_plane: planes.cb,
            v_plane: planes.cr,
            width: planes.size.width as usize,
            height: planes.size.height as usize,
            y_stride: planes.size.width as usize,
            u_stride: chroma.width as usize,
            v_stride: chroma.width as usize,
            subsamp: planes.chroma.subsamp(),
        };
        Ok(self.compressor.compress_yuv_planes_to_slice(&image, out)?)
    }
}

/// Bytes that a JPEG of `size` never exceeds.
///
/// # Errors
/// When TurboJPEG finds the size impossible.
pub fn worst_case_bytes(size: PictureSize, chroma: Chroma) -> Result<usize, EncodeError> {
    Ok(turbojpeg::compressed_buf_len(
        size.width as usize,
        size.height as usize,
        chroma.subsamp(),
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_that_is_too_short_is_refused() {
        let planes = Planes {
            size: PictureSize::new(16, 16),
            chroma: Chroma::HalfBoth,
            luma: &[0; 256],
            cb: &[0; 64],
            cr: &[0; 63],
        };
        let refused = Encoder::new(75).unwrap().encode(&planes, &mut [0; 4096]);
        assert!(matches!(refused, Err(EncodeError::PlaneTooShort(_))));
    }

    #[test]
    fn an_odd_or_empty_size_is_refused() {
        for (width, height) in [(15, 16), (16, 15), (0, 16)] {
            let size = PictureSize::new(width, height);
            let plane = [0; 256];
            let planes = Planes {
                size,
                chroma: Chroma::HalfBoth,
                luma: &plane,
                cb: &plane,
                cr: &plane,
            };
            let refused = Encoder::new(75).unwrap().encode(&planes, &mut [0; 4096]);
            assert!(matches!(refused, Err(EncodeError::OddSize(_))), "{size}");
        }
    }

    #[test]
    fn a_buffer_that_is_too_small_is_an_error() {
        let planes = Planes {
            size: PictureSize::new(16, 16),
            chroma: Chroma::HalfBoth,
            luma: &[0; 256],
            cb: &[0; 64],
            cr: &[0; 64],
        };
        assert!(
            Encoder::new(75)
                .unwrap()
                .encode(&planes, &mut [0; 20])
                .is_err()
        );
    }
}
