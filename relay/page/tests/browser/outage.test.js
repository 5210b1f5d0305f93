// What is touched, left and written while the connection is lost, in a browser behind a network that fails.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, afterEach, before, describe, test } from 'node:test';
import { Firefox } from './engines.js';
import { createRoom, folder, openBrowser, openPage, Relay, remove, shows, signIn, until } from './harness.js';
import { Way } from './way.js';
import { captured, hears, keepTracks, told } from './witness.js';

/** @typedef {import('./harness.js').Page} Page */

const LOST = 'The connection was lost. Reconnecting…';

/** The texts of all lines that the relay has stored, as a page knows them. @param {Page} page @returns {Promise<string[]>} */
function storedLines(page) {
    return page.evaluate(() =>
        /** @type {any} */ (window).conclave.session.chat.lines.map((/** @type {any} */ { text }) => text),
    );
}

/** The chat of a page, as a person writes and reads there. @param {Page} page */
function chatOf(page) {
    return {
        page,
        /** @param {string} text */
        write: async (text) => {
            const field = page.getByLabel('Message');
            if (!(await field.isVisible())) await page.getByRole('button', { name: 'Chat' }).click();
            await field.fill(text);
            await field.press('Enter');
        },
        lines: () => page.locator('.line .line-text').allTextContents(),
    };
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

    test('lines that are written meanwhile wait, and are stored once and in order when the connection is back', async () => {
        const { page, write, lines } = chatOf(ana);
        await write('before');
        await page.locator('.line', { hasText: 'before' }).and(page.locator(':not(.waits)')).waitFor();
        way.cut();
        await ana.getByText(LOST).waitFor();
        for (const text of ['one', 'two', 'three']) await write(text);
        assert.deepEqual(await page.locator('.line.waits .line-text').allTextContents(), ['one', 'two', 'three']);
        await page.locator('.line.waits', { hasText: 'Sending…' }).first().waitFor();
        way.open();
        await page.locator('.line.waits').first().waitFor({ state: 'detached' });
        await until('all lines', async () => (await page.locator('.line.waits').count()) === 0);
        assert.deepEqual(await lines(), ['before', 'one', 'two', 'three']);
        assert.deepEqual(
            await until('the host has them', async () => {
                const there = await storedLines(host);
                return there.length === 4 && there;
            }),
            ['before', 'one', 'two', 'three'],
        );
        await ana.getByRole('button', { name: 'Close' }).click();
    });

    test('all lines that were missed are there afterwards, and count as unread', async () => {
        way.cut();
        await ana.getByText(LOST).waitFor();
        const { write } = chatOf(host);
        for (let i = 1; i <= 45; i += 1) await write(`missed ${i}`);
        await until('the host has them', async () => (await storedLines(host)).length === 49);
        way.open();
        await ana.getByRole('button', { name: 'Chat, 45 unread' }).waitFor();
        assert.deepEqual(await storedLines(ana), await storedLines(host));
    });

    test('a line that could not be said before one left is there again, to send or to discard', async () => {
        const { page, write } = chatOf(ana);
        way.cut();
        await ana.getByText(LOST).waitFor();
        await write('good');
        await write('bad');
        await ana.getByRole('button', { name: 'Leave' }).click();
        await shows(ana, 'Rooms');
        way.open();
        await until('the others see ana go', async () => (await told(host, 'ana')) === null);
        await join();
        await ana.getByRole('button', { name: 'Chat' }).click();
        const failed = (/** @type {string} */ text) => page.locator('.line.failed', { hasText: text });
        await failed('bad').getByText('Not sent: You left the room before.').waitFor();
        await failed('bad').getByRole('button', { name: 'Discard' }).click();
        await failed('good').getByRole('button', { name: 'Send again' }).click();
        await until('the host has it', async () => (await storedLines(host)).at(-1) === 'good');
        await until('nothing waits', async () => (await page.locator('.line.failed, .line.waits').count()) === 0);
    });

    test('nothing of this went wrong in a page', () => {
        assert.deepEqual(host.troubles, []);
        assert.deepEqual(ana.troubles, []);
    });
});

test('the same in Firefox: a microphone waits for the connection, and who leaves stays out', async () => {
    const directory = await folder();
    const relay = await new Relay(`${directory}/relay`).start();
    const url = new URL(relay.url);
    const way = new Way(url.host);
    url.host = await way.listen();
    const browser = await openBrowser();
    await mkdir(`${directory}/engine`);
    const firefox = new Firefox(`${directory}/engine`);
    /** @param {string} text */
    const reads = (text) =>
        until(`"${text}" in Firefox`, () => firefox.run((wanted) => document.body.innerText.includes(wanted), text));
    try {
        const host = await openPage(browser, relay.url);
        await signIn(host, 'host');
        await createRoom(host, 'Maple');
        await firefox.open(url.href);
        await firefox.type('Name', 'fox');
        await firefox.type('Email', 'fox@example.org');
        await firefox.press('Sign in');
        await firefox.press('Join Maple');
        await until('fox in the room', () => told(host, 'fox'));

        way.cut();
        await reads(LOST);
        await firefox.press('Microphone');
        await reads('Turning on…');
        way.open();
        await until('the switch is on', () =>
            firefox.run(() =>
                Boolean(document.querySelector('[aria-label="Microphone"][aria-pressed="true"]:not([aria-busy])')),
            ),
        );
        await hears(host, 'fox');
        assert.deepEqual(await told(host, 'fox'), { microphone: true, camera: false, streams: ['audio'] });

        way.silence();
        await firefox.press('Leave');
        await firefox.press('New room');
        way.open();
        await until('the host sees fox go', async () => (await told(host, 'fox')) === null);
    } finally {
        await firefox.stop();
        await browser.close();
        way.close();
        await relay.stop();
        await remove(directory);
    }
});

test('a full room is waited for, and is entered when somebody leaves or is away', async () => {
    const directory = await folder();
    const relay = await new Relay(`${directory}/relay`).start();
    const url = new URL(relay.url);
    const way = new Way(url.host);
    url.host = await way.listen();
    const browser = await openBrowser();
    try {
        const pages = [];
        for (const name of ['host', 'ben', 'cem']) {
            const page = await openPage(browser, name === 'ben' ? url.href : relay.url);
            await signIn(page, name);
            pages.push(page);
        }
        const [host, ben, cem] = pages;
        await host.getByRole('button', { name: 'New room' }).click();
        await host.getByLabel('Name of the room').fill('Maple');
        for (let places = 16; places > 2; places -= 1) await host.getByRole('button', { name: 'Fewer people' }).click();
        await host.getByRole('button', { name: 'Create', exact: true }).click();
        await shows(host, 'Maple');
        await ben.getByRole('button', { name: 'Join Maple' }).click();
        await shows(ben, 'Maple');

        await cem.getByText(/^Full/).waitFor();
        await cem.getByRole('button', { name: 'Join Maple' }).click();
        await cem.getByText('The room is full.', { exact: true }).waitFor();
        await cem.getByRole('button', { name: 'Wait for a place' }).click();
        await cem.getByText('Waiting for a place…').waitFor();
        await cem.getByRole('button', { name: 'Cancel' }).click();
        await cem.getByText('Waiting for a place…').waitFor({ state: 'hidden' });

        // A member who is away for 2 s gives up the place, and is told so when they are back.
        way.cut();
        await ben.getByText(LOST).waitFor();
        await cem.getByRole('button', { name: 'Join Maple' }).click();
        await cem.getByRole('button', { name: 'Wait for a place' }).click();
        await shows(cem, 'Maple');
        way.open();
        await shows(ben, 'Rooms');
        await ben.getByText('The room is full.', { exact: true }).waitFor();
        await ben.getByRole('button', { name: 'Wait for a place' }).click();
        await cem.getByRole('button', { name: 'Leave' }).click();
        await shows(ben, 'Maple');
        for (const page of pages) assert.deepEqual(page.troubles, []);
    } finally {
        await browser.close();
        way.close();
        await relay.stop();
        await remove(directory);
    }
});
