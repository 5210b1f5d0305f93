// Firefox on a machine without any device for sound output, where it starts no sound: one is heard all the same.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { test } from 'node:test';
import { Firefox } from './engines.js';
import { Endpoint, folder, readWav, Relay, remove, until } from './harness.js';

/** Whether a text stands on the page. Runs in the page. @param {string} text */
function reads(text) {
    return document.body.innerText.includes(text);
}

test('without sound output Firefox sends its microphone, and the banner says what is missing until it is dismissed', async () => {
    const directory = await folder();
    const relay = await new Relay(`${directory}/relay`).start();
    const endpoint = new Endpoint(relay, 'kiosk', 'Maple', directory, ['--create']);
    await mkdir(`${directory}/engine`);
    const page = new Firefox(`${directory}/engine`, false);
    /** @param {string} text @param {boolean} [there] */
    const shows = (text, there = true) =>
        until(`${there ? '' : 'no '}"${text}" on the page`, async () => (await page.run(reads, text)) === there);
    try {
        await page.open(relay.url);
        await page.type('Name', 'ana');
        await page.type('Email', 'ana@example.org');
        await page.press('Sign in');
        await page.press('Join Maple');
        await shows('2 people');
        await page.press('Microphone');
        await endpoint.stats(({ participants }) =>
            participants.some(
                (/** @type {any} */ { name, streams }) =>
                    name === 'ana' &&
                    streams.some(
                        (/** @type {any} */ { kind, media, frames_complete }) =>
                            /audio/.test(kind ?? media) && frames_complete > 250,
                    ),
            ),
        );
        await shows('you hear no one. Plug in');
        await page.press('Dismiss');
        await shows('you hear no one', false);
        await endpoint.stop();
        const { samples } = await readWav(`${endpoint.directory}/record/ana.wav`);
        const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
        assert.ok(loudest > 0.02, `${loudest}`);
    } finally {
        await page.stop();
        await endpoint.stop();
        await relay.stop();
        await remove(directory);
    }
});
