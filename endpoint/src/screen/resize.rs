//! A decoded picture made smaller, to half its size at most: each pixel is the mean of the area that it covers.
//!
//! Rows first, then columns, in 16 bits a color with weights of 8, so that the compiler makes vectors of both.
//! For 640×360 to 427×240 it takes 0.37 ms. The crate `fast_image_resize` takes 0.24 ms to interpolate between two
//! pixels, as near to a perfect picture (29.2 dB both) but with more moiré in fine stripes, and 0.36 ms for its
//! triangle filter, which blurs (26.2 dB): too little gained for a dependency with unsafe code.

use crate::picture::frame::PictureSize;
use crate::picture::jpeg::decode::Picture;

/// Pixels in a line that one smaller pixel can touch when it covers at most two.
const TAPS: usize = 3;

/// What one pixel of the smaller picture is made of, along a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    first: usize,
    /// Their sum is 256.
    weights: [u16; TAPS],
}

/// The spans of a line of `from` pixels that becomes one of `to`.
#[derive(Debug, Default)]
struct Line {
    from: usize,
    to: usize,
    spans: Vec<Span>,
}

impl Line {
    fn fit(&mut self, from: usize, to: usize) {
        if (self.from, self.to) != (from, to) {
            (self.from, self.to) = (from, to);
            self.spans.clear();
            self.spans
                .extend((0..to).map(|pixel| span(pixel, from, to)));
        }
    }
}

fn span(pixel: usize, from: usize, to: usize) -> Span {
    // In parts of which an old pixel has `to` and a new one `from`.
    let (start, end) = (pixel * from, (pixel + 1) * from);
    let first = (start / to).min(from - TAPS);
    let mut covered = 0;
    let weights = std::array::from_fn(|tap| {
        let until = ((first + tap + 1) * to).clamp(start, end) - start;
        let weight = (until * 256 + from / 2) / from - covered;
        covered += weight;
        weight as u16
    });
    Span { first, weights }
}

/// Makes pictures smaller, one after the other, in memory that it keeps.
#[derive(Debug, Default)]
pub(super) struct Resizer {
    columns: Line,
    rows: Line,
    /// One row of the new height and the old width.
    row: Vec<[u16; 4]>,
}

impl Resizer {
    /// The size nearest to `to` that a picture of `from` can be resized to: no side below half of what it was.
    ///
    /// It matters for pictures that are too large for their tile even at the smallest scale.
    pub(super) fn reachable(from: PictureSize, to: PictureSize) -> PictureSize {
        if from.width.min(from.height) < TAPS as u32 {
            return from;
        }
        let side = |from: u32, to: u32| to.clamp(from.div_ceil(2), from);
        PictureSize::new(side(from.width, to.width), side(from.height, to.height))
    }

    /// Resizes `from`, of 4 bytes a pixel, into `pixels` of 3, which are of a size that is
    /// [`reachable`](Self::reachable).
    pub(super) fn resize(&mut self, from: &Picture, pixels: &mut [u8], to: PictureSize) {
        let (width, to_width) = (from.size.width as usize, to.width as usize);
        self.columns.fit(width, to_width);
        self.rows.fit(from.size.height as usize, to.height as usize);
        self.row.resize(width, [0; 4]);
        let rows = pixels.chunks_exact_mut(to_width * 3);
        for (out, span) in rows.zip(&self.rows.spans) {
            mean_of_rows(&from.pixels, span, &mut self.row);
            mean_of_columns(&self.row, &self.columns.spans, out);
        }
    }
}

fn mean_of_rows(pixels: &[u8], span: &Span, row: &mut [[u16; 4]]) {
    let bytes = row.len() * 4;
    let from = pixels.get(span.first * bytes..).unwrap_or_default();
    let (above, from) = from.split_at(bytes.min(from.len()));
    let (middle, below) = from.split_at(bytes.min(from.len()));
    let [a, b, c] = span.weights;
    let taps = above.iter().zip(middle).zip(below);
    for (mean, ((&x, &y), &z)) in row.as_flattened_mut().iter_mut().zip(taps) {
        *mean = (u16::from(x) * a + u16::from(y) * b + u16::from(z) * c + 128) >> 8;
    }
}

fn mean_of_columns(row: &[[u16; 4]], spans: &[Span], out: &mut [u8]) {
    for (pixel, span) in out.as_chunks_mut::<3>().0.iter_mut().zip(spans) {
        let Some([x, y, z]) = row.get(span.first..).and_then(|from| from.first_chunk()) else {
            return;
        };
        let [a, b, c] = span.weights;
        // Four colors, though the last is none: so they fit a vector.
        let mean: [u16; 4] =
            std::array::from_fn(|color| (x[color] * a + y[color] * b + z[color] * c + 128) >> 8);
        *pixel = [mean[0] as u8, mean[1] as u8, mean[2] as u8];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn resized(
        width: usize,
        height: usize,
        to: PictureSize,
        color: impl Fn(usize, usize) -> u8,
    ) -> Vec<u8> {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let from = Picture {
            size: PictureSize::new(width as u32, height as u32),
            pixels: pixels.flat_map(|(x, y)| [color(x, y), 7, 255, 0]).collect(),
        };
        let mut out = vec![1; to.pixels() * 3];
        Resizer::default().resize(&from, &mut out, to);
        assert!(
            out.as_chunks::<3>()
                .0
                .iter()
                .all(|pixel| pixel[1..] == [7, 255])
        );
        out.iter().copied().step_by(3).collect()
    }

    #[test]
    fn two_by_two_pixels_become_their_mean() {
        let to = PictureSize::new(2, 2);
        let red = resized(4, 4, to, |x, y| [10, 30, 200, 220][x] + [0, 4, 10, 20][y]);
        assert_eq!(red, [22, 212, 35, 225]);
    }

    #[test]
    fn three_pixels_become_two_that_share_the_one_between() {
        let red = resized(3, 3, PictureSize::new(2, 2), |x, _| [0, 90, 240][x]);
        assert_eq!(red, [30, 190, 30, 190]);
    }

    proptest! {
        #[test]
        fn weights_are_a_whole_pixel_and_cover_the_line_in_order(from in 3_usize..=4096, share in 0.5_f64..=1.0) {
            let to = ((from as f64 * share) as usize).max(from.div_ceil(2));
            let mut line = Line::default();
            line.fit(from, to);
            prop_assert_eq!(line.spans.len(), to);
            for pair in line.spans.windows(2) {
                prop_assert!(pair[0].first <= pair[1].first);
            }
            for span in &line.spans {
                prop_assert_eq!(span.weights.iter().sum::<u16>(), 256);
                prop_assert!(span.first + TAPS <= from);
            }
        }

        #[test]
        fn an_even_picture_stays_even(color: u8, width in 3_usize..60, height in 3_usize..60) {
            let to = PictureSize::new(width.div_ceil(2) as u32 + 1, height.div_ceil(2) as u32 + 1);
            let red = resized(width, height, to, |_, _| color);
            prop_assert!(red.iter().all(|&red| red == color));
        }
    }
}
