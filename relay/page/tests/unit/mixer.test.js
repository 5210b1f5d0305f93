// What is heard of several streams, and how long anything of them is kept.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BLOCK_MS, BLOCK_SAMPLES } from '../../src/media/l16.js';
import { loudnessDbov } from '../../src/media/level.js';
import { Mixer } from '../../src/media/mixer.js';

/** @param {number} loudness 0 to 1 */
const block = (loudness) => new Float32Array(BLOCK_SAMPLES).fill(loudness);

/**
 * Somebody speaks for a while and is mixed as they do.
 * @param {Mixer} mixer @param {number} stream @param {number} from in ms @param {number} blocks
 */
function speak(mixer, stream, from, blocks) {
    for (let i = 0; i < blocks; i += 1) {
        const now = from + i * BLOCK_MS;
        mixer.take(stream, 1 + now / BLOCK_MS, now, block(0.25), now);
        mixer.mix(now);
    }
    return from + blocks * BLOCK_MS;
}

/** The loudest of what is mixed in the time, in −dBov. @param {Mixer} mixer @param {number} from @param {number} until */
function loudest(mixer, from, until) {
    let most = -127;
    for (let now = from; now < until; now += BLOCK_MS) most = Math.max(most, loudnessDbov(mixer.mix(now)));
    return most;
}

test('streams are added, and what is too loud is pressed together', () => {
    const mixer = new Mixer();
    let one = new Float32Array(0);
    for (let now = 0; now < 200; now += BLOCK_MS) {
        for (const stream of [1, 2, 3, 4, 5]) mixer.take(stream, 1 + now / BLOCK_MS, now, block(0.5), now);
        one = mixer.mix(now);
    }
    assert.ok(one[100] > 0.9 && one[100] <= 1, `${one[100]}`);
});

test('the last words of a stream are heard, and 10 s later nothing of it is kept', () => {
    const mixer = new Mixer();
    for (let stream = 1; stream <= 500; stream += 1) speak(mixer, stream, 0, 3);
    assert.equal(mixer.size, 500);
    const end = speak(mixer, 501, 60, 20);
    assert.ok(loudest(mixer, end, end + 100) > -30);
    loudest(mixer, end + 100, end + 9_000);
    assert.equal(mixer.size, 501);
    loudest(mixer, end + 9_000, end + 11_000);
    assert.equal(mixer.size, 0);
});

test('a stream that begins again after that is heard', () => {
    const mixer = new Mixer();
    const end = speak(mixer, 1, 0, 20);
    loudest(mixer, end, end + 20_000);
    const again = speak(mixer, 1, end + 20_000, 20);
    assert.ok(loudest(mixer, again, again + 40) > -30);
});

test('nothing that was held is heard once it is cleared', () => {
    const mixer = new Mixer();
    const end = speak(mixer, 1, 0, 20);
    mixer.clear();
    assert.equal(loudest(mixer, end, end + 200), -127);
});
