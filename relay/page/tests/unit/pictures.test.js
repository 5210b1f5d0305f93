// The way of pictures to their canvas, with a decoder that takes as long as the test says.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Kind } from '../../src/net/media_frame.js';
import { Pictures } from '../../src/media/pictures.js';

const STREAM = 5;
/** The head of a baseline JPEG, as far as anybody looks at it. */
const JPEG = Uint8Array.of(0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0, 9, 0, 16, 3, ...new Array(20).fill(0));

/** What is being decoded; called, it is done. @type {(() => Promise<void>)[]} */
let decoding = [];
/** @type {{ closed: boolean, close(): void }[]} */
let bitmaps = [];

beforeEach(() => {
    decoding = [];
    bitmaps = [];
    Object.assign(globalThis, {
        createImageBitmap: () =>
            new Promise((done) => {
                decoding.push(async () => {
                    const bitmap = {
                        width: 16,
                        height: 9,
                        closed: false,
                        close() {
                            bitmap.closed = true;
                        },
                    };
                    bitmaps.push(bitmap);
                    done(bitmap);
                    for (let i = 0; i < 4; i += 1) await Promise.resolve();
                });
            }),
    });
});

/** A canvas and how often it was given a picture. */
function screen() {
    const seen = { pictures: 0, told: 0 };
    const canvas = { width: 0, height: 0, getContext: () => ({ transferFromImageBitmap: () => (seen.pictures += 1) }) };
    return { seen, canvas: /** @type {any} */ (canvas), told: () => (seen.told += 1) };
}

/** @param {Pictures} pictures @param {number} [stream] */
function take(pictures, stream = STREAM) {
    pictures.take({ kind: Kind.camera, level: 0, voice: false, stream, timestamp: 0, number: 0, body: JPEG });
}

test('what is being decoded when nobody sees the stream any more is not shown, and what waited is not decoded', async () => {
    const pictures = new Pictures();
    const { seen, canvas, told } = screen();
    pictures.show(STREAM, canvas, told);
    take(pictures);
    take(pictures);
    pictures.hide(STREAM);
    await decoding[0]();
    assert.deepEqual(seen, { pictures: 0, told: 0 });
    assert.deepEqual(
        bitmaps.map(({ closed }) => closed),
        [true],
    );
    assert.equal(decoding.length, 1);
});

test('a stream that is seen again shows its newer pictures alone', async () => {
    const pictures = new Pictures();
    const { seen, canvas, told } = screen();
    pictures.show(STREAM, canvas, told);
    take(pictures);
    pictures.hide(STREAM);
    pictures.show(STREAM, canvas, told);
    take(pictures);
    await decoding[1]();
    assert.deepEqual(seen, { pictures: 1, told: 1 });
    await decoding[0]();
    assert.deepEqual(seen, { pictures: 1, told: 1 });
});

test('while one is decoded newer ones replace each other', async () => {
    const pictures = new Pictures();
    const { seen, canvas, told } = screen();
    pictures.show(STREAM, canvas, told);
    for (let i = 0; i < 5; i += 1) take(pictures);
    await decoding[0]();
    await decoding[1]();
    assert.equal(seen.pictures, 2);
    assert.equal(decoding.length, 2);
});

test('nothing of a stream that nobody sees is decoded', () => {
    const pictures = new Pictures();
    take(pictures);
    assert.equal(decoding.length, 0);
});
