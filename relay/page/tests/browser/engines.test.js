// Firefox and WebKit beside Chromium, each in one room with a native endpoint: join, see, hear, write.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { Firefox, WebKit } from './engines.js';
import { Endpoint, folder, moves, pointsOf, Relay, remove, until } from './harness.js';

/** A few points of somebody's picture. Runs in the page, which lets no text become code there: it is one function. */
const look = /** @type {(name: string) => number[] | null} */ (
    new Function(
        'name',
        `
    const tile = [...document.querySelectorAll('.tile')].find((tile) => tile.querySelector('.plate-name')?.textContent === name);
    return tile ? (${pointsOf})(tile) : null;
`,
    )
);

/** The strongest frequency of what the page plays, in Hz; null while it is silent. Runs in the page. */
async function playedHz() {
    const { call } = await /** @type {any} */ (window).conclave.rest;
    const analyser = /** @type {any} */ (window.analyser ??= call.speaker.analyser());
    if (!analyser) return null;
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    const loudest = bins.reduce((best, level, at) => (level > bins[best] ? at : best), 0);
    return bins[loudest] > -60 ? (loudest * analyser.context.sampleRate) / analyser.fftSize : null;
}

/** Whether a text stands on the page. Runs in the page. @param {string} text */
function reads(text) {
    return document.body.innerText.includes(text);
}

for (const Engine of [Firefox, WebKit]) {
    describe(`${Engine.name} in a room with an endpoint`, { concurrency: false }, () => {
        /** @type {string} */
        let directory;
        /** @type {Relay} */
        let relay;
        /** @type {Endpoint} */
        let endpoint;
        /** @type {Firefox | WebKit} */
        let page;

        /** @param {string} text */
        const shows = (text) => until(`"${text}" on the page`, () => page.run(reads, text));

        before(async () => {
            directory = await folder();
            relay = await new Relay(`${directory}/relay`).start();
            endpoint = new Endpoint(relay, 'kiosk', 'Maple', directory, ['--create', '--control', 'stdin']);
            await mkdir(`${directory}/engine`);
            page = new Engine(`${directory}/engine`);
            await page.open(relay.url);
        });
        after(async () => {
            await page?.stop();
            await endpoint?.stop();
            await relay?.stop();
            await remove(directory);
        });

        test('signs in and joins', async () => {
            await page.type('Name', 'ana');
            await page.type('Email', 'ana@example.org');
            await page.press('Sign in');
            await page.press('Join Maple');
            await shows('2 people');
        });

        test('sees the endpoint move', async () => {
            await moves('kiosk', () => page.run(look, 'kiosk'));
        });

        test("hears the endpoint's tone", async () => {
            const hz = await until('a tone', () => page.run(playedHz));
            assert.ok(Math.abs(hz - 440) < 30, `${hz} Hz`);
        });

        test('writes to the endpoint and is written to', async () => {
            await page.press('Chat');
            await page.type('Message', 'Good morning');
            await page.press('Send');
            // It stands there when the relay has told it to everyone.
            await shows('Good morning');
            endpoint.process.stdin.write('say Hello from the kiosk\n');
            await shows('Hello from the kiosk');
        });

        test(
            'is seen and heard by the endpoint, where it has a camera and a microphone',
            { skip: Engine === WebKit && 'WebKit makes up no devices' },
            async () => {
                await page.press('Camera');
                await page.press('Microphone');
                for (const wanted of [/audio/, /camera|video/]) {
                    await endpoint.stats(({ participants }) =>
                        participants.some(
                            (/** @type {any} */ { name, user, username, streams }) =>
                                [name, user, username].includes('ana') &&
                                streams.some(
                                    (/** @type {any} */ { kind, media, frames_complete }) =>
                                        wanted.test(kind ?? media) && frames_complete > 50,
                                ),
                        ),
                    );
                }
            },
        );
    });
}
