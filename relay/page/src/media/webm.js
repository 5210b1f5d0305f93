// The packets of a WebM file of one track as it is being written (RFC 8794, RFC 9559), however its bytes are cut.

/** What holds other elements and is entered; all else is a packet, the codec's head, or passed by. */
const ENTERED = new Set([0x18538067, 0x1654ae6b, 0xae, 0x1f43b675, 0xa0]);
const SIMPLE_BLOCK = 0xa3;
const BLOCK = 0xa1;
const CODEC_PRIVATE = 0x63a2;
/** Before a block's packet, after the number of its track: a time of two bytes, and flags. */
const BLOCK_HEAD = 3;
/** More than an element of 20 ms of sound ever is: whatever claims more is no such file. */
const MOST_BYTES = 1 << 20;

export class WebmReader {
    #bytes = new Uint8Array(0);
    /** The codec's own head, once it came. @type {Uint8Array | null} */
    head = null;

    /**
     * Takes what comes next of the file.
     * @param {Uint8Array} more
     * @returns {Uint8Array[]} the packets that are complete now
     */
    push(more) {
        const bytes = new Uint8Array(this.#bytes.length + more.length);
        bytes.set(this.#bytes);
        bytes.set(more, this.#bytes.length);
        /** @type {Uint8Array[]} */
        const packets = [];
        let at = 0;
        for (;;) {
            const element = elementAt(bytes, at);
            if (!element) break;
            const { id, from, size } = element;
            if (ENTERED.has(id)) {
                at = from;
                continue;
            }
            if (size > MOST_BYTES) throw new RangeError(`an element of ${size} bytes`);
            if (from + size > bytes.length) break;
            at = from + size;
            const body = bytes.subarray(from, at);
            if (id === CODEC_PRIVATE) this.head = body.slice();
            else if (id === SIMPLE_BLOCK || id === BLOCK) packets.push(packetOf(body));
        }
        this.#bytes = bytes.slice(at);
        return packets;
    }
}

/** The element that begins there; null while its own head is not complete. @param {Uint8Array} bytes @param {number} at */
function elementAt(bytes, at) {
    const idLength = lengthAt(bytes, at);
    const sizeLength = lengthAt(bytes, at + idLength);
    const from = at + idLength + sizeLength;
    if (!idLength || !sizeLength || from > bytes.length) return null;
    const id = numberAt(bytes, at, idLength, 0xff);
    // A size of ones alone is none: of what is written on and on, which is entered. Its length is no part of it.
    const size = numberAt(bytes, at + idLength, sizeLength, 0xff >> sizeLength);
    return { id, from, size };
}

/** How many bytes the number there has, 1 to 8; 0 where there is none yet. @param {Uint8Array} bytes @param {number} at */
function lengthAt(bytes, at) {
    if (at >= bytes.length) return 0;
    if (bytes[at] === 0) throw new RangeError('a number of more than 8 bytes');
    return Math.clz32(bytes[at]) - 23;
}

/** @param {Uint8Array} bytes @param {number} at @param {number} length @param {number} mask of the first byte */
function numberAt(bytes, at, length, mask) {
    let number = bytes[at] & mask;
    for (let i = 1; i < length; i += 1) number = number * 256 + bytes[at + i];
    return number;
}

/** @param {Uint8Array} block */
function packetOf(block) {
    return block.slice(lengthAt(block, 0) + BLOCK_HEAD);
}
