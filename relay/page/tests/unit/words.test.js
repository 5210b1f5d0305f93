import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import de from '../../src/words/de.js';
import en from '../../src/words/en.js';
import vi from '../../src/words/vi.js';
import { pickLanguage, speak, words } from '../../src/words/words.js';

/** @typedef {import('../../src/words/words.js').Dictionary} Dictionary */

const PAGE = new URL('../../src/', import.meta.url);
const KIOSK = new URL('../../../../endpoint/ui/lang/', import.meta.url);

/** Every text of a phrase. @param {import('../../src/words/words.js').Phrase} phrase */
const texts = (phrase) => (typeof phrase === 'string' ? [phrase] : Object.values(phrase));
/** What stands in for values. @param {string} text */
const gaps = (text) => (text.match(/\{.\}/g) ?? []).sort().join();

for (const [name, dictionary] of Object.entries({ de, vi })) {
    test(`${name} says everything that en says, with the same gaps`, () => {
        assert.deepEqual(Object.keys(dictionary), Object.keys(en));
        for (const [word, phrase] of Object.entries(/** @type {Dictionary} */ (en))) {
            const other = dictionary[/** @type {keyof Dictionary} */ (word)];
            for (const text of texts(other)) {
                assert.notEqual(text, '', word);
                assert.equal(gaps(text), gaps(texts(phrase)[0]), `${word}: ${text}`);
            }
        }
    });

    test(`what the endpoint's screen says too is said in ${name} word for word as there`, async () => {
        const catalog = await readFile(new URL(`${name}/LC_MESSAGES/conclave-ui.po`, KIOSK), 'utf8');
        /** @type {Map<string, string[]>} */
        const known = new Map();
        for (const [, original, , translation] of catalog.matchAll(
            /^msgid "(.+)"\n(msgid_plural .*\n)?msgstr(?:\[0\])? "(.*)"/gm,
        )) {
            known.set(original, [...(known.get(original) ?? []), translation]);
        }
        let shared = 0;
        for (const [word, phrase] of Object.entries(/** @type {Dictionary} */ (en))) {
            const there = known.get(texts(phrase)[0]);
            if (!there) continue;
            shared += 1;
            const here = texts(dictionary[/** @type {keyof Dictionary} */ (word)])[0];
            assert.ok(there.includes(here), `${word}: ${here}, there ${there.join(' / ')}`);
        }
        assert.ok(shared > 90, `${shared} phrases are shared`);
    });
}

test('every word that a module asks for is there, and every word is asked for', async () => {
    const asked = new Set();
    for (const file of (await readdir(PAGE, { recursive: true })).filter(
        (name) => name.endsWith('.js') && !name.startsWith('words/'),
    )) {
        for (const [, , word] of (await readFile(new URL(file, PAGE), 'utf8')).matchAll(/(['"`])([a-z_]+)\1/g))
            asked.add(word);
    }
    for (const [, word] of (await readFile(new URL('index.html', PAGE), 'utf8')).matchAll(
        /data-word[a-z-]*="([a-z_]+)"/g,
    ))
        asked.add(word);
    for (const device of ['camera', 'microphone'])
        for (const why of ['denied', 'missing', 'in_use', 'lost']) asked.add(`${device}_${why}`);
    // Asked for by `people` in words.js itself.
    for (const word of ['empty', 'people_count']) asked.add(word);
    assert.deepEqual(
        Object.keys(en).filter((word) => !asked.has(word)),
        [],
    );
});

test('numbers are told apart as the language does', async () => {
    await speak('en');
    assert.equal(words('people_count', 1), '1 person');
    assert.equal(words('people_count', 2), '2 people');
    await speak('vi');
    assert.equal(words('people_count', 1), '1 người');
    await speak('en');
});

test("the language is the chosen one, else the first of the browser's that there is", () => {
    assert.equal(pickLanguage('vi', ['de']), 'vi');
    assert.equal(pickLanguage(null, ['fr-FR', 'de-CH', 'en']), 'de');
    assert.equal(pickLanguage(null, ['fr']), 'en');
});
