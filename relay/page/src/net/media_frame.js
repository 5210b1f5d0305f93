// The header of 20 bytes before each frame of media (GATEWAY.md, Media), little-endian.

/** Bytes before the frame itself. */
export const HEADER_BYTES = 20;
/** The largest frame that the relay takes, header included. */
export const MAX_FRAME_BYTES = 512 * 1024;

/** What a frame is. */
export const Kind = Object.freeze({ audio: 0, camera: 1, screen: 2 });

/** The top bit of the level: somebody speaks (RFC 6464). */
const VOICE = 0x80;

/**
 * @typedef {object} MediaFrame
 * @property {number} kind one of {@link Kind}
 * @property {number} level loudness of sound in −dBov, 0 (loudest) to 127; else 0
 * @property {boolean} voice whether somebody speaks
 * @property {number} stream
 * @property {number} timestamp capture time in µs of the sender's clock
 * @property {number} number counts the stream's frames
 * @property {Uint8Array} body the frame: a JPEG, or 640 bytes of samples
 */

/**
 * Writes a frame as it travels.
 * @param {Omit<MediaFrame, 'number'>} frame
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function emit(frame) {
    const bytes = new Uint8Array(HEADER_BYTES + frame.body.length);
    const view = new DataView(bytes.buffer);
    view.setUint8(0, frame.kind);
    view.setUint8(1, frame.kind === Kind.audio ? frame.level | (frame.voice ? VOICE : 0) : 0);
    view.setUint32(4, frame.stream, true);
    view.setUint32(8, frame.timestamp % 2 ** 32, true);
    view.setUint32(12, Math.floor(frame.timestamp / 2 ** 32), true);
    bytes.set(frame.body, HEADER_BYTES);
    return bytes;
}

/**
 * Reads a frame; null when it is none. The body is a view of the same bytes.
 * @param {ArrayBuffer} buffer
 * @returns {MediaFrame | null}
 */
export function parse(buffer) {
    if (buffer.byteLength <= HEADER_BYTES) return null;
    const view = new DataView(buffer);
    const kind = view.getUint8(0);
    if (kind > Kind.screen || view.getUint16(2, true) !== 0) return null;
    const level = view.getUint8(1);
    return {
        kind,
        level: level & ~VOICE,
        voice: (level & VOICE) !== 0,
        stream: view.getUint32(4, true),
        timestamp: view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32,
        number: view.getUint32(16, true),
        body: new Uint8Array(buffer, HEADER_BYTES),
    };
}
