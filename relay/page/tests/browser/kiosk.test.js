// A phone points its camera at the code on a meeting room's screen, and is in the room; and the screen says who is
// there by browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Endpoint, joinByLink, openPage, seesMotion, shows, signIn } from './harness.js';
import { withKiosk } from './kiosk.js';

test("the code on a kiosk's idle screen opens its room", () =>
    withKiosk('kiosk-idle', async ({ relay, kiosk, browser }) => {
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

test('a kiosk with another endpoint and two browsers in its room says who is not end-to-end encrypted', () =>
    withKiosk('kiosk-people', async ({ relay, kiosk, browser, directory }) => {
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
            const marked = words
                .filter(({ text, x }) => text === 'Joined' && Math.abs(x - mark.x) < 40)
                .map(({ y }) => y);
            /** @param {string} name */
            const line = (name) => words.find(({ text, x }) => text === name && Math.abs(x - mark.x) < 40)?.y ?? NaN;
            assert.equal(marked.length, 2, JSON.stringify(words));
            // Right below the names of those two, and of nobody else.
            assert.deepEqual(
                marked
                    .map((y) => ['ana', 'ben', 'maple', 'oak'].find((name) => y > line(name) && y - line(name) < 40))
                    .sort(),
                ['ana', 'ben'],
            );
            for (const page of pages) assert.deepEqual(page.troubles, []);
        } finally {
            await oak.stop();
        }
    }));
