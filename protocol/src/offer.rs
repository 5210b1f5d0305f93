//! How much a published stream may carry, according to its offer.
//!
//! Relay and receivers enforce it, so that a small picture cannot cost others as much as a large one.

use crate::packetize::MAX_FRAME_BYTES;
use crate::wire::control::{AudioCodec, Media, Picture};
use crate::wire::header::MAX_PACKET;

/// Bytes that a picture may have whatever its size: headers and tables, and a camera that gives more pixels than
/// requested.
const ANY_PICTURE_BYTES: usize = 256 * 1024;
/// Bytes of an uncompressed pixel: JPEGs of the best quality have fewer.
const BYTES_A_PIXEL: usize = 3;
/// Blocks of sound are 20 ms long; a device that catches up sends some more.
const BLOCKS_A_SECOND: usize = 100;

impl Media {
    /// The longest frame that the stream may carry.
    #[must_use]
    pub const fn frame_bytes(self) -> usize {
        match self {
            Self::Audio(AudioCodec::L16Mono16k | AudioCodec::OpusMono48k) => MAX_PACKET,
            Self::Camera(picture) | Self::Screen(picture) => {
                let (width, height) = (picture.size.width as usize, picture.size.height as usize);
                // A factor of 2^32 at most: no overflow with 64-bit pointers, and saturating elsewhere.
                let pixels = width.saturating_mul(height);
                let bytes = pixels.saturating_mul(BYTES_A_PIXEL);
                let bytes = bytes.saturating_add(ANY_PICTURE_BYTES);
                if bytes < MAX_FRAME_BYTES {
                    bytes
                } else {
                    MAX_FRAME_BYTES
                }
            }
        }
    }

    /// The most bytes that the stream may carry a second.
    #[must_use]
    pub const fn bytes_per_second(self) -> usize {
        match self {
            Self::Audio(_) => BLOCKS_A_SECOND * MAX_PACKET,
            Self::Camera(Picture { fps, .. }) | Self::Screen(Picture { fps, .. }) => {
                self.frame_bytes() * fps as usize
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::PictureSize;
    use crate::wire::control::Layer;

    fn camera(width: u16, height: u16) -> Media {
        let (layer, size) = (Layer::Full, PictureSize { width, height });
        let fps = 30;
        Media::Camera(Picture { layer, size, fps })
    }

    #[test]
    fn a_picture_is_bounded_by_its_size_and_by_what_can_be_sent() {
        assert_eq!(camera(320, 240).frame_bytes(), 262_144 + 230_400);
        assert_eq!(camera(1920, 1080).frame_bytes(), MAX_FRAME_BYTES);
        assert_eq!(camera(u16::MAX, u16::MAX).frame_bytes(), MAX_FRAME_BYTES);
        assert_eq!(camera(320, 240).bytes_per_second(), 30 * 492_544);
    }

    #[test]
    fn sound_is_bounded_by_its_blocks() {
        let sound = Media::Audio(AudioCodec::L16Mono16k);
        assert!(sound.bytes_per_second() < 200_000);
    }
}
