import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { problemWords } from '../../src/ui/problem.js';
import { accountName, composed, isDisplayName, isRoomName } from '../../src/ui/names.js';

/** The table that the protocol's own tests read. */
const TABLE = new URL('../../../../protocol/tests/vectors/names.txt', import.meta.url);
const lines = (await readFile(TABLE, 'utf8')).split('\n');

/** @param {string} sign */
const names = (sign) => lines.filter((line) => line.startsWith(`${sign} `)).map((line) => line.slice(2));

test('names that the relay takes are not refused by the page, and are sent composed', () => {
    assert.ok(names('+').length >= 10);
    for (const name of [...names('+'), ...names('=')]) {
        assert.ok(isRoomName(name) && isDisplayName(name), name);
        assert.equal(composed(`  ${name} `), name.normalize('NFC'));
    }
    const [typed, decomposed] = names('=');
    assert.notEqual(typed, decomposed);
    assert.equal(composed(typed), composed(decomposed));
});

test("a room's name is measured in characters", () => {
    assert.ok(isRoomName('\u{1F600}'.repeat(48)));
    assert.ok(!isRoomName('\u{1F600}'.repeat(49)));
    assert.ok(isRoomName('e\u0301'.repeat(48)));
    assert.ok(!isRoomName('  '));
});

test('what a person is called has at most 144 bytes, of which an emoji takes four', () => {
    assert.ok(isDisplayName('\u{1F600}'.repeat(36)));
    assert.ok(!isDisplayName('\u{1F600}'.repeat(37)));
});

test('an account gets the name that looks most like what somebody is called', () => {
    for (const [typed, name] of [
        ['ana', 'ana'],
        ['Ana Lima', 'Ana.Lima'],
        ["O'Brien", 'O.Brien'],
        ['  Stra\u00DFe & Co. ', 'Stra\u00DFe.Co'],
        ['Cafe\u0301', 'Caf\u00E9'],
        [
            '\u0E2A\u0E34\u0E17\u0E18\u0E34\u0E4C \u0E19\u0E49\u0E33',
            '\u0E2A\u0E34\u0E17\u0E18\u0E34\u0E4C.\u0E19\u0E49\u0E33',
        ],
        ['\u0646\u0645\u06CC\u200C\u062E\u0648\u0627\u0647\u0645', '\u0646\u0645\u06CC\u062E\u0648\u0627\u0647\u0645'],
        ['x'.repeat(48), 'x'.repeat(32)],
        ['a', null],
        ['\u{1F44B}', null],
        ['  ', null],
    ])
        assert.equal(accountName(/** @type {string} */ (typed)), name);
});

test('a name that is refused is refused by the reason', () => {
    const about = (/** @type {string} */ why) => problemWords('invalid', { field: 'display_name', why });
    const reasons = ['blank', 'zero_width_space', 'direction', 'line_break', 'tab', 'invisible', 'mark', 'too_long'];
    assert.equal(new Set(reasons.map(about)).size, reasons.length);
    assert.match(about('tab'), /a tab/);
    assert.match(about('too_long'), /48 characters/);
});
