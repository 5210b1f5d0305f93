// Sound as it travels: 16-bit big-endian samples at 16 kHz, mono, in blocks of 20 ms (protocol/src/l16.rs).

/** Samples a second. */
export const SAMPLE_RATE_HZ = 16_000;
/** Samples in one block. */
export const BLOCK_SAMPLES = 320;
/** Bytes of one block on the wire. */
export const BLOCK_BYTES = BLOCK_SAMPLES * 2;
/** How long one block sounds. */
export const BLOCK_MS = 20;

/**
 * Writes a block as it travels.
 * @param {Float32Array} block −1 to 1; what is beyond is clipped
 */
export function emit(block) {
    const bytes = new Uint8Array(block.length * 2);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < block.length; i += 1) {
        view.setInt16(i * 2, Math.max(-32_768, Math.min(32_767, Math.round(block[i] * 32_768))), false);
    }
    return bytes;
}

/**
 * Reads a block; null when it has not a block's length.
 * @param {Uint8Array} bytes
 */
export function parse(bytes) {
    if (bytes.length !== BLOCK_BYTES) return null;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const block = new Float32Array(BLOCK_SAMPLES);
    for (let i = 0; i < BLOCK_SAMPLES; i += 1) block[i] = view.getInt16(i * 2, false) / 32_768;
    return block;
}
