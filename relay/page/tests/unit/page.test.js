import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { posix } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ChatLog } from '../../src/net/chat_log.js';
import { ClockEstimate } from '../../src/net/clock.js';
import { Roster } from '../../src/net/roster.js';
import { Pace } from '../../src/media/pace.js';
import { hue, initials } from '../../src/ui/faces.js';
import { grid, stage } from '../../src/ui/layout.js';
import de from '../../src/words/de.js';
import en from '../../src/words/en.js';
import vi from '../../src/words/vi.js';

const PAGE = new URL('../../src/', import.meta.url);

/** What a module needs before it runs, with itself. @param {string} file @param {Set<string>} found */
async function graph(file, found = new Set()) {
    if (found.has(file)) return found;
    found.add(file);
    const text = await readFile(new URL(file, PAGE), 'utf8');
    for (const [, other] of text.matchAll(/^import [^;]*?from '(\.[^']+)'/gm))
        await graph(posix.join(posix.dirname(file), other), found);
    return found;
}

test('what the first page needs is fetched at once, and nothing else', async () => {
    const html = await readFile(new URL('index.html', PAGE), 'utf8');
    const preloaded = [...html.matchAll(/rel="modulepreload" fetchpriority="low" href="([^"]+)"/g)].map(
        ([, href]) => href,
    );
    const needed = await graph('app.js');
    needed.delete('app.js');
    assert.deepEqual(preloaded.sort(), [...needed].sort());
});

test('the first paint waits for one style sheet and one script, and says what the page says in every language', async () => {
    const html = await readFile(new URL('index.html', PAGE), 'utf8');
    assert.equal(html.match(/rel="stylesheet"/g)?.length, 1);
    assert.deepEqual(
        [...html.matchAll(/<script(?! type="module")[^>]*>/g)].map(([tag]) => tag),
        ['<script src="first.js">'],
    );
    const first = await readFile(new URL('first.js', PAGE), 'utf8');
    const spoken = new Function(`${/^const WORDS = \{.*?^\};/ms.exec(first)?.[0]} return WORDS;`)();
    for (const [word, text] of [...html.matchAll(/data-word="(\w+)"[^>]*>([^<]+)</g)].map(([, word, text]) => [
        word,
        text,
    ])) {
        assert.equal(text, /** @type {Record<string, unknown>} */ (en)[word]);
    }
    const needed = new Set([...html.matchAll(/data-word(?:-by-link)?="(\w+)"/g)].map(([, word]) => word));
    assert.deepEqual(Object.keys(spoken), ['en', 'de', 'vi']);
    for (const [language, dictionary] of /** @type {[string, any][]} */ ([
        ['en', en],
        ['de', de],
        ['vi', vi],
    ])) {
        for (const [word, text] of Object.entries(spoken[language]))
            assert.equal(text, dictionary[word], `${language}: ${word}`);
        if (language !== 'en') assert.deepEqual(Object.keys(spoken[language]).sort(), [...needed].sort());
    }
});

test("nothing in the page is what its content policy forbids, and nobody's text can become HTML", async () => {
    for (const file of await readdir(PAGE, { recursive: true })) {
        if (!/\.(js|html|css|svg)$/.test(file)) continue;
        const text = await readFile(new URL(file, PAGE), 'utf8');
        const forbidden =
            /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\('style'|<style|\sstyle="|\son\w+="|https?:\/\/(?!www\.w3\.org)/.exec(
                text,
            );
        assert.equal(forbidden, null, `${file}: ${forbidden}`);
    }
});

test('tiles of the grid do not overlap, and fill the place as well as they can', () => {
    for (const [width, height] of [
        [1264, 700],
        [352, 600],
        [732, 260],
        [1904, 980],
    ]) {
        for (let count = 1; count <= 16; count += 1) {
            const boxes = grid(count, width, height);
            assert.equal(boxes.length, count);
            boxes.forEach((a, i) => {
                assert.ok(
                    a.x >= 0 && a.y >= 0 && a.x + a.width <= width && a.y + a.height <= height + 1,
                    `${count}: ${JSON.stringify(a)}`,
                );
                for (const b of boxes.slice(i + 1)) {
                    assert.ok(
                        a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y,
                    );
                }
            });
        }
    }
});

test('the strip is beside the large tile on a wide screen and below it on an upright one', () => {
    assert.equal(stage(3, 1264, 700).beside, true);
    assert.equal(stage(3, 352, 600).beside, false);
    const { large, strip } = stage(3, 1264, 700);
    assert.ok(large.x + large.width <= strip.x);
});

test('initials are of the first and the last word, and a name keeps its color', () => {
    assert.deepEqual(['ana', 'Ana.Lima', 'bảo-trung_Trần', '_'].map(initials), ['A', 'AL', 'BT', '']);
    assert.equal(hue('ana'), hue('ana'));
});

test('lines of chat stand once and in order, however they come', () => {
    const log = new ChatLog();
    const line = (/** @type {number} */ id) => ({
        id,
        at: id,
        from: 'ana',
        from_name: 'Ana',
        to: null,
        text: String(id),
    });
    assert.equal(log.add([line(5)]), 1);
    log.takePage({ lines: [line(4), line(5)], more: true });
    assert.equal(log.more, true);
    log.takePage({ lines: [line(2), line(3)], more: false });
    assert.equal(log.add([line(5)]), 0);
    // The newest page again, as after a reconnect: it says nothing of what lies before the oldest.
    log.takePage({ lines: [line(5), line(6)], more: true });
    assert.deepEqual(
        log.lines.map(({ id }) => id),
        [2, 3, 4, 5, 6],
    );
    assert.equal(log.more, false);
});

test('the roster follows the relay', () => {
    const ana = {
        id: 1,
        username: 'ana',
        display_name: 'Ana',
        via_gateway: false,
        microphone: false,
        camera: false,
        clock_us: 0,
        streams: [],
    };
    const roster = new Roster([ana]);
    assert.ok(roster.take({ event: 'participant_joined', participant: { ...ana, id: 2, username: 'ben' } }));
    assert.ok(
        roster.take({
            event: 'stream_published',
            participant: 2,
            stream: { id: 9, source: 0, media: { kind: 'audio' } },
        }),
    );
    assert.equal(roster.ownerOf(9)?.username, 'ben');
    assert.ok(roster.take({ event: 'devices_changed', participant: 2, microphone: true, camera: false }));
    assert.equal(roster.person(2)?.microphone, true);
    assert.ok(roster.take({ event: 'away_changed', participant: 2, away: true }));
    assert.equal(roster.person(2)?.away, true);
    assert.ok(roster.take({ event: 'away_changed', participant: 2, away: false }));
    assert.equal(roster.person(2)?.away, false);
    assert.ok(roster.take({ event: 'stream_unpublished', stream: 9 }));
    assert.equal(roster.ownerOf(9), undefined);
    assert.ok(roster.take({ event: 'participant_left', participant: 2, reason: 'left' }));
    assert.equal(roster.size, 1);
    assert.equal(roster.take({ event: 'something_newer' }), false);
});

test('the clock is that of the quickest answer, and told when it is news', () => {
    const clock = new ClockEstimate();
    assert.equal(clock.update(1000, 51_500, 2000), 50_000);
    // A slow answer says less.
    assert.equal(clock.update(10_000, 80_000, 30_000), null);
    assert.equal(clock.update(40_000, 91_100, 40_200), 51_000);
});

test('pictures get worse at once when they wait, and better slowly; none waits', () => {
    const pace = new Pace();
    const before = pace.shape(24);
    assert.deepEqual(pace.admit(200_000), { send: false, changed: true });
    assert.ok(pace.shape(24).quality < before.quality);
    for (let i = 0; i < 10; i += 1) assert.equal(pace.admit(200_000).send, false);
    assert.ok(pace.poor);
    assert.equal(pace.dropped, 11);
    let calm = 0;
    while (!pace.admit(0).changed) calm += 1;
    assert.ok(calm > 30);
});

test('everything together is at most 150 kB compressed', async () => {
    let bytes = 0;
    for (const file of await readdir(PAGE, { recursive: true, withFileTypes: true })) {
        if (file.isFile()) bytes += gzipSync(await readFile(posix.join(file.path, file.name)), { level: 9 }).length;
    }
    console.log(`# the page is ${(bytes / 1024).toFixed(1)} kB compressed`);
    assert.ok(bytes <= 150 * 1024, `${bytes} bytes`);
});
