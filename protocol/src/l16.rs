//! L16 at 16 kHz, mono: the codec that every endpoint supports (RFC 3551 §4.5.11, network byte order).

use crate::time::Micros;

/// Samples a second.
pub const SAMPLE_RATE_HZ: u32 = 16_000;
/// Samples in one block, which is one packet.
pub const BLOCK_SAMPLES: usize = 320;
/// Bytes of one block on the wire.
pub const BLOCK_BYTES: usize = BLOCK_SAMPLES * 2;
/// The duration of one block.
pub const BLOCK_TIME: Micros = Micros::from_millis(20);

/// One block of samples.
pub type Block = [i16; BLOCK_SAMPLES];

/// Writes a block in wire format.
#[must_use]
pub fn emit(block: &Block) -> [u8; BLOCK_BYTES] {
    let mut bytes = [0; BLOCK_BYTES];
    for (out, sample) in bytes.chunks_exact_mut(2).zip(block) {
        out.copy_from_slice(&sample.to_be_bytes());
    }
    bytes
}

/// Reads a block; `None` if the length is wrong.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Block> {
    let bytes: &[u8; BLOCK_BYTES] = bytes.try_into().ok()?;
    let mut block = [0; BLOCK_SAMPLES];
    for (sample, pair) in block.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *sample = i16::from_be_bytes(*pair);
    }
    Some(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_travels_big_endian_and_comes_back() {
        let mut block = [0; BLOCK_SAMPLES];
        block[0] = 0x0102;
        block[319] = -2;
        let bytes = emit(&block);
        assert_eq!(bytes[..2], [1, 2]);
        assert_eq!(parse(&bytes), Some(block));
        assert_eq!(parse(&bytes[1..]), None);
    }
}
