//! Raw camera pictures to the planes that the encoder takes; plain loops that compilers vectorize.

use crate::frame::PictureSize;

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

/// Splits packed YUYV rows of `stride` bytes into planes, 4:2:2; false if `raw` is shorter than the picture.
pub fn split_yuyv(
    raw: &[u8],
    stride: usize,
    size: PictureSize,
    range: Range,
    out: &mut PlaneBuffers,
) -> bool {
    let (width, height) = (size.width as usize, size.height as usize);
    let half = width / 2;
    if stride < width * 2 || raw.len() < stride * height || width % 2 != 0 || half == 0 {
        return false;
    }
    let luma = out.luma.chunks_exact_mut(width);
    let color = out
        .cb
        .chunks_exact_mut(half)
        .zip(out.cr.chunks_exact_mut(half));
    for ((row, luma), (cb, cr)) in raw.chunks(stride).zip(luma).zip(color).take(height) {
        let pairs = row.chunks_exact(4).zip(luma.chunks_exact_mut(2));
        for ((pair, luma), (cb, cr)) in pairs.zip(cb.iter_mut().zip(cr)) {
            luma[0] = range.luma(pair[0]);
            luma[1] = range.luma(pair[2]);
            *cb = range.color(pair[1]);
            *cr = range.color(pair[3]);
        }
    }
    true
}

/// Splits an NV12 picture, rows of `stride` bytes, into planes, 4:2:0; false if `raw` is shorter than the picture.
pub fn split_nv12(
    raw: &[u8],
    stride: usize,
    size: PictureSize,
    range: Range,
    out: &mut PlaneBuffers,
) -> bool {
    let (width, height) = (size.width as usize, size.height as usize);
    let half = width / 2;
    if stride < width
        || raw.len() < stride * height * 3 / 2
        || width % 2 != 0
        || height % 2 != 0
        || half == 0
    {
        return false;
    }
    let (luma_rows, color_rows) = raw.split_at(stride * height);
    for (row, luma) in luma_rows
        .chunks(stride)
        .zip(out.luma.chunks_exact_mut(width))
    {
        for (from, to) in row.iter().zip(luma) {
            *to = range.luma(*from);
        }
    }
    let color = out
        .cb
        .chunks_exact_mut(half)
        .zip(out.cr.chunks_exact_mut(half));
    for (row, (cb, cr)) in color_rows.chunks(stride).zip(color).take(height / 2) {
        for (pair, (cb, cr)) in row.chunks_exact(2).zip(cb.iter_mut().zip(cr)) {
            *cb = range.color(pair[0]);
            *cr = range.color(pair[1]);
        }
    }
    true
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

    #[test]
    fn yuyv_rows_with_padding_become_planes() {
        let raw = [1, 2, 3, 4, 9, 9, 5, 6, 7, 8, 9, 9];
        let mut out = buffers(4, 2);
        assert!(split_yuyv(
            &raw,
            6,
            PictureSize::new(2, 2),
            Range::Full,
            &mut out
        ));
        assert_eq!(
            (out.luma, out.cb, out.cr),
            (vec![1, 3, 5, 7], vec![2, 6], vec![4, 8])
        );
    }

    #[test]
    fn nv12_rows_with_padding_become_planes() {
        let raw = [1, 2, 9, 3, 4, 9, 5, 6, 9];
        let mut out = buffers(4, 1);
        assert!(split_nv12(
            &raw,
            3,
            PictureSize::new(2, 2),
            Range::Full,
            &mut out
        ));
        assert_eq!(
            (out.luma, out.cb, out.cr),
            (vec![1, 2, 3, 4], vec![5], vec![6])
        );
    }

    #[test]
    fn a_picture_shorter_than_its_size_is_refused() {
        let mut out = buffers(4, 2);
        assert!(!split_yuyv(
            &[0; 7],
            4,
            PictureSize::new(2, 2),
            Range::Full,
            &mut out
        ));
        assert!(!split_nv12(
            &[0; 5],
            2,
            PictureSize::new(2, 2),
            Range::Full,
            &mut out
        ));
        assert!(!split_yuyv(
            &[0; 64],
            2,
            PictureSize::new(2, 2),
            Range::Full,
            &mut out
        ));
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
