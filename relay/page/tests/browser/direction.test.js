// Names and texts in scripts that are written from the right, in a page that is written from the left.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRoom, folder, openBrowser, openPage, Relay, remove, shows } from './harness.js';

/** Which way an element's text runs. @param {import('playwright-core').Locator} element */
const direction = (element) => element.evaluate((node) => getComputedStyle(node).direction);

test('what people write runs from where their script begins, and each line of a text by itself', async () => {
    const directory = await folder();
    const relay = await new Relay(`${directory}/relay`).start();
    const browser = await openBrowser();
    try {
        const page = await openPage(browser, relay.url);
        await page.getByLabel('Name', { exact: true }).fill('דנה לוי');
        assert.equal(await direction(page.getByLabel('Name', { exact: true })), 'rtl');
        await page.getByLabel('Email').fill('dana@example.org');
        await page.getByRole('button', { name: 'Sign in' }).click();
        await shows(page, 'Rooms');
        await createRoom(page, 'خطة الأسبوع');
        assert.equal(await direction(page.getByRole('heading', { name: 'خطة الأسبوع' })), 'rtl');
        assert.equal(await direction(page.locator('.plate-name')), 'rtl');
        await page.getByRole('button', { name: 'People' }).click();
        assert.equal(await direction(page.locator('.person-name')), 'rtl');
        await page.getByRole('button', { name: 'Chat' }).click();
        const field = page.getByLabel('Message');
        for (const [text, runs] of [
            ['שלום לכולם!', 'rtl'],
            ['Good morning!', 'ltr'],
            ['مرحبا (v2.0)', 'rtl'],
            ['שלום\nGood morning.', 'rtl'],
        ]) {
            await field.fill(text);
            assert.equal(await direction(field), runs);
            await page.keyboard.press('Enter');
            // On its way it stands in a row of its own, until the relay has it.
            const line = page.locator('.line:not(.waits) .line-text').filter({ hasText: text });
            await line.waitFor();
            assert.equal(await direction(line), runs);
        }
        // The second line of the last one begins at the left, its first one at the right.
        const edges = await page
            .locator('.line-text')
            .last()
            .evaluate((node) => {
                const text = /** @type {Text} */ (node.firstChild);
                return [0, text.data.indexOf('G')].map((at) => {
                    const range = new Range();
                    range.setStart(text, at);
                    range.setEnd(text, at + 1);
                    const letter = range.getBoundingClientRect();
                    const box = node.getBoundingClientRect();
                    return letter.x + letter.width / 2 < box.x + box.width / 2 ? 'left' : 'right';
                });
            });
        assert.deepEqual(edges, ['right', 'left']);
        await page.getByRole('button', { name: 'Leave' }).click();
        await shows(page, 'Rooms');
        assert.equal(await direction(page.locator('.card-name')), 'rtl');
        assert.deepEqual(page.troubles, []);
    } finally {
        await browser.close();
        await relay.stop();
        await remove(directory);
    }
});
