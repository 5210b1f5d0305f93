// WebM as browsers write it while they record, cut anywhere.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebmReader } from '../../src/media/webm.js';

const UNKNOWN = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/** @param {number[]} id @param {number[]} body */
const element = (id, body) => [...id, 0x40 | (body.length >> 8), body.length & 0xff, ...body];
/** @param {number} at @param {number[]} packet */
const simpleBlock = (at, packet) => element([0xa3], [0x81, 0, at, 0x80, ...packet]);

const HEAD = [...'OpusHead'].map((letter) => letter.charCodeAt(0)).concat(1, 1, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0);
const FILE = Uint8Array.from([
    // As Firefox writes it: a size of eight bytes, too large for a number with the mark of its length.
    ...[0x1a, 0x45, 0xdf, 0xa3, 0x01, 0, 0, 0, 0, 0, 0, 11, 0x42, 0x86, 0x81, 1, 0x42, 0xf7, 0x81, 1, 0xec, 0x81, 0],
    ...[0x18, 0x53, 0x80, 0x67, ...UNKNOWN],
    ...element([0x15, 0x49, 0xa9, 0x66], [0x2a, 0xd7, 0xb1, 0x83, 0x0f, 0x42, 0x40]),
    ...element([0x16, 0x54, 0xae, 0x6b], element([0xae], [0xd7, 0x81, 1, ...element([0x63, 0xa2], HEAD)])),
    ...[0x1f, 0x43, 0xb6, 0x75, ...UNKNOWN],
    ...[0xe7, 0x81, 0],
    ...simpleBlock(0, [1, 2, 3]),
    ...element([0xa0], element([0xa1], [0x81, 0, 20, 0, 4, 5])),
    ...element([0x1f, 0x43, 0xb6, 0x75], [0xe7, 0x81, 40, ...simpleBlock(40, new Array(200).fill(6))]),
]);
const PACKETS = [[1, 2, 3], [4, 5], new Array(200).fill(6)];

for (const piece of [1, 7, 64, FILE.length]) {
    test(`packets come out whole and in order from pieces of ${piece} bytes`, () => {
        const reader = new WebmReader();
        /** @type {number[][]} */
        const packets = [];
        for (let at = 0; at < FILE.length; at += piece)
            packets.push(...reader.push(FILE.subarray(at, at + piece)).map((packet) => [...packet]));
        assert.deepEqual(packets, PACKETS);
        assert.deepEqual([...(reader.head ?? [])], HEAD);
    });
}

test('what is no such file is refused, not kept', () => {
    assert.throws(() => new WebmReader().push(new Uint8Array(64)), RangeError);
    assert.throws(() => new WebmReader().push(Uint8Array.of(0xec, 0x08, 0xff, 0xff, 0xff, 0xff)), RangeError);
});
