// Pictures as cameras on the market send them, and the camera switched off and on between them: what a browser and a kiosk's screen show.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { Endpoint, folder, openBrowser, openPage, pixels, Relay, remove, shows, signIn, until } from './harness.js';
import { Kiosk } from './kiosk.js';

const PICTURES = fileURLToPath(new URL('../../../../endpoint/tests/pictures/', import.meta.url));
/** All show what `clean` shows. */
const SHOWN = ['clean', 'avi1-header', 'no-huffman-tables', '4-4-4', '4-2-0', '4-4-0', '4-1-1', 'stray-bytes-before-restarts',
    'stray-byte-before-one-restart', 'no-end-marker', 'half-end-marker', 'old-bytes-after-end', 'older-tail-without-end',
    'older-picture-after-end', 'zeros-to-page', 'two-start-markers', 'fill-bytes-before-markers', 'grayscale'];
/** Torn, or of a kind that no camera makes: the sender sends nothing of them. */
const REFUSED = ['cut-in-half', 'cut-in-half-with-end', 'progressive', 'arithmetic'];
/** Of 255; colors apart, as one of them is gray. */
const NEAR = 12;
/** On the kiosk's screen, with a browser as the third in the room. */
const OAKS_TILE = '480x230+110+70';

/** Whether it is no tile without a picture, which is dark and hardly has edges. @param {number[]} values */
function isPicture(values) {
    return values.reduce((sum, value) => sum + value, 0) / values.length > 80;
}

/** @param {number[]} rgba */
function brightness(rgba) {
    const values = [];
    for (let at = 0; at < rgba.length; at += 4) values.push(0.299 * rgba[at] + 0.587 * rgba[at + 1] + 0.114 * rgba[at + 2]);
    return values;
}

/** @param {number[]} a @param {number[]} b */
function distance(a, b) {
    return a.reduce((sum, value, at) => sum + Math.abs(value - b[at]), 0) / a.length;
}

test('what cameras on the market send is seen in a browser and on a kiosk\'s screen, each time the camera is switched on again', async () => {
    const directory = await folder();
    const relay = await new Relay(`${directory}/relay`).start();
    const browser = await openBrowser();
    const kiosk = new Kiosk(relay, 'maple', directory);
    /** @type {Endpoint | undefined} */
    let oak;
    try {
        await kiosk.start();
        await kiosk.touch('Start the meeting');
        oak = new Endpoint(relay, 'oak', 'Maple', directory, ['--control', 'stdin']);
        const page = await openPage(browser, relay.url);
        await signIn(page, 'ana');
        await page.getByRole('button', { name: /Join Maple/ }).click();
        await shows(page, 'Maple');
        /** @type {number[] | undefined} */
        let onPage;
        /** @type {number[] | undefined} */
        let onScreen;
        for (const name of SHOWN) {
            await oak.act('camera off');
            await until('no picture of oak in the browser', async () => await pixels(page, 'oak') === null);
            await until('no picture of oak on the kiosk', async () => !isPicture(await kiosk.brightness(OAKS_TILE)));
            await oak.act(`camera file:${PICTURES}${name}.jpg`);
            const seen = await until(`${name} in the browser`, async () => {
                const now = await pixels(page, 'oak');
                return now && (!onPage || distance(brightness(now), brightness(onPage)) < NEAR) && now;
            });
            onPage ??= seen;
            const drawn = await until(`${name} on the kiosk's screen`, async () => {
                const now = await kiosk.brightness(OAKS_TILE);
                return isPicture(now) && (!onScreen || distance(now, onScreen) < NEAR) && now;
            });
            onScreen ??= drawn;
            if (name === 'stray-bytes-before-restarts') await kiosk.keepPicture('odd-pictures');
        }
        await oak.act('camera off');
        await until('no picture of oak', async () => await pixels(page, 'oak') === null);
        for (const name of REFUSED) {
            const from = oak.lines.length;
            await oak.act(`camera file:${PICTURES}${name}.jpg`);
            const reason = await oak.line((line) => line.startsWith('camera') && line.includes(name) && line, from);
            assert.match(reason, /no end|torn|progressive JPEG|arithmetic JPEG/);
            assert.equal(await pixels(page, 'oak'), null);
        }
        assert.deepEqual(page.troubles, []);
    } finally {
        await oak?.stop();
        await browser.close();
        await kiosk.stop();
        await relay.stop();
        await remove(directory);
    }
});
