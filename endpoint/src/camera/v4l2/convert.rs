//! Raw camera pictures to the planes that the encoder takes; plain loops that compilers vectorize.

use crate::picture::frame::PictureSize;

/// Which levels the camera uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// 0 to 255, as JPEG does.
    Full,
    /// 16 to 235 (color 16 to 240), as television does: stretched here.
    Limited,
}

impl Range {
    fn luma(self, level: u8) -> u8 {
        match self {
            Self::Full => level,
            // × 255 / 219, in sixteen bits.
            Self::Limited => ((u16::from(level.max(16) - 16) * 149 + 64) >> 7).min(255) as u8,
        }
    }

    fn color(self, level: u8) -> u8 {
        match self {
            Self::Full => level,
            // × 255 / 224 around the middle, in sixteen bits.
            Self::Limited => {
                ((((i16::from(level) - 128) * 146 + 64) >> 7) + 128).clamp(0, 255) as u8
            }
        }
    }
}

/// Three planes that are filled again for each picture.
#[derive(Clone, Debug)]
pub struct PlaneBuffers {
    /// Brightness.
    pub luma: Vec<u8>,
    /// Blue difference.
    pub cb: Vec<u8>,
    /// Red difference.
    pub cr: Vec<u8>,
}

/// How the bytes of a raw picture lie; the color planes that come of it are half as wide, and of all but
/// [`Layout::Packed`] half as high.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Two pixels in four bytes: where the first and second brightness, blue and red are among them.
    Packed([usize; 4]),
    /// A plane of brightness, then one of pairs, red in front of blue or behind it.
    Pairs {
        /// Red comes first.
        red_first: bool,
    },
    /// Three planes, red in front of blue or behind it.
    Planes {
        /// Red comes first.
        red_first: bool,
    },
    /// Brightness alone.
    Gray,
}

impl Layout {
    /// Bytes of a row without padding, of brightness where color lies apart.
    #[must_use]
    pub const fn row_bytes(self, width: usize) -> usize {
        match self {
            Self::Packed(_) => width * 2,
            Self::Pairs { .. } | Self::Planes { .. } | Self::Gray => width,
        }
    }
}

/// The size that is encoded of a raw picture: the encoder takes whole color pixels.
#[must_use]
pub(super) const fn even(size: PictureSize) -> PictureSize {
    PictureSize::new(size.width & !1, size.height & !1)
}

/// Splits a raw picture, rows of `stride` bytes, into planes of its even size; false if `raw` is shorter than the
/// picture.
pub fn split(
    layout: Layout,
    raw: &[u8],
    stride: usize,
    size: PictureSize,
    range: Range,
    out: &mut PlaneBuffers,
) -> bool {
    let height = size.height as usize;
    let (width, rows) = (even(size).width as usize, even(size).height as usize);
    let half = width / 2;
    if half == 0 || rows == 0 {
        return false;
    }
    let color_stride = match layout {
        Layout::Packed(_) | Layout::Gray => 0,
        Layout::Pairs { .. } => stride,
        Layout::Planes { .. } => stride.div_ceil(2),
    };
    let planes = match layout {
        Layout::Packed(_) | Layout::Gray => 0,
        Layout::Pairs { .. } => 1,
        Layout::Planes { .. } => 2,
    };
    let color_bytes = color_stride * height.div_ceil(2);
    if stride < layout.row_bytes(width) || raw.len() < stride * height + planes * color_bytes {
        return false;
    }
    if let Layout::Packed(order) = layout {
        split_packed(order, raw, stride, width, range, out);
        return true;
    }
    let (luma_rows, color) = raw.split_at(stride * height);
    let luma = out.luma.chunks_exact_mut(width);
    for (row, luma) in luma_rows.chunks(stride).zip(luma).take(rows) {
        for (from, to) in row.iter().zip(luma) {
            *to = range.luma(*from);
        }
    }
    match layout {
        Layout::Pairs { red_first } => {
            let (first, second) = if red_first { (1, 0) } else { (0, 1) };
            let cb = out.cb.chunks_exact_mut(half);
            let color_rows = color.chunks(color_stride).take(rows / 2);
            for (row, (cb, cr)) in color_rows.zip(cb.zip(out.cr.chunks_exact_mut(half))) {
                for (pair, (cb, cr)) in row.chunks_exact(2).zip(cb.iter_mut().zip(cr)) {
                    *cb = range.color(pair[first]);
                    *cr = range.color(pair[second]);
                }
            }
        }
        Layout::Planes { red_first } => {
            let (first, second) = color.split_at(color_bytes);
            let (blue, red) = if red_first {
                (second, first)
            } else {
                (first, second)
            };
            for (from, to) in [(blue, &mut out.cb), (red, &mut out.cr)] {
                let to_rows = to.chunks_exact_mut(half);
                for (from, to) in from.chunks(color_stride).zip(to_rows).take(rows / 2) {
                    for (from, to) in from.iter().zip(to) {
                        *to = range.color(*from);
                    }
                }
            }
        }
        Layout::Packed(_) | Layout::Gray => {
            out.cb.fill(128);
            out.cr.fill(128);
        }
    }
    true
}

fn split_packed(
    [first, second, blue, red]: [usize; 4],
    raw: &[u8],
    stride: usize,
    width: usize,
    range: Range,
    out: &mut PlaneBuffers,
) {
    let luma = out.luma.chunks_exact_mut(width);
    let cb = out.cb.chunks_exact_mut(width / 2);
    let color = cb.zip(out.cr.chunks_exact_mut(width / 2));
    for ((row, luma), (cb, cr)) in raw.chunks(stride).zip(luma).zip(color) {
        let pairs = row.chunks_exact(4).zip(luma.chunks_exact_mut(2));
        for ((pair, luma), (cb, cr)) in pairs.zip(cb.iter_mut().zip(cr)) {
            luma[0] = range.luma(pair[first]);
            luma[1] = range.luma(pair[second]);
            *cb = range.color(pair[blue]);
            *cr = range.color(pair[red]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffers(luma: usize, color: usize) -> PlaneBuffers {
        PlaneBuffers {
            luma: vec![0; luma],
            cb: vec![0; color],
            cr: vec![0; color],
        }
    }

    const YUYV: Layout = Layout::Packed([0, 2, 1, 3]);

    /// The planes of a picture of 2x2 in rows of `stride`.
    fn planes(layout: Layout, raw: &[u8], stride: usize) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        let color = if matches!(layout, Layout::Packed(_)) {
            2
        } else {
            1
        };
        let mut out = buffers(4, color);
        let size = PictureSize::new(2, 2);
        assert!(split(layout, raw, stride, size, Range::Full, &mut out));
        (out.luma, out.cb, out.cr)
    }

    #[test]
    fn packed_rows_with_padding_become_planes_in_each_order() {
        let expected = (vec![1, 3, 5, 7], vec![2, 6], vec![4, 8]);
        let yuyv = [1, 2, 3, 4, 9, 9, 5, 6, 7, 8, 9, 9];
        let uyvy = [2, 1, 4, 3, 9, 9, 6, 5, 8, 7, 9, 9];
        let yvyu = [1, 4, 3, 2, 9, 9, 5, 8, 7, 6, 9, 9];
        let vyuy = [4, 1, 2, 3, 9, 9, 8, 5, 6, 7, 9, 9];
        for (order, raw) in [
            ([0, 2, 1, 3], yuyv),
            ([1, 3, 0, 2], uyvy),
            ([0, 2, 3, 1], yvyu),
            ([1, 3, 2, 0], vyuy),
        ] {
            assert_eq!(planes(Layout::Packed(order), &raw, 6), expected);
        }
    }

    #[test]
    fn pairs_planes_and_gray_with_padding_become_planes() {
        let expected = (vec![1, 2, 3, 4], vec![5], vec![6]);
        let pairs = |red_first| Layout::Pairs { red_first };
        assert_eq!(
            planes(pairs(false), &[1, 2, 9, 3, 4, 9, 5, 6, 9], 3),
            expected
        );
        assert_eq!(
            planes(pairs(true), &[1, 2, 9, 3, 4, 9, 6, 5, 9], 3),
            expected
        );
        let three = |red_first| Layout::Planes { red_first };
        assert_eq!(
            planes(three(false), &[1, 2, 9, 9, 3, 4, 9, 9, 5, 9, 6, 9], 4),
            expected
        );
        assert_eq!(
            planes(three(true), &[1, 2, 9, 9, 3, 4, 9, 9, 6, 9, 5, 9], 4),
            expected
        );
        let gray = planes(Layout::Gray, &[1, 2, 9, 3, 4, 9], 3);
        assert_eq!(gray, (vec![1, 2, 3, 4], vec![128], vec![128]));
    }

    #[test]
    fn of_an_odd_picture_the_last_row_and_column_are_left_out() {
        let size = PictureSize::new(3, 3);
        assert_eq!(even(size), PictureSize::new(2, 2));
        let mut out = buffers(4, 1);
        let raw = [1, 2, 0, 3, 4, 0, 0, 0, 0, 5, 9, 9, 9, 6, 9, 9, 9];
        let layout = Layout::Planes { red_first: false };
        assert!(split(layout, &raw, 3, size, Range::Full, &mut out));
        assert_eq!(
            (out.luma, out.cb, out.cr),
            (vec![1, 2, 3, 4], vec![5], vec![6])
        );
    }

    #[test]
    fn a_picture_shorter_than_its_size_is_refused() {
        let mut out = buffers(4, 2);
        let mut is_taken = |layout, bytes: usize, stride| {
            let raw = vec![0; bytes];
            split(
                layout,
                &raw,
                stride,
                PictureSize::new(2, 2),
                Range::Full,
                &mut out,
            )
        };
        let pairs = Layout::Pairs { red_first: false };
        let planes = Layout::Planes { red_first: true };
        assert!(is_taken(YUYV, 8, 4) && !is_taken(YUYV, 7, 4) && !is_taken(YUYV, 64, 2));
        assert!(is_taken(pairs, 6, 2) && !is_taken(pairs, 5, 2) && !is_taken(pairs, 64, 1));
        assert!(is_taken(planes, 6, 2) && !is_taken(planes, 5, 2));
        assert!(is_taken(Layout::Gray, 4, 2) && !is_taken(Layout::Gray, 3, 2));
        assert!(!is_taken(Layout::Gray, 0, 0));
    }

    #[test]
    fn television_levels_are_stretched_within_one_level_of_the_exact_value() {
        for level in 0..=255_u8 {
            let exact = ((f64::from(level) - 16.0) * 255.0 / 219.0).clamp(0.0, 255.0);
            assert!(
                (f64::from(Range::Limited.luma(level)) - exact).abs() <= 1.0,
                "{level}"
            );
            let exact = ((f64::from(level) - 128.0) * 255.0 / 224.0 + 128.0).clamp(0.0, 255.0);
            assert!(
                (f64::from(Range::Limited.color(level)) - exact).abs() <= 1.0,
                "{level}"
            );
        }
    }
}
