// A kiosk whose network went away for a while, and what others did to their cameras meanwhile.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { folder, openBrowser, openPage, Relay, remove, shows, signIn, until } from './harness.js';
import { Kiosk } from './kiosk.js';
import { Way } from './way.js';

/** The browser's tile on the kiosk's screen, with these two in the room. */
const BROWSERS_TILE = '480x300+80+200';
/** Of 255, mean over the tile. */
const ANOTHER = 8;

/** @param {number[]} a @param {number[]} b */
function distance(a, b) {
    return a.reduce((sum, value, at) => sum + Math.abs(value - b[at]), 0) / a.length;
}

test('a camera that was switched off and on while a kiosk was away is seen on its screen when it is back', async () => {
    const directory = await folder();
    const relay = await new Relay(`${directory}/relay`).start();
    const way = new Way(relay.control);
    const browser = await openBrowser();
    const kiosk = new Kiosk(
        /** @type {Relay} */ (/** @type {unknown} */ ({ control: await way.listen(), data: relay.data })),
        'maple',
        directory,
    );
    try {
        await kiosk.start();
        await kiosk.touch('Start the meeting');
        const page = await openPage(browser, relay.url);
        await signIn(page, 'ana');
        await page.getByRole('button', { name: /Join Maple/ }).click();
        await shows(page, 'Maple');
        await kiosk.reads('2 people');
        const without = await kiosk.brightness(BROWSERS_TILE);
        const isSeen = async () => {
            const first = await kiosk.brightness(BROWSERS_TILE);
            if (distance(first, without) < ANOTHER) return false;
            return distance(await kiosk.brightness(BROWSERS_TILE), first) > 0.2;
        };
        const camera = page.getByRole('button', { name: 'Camera' });
        await camera.click();
        await until("the browser's camera on the kiosk's screen", isSeen);

        way.cut();
        await camera.click();
        await page.getByRole('button', { name: 'Camera', pressed: false }).waitFor();
        await camera.click();
        await page.getByRole('button', { name: 'Camera', pressed: true }).waitFor();
        await until('nothing of it', async () => !(await isSeen()));
        way.open();
        await until("the browser's camera on the kiosk's screen again", isSeen);
        await kiosk.keepPicture('kiosk-away');
        assert.deepEqual(page.troubles, []);
    } finally {
        await kiosk.keepPicture('kiosk-away-end');
        await browser.close();
        await kiosk.stop();
        way.close();
        await relay.stop();
        await remove(directory);
    }
});
