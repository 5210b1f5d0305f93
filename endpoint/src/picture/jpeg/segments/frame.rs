//! The frame header (SOF): size and color components of a picture.

use super::LARGEST;
use super::error::{Coding, HeadError};
use crate::picture::frame::PictureSize;

/// One color component of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Blocks in a unit, across and down.
    pub(super) sampling: (u8, u8),
    pub(super) quantization: u8,
}

/// What the frame header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) size: PictureSize,
    pub(super) count: u8,
    pub(super) components: [Component; 3],
}

/// Reads a frame header, whose marker is at `at`.
pub(super) fn frame(marker: u8, payload: &[u8], at: usize) -> Result<Frame, HeadError> {
    match marker {
        0xc0 | 0xc1 => {}
        0xc2 => return Err(HeadError::Coding(Coding::Progressive)),
        0xc3 => return Err(HeadError::Coding(Coding::Lossless)),
        0xc9..=0xcb => return Err(HeadError::Coding(Coding::Arithmetic)),
        _ => return Err(HeadError::Coding(Coding::Hierarchical)),
    }
    let damaged = HeadError::Damaged { at };
    let &[precision, h1, h0, w1, w0, count, ref rest @ ..] = payload else {
        return Err(damaged);
    };
    let size = PictureSize::new(
        u32::from(u16::from_be_bytes([w1, w0])),
        u32::from(u16::from_be_bytes([h1, h0])),
    );
    if precision != 8 {
        return Err(HeadError::Precision(precision));
    }
    if !matches!(count, 1 | 3) {
        return Err(HeadError::Components(count));
    }
    if size.height == 0 {
        return Err(HeadError::NoHeight);
    }
    if size.width == 0 || rest.len() != 3 * usize::from(count) {
        return Err(damaged);
    }
    if size.width > LARGEST.width || size.height > LARGEST.height {
        return Err(HeadError::TooLarge(size));
    }
    let mut components = [Component::default(); 3];
    for (to, from) in components.iter_mut().zip(rest.chunks_exact(3)) {
        let sampling = (from[1] >> 4, from[1] & 15);
        if !(1..=4).contains(&sampling.0) || !(1..=4).contains(&sampling.1) || from[2] > 3 {
            return Err(damaged);
        }
        *to = Component {
            id: from[0],
            sampling,
            quantization: from[2],
        };
    }
    Ok(Frame {
        size,
        count,
        components,
    })
}
