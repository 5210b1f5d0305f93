// The example of the documentation speaks with the relay as it is.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { folder, openBrowser, openPage, Program, Relay, remove, shows, signIn } from './harness.js';

const EXAMPLE = fileURLToPath(new URL('../../../../docs/examples/chat.py', import.meta.url));

test('docs/examples/chat.py makes a room, says what it is told and prints what others say', async () => {
    const directory = await folder();
    const relay = await new Relay(`${directory}/relay`).start();
    const browser = await openBrowser();
    /** @type {Program | undefined} */
    let bot;
    try {
        bot = new Program('/usr/bin/python3', [
            EXAMPLE,
            `https://${relay.web}/`,
            '--insecure',
            '--name',
            'bot',
            '--email',
            'bot@example.org',
            '--room',
            'Bots',
            '--create',
            '--device',
            `${directory}/device`,
        ]);
        await bot.line((line) => line.startsWith('* in Bots with bot'));
        const page = await openPage(browser, relay.url);
        await signIn(page, 'ana');
        await page.getByRole('button', { name: 'Join Bots' }).click();
        await shows(page, 'Bots');
        await bot.line((line) => line === '* ana joined');
        await page.getByRole('button', { name: 'Chat' }).click();
        await page.getByLabel('Message').fill('Good morning, bot');
        await page.keyboard.press('Enter');
        await bot.line((line) => line === 'ana: Good morning, bot');
        bot.process.stdin.write('Good morning, people\n');
        await page.locator('.line', { hasText: 'Good morning, people' }).waitFor();
        bot.process.stdin.end();
        assert.equal(await bot.ended, 0);
        await page.locator('.count', { hasText: '1 person' }).waitFor();
    } finally {
        await bot?.stop();
        await browser.close();
        await relay.stop();
        await remove(directory);
    }
});
