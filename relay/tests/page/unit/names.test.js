import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { composed, isRoomName, isUsername } from '../../../src/gateway/page/ui/names.js';

/** The table that the protocol's own tests read. */
const TABLE = new URL('../../../../protocol/tests/vectors/names.txt', import.meta.url);
const lines = (await readFile(TABLE, 'utf8')).split('\n');

/** @param {string} sign */
const names = (sign) => lines.filter((line) => line.startsWith(`${sign} `)).map((line) => line.slice(2));

test('names that the relay takes are not refused by the page, and are sent composed', () => {
    assert.ok(names('+').length >= 10);
    for (const name of [...names('+'), ...names('=')]) {
        assert.ok(isRoomName(name), name);
        assert.equal(composed(`  ${name} `), name.normalize('NFC'));
    }
    const [typed, decomposed] = names('=');
    assert.notEqual(typed, decomposed);
    assert.equal(composed(typed), composed(decomposed));
});

test('a room\'s name is measured in characters', () => {
    assert.ok(isRoomName('\u{1F600}'.repeat(48)));
    assert.ok(!isRoomName('\u{1F600}'.repeat(49)));
    assert.ok(isRoomName('e\u0301'.repeat(48)));
    assert.ok(!isRoomName('  '));
});

test('an account\'s name may have the marks and joiners of its script', () => {
    for (const good of ['ana', 'Cafe\u0301', '\u0E2A\u0E34\u0E17\u0E18\u0E34\u0E4C', '\u0939\u093F\u0928\u094D\u0926\u0940', '\u0646\u0645\u06CC\u200C\u062E\u0648\u0627\u0647\u0645']) assert.ok(isUsername(good), good);
    for (const bad of ['', 'a', '-ab', 'a b', 'a\u202Eb', 'a\u200Bb', 'x'.repeat(33)]) assert.ok(!isUsername(bad), bad);
});
