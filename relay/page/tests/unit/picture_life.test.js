// What a tile shows of a stream as time passes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PictureLife } from '../../src/ui/picture_life.js';

const CAMERA = 5;
const MINUTE = 60_000;

/** Somebody's tile that shows a picture of the stream since 0 ms. @param {boolean} still */
function shown(still) {
    const life = new PictureLife(still);
    life.expect(CAMERA, 0);
    life.watch(true, 0);
    life.shown(0);
    return life;
}

test('a stream is waited for until its first picture', () => {
    const life = new PictureLife(false);
    assert.equal(life.at(0), 'nothing');
    life.expect(CAMERA, 0);
    assert.equal(life.at(MINUTE), 'waiting');
    life.shown(MINUTE);
    assert.equal(life.at(MINUTE), 'picture');
});

test('a camera that stops without a word is shown for 4 s, a screen that stands still as long as it is shared', () => {
    const camera = shown(false);
    assert.equal(camera.changesAt, 4_000);
    assert.equal(camera.at(3_999), 'picture');
    assert.equal(camera.at(4_000), 'waiting');
    const screen = shown(true);
    assert.equal(screen.changesAt, null);
    assert.equal(screen.at(10 * MINUTE), 'picture');
    screen.expect(null, 10 * MINUTE);
    assert.equal(screen.at(10 * MINUTE), 'nothing');
});

for (const still of [false, true]) {
    test(`the picture of a former ${still ? 'screen' : 'camera'} makes way for the next one's, or for the spinner`, () => {
        const life = shown(still);
        life.expect(CAMERA + 1, MINUTE);
        assert.equal(life.at(MINUTE), 'picture');
        assert.equal(life.changesAt, MINUTE + 4_000);
        assert.equal(life.at(MINUTE + 4_000), 'waiting');
        life.shown(MINUTE + 5_000);
        assert.equal(life.at(MINUTE + 5_000), 'picture');
    });
}

test('while nobody looks nothing is missed, and who looks again is told after 4 s that nothing comes', () => {
    const life = shown(false);
    life.watch(false, 1_000);
    assert.equal(life.at(MINUTE), 'picture');
    assert.equal(life.changesAt, null);
    life.watch(true, MINUTE);
    life.watch(true, MINUTE + 1_000);
    assert.equal(life.changesAt, MINUTE + 4_000);
    assert.equal(life.at(MINUTE + 4_000), 'waiting');
});

test('the last picture of who is away is held, and is stale 4 s after they are back', () => {
    const life = shown(false);
    life.setAway(true, 1_000);
    assert.equal(life.at(30_000), 'held');
    assert.equal(life.changesAt, null);
    life.setAway(false, 30_000);
    assert.equal(life.at(30_000), 'picture');
    assert.equal(life.at(34_000), 'waiting');
});

test('of who is away before their first picture nothing is waited for', () => {
    const life = new PictureLife(false);
    life.expect(CAMERA, 0);
    life.watch(true, 0);
    life.setAway(true, 0);
    assert.equal(life.at(0), 'nothing');
});
