// A phone points its camera at the code on a meeting room's screen, and is in the room; and the screen says who is there by browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Endpoint, folder, joinByLink, openBrowser, openPage, pixels, Relay, remove, seesMotion, shows, signIn, until } from './harness.js';
import { Kiosk } from './kiosk.js';

/** @param {(around: { relay: Relay, kiosk: Kiosk, browser: Awaited<ReturnType<typeof openBrowser>>, directory: string }) => Promise<void>} story @param {string} picture */
async function withKiosk(picture, story) {
    const directory = await folder();
    const relay = await new Relay(`${directory}/relay`).start();
    const browser = await openBrowser();
    const kiosk = new Kiosk(relay, 'maple', directory);
    try {
        await kiosk.start();
        await story({ relay, kiosk, browser, directory });
    } finally {
        await kiosk.keepPicture(picture);
        await browser.close();
        await kiosk.stop();
        await relay.stop();
        await remove(directory);
    }
}

test('the code on a kiosk\'s idle screen opens its room', () => withKiosk('kiosk-idle', async ({ relay, kiosk, browser }) => {
    const link = new URL(await kiosk.code());
    assert.equal(`${link.protocol}//${link.host}/`, `https://${relay.web}/`);
    assert.match(link.hash, /^#j=[\w-]{20,}$/);
    assert.equal(link.pathname + link.search, '/', 'what stands there would be sent and logged');

    // A page that is tried from the disk has another address.
    const page = await openPage(browser, new URL(link.hash, relay.url).href);
    await joinByLink(page, 'phone', 'Maple');
    assert.equal(new URL(page.url()).hash, '');
    assert.deepEqual(page.troubles, []);
}));

test('a kiosk with another endpoint and two browsers in its room says who is not end-to-end encrypted', () => withKiosk('kiosk-people', async ({ relay, kiosk, browser, directory }) => {
    await kiosk.touch('Start the meeting');
    const oak = new Endpoint(relay, 'oak', 'Maple', directory);
    try {
        await kiosk.touch('More');
        await kiosk.reads('End-to-end encrypted');
        const pages = [];
        for (const name of ['ana', 'ben']) {
            const page = await openPage(browser, relay.url);
            await signIn(page, name);
            await page.getByRole('button', { name: /Join Maple/ }).click();
            await shows(page, 'Maple');
            await page.getByRole('button', { name: 'Camera' }).click();
            pages.push(page);
        }
        for (const page of pages) for (const other of ['maple', 'oak']) await seesMotion(page, other);
        await kiosk.reads('Not end-to-end encrypted');

        await kiosk.touch('People');
        const mark = await kiosk.reads('Joined by browser:');
        const words = await kiosk.words();
        const marked = words.filter(({ text, x }) => text === 'Joined' && Math.abs(x - mark.x) < 40).map(({ y }) => y);
        /** @param {string} name */
        const line = (name) => words.find(({ text, x }) => text === name && Math.abs(x - mark.x) < 40)?.y ?? NaN;
        assert.equal(marked.length, 2, JSON.stringify(words));
        // Right below the names of those two, and of nobody else.
        assert.deepEqual(marked.map((y) => ['ana', 'ben', 'maple', 'oak'].find((name) => y > line(name) && y - line(name) < 40)).sort(), ['ana', 'ben']);
        for (const page of pages) assert.deepEqual(page.troubles, []);
    } finally {
        await oak.stop();
    }
}));

test('a kiosk whose camera is switched off and on well into a call is seen again by another endpoint and by a browser', () => withKiosk('kiosk-camera', async ({ relay, kiosk, browser, directory }) => {
    await kiosk.touch('Start the meeting');
    const oak = new Endpoint(relay, 'oak', 'Maple', directory);
    try {
        const page = await openPage(browser, relay.url);
        await signIn(page, 'ana');
        await page.getByRole('button', { name: /Join Maple/ }).click();
        await shows(page, 'Maple');
        await seesMotion(page, 'maple');
        const decoded = (/** @type {any} */ stats) => stats.participants?.find((/** @type {any} */ one) => one.name === 'maple')?.streams.find((/** @type {any} */ one) => one.kind === 'video')?.frames_decoded ?? 0;
        await oak.stats((stats) => decoded(stats) >= 60);
        for (let round = 0; round < 2; round += 1) {
            await kiosk.touch('Camera');
            await until('no picture of the kiosk', async () => await pixels(page, 'maple') === null);
            const before = await oak.stats((stats) => decoded(stats) || null);
            await kiosk.touch('Camera');
            const touched = Date.now();
            await seesMotion(page, 'maple');
            console.log(`seen to move in the browser ${Date.now() - touched} ms after the touch`);
            await oak.stats((stats) => decoded(stats) > before + 5);
            console.log(`six more pictures at the other endpoint ${Date.now() - touched} ms after the touch`);
        }
        assert.deepEqual(page.troubles, []);
    } finally {
        await oak.stop();
    }
}));
