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
mod tests {
    use super::*;
    use crate::picture::jpeg::encode::{Chroma, Encoder, Planes, worst_case_bytes};
    use proptest::prelude::*;

    fn gray_jpeg(size: PictureSize) -> Vec<u8> {
        let chroma = Chroma::HalfBoth.plane(size).pixels();
        let planes = Planes {
            size,
            chroma: Chroma::HalfBoth,
            luma: &vec![90; size.pixels()],
            cb: &vec![128; chroma],
            cr: &vec![128; chroma],
        };
        let mut jpeg = vec![0; worst_case_bytes(size, Chroma::HalfBoth).unwrap()];
        let length = Encoder::new(75)
            .unwrap()
            .encode(&planes, &mut jpeg)
            .unwrap();
        jpeg.truncate(length);
        jpeg
    }

    #[test]
    fn a_picture_comes_back_at_each_scale() {
        let jpeg = gray_jpeg(PictureSize::new(70, 50));
        let mut decoder = Decoder::new().unwrap();
        let mut picture = Picture::default();
        for (scale, size) in [
            (Scale::Full, PictureSize::new(70, 50)),
            (Scale::Half, PictureSize::new(35, 25)),
            (Scale::Quarter, PictureSize::new(18, 13)),
            (Scale::Eighth, PictureSize::new(9, 7)),
        ] {
            decoder.rgb(&jpeg, scale, &mut picture).unwrap();
            assert_eq!(picture.size, size);
            assert!(picture.pixels.iter().all(|&p| p.abs_diff(90) <= 1));
            decoder.luma(&jpeg, scale, &mut picture).unwrap();
            assert_eq!(picture.pixels.len(), size.pixels());
        }
    }

    #[test]
    fn a_header_that_claims_a_huge_picture_is_refused_before_memory_is_taken() {
        let mut jpeg = gray_jpeg(PictureSize::new(16, 16));
        let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
        jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
        let mut picture = Picture::default();
        let refused = Decoder::new()
            .unwrap()
            .rgb(&jpeg, Scale::Full, &mut picture);
        assert!(matches!(
            refused,
            Err(DecodeError::Head(HeadError::TooLarge(_)))
        ));
        assert_eq!(picture.pixels.capacity(), 0);
    }

    fn file(name: &str) -> Vec<u8> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pictures");
        std::fs::read(format!("{folder}/{name}.jpg")).unwrap()
    }

    #[test]
    fn padding_in_front_of_restart_markers_is_no_damage() {
        let mut decoder = Decoder::new().unwrap();
        let (mut padded, mut clean) = (Picture::default(), Picture::default());
        decoder
            .rgb(&file("clean"), Scale::Half, &mut clean)
            .unwrap();
        for name in [
            "stray-byte-before-one-restart",
            "stray-bytes-before-restarts",
        ] {
            decoder.rgb(&file(name), Scale::Half, &mut padded).unwrap();
            assert_eq!(padded.pixels, clean.pixels, "{name}");
        }
    }

    #[test]
    fn a_torn_picture_is_damaged_even_when_the_first_warning_is_of_padding() {
        let mut decoder = Decoder::new().unwrap();
        let mut picture = Picture::default();
        let mut padded = file("stray-bytes-before-restarts");
        padded.truncate(padded.len() / 2);
        padded.extend([0xff, 0xd9]);
        for jpeg in [&file("cut-in-half"), &file("cut-in-half-with-end"), &padded] {
            let refused = decoder.rgb(jpeg, Scale::Full, &mut picture);
            assert!(matches!(refused, Err(DecodeError::Torn(_))), "{refused:?}");
        }
    }

    #[test]
    fn other_kinds_than_baseline_never_reach_the_decoder() {
        for name in ["progressive", "arithmetic"] {
            let refused = validate(&file(name));
            assert!(
                matches!(refused, Err(DecodeError::Head(HeadError::Coding(_)))),
                "{name}: {refused:?}"
            );
        }
        let mut jpeg = file("clean");
        let frame = jpeg
            .windows(4)
            .position(|w| w == [0xff, 0xc0, 0, 17])
            .unwrap();
        for marker in [0xc3, 0xc5, 0xcb] {
            jpeg[frame + 1] = marker;
            assert!(validate(&jpeg).is_err());
        }
    }

    #[test]
    fn several_scans_are_decoded_up_to_a_size_that_bounds_their_memory() {
        let mut jpeg = file("clean");
        let frame = jpeg
            .windows(4)
            .position(|w| w == [0xff, 0xc0, 0, 17])
            .unwrap();
        jpeg[frame + 5..frame + 9]
            .copy_from_slice(&[2160_u16.to_be_bytes(), 4096_u16.to_be_bytes()].concat());
        let scan = segments::head(&jpeg).unwrap().scan_at;
        assert!(validate(&jpeg).is_ok());
        // Of its three components the first scan has one.
        jpeg.splice(scan + 2..scan + 14, [0, 8, 1, 1, 0, 0, 63, 0]);
        assert!(matches!(validate(&jpeg), Err(DecodeError::Scans(_))));
    }

    #[test]
    fn a_tile_gets_the_smallest_scale_that_covers_it() {
        let hd = PictureSize::new(1280, 720);
        assert_eq!(
            Scale::to_cover(hd, PictureSize::new(1280, 720)),
            Scale::Full
        );
        assert_eq!(Scale::to_cover(hd, PictureSize::new(640, 360)), Scale::Half);
        assert_eq!(Scale::to_cover(hd, PictureSize::new(321, 180)), Scale::Half);
        assert_eq!(
            Scale::to_cover(hd, PictureSize::new(100, 60)),
            Scale::Eighth
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_damaged_picture_is_an_error_or_pixels_never_a_panic(at in 0_usize..2000, value: u8, cut in 0_usize..200) {
            let mut jpeg = gray_jpeg(PictureSize::new(64, 48));
            let last = jpeg.len() - 1;
            jpeg[at % last] = value;
            jpeg.truncate(last + 1 - cut.min(last));
            let mut picture = Picture::default();
            let _ = Decoder::new().unwrap().rgb(&jpeg, Scale::Full, &mut picture);
        }
    }
}
