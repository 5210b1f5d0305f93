// A browser and a native endpoint in one room: each sees and hears the other.

import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import {
    createRoom,
    Endpoint,
    folder,
    joinByLink,
    makeLink,
    openBrowser,
    openPage,
    pixels,
    readWav,
    Relay,
    remove,
    seesMotion,
    shows,
    signIn,
    tile,
    until,
} from './harness.js';

/** @typedef {import('./harness.js').Page} Page */

/** The strongest frequency of what the page plays, in Hz. @param {Page} page */
function playedHz(page) {
    return page.evaluate(async () => {
        const { call } = await /** @type {any} */ (window).conclave.rest;
        const analyser = /** @type {any} */ (window.analyser ??= call.speaker.analyser());
        const bins = new Float32Array(analyser.frequencyBinCount);
        analyser.getFloatFrequencyData(bins);
        const loudest = bins.reduce((best, level, at) => (level > bins[best] ? at : best), 0);
        return bins[loudest] > -60 ? (loudest * analyser.context.sampleRate) / analyser.fftSize : null;
    });
}

/** Loudness of the loudest 20 ms in a file. @param {string} path */
async function loudest(path) {
    const { rate, samples } = await readWav(path);
    const step = rate / 50;
    let most = 0;
    for (let at = 0; at + step <= samples.length; at += step) {
        let energy = 0;
        for (const sample of samples.subarray(at, at + step)) energy += sample * sample;
        most = Math.max(most, Math.sqrt(energy / step));
    }
    return most;
}

/** What the endpoint's statistics say of somebody. @param {any} stats @param {string} name */
function participant(stats, name) {
    return stats.participants.find((/** @type {any} */ { name: other, user, username }) =>
        [other, user, username].includes(name),
    );
}

describe('a browser that joined by a link', { concurrency: false }, () => {
    /** @type {string} */
    let directory;
    /** @type {Relay} */
    let relay;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Page} */
    let host;
    /** @type {Page} */
    let guest;
    /** @type {Endpoint} */
    let endpoint;
    let link = '';

    before(async () => {
        directory = await folder();
        relay = await new Relay(`${directory}/relay`).start();
        browser = await openBrowser();
        host = await openPage(browser, relay.url);
        await signIn(host, 'host');
        await createRoom(host, 'Maple');
        link = await makeLink(host);
        endpoint = new Endpoint(relay, 'kiosk', 'Maple', directory);
        await tile(host, 'kiosk').waitFor();
    });
    after(async () => {
        await browser?.close();
        await endpoint?.stop();
        await relay?.stop();
        await remove(directory);
    });

    test('gives only a name, and nothing of the link stays in the address', async () => {
        guest = await openPage(browser, new URL(new URL(link).hash, relay.url).href);
        assert.equal(await guest.getByLabel('Email').count(), 0);
        assert.equal(new URL(guest.url()).hash, '');
        await joinByLink(guest, 'phone', 'Maple');
        await tile(host, 'phone').waitFor();
    });

    test('is asked for no camera and no microphone before their buttons are touched', async () => {
        const captured = await guest.evaluate(async () => {
            const { call } = await /** @type {any} */ (window).conclave.rest;
            return [call.microphone.captured, call.camera.isOn];
        });
        assert.deepEqual(captured, [false, false]);
    });

    test('is marked as not end-to-end encrypted for everybody', async () => {
        for (const page of [host, guest]) {
            await page.getByRole('button', { name: 'People' }).click();
            const row = page.locator('.person', {
                has: page.getByText(page === guest ? 'phone (you)' : 'phone', { exact: true }),
            });
            await row.getByText('Joined by browser: not end-to-end encrypted').waitFor();
            assert.equal(await page.locator('.person', { hasText: 'kiosk' }).getByText('Joined by browser').count(), 0);
            await page.getByRole('button', { name: 'Close' }).click();
        }
    });

    test('sees the endpoint move', async () => {
        await seesMotion(guest, 'kiosk');
    });

    test("hears the endpoint's tone", async () => {
        const hz = await until('a tone', () => playedHz(guest));
        assert.ok(Math.abs(hz - 440) < 10, `${hz} Hz`);
    });

    test('is seen by the endpoint at 15 pictures a second or more', async () => {
        await guest.getByRole('button', { name: 'Camera' }).click();
        const fps = await endpoint.stats((stats) => {
            const streams = participant(stats, 'phone')?.streams ?? [];
            const rates = streams.map((/** @type {any} */ { fps }) => fps ?? 0);
            return Math.max(0, ...rates) >= 15 ? Math.max(...rates) : null;
        });
        console.log(`# the endpoint sees ${fps} pictures a second`);
    });

    test('is heard by the endpoint', async () => {
        await guest.getByRole('button', { name: 'Microphone' }).click();
        await tile(host, 'phone').locator('.plate .icon[hidden]').waitFor({ state: 'attached' });
        await endpoint.stats((stats) => {
            const streams = participant(stats, 'phone')?.streams ?? [];
            return streams.some(
                (/** @type {any} */ { kind, media, frames_complete }) =>
                    /audio/.test(kind ?? media) && frames_complete > 100,
            );
        });
    });

    test('writes to the endpoint and is written to', async () => {
        await guest.getByRole('button', { name: 'Chat' }).click();
        await guest.getByLabel('Message').fill('Good morning');
        await guest.keyboard.press('Enter');
        await guest.locator('.line.own', { hasText: 'Good morning' }).waitFor();
        await host.getByRole('button', { name: /Chat, 1 unread/ }).click();
        await host.locator('.line', { hasText: 'Good morning' }).waitFor();
        const other = new Endpoint(relay, 'talker', 'Maple', directory, [
            '--say',
            'Hello from the kiosk',
            '--duration',
            '3',
        ]);
        await guest.locator('.line', { hasText: 'Hello from the kiosk' }).waitFor();
        await other.stop();
    });

    test('is shown as muted to the others when it mutes, and no block leaves', async () => {
        await guest.keyboard.press('Escape');
        await guest.keyboard.press('m');
        await tile(host, 'phone').locator('.plate .icon:not([hidden])').waitFor();
        const sent = await guest.evaluate(
            () =>
                new Promise((done) => {
                    const { session } = /** @type {any} */ (window).conclave;
                    let audio = 0;
                    const send = session.sendMedia;
                    session.sendMedia = (/** @type {Uint8Array} */ frame) => {
                        if (frame[0] === 0) audio += 1;
                        return send.call(session, frame);
                    };
                    let pictures = 0;
                    void (
                        /** @type {any} */ (window).conclave.rest.then((/** @type {any} */ { call }) => {
                            // As long as ten pictures take.
                            const stop = call.camera.on('picture', () => {
                                pictures += 1;
                                if (pictures < 10) return;
                                stop();
                                delete session.sendMedia;
                                done(audio);
                            });
                        })
                    );
                }),
        );
        assert.equal(sent, 0);
    });

    test('is in the room again after a reload, under the same name and alone', async () => {
        await guest.reload();
        await shows(guest, 'Maple');
        await seesMotion(guest, 'kiosk');
        await host.locator('.count', { hasText: '3 people' }).waitFor();
        assert.equal(await tile(host, 'phone').count(), 1);
    });

    test('is in the room again after the relay was restarted', async () => {
        await guest.getByRole('button', { name: 'Camera' }).click();
        await seesMotion(host, 'phone');
        await relay.stop();
        await guest.locator('.banner').waitFor();
        await relay.start();
        await guest.locator('.banner').waitFor({ state: 'hidden' });
        await shows(guest, 'Maple');
        await seesMotion(guest, 'kiosk');
        await seesMotion(host, 'phone');
    });

    test('releases camera and microphone when it leaves', async () => {
        await guest.keyboard.press('m');
        const tracks = await guest.evaluateHandle(async () => {
            const { call } = await /** @type {any} */ (window).conclave.rest;
            return call.camera.stream.getTracks();
        });
        await guest.getByRole('button', { name: 'Leave' }).click();
        await shows(guest, 'Join');
        assert.deepEqual(
            await tracks.evaluate((all) => all.map((/** @type {MediaStreamTrack} */ { readyState }) => readyState)),
            ['ended'],
        );
        const captured = await guest.evaluate(
            async () => (await /** @type {any} */ (window).conclave.rest).call.microphone.captured,
        );
        assert.equal(captured, false);
        await tile(host, 'phone').waitFor({ state: 'detached' });
    });

    test('came without one error', () => {
        assert.deepEqual(guest.troubles, []);
        assert.deepEqual(host.troubles, []);
    });

    test('left its pictures and its beep in what the endpoint recorded', async () => {
        await endpoint.stop();
        const recorded = `${endpoint.directory}/record`;
        const { readdir } = await import('node:fs/promises');
        const files = /** @type {string[]} */ (await readdir(recorded, { recursive: true })).filter((file) =>
            file.includes('phone'),
        );
        const wav = files.find((file) => file.endsWith('.wav'));
        assert.ok(wav, `${files}`);
        assert.ok((await loudest(`${recorded}/${wav}`)) > 0.05);
        const pictures = files.find((file) => /mjpe?g$/.test(file));
        assert.ok(pictures && (await stat(`${recorded}/${pictures}`)).size > 50_000, `${files}`);
        assert.ok(pixels);
    });
});

describe('two browsers and two endpoints in one room', { concurrency: false }, () => {
    test('all see each other', async () => {
        const directory = await folder();
        const relay = await new Relay(`${directory}/relay`).start();
        const browser = await openBrowser();
        /** @type {Endpoint[]} */
        const endpoints = [];
        try {
            const ana = await openPage(browser, relay.url);
            await signIn(ana, 'ana');
            await createRoom(ana, 'Board', '2468');
            for (const name of ['maple', 'oak'])
                endpoints.push(new Endpoint(relay, name, 'Board', directory, ['--pin', '2468']));
            // As in Firefox, which gives no frames of a track.
            const ben = await openPage(browser, relay.url, {}, () =>
                Reflect.deleteProperty(globalThis, 'MediaStreamTrackProcessor'),
            );
            await signIn(ben, 'ben');
            await ben.getByRole('button', { name: /Join Board, locked/ }).click();
            await ben.getByLabel('Enter the PIN').fill('1111');
            await ben.keyboard.press('Enter');
            await ben.getByText('This PIN is wrong').waitFor();
            await ben.getByLabel('Enter the PIN').fill('2468');
            await ben.keyboard.press('Enter');
            await shows(ben, 'Board');
            for (const page of [ana, ben]) await page.getByRole('button', { name: 'Camera' }).click();
            for (const [page, others] of /** @type {[Page, string[]][]} */ ([
                [ana, ['ben', 'maple', 'oak']],
                [ben, ['ana', 'maple', 'oak']],
            ])) {
                for (const other of others) await seesMotion(page, other);
                assert.deepEqual(page.troubles, []);
            }
            for (const endpoint of endpoints) {
                await endpoint.stats((stats) =>
                    ['ana', 'ben', endpoint === endpoints[0] ? 'oak' : 'maple'].every((name) =>
                        participant(stats, name)?.streams.some(
                            (/** @type {any} */ { frames_complete, kind, media }) =>
                                !/audio/.test(kind ?? media) && frames_complete > 10,
                        ),
                    ),
                );
            }
        } finally {
            await browser.close();
            for (const endpoint of endpoints) await endpoint.stop();
            await relay.stop();
            await remove(directory);
        }
    });
});
