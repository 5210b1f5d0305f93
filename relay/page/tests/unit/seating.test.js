// Who has a place where more people are in a room than can be seen.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Seating } from '../../src/ui/seating.js';

/** People with the numbers 1 to `count`. @param {number} count */
const people = (count) => Array.from({ length: count }, (_, i) => i + 1);
const nobody = () => false;
/** @param {...number} who */
const only =
    (...who) =>
    (/** @type {number} */ person) =>
        who.includes(person);

test('where there is place for all, all have one in the order in which they came', () => {
    const seating = new Seating();
    assert.deepEqual(seating.seat(people(4), only(4), 4), [1, 2, 3, 4]);
    assert.deepEqual(seating.seat([], nobody, 4), []);
});

test('who speaks without a place gets that of whoever has been silent longest, and nobody else moves', () => {
    const seating = new Seating();
    assert.deepEqual(seating.seat(people(20), nobody, 4), [1, 2, 3, 4]);
    assert.deepEqual(seating.seat(people(20), only(17), 4), [1, 2, 3, 17]);
    assert.deepEqual(seating.seat(people(20), nobody, 4), [1, 2, 3, 17]);
    assert.deepEqual(seating.seat(people(20), only(1), 4), [1, 2, 3, 17]);
    assert.deepEqual(seating.seat(people(20), only(20, 19), 4), [1, 20, 19, 17]);
    // 17 spoke before 1.
    assert.deepEqual(seating.seat(people(20), only(5), 4), [1, 20, 19, 5]);
});

test('nobody who speaks loses the place', () => {
    const seating = new Seating();
    seating.seat(people(20), nobody, 2);
    assert.deepEqual(seating.seat(people(20), only(1, 2, 9), 2), [1, 2]);
    assert.deepEqual(seating.seat(people(20), only(9), 2), [9, 2]);
});

test('a place that becomes free is given to who waits longest, and of fewer places the quietest lose theirs', () => {
    const seating = new Seating();
    seating.seat(people(20), only(18), 4);
    assert.deepEqual(
        seating.seat(
            people(20).filter((person) => person !== 2),
            nobody,
            4,
        ),
        [1, 3, 18, 4],
    );
    assert.deepEqual(seating.seat(people(20), nobody, 2), [1, 18]);
});

test('each of many who speak in turn is seen', () => {
    const seating = new Seating();
    for (let turn = 0; turn < 100; turn += 1) {
        const speaker = 1 + ((turn * 7) % 40);
        const seen = seating.seat(people(40), only(speaker), 15);
        assert.ok(seen.includes(speaker));
        assert.equal(new Set(seen).size, 15);
    }
});
