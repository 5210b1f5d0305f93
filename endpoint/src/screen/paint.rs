//! One stream's turn: its waiting JPEG becomes a picture of the size of its tile.

use super::gallery::Gallery;
use super::resize::Resizer;
use super::streams::{Stream, Streams};
use super::{Canvas, Painted};
use crate::clock;
use crate::picture::frame::PictureSize;
use crate::picture::jpeg::decode::{DecodeError, Decoder, Picture, Scale, validate};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// How a picture gets to its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    scale: Scale,
    decoded: PictureSize,
    painted: PictureSize,
}

impl Plan {
    /// For a picture of `source` in a tile of `tile`: never larger than the source, and covering the tile if it can.
    fn new(source: PictureSize, tile: PictureSize) -> Self {
        let scale = Scale::to_cover(source, tile);
        let decoded = scale.of(source);
        Self {
            scale,
            decoded,
            painted: Resizer::reachable(decoded, cover(decoded, tile)),
        }
    }
}

/// The smallest size with the aspect of `size`, to the pixel, that covers a tile; `size` itself if it does not.
fn cover(size: PictureSize, tile: PictureSize) -> PictureSize {
    if size.width < tile.width || size.height < tile.height {
        return size;
    }
    // Of at most LARGEST, so that products fit easily.
    let rounded = |a: u32, b: u32, by: u32| (a * b + by / 2) / by;
    PictureSize::new(
        rounded(size.width, tile.height, size.height).max(tile.width),
        rounded(size.height, tile.width, size.width).max(tile.height),
    )
}

/// What a decoder thread paints with.
pub(super) struct Painter<C> {
    decoder: Decoder,
    decoded: Picture,
    resizer: Resizer,
    gallery: Arc<Gallery<C>>,
}

impl<C: Canvas> Painter<C> {
    pub(super) fn new(decoder: Decoder, gallery: Arc<Gallery<C>>) -> Self {
        Self {
            decoder,
            decoded: Picture::default(),
            resizer: Resizer::default(),
            gallery,
        }
    }

    /// Paints the stream's waiting picture, if a tile still shows it.
    pub(super) fn turn(&mut self, streams: &Streams, stream: &Stream) {
        let Some(received) = stream.next() else {
            return;
        };
        let Some(tile) = streams.tile(stream.id) else {
            stream.tally.hidden.fetch_add(1, Relaxed);
            return;
        };
        match self.paint(&received.jpeg, tile) {
            Ok((canvas, source)) => {
                stream.tally.painted.fetch_add(1, Relaxed);
                let painted = Painted {
                    stream: stream.id,
                    canvas,
                    source,
                    captured: received.captured,
                    painted: clock::now(),
                };
                // The buffer is free before the UI wakes.
                drop(received);
                self.gallery.hang(stream, painted);
            }
            Err(error) => {
                stream.tally.damaged.fetch_add(1, Relaxed);
                tracing::debug!(stream = %stream.id, %error, "a received picture cannot be decoded");
            }
        }
    }

    fn paint(&mut self, jpeg: &[u8], tile: PictureSize) -> Result<(C, PictureSize), DecodeError> {
        let source = validate(jpeg)?.size;
        let plan = Plan::new(source, tile);
        if plan.decoded != plan.painted {
            self.decoder.rgbx(jpeg, plan.scale, &mut self.decoded)?;
            let mut canvas = self.gallery.canvas(plan.painted);
            let pixels = canvas.pixels(plan.painted);
            self.resizer.resize(&self.decoded, pixels, plan.painted);
            return Ok((canvas, source));
        }
        let mut canvas = self.gallery.canvas(plan.painted);
        let pixels = canvas.pixels(plan.painted);
        match self.decoder.rgb_into(jpeg, plan.scale, pixels) {
            Ok(_) => Ok((canvas, source)),
            Err(error) => {
                drop(self.gallery.give_back(canvas));
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn painted(source: (u32, u32), tile: (u32, u32)) -> (Scale, u32, u32) {
        let source = PictureSize::new(source.0, source.1);
        let plan = Plan::new(source, PictureSize::new(tile.0, tile.1));
        (plan.scale, plan.painted.width, plan.painted.height)
    }

    #[test]
    fn a_tiles_size_decides_the_scale() {
        let hd = (1280, 720);
        assert_eq!(painted(hd, (1280, 720)), (Scale::Full, 1280, 720));
        assert_eq!(painted(hd, (641, 361)), (Scale::Full, 642, 361));
        assert_eq!(painted(hd, (640, 360)), (Scale::Half, 640, 360));
        assert_eq!(painted(hd, (426, 240)), (Scale::Half, 427, 240));
        assert_eq!(painted(hd, (420, 236)), (Scale::Half, 420, 236));
        assert_eq!(painted(hd, (160, 90)), (Scale::Eighth, 160, 90));
    }

    #[test]
    fn a_tile_of_another_aspect_is_covered() {
        assert_eq!(painted((640, 360), (200, 200)), (Scale::Full, 356, 200));
        assert_eq!(painted((360, 640), (200, 100)), (Scale::Full, 200, 356));
    }

    #[test]
    fn a_picture_is_never_painted_larger_than_it_was_sent() {
        assert_eq!(painted((320, 180), (1920, 1080)), (Scale::Full, 320, 180));
        assert_eq!(painted((320, 180), (100, 1080)), (Scale::Full, 320, 180));
    }

    proptest! {
        #[test]
        fn a_plan_covers_the_tile_or_keeps_the_source(
            sw in 1_u32..=4096, sh in 1_u32..=2160, tw in 1_u32..=4000, th in 1_u32..=4000,
        ) {
            let (source, tile) = (PictureSize::new(sw, sh), PictureSize::new(tw, th));
            let Plan { decoded, painted, .. } = Plan::new(source, tile);
            let covers = painted.width >= tw && painted.height >= th;
            prop_assert!(covers || painted == source);
            prop_assert!(painted.width <= decoded.width && painted.height <= decoded.height);
            prop_assert!(decoded == painted || Resizer::reachable(decoded, painted) == painted);
        }
    }
}
