// What the header of a received JPEG says (ITU T.81, annex B): whether it is of the one kind that cameras make.
// Everything else is left to no decoder: endpoints refuse the same.

/** Segments in front of the picture's data; cameras send about ten. */
const MOST_SEGMENTS = 256;

/**
 * Whether bytes are a baseline JPEG of 8 bits, gray or in three colors.
 * @param {Uint8Array} bytes
 * @returns {boolean}
 */
export function isBaselineJpeg(bytes) {
    if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return false;
    let at = 2;
    for (let segments = 0; segments < MOST_SEGMENTS; segments += 1) {
        if (bytes[at] !== 0xff) return false;
        while (bytes[at + 1] === 0xff) at += 1;
        const marker = bytes[at + 1];
        const length = (bytes[at + 2] << 8) | bytes[at + 3];
        if (marker === undefined || at + 2 + length > bytes.length || length < 2) return false;
        const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
        if (isFrame) {
            const [precision, components] = [bytes[at + 4], bytes[at + 9]];
            return marker <= 0xc1 && precision === 8 && length >= 8 && (components === 1 || components === 3);
        }
        if (marker < 0xc0 || marker === 0xd8 || marker === 0xd9 || marker === 0xda) return false;
        at += 2 + length;
    }
    return false;
}
