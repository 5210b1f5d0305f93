// What is touched, left and written while the connection is lost, in a browser behind a network that fails.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { createRoom, folder, openBrowser, openPage, Relay, remove, shows, signIn, until } from './harness.js';
import { Way } from './way.js';

/** @typedef {import('./harness.js').Page} Page */

const LOST = 'The connection was lost. Reconnecting…';

/** Keeps every track that the page is given. */
function keepTracks() {
    const tracks = /** @type {any} */ (window.captured = /** @type {MediaStreamTrack[]} */ ([]));
    const given = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => {
        const stream = await given(wanted);
        tracks.push(...stream.getTracks());
        return stream;
    };
}

/** How many devices the page captures from now. @param {Page} page @returns {Promise<number>} */
function captured(page) {
    return page.evaluate(
        () =>
            /** @type {any} */ (window).captured.filter(
                (/** @type {MediaStreamTrack} */ { readyState }) => readyState === 'live',
            ).length,
    );
}

/** Waits for a frame of somebody's sound. @param {Page} page @param {string} name */
function hears(page, name) {
    return page.evaluate(
        (who) =>
            new Promise((done) => {
                const { session } = /** @type {any} */ (window).conclave;
                const stop = session.on('frame', (/** @type {any} */ { kind, stream }) => {
                    if (kind !== 0 || session.roster.ownerOf(stream)?.username !== who) return;
                    stop();
                    done(true);
                });
            }),
        name,
    );
}

/** How somebody's devices are told to a page. @param {Page} page @param {string} name */
function told(page, name) {
    return page.evaluate((who) => {
        const people = /** @type {any} */ (window).conclave.session.roster.people();
        const person = people.find((/** @type {any} */ { username }) => username === who);
        return person
            ? {
                  microphone: person.microphone,
                  camera: person.camera,
                  streams: person.streams.map((/** @type {any} */ { media }) => media.kind).sort(),
              }
            : null;
    }, name);
}

describe('while the connection is lost', { concurrency: false }, () => {
    /** @type {string} */
    let directory;
    /** @type {Relay} */
    let relay;
    /** @type {Way} */
    let way;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Page} */
    let host;
    /** @type {Page} */
    let ana;

    const join = async () => {
        await ana.getByRole('button', { name: /Join Maple/ }).click();
        await shows(ana, 'Maple');
        await until('ana in the room', () => told(host, 'ana'));
    };

    before(async () => {
        directory = await folder();
        relay = await new Relay(`${directory}/relay`).start();
        const url = new URL(relay.url);
        way = new Way(url.host);
        url.host = await way.listen();
        browser = await openBrowser();
        host = await openPage(browser, relay.url);
        await signIn(host, 'host');
        await createRoom(host, 'Maple');
        ana = await openPage(browser, url.href, {}, keepTracks);
        await signIn(ana, 'ana');
        await join();
    });
    afterEach(() => way.open());
    after(async () => {
        await browser?.close();
        way?.close();
        await relay?.stop();
        await remove(directory);
    });

    test('a microphone that is turned on is shown as about to be, and is heard when the connection is back', async () => {
        way.cut();
        await ana.getByText(LOST).waitFor();
        await ana.getByRole('button', { name: 'Microphone' }).click();
        await ana.getByRole('button', { name: 'Microphone, Turning on…', pressed: false }).waitFor();
        way.open();
        await ana.getByRole('button', { name: 'Microphone', exact: true, pressed: true }).waitFor();
        await hears(host, 'ana');
        assert.deepEqual(await told(host, 'ana'), { microphone: true, camera: false, streams: ['audio'] });
    });

    test('a microphone that is turned off sends nothing from then on, and the others are told later', async () => {
        way.cut();
        await ana.getByText(LOST).waitFor();
        await ana.getByRole('button', { name: 'Microphone' }).click();
        await ana.getByRole('button', { name: 'Microphone, Turning off…', pressed: false }).waitFor();
        way.open();
        await ana.getByRole('button', { name: 'Microphone', exact: true, pressed: false }).waitFor();
        await until('the others are told', async () => {
            const now = await told(host, 'ana');
            return now && !now.microphone && now.streams.length === 0;
        });
    });

    for (const [name, fails] of /** @type {const} */ ([
        ['broken', 'cut'],
        ['silent', 'silence'],
    ])) {
        test(`leaving on a ${name} line leads to the rooms at once, releases the devices, and holds`, async () => {
            for (const device of ['Camera', 'Microphone']) {
                await ana.getByRole('button', { name: device }).click();
                await ana.getByRole('button', { name: device, exact: true, pressed: true }).waitFor();
            }
            assert.equal(await captured(ana), 2);
            way[fails]();
            if (fails === 'cut') await ana.getByText(LOST).waitFor();
            await ana.getByRole('button', { name: 'Leave' }).click();
            // No word of the relay was needed for this.
            await shows(ana, 'Rooms');
            assert.equal(await captured(ana), 0);
            way.open();
            await until('the others see ana go', async () => (await told(host, 'ana')) === null);
            await join();
            assert.deepEqual(await told(host, 'ana'), { microphone: false, camera: false, streams: [] });
            assert.equal(await captured(ana), 0);
        });
    }

    test('nothing of this went wrong in a page', () => {
        assert.deepEqual(host.troubles, []);
        assert.deepEqual(ana.troubles, []);
    });
});
