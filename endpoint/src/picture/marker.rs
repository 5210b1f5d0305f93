//! A machine-readable strip in a picture: its number and the time it was drawn, so that loss and latency are read off.
//!
//! The strip is 3 rows of 32 black or white cells at the top of the picture, a cell as wide and high as 1/32 of the
//! picture's width; it survives JPEG and scaling, since cells are found by proportion. From the top left: 32 bits
//! number, 48 bits time in µs of the drawer's clock, 16 bits CRC (CCITT) of these 10 bytes, most significant bits
//! first, white is 1.

use crate::picture::frame::PictureSize;
use conclave_protocol::time::Instant;

const COLUMNS: usize = 32;
const ROWS: usize = 3;
const BLACK: u8 = 16;
const WHITE: u8 = 235;
/// A cell this close to the middle between black and white is no cell of ours.
const UNSURE: u8 = 40;

/// What the strip tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureMarker {
    /// Number of the picture since its source started.
    pub frame: u32,
    /// When it was drawn, by the drawer's monotonic clock.
    pub drawn: Instant,
}

/// Height in rows of the strip in a picture of `size`.
#[must_use]
pub const fn strip_height(size: PictureSize) -> usize {
    ROWS * size.width as usize / COLUMNS
}

/// Whether a strip can be drawn: cells of at least 8 × 8 pixels, so that it survives decoding at half the size.
#[must_use]
pub const fn fits(size: PictureSize) -> bool {
    size.width as usize >= 8 * COLUMNS && size.height as usize >= strip_height(size)
}

/// Draws the strip into a luma plane without padding between rows; nothing is drawn where it does not fit.
pub fn draw(luma: &mut [u8], size: PictureSize, marker: PictureMarker) {
    let width = size.width as usize;
    if !fits(size) || luma.len() < size.pixels() {
        return;
    }
    let code = encode(marker);
    for row in 0..ROWS {
        let (top, bottom) = (row * width / COLUMNS, (row + 1) * width / COLUMNS);
        let (first, others) = luma[top * width..bottom * width].split_at_mut(width);
        for column in 0..COLUMNS {
            let white = code >> (ROWS * COLUMNS - 1 - (row * COLUMNS + column)) & 1 == 1;
            let cell = column * width / COLUMNS..(column + 1) * width / COLUMNS;
            first[cell].fill(if white { WHITE } else { BLACK });
        }
        for line in others.chunks_exact_mut(width) {
            line.copy_from_slice(first);
        }
    }
}

/// Reads the strip from a luma plane without padding between rows, at any scale of the drawn picture.
#[must_use]
pub fn read(luma: &[u8], size: PictureSize) -> Option<PictureMarker> {
    let width = size.width as usize;
    if width < COLUMNS || luma.len() < size.pixels() || size.pixels() < strip_height(size) * width {
        return None;
    }
    let mut code = 0_u128;
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let brightness = cell_brightness(luma, width, column, row);
            let middle = BLACK.midpoint(WHITE);
            if brightness.abs_diff(middle) < UNSURE {
                return None;
            }
            code = code << 1 | u128::from(brightness > middle);
        }
    }
    decode(code)
}

/// Mean brightness of the inner half of a cell.
fn cell_brightness(luma: &[u8], width: usize, column: usize, row: usize) -> u8 {
    let span = |n: usize| {
        let start = (4 * n + 1) * width / (4 * COLUMNS);
        let end = (4 * n + 3) * width / (4 * COLUMNS);
        start..end.max(start + 1)
    };
    let (mut sum, mut count) = (0_usize, 0_usize);
    for y in span(row) {
        for pixel in luma
            .get(y * width..)
            .unwrap_or_default()
            .get(span(column))
            .unwrap_or_default()
        {
            sum += usize::from(*pixel);
            count += 1;
        }
    }
    u8::try_from(sum / count.max(1)).unwrap_or(u8::MAX)
}

fn encode(marker: PictureMarker) -> u128 {
    let drawn = marker.drawn.as_micros() & 0xffff_ffff_ffff;
    let payload = u128::from(marker.frame) << 48 | u128::from(drawn);
    payload << 16 | u128::from(checksum(payload))
}

fn decode(code: u128) -> Option<PictureMarker> {
    let payload = code >> 16;
    let sum = u16::try_from(code & 0xffff).ok()?;
    (checksum(payload) == sum).then_some(PictureMarker {
        frame: u32::try_from(payload >> 48).ok()?,
        drawn: Instant::from_micros(u64::try_from(payload & 0xffff_ffff_ffff).ok()?),
    })
}

/// CRC-16/CCITT of the low 10 bytes, most significant first.
fn checksum(payload: u128) -> u16 {
    let mut crc = 0xffff_u16;
    for byte in &payload.to_be_bytes()[6..] {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 {
                crc << 1
            } else {
                crc << 1 ^ 0x1021
            };
        }
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::jpeg::decode::{Decoder, Picture, Scale};
    use crate::picture::jpeg::encode::{Chroma, Encoder, Planes, worst_case_bytes};
    use proptest::prelude::*;

    const MARKER: PictureMarker = PictureMarker {
        frame: 0xdead_beef,
        drawn: Instant::from_micros(0x1234_5678_9abc),
    };

    #[test]
    fn the_strip_survives_jpeg_and_decoding_at_half_the_size() {
        let mut decoder = Decoder::new().unwrap();
        let mut seen = Picture::default();
        for (size, scales) in [
            (
                PictureSize::new(256, 144),
                [Scale::Full, Scale::Half].as_slice(),
            ),
            (PictureSize::new(640, 480), &[Scale::Full, Scale::Half]),
            (PictureSize::new(1000, 562), &[Scale::Full, Scale::Half]),
            (
                PictureSize::new(1280, 720),
                &[Scale::Full, Scale::Half, Scale::Quarter, Scale::Eighth],
            ),
        ] {
            let mut luma = vec![127; size.pixels()];
            draw(&mut luma, size, MARKER);
            let flat = vec![128; Chroma::HalfBoth.plane(size).pixels()];
            let planes = Planes {
                size,
                chroma: Chroma::HalfBoth,
                luma: &luma,
                cb: &flat,
                cr: &flat,
            };
            let mut jpeg = vec![0; worst_case_bytes(size, Chroma::HalfBoth).unwrap()];
            let length = Encoder::new(40)
                .unwrap()
                .encode(&planes, &mut jpeg)
                .unwrap();
            for &scale in scales {
                decoder.luma(&jpeg[..length], scale, &mut seen).unwrap();
                assert_eq!(
                    read(&seen.pixels, seen.size),
                    Some(MARKER),
                    "{size} at {scale:?}"
                );
            }
        }
    }

    #[test]
    fn one_flipped_cell_is_noticed() {
        let size = PictureSize::new(256, 144);
        let mut luma = vec![127; size.pixels()];
        draw(&mut luma, size, MARKER);
        for line in luma.chunks_mut(256).take(8) {
            for pixel in &mut line[..8] {
                *pixel = 255 - *pixel;
            }
        }
        assert_eq!(read(&luma, size), None);
    }

    proptest! {
        #[test]
        fn every_number_and_time_comes_back(frame: u32, drawn in 0_u64..1 << 48) {
            let marker = PictureMarker { frame, drawn: Instant::from_micros(drawn) };
            prop_assert_eq!(decode(encode(marker)), Some(marker));
        }

        #[test]
        fn any_picture_may_be_searched(width in 0_u32..80, height in 0_u32..20, fill: u8) {
            let size = PictureSize::new(width, height);
            prop_assert_eq!(read(&vec![fill; size.pixels()], size), None);
        }
    }
}
