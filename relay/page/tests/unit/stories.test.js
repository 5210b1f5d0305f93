// Every story of protocol/tests/stories with an outage before each of its steps: afterwards the page and the relay
// agree on room, roster, switches, streams and chat, and nothing that was typed is lost.
// STORY=NAME runs one, SEED=N begins with another seed.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { run } from '../stories/world.js';

const STORIES = new URL('../../../../protocol/tests/stories/', import.meta.url);
const LENGTHS_MS = [500, 5_000, 20_000, 40_000];
const KINDS = /** @type {const} */ (['cut', 'silent']);
const seed = Number(process.env.SEED ?? 1);

/** @type {import('../stories/world.js').Story[]} */
const stories = [];
for (const file of (await readdir(STORIES)).sort())
    stories.push(...JSON.parse(await readFile(new URL(file, STORIES), 'utf8')));

test('there are enough stories, each with a name of its own', () => {
    assert.ok(stories.length >= 40, `${stories.length} stories`);
    assert.equal(new Set(stories.map(({ name }) => name)).size, stories.length);
});

for (const story of stories) {
    if (process.env.STORY && process.env.STORY !== story.name) continue;
    test(`an outage anywhere in "${story.name}"`, async () => {
        let at = seed;
        for (const step of story.steps.keys()) {
            for (const ms of LENGTHS_MS) {
                for (const kind of KINDS) {
                    at += 1;
                    const outage = { step, ms, kind, seed: at };
                    try {
                        await run(story, outage);
                    } catch (error) {
                        console.log(`# "${story.name}": ${ms} ms ${kind} before step ${step}, seed ${at}`);
                        throw error;
                    }
                }
            }
        }
    });
}
