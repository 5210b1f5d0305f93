// AVI files of JPEG pictures, as recorders write them.

/** 25 pictures a second. */
const PERIOD_US = 40_000;
const WIDTH = 640;
const HEIGHT = 360;
/** Flags of an index entry: each picture stands for itself. */
const KEY_PICTURE = 0x10;

/**
 * How a recorder ends its file: with an index, without one because it was switched off (it then knows no length of anything),
 * or in two parts with indexes of their own, as long recordings are.
 * @typedef {'indexed' | 'unfinished' | 'two parts'} Kind
 */

/** @type {Kind[]} */
export const KINDS = ['indexed', 'unfinished', 'two parts'];

/** @param {number[]} values */
function words(...values) {
    const out = Buffer.alloc(values.length * 4);
    values.forEach((value, at) => out.writeUInt32LE(value, at * 4));
    return out;
}

/** @param {string} name @param {Buffer} data @param {number} [length] that it claims */
function chunk(name, data, length = data.length) {
    return Buffer.concat([Buffer.from(name, 'latin1'), words(length), data, Buffer.alloc(data.length % 2)]);
}

/** @param {string} name @param {string} type @param {Buffer[]} chunks @param {boolean} finished */
function list(name, type, chunks, finished) {
    const data = Buffer.concat([Buffer.from(type, 'latin1'), ...chunks]);
    return chunk(name, data, finished ? data.length : 0);
}

/** @param {number} count of pictures @param {boolean} finished @param {string} codec */
function header(count, finished, codec) {
    const stream = Buffer.concat([
        Buffer.from(`vids${codec}`, 'latin1'),
        words(0, 0, 0, PERIOD_US, 1_000_000, 0, count, 0, 0, 0),
        words(0, (HEIGHT << 16) | WIDTH),
    ]);
    const format = Buffer.concat([
        words(40, WIDTH, HEIGHT, (24 << 16) | 1),
        Buffer.from(codec, 'latin1'),
        words(0, 0, 0, 0, 0),
    ]);
    return list(
        'LIST',
        'hdrl',
        [
            chunk('avih', words(PERIOD_US, 0, 0, KEY_PICTURE, count, 0, 1, 0, WIDTH, HEIGHT, 0, 0, 0, 0)),
            list('LIST', 'strl', [chunk('strh', stream), chunk('strf', format)], true),
            chunk('JUNK', Buffer.alloc(33)),
        ],
        finished,
    );
}

/** @param {Buffer[]} pictures @param {boolean} finished */
function movie(pictures, finished) {
    return list(
        'LIST',
        'movi',
        pictures.map((picture) => chunk('00dc', picture)),
        finished,
    );
}

/** The index at the end of a file of one part. @param {Buffer[]} pictures */
function index(pictures) {
    let at = 4;
    return chunk(
        'idx1',
        Buffer.concat(
            pictures.map((picture) => {
                const entry = Buffer.concat([Buffer.from('00dc'), words(KEY_PICTURE, at, picture.length)]);
                at += 8 + picture.length + (picture.length % 2);
                return entry;
            }),
        ),
    );
}

/** @param {Kind} kind @param {Buffer[]} pictures @param {string} [codec] */
export function avi(kind, pictures, codec = 'MJPG') {
    if (kind === 'unfinished') return list('RIFF', 'AVI ', [header(0, false, codec), movie(pictures, false)], false);
    const first = kind === 'indexed' ? pictures : pictures.slice(0, 1);
    const one = list('RIFF', 'AVI ', [header(pictures.length, true, codec), movie(first, true), index(first)], true);
    if (kind === 'indexed') return one;
    const later = pictures.slice(1);
    return Buffer.concat([
        one,
        list('RIFF', 'AVIX', [movie(later, true), chunk('ix00', Buffer.alloc(24 + later.length * 8))], true),
    ]);
}
