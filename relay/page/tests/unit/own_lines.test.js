// Lines on their way, and lines that were missed, step by step.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatLog } from '../../src/net/chat_log.js';
import { MissedLines } from '../../src/net/missed_lines.js';
import { OwnLines } from '../../src/net/own_lines.js';
import './web_crypto.js';

/** @param {OwnLines} own */
const texts = (own) => own.lines.map(({ text }) => text);

/** Two lines in a room where they can be said. */
function written() {
    const own = new OwnLines();
    own.room = 7;
    own.write('one', 7);
    own.write('two', 7);
    return own;
}

test('lines are said one after the other, and the same mark is sent again after a loss', () => {
    const own = written();
    const first = own.next(0);
    assert.equal(first?.fields.text, 'one');
    assert.equal(own.next(0), null, 'not before the answer');
    own.lost();
    const again = own.next(0);
    assert.deepEqual(again, first);
    own.answered(/** @type {any} */ (first));
    assert.deepEqual(texts(own), ['one', 'two'], 'an answer on the lost line is of no more use');
    own.answered(/** @type {any} */ (again));
    assert.deepEqual(texts(own), ['two']);
    assert.equal(own.next(0)?.fields.text, 'two');
});

test('a line that is stored although its answer was lost does not wait any more', () => {
    const own = written();
    own.next(0);
    own.lost();
    own.arrived([{ mark: own.lines[0].mark }]);
    assert.deepEqual(texts(own), ['two']);
});

test('a line that comes too often waits, and one that is refused says why and can be sent again', () => {
    const own = written();
    own.refused(/** @type {any} */ (own.next(0)), { code: 'rate_limited', retryAfterMs: 500 }, 0);
    assert.equal(own.next(499), null);
    assert.equal(own.wakeAt, 500);
    own.refused(/** @type {any} */ (own.next(500)), { code: 'storage_failed' }, 500);
    assert.deepEqual(own.lines[0].failed, { code: 'storage_failed' });
    assert.equal(own.next(500)?.fields.text, 'two', 'the others go on');
    const { mark } = own.lines[0];
    own.lost();
    own.sendAgain(mark);
    assert.equal(own.next(600)?.fields.mark, mark);
});

test('what was written in a room that one left waits there to be sent again or discarded', () => {
    const own = written();
    own.stay(null);
    own.room = 8;
    assert.equal(own.next(0), null);
    assert.deepEqual(own.of(8), []);
    assert.deepEqual(
        own.of(7).map(({ failed }) => failed?.code),
        ['left_room', 'left_room'],
    );
    own.discard(own.lines[0].mark);
    assert.deepEqual(texts(own), ['two']);
});

/** @param {number} id */
const line = (id) => ({ id, at: id, from: 'ben', from_name: 'Ben', to: null, text: String(id) });
/** Lines of which the room has so many. @param {number} from @param {number} to */
const lines = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => line(from + i));

/** Answers as the relay does, until nothing is asked for. @param {MissedLines} missed @param {number} last */
function fetchAll(missed, last) {
    const fresh = [];
    let pages = 0;
    for (let request = missed.next(0); request; request = missed.next(0)) {
        pages += 1;
        const before = /** @type {number | undefined} */ (request.fields.before) ?? last + 1;
        const from = Math.max(1, before - 20);
        fresh.push(...missed.answered(request, { lines: lines(from, before - 1), more: from > 1 }));
    }
    return { fresh: fresh.map(({ id }) => id).sort((a, b) => a - b), pages };
}

test('the first page of a room is no news, and what is missed later is fetched back to the last line that was known', () => {
    const log = new ChatLog();
    const missed = new MissedLines(log);
    missed.isHere = true;
    missed.begin();
    assert.deepEqual(fetchAll(missed, 30), { fresh: [], pages: 1 });
    assert.equal(log.lines[0].id, 11);
    missed.begin();
    const { fresh, pages } = fetchAll(missed, 85);
    assert.equal(pages, 3);
    assert.deepEqual(
        fresh,
        lines(31, 85).map(({ id }) => id),
    );
    assert.deepEqual(log.lines, lines(11, 85));
    assert.equal(log.more, true);
});

test('an outage in the middle of that leaves no gap', () => {
    const log = new ChatLog();
    const missed = new MissedLines(log);
    missed.isHere = true;
    missed.begin();
    fetchAll(missed, 20);
    missed.begin();
    missed.answered(/** @type {any} */ (missed.next(0)), { lines: lines(61, 80), more: true });
    missed.next(0);
    missed.lost();
    missed.begin();
    fetchAll(missed, 100);
    assert.deepEqual(log.lines, lines(1, 100));
});
