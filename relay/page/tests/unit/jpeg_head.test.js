// Which received pictures a browser's decoder may see.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { isBaselineJpeg } from '../../src/media/jpeg_head.js';

/** @param {string} name */
function picture(name) {
    return new Uint8Array(readFileSync(new URL(`../../../../endpoint/tests/pictures/${name}.jpg`, import.meta.url)));
}

test('pictures as cameras make them are decoded', () => {
    for (const name of [
        'clean',
        '4-1-1',
        'grayscale',
        'stray-bytes-before-restarts',
        'avi1-header',
        'fill-bytes-before-markers',
    ]) {
        assert.equal(isBaselineJpeg(picture(name)), true, name);
    }
});

test('progressive, arithmetic and cut pictures, and what is no picture, are not', () => {
    assert.equal(isBaselineJpeg(picture('progressive')), false);
    assert.equal(isBaselineJpeg(picture('arithmetic')), false);
    const clean = picture('clean');
    for (let length = 0; length < 160; length += 1) assert.equal(isBaselineJpeg(clean.subarray(0, length)), false);
    assert.equal(isBaselineJpeg(new Uint8Array(5000).fill(0xff)), false);
});
