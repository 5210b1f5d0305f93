//! A generated picture as a baseline JPEG: flat blocks of 8x8 that change with each frame, padded to the size of a
//! real camera's.
//!
//! The first 32 blocks of the first row encode the frame's number, white for 1, the lowest bit first. Flat blocks
//! need only the DC coefficient, and with a quantization of 8 that coefficient is exactly the pixel's value minus
//! 128.
//!
//! ITU-T T.81 annexes B (syntax), F.1.2 (coding) and K.3 (the DC code).

use crate::frames::Frame;

/// Codes of each length from 1 to 16 bits in the DC code of table K.3, whose symbols are 0, 1, 2 … 11.
const DC_CODES_OF_LENGTH: [u8; 16] = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
/// The AC code has one symbol, the end of the block, and it is one zero bit.
const AC_CODES_OF_LENGTH: [u8; 16] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// The largest comment that a segment holds.
const MAX_COMMENT_BYTES: usize = 65_533;

/// `count` different frames of at least `least_bytes` each.
pub(crate) fn frames(width: u16, height: u16, count: u32, least_bytes: usize) -> Vec<Frame> {
    (0..count)
        .map(|number| Frame::new(picture(width, height, number, least_bytes)))
        .collect()
}

fn picture(width: u16, height: u16, number: u32, least_bytes: usize) -> Vec<u8> {
    let mut jpeg = vec![0xff, 0xd8];
    segment(&mut jpeg, 0xdb, &[&[0], [8; 64].as_slice()].concat());
    let [height_high, height_low] = height.to_be_bytes();
    let [width_high, width_low] = width.to_be_bytes();
    // Three components; the luma is sampled twice as finely across: 4:2:2, as webcams do.
    let frame = [
        8,
        height_high,
        height_low,
        width_high,
        width_low,
        3,
        1,
        0x21,
        0,
        2,
        0x11,
        0,
        3,
        0x11,
        0,
    ];
    segment(&mut jpeg, 0xc0, &frame);
    let symbols: Vec<u8> = (0..12).collect();
    segment(
        &mut jpeg,
        0xc4,
        &[&[0x00], DC_CODES_OF_LENGTH.as_slice(), &symbols].concat(),
    );
    segment(
        &mut jpeg,
        0xc4,
        &[&[0x10], AC_CODES_OF_LENGTH.as_slice(), &[0]].concat(),
    );
    let scan = scan(width, height, number);
    pad(
        &mut jpeg,
        least_bytes.saturating_sub(scan.len() + 12),
        number,
    );
    segment(&mut jpeg, 0xda, &[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
    jpeg.extend(scan);
    jpeg.extend([0xff, 0xd9]);
    jpeg
}

fn segment(jpeg: &mut Vec<u8>, marker: u8, body: &[u8]) {
    jpeg.extend([0xff, marker]);
    jpeg.extend((body.len() as u16 + 2).to_be_bytes());
    jpeg.extend(body);
}

/// Adds comments until the JPEG has `least_bytes`; they look random, like a picture's data.
fn pad(jpeg: &mut Vec<u8>, least_bytes: usize, seed: u32) {
    let mut state = u64::from(seed) | 1 << 32;
    while jpeg.len() < least_bytes {
        let length = (least_bytes - jpeg.len()).min(MAX_COMMENT_BYTES);
        let comment: Vec<u8> = (0..length)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        segment(jpeg, 0xfe, &comment);
    }
}

/// The blocks: for each unit of 16x8 pixels two of luma and one of each chroma.
fn scan(width: u16, height: u16, number: u32) -> Vec<u8> {
    let (units_across, rows) = (u32::from(width).div_ceil(16), u32::from(height).div_ceil(8));
    let mut bits = BitWriter::default();
    let mut before = [0; 3];
    for row in 0..rows {
        for unit in 0..units_across {
            for column in [2 * unit, 2 * unit + 1] {
                bits.flat_block(&mut before[0], luma(row, column, number));
            }
            bits.flat_block(&mut before[1], ((unit * 3 + number) % 200) as i32 - 100);
            bits.flat_block(&mut before[2], ((row * 3 + number) % 200) as i32 - 100);
        }
    }
    bits.finish()
}

/// The luma of a block, minus 128.
fn luma(row: u32, column: u32, number: u32) -> i32 {
    if row == 0 && column < 32 {
        if number >> column & 1 == 1 { 107 } else { -112 }
    } else {
        ((row * 5 + column * 3 + number * 7) % 220) as i32 - 112
    }
}

/// Entropy-coded data, with the byte stuffing of T.81 section B.1.1.5.
#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    pending: u32,
    pending_bits: u32,
}

impl BitWriter {
    fn push(&mut self, value: u32, bits: u32) {
        self.pending = self.pending << bits | value;
        self.pending_bits += bits;
        while self.pending_bits >= 8 {
            self.pending_bits -= 8;
            let byte = (self.pending >> self.pending_bits) as u8;
            self.bytes.push(byte);
            if byte == 0xff {
                self.bytes.push(0);
            }
            self.pending &= (1 << self.pending_bits) - 1;
        }
    }

    /// A block of one value: the difference from the previous block, and the end of the block.
    fn flat_block(&mut self, before: &mut i32, value: i32) {
        let difference = value - *before;
        *before = value;
        let category = 32 - difference.unsigned_abs().leading_zeros();
        let (code, length) = dc_code(category);
        self.push(code, length);
        if category > 0 {
            let bits = if difference < 0 {
                difference - 1
            } else {
                difference
            };
            self.push(bits as u32 & ((1 << category) - 1), category);
        }
        self.push(0, 1);
    }

    fn finish(mut self) -> Vec<u8> {
        let missing = (8 - self.pending_bits) % 8;
        self.push((1 << missing) - 1, missing);
        self.bytes
    }
}

/// The code of a DC category, and its length in bits.
fn dc_code(category: u32) -> (u32, u32) {
    match category {
        0 => (0b00, 2),
        1..=5 => (0b010 + category - 1, 3),
        // From here on one bit more each: 1110, 11110, …
        _ => ((1 << (category - 2)) - 2, category - 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames;

    #[test]
    fn a_mosaic_is_one_whole_jpeg_and_no_two_are_alike() {
        let made = super::frames(64, 48, 3, 0);
        let file: Vec<u8> = made.iter().flat_map(|frame| frame.bytes.clone()).collect();
        let path = std::env::temp_dir().join(format!("mosaic-{}.mjpeg", std::process::id()));
        std::fs::write(&path, file).unwrap();
        let loaded = frames::load(&path);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(loaded.unwrap(), made);
        assert_ne!(made[0], made[1]);
    }

    #[test]
    fn padding_reaches_the_size_that_was_asked_for() {
        for least_bytes in [1, 5_000, 150_000] {
            let length = picture(640, 480, 1, least_bytes).len();
            assert!(
                length >= least_bytes && length < least_bytes.max(40_000) + 100,
                "{length} for {least_bytes}"
            );
        }
    }

    #[test]
    fn the_code_has_no_prefix_twice() {
        let codes: Vec<_> = (0..=9).map(dc_code).collect();
        for (index, &(code, length)) in codes.iter().enumerate() {
            for &(other, longer) in &codes[index + 1..] {
                assert!(longer >= length && other >> (longer - length) != code);
            }
        }
    }

    #[test]
    fn an_ff_in_the_data_is_stuffed() {
        let mut bits = BitWriter::default();
        bits.push(0xff, 8);
        bits.push(1, 1);
        assert_eq!(bits.finish(), [0xff, 0x00, 0xff, 0x00]);
    }
}
