// For everybody, everywhere: accessible, light, quick, and what a socket is told is what the page says.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { loadavg } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { createRoom, folder, openBrowser, openPage, Relay, remove, shows, signIn } from './harness.js';

/** Everything that the page is, compressed, in bytes. */
const MOST_BYTES = 150 * 1024;
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Findings that keep somebody out. @param {import('./harness.js').Page} page */
async function findings(page) {
    await page.evaluate(axe);
    // What slides in is looked at where it stands in the end.
    await page.evaluate(() =>
        Promise.all(
            document
                .getAnimations()
                .filter(({ effect }) => effect?.getTiming().iterations === 1)
                .map(({ finished }) => finished),
        ),
    );
    const { violations } = await page.evaluate(() => /** @type {any} */ (window).axe.run());
    return violations
        .filter((/** @type {any} */ { impact }) => impact === 'serious' || impact === 'critical')
        .map(
            (/** @type {any} */ { id, nodes }) =>
                `${id}: ${nodes.map((/** @type {any} */ node) => `${node.target} ${node.any[0]?.message ?? ''}`).join(', ')}`,
        );
}

/** Buttons and fields that a finger would miss, and text that is too small. @param {import('./harness.js').Page} page */
function tooSmall(page) {
    return page.evaluate(() => {
        const seen = [...document.querySelectorAll('*')].filter(
            (element) =>
                element.checkVisibility({ visibilityProperty: true }) &&
                !element.closest('.unseen, dialog:not([open]), .avatar'),
        );
        const targets = seen
            .filter((element) => element.matches('button, input, select, textarea'))
            .filter((element) => {
                const { width, height } = element.getBoundingClientRect();
                return width < 47.5 || height < 47.5;
            });
        const texts = seen.filter(
            (element) =>
                [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim()) &&
                parseFloat(getComputedStyle(element).fontSize) < 16,
        );
        return [...targets, ...texts].map(({ outerHTML }) => outerHTML.slice(0, 120));
    });
}

describe('the page', { concurrency: false }, () => {
    /** @type {string} */
    let directory;
    /** @type {Relay} */
    let relay;
    /** @type {import('playwright-core').Browser} */
    let browser;

    before(async () => {
        directory = await folder();
        relay = await new Relay(`${directory}/relay`).start();
        browser = await openBrowser();
    });
    after(async () => {
        await browser?.close();
        await relay?.stop();
        await remove(directory);
    });

    for (const colorScheme of /** @type {const} */ (['dark', 'light'])) {
        test(`keeps nobody out in ${colorScheme} colors, on any of its pages`, async () => {
            for (const viewport of [
                { width: 1280, height: 800 },
                { width: 360, height: 740 },
            ]) {
                const name = `${colorScheme}${viewport.width}`;
                const page = await openPage(browser, relay.url, { colorScheme, viewport });
                /** @type {Record<string, string[]>} */
                const found = {};
                const look = async (/** @type {string} */ where) => {
                    const all = [...(await findings(page)), ...(await tooSmall(page))];
                    if (all.length > 0) found[where] = all;
                };
                await look('sign-in');
                await page.getByLabel('Name', { exact: true }).fill('-');
                await page.getByRole('button', { name: 'Sign in' }).click();
                await look('sign-in with errors');
                await page.getByRole('button', { name: 'Settings' }).click();
                await page.getByRole('heading', { name: 'Settings' }).waitFor();
                await look('settings');
                await page.keyboard.press('Escape');
                await signIn(page, name);
                await look('lobby');
                await page.getByRole('button', { name: 'New room' }).click();
                await look('new room');
                await page.keyboard.press('Escape');
                await createRoom(page, name);
                await look('room');
                await page.getByRole('button', { name: 'Camera' }).click();
                await page.getByRole('button', { name: 'Chat' }).click();
                await page.getByLabel('Message').fill('Good morning');
                await page.keyboard.press('Enter');
                await page.locator('.line').waitFor();
                await look('chat');
                for (const panel of ['People', 'More']) {
                    await page.getByRole('button', { name: panel, exact: true }).click();
                    await look(panel);
                }
                const link = await openPage(browser, `${relay.url}#j=AAAA`, { colorScheme, viewport });
                for (const [where, all] of Object.entries({
                    link: [...(await findings(link)), ...(await tooSmall(link))],
                }))
                    if (all.length > 0) found[where] = all;
                await link.context().close();
                assert.deepEqual(found, {});
                assert.deepEqual(page.troubles, []);
                await page.context().close();
            }
        });
    }

    test('is used with the keyboard alone, and no shortcut fires while somebody types', async () => {
        const page = await openPage(browser, relay.url);
        await page.keyboard.type('keys');
        await page.keyboard.press('Tab');
        await page.keyboard.type('keys@example.org');
        await page.keyboard.press('Enter');
        await shows(page, 'Rooms');
        await createRoom(page, 'Keys');
        await page.keyboard.press('c');
        await page.getByLabel('Message').waitFor();
        await page.keyboard.type('m v c p');
        assert.equal(await page.getByLabel('Message').inputValue(), 'm v c p');
        await page.keyboard.press('Escape');
        await page.getByLabel('Message').waitFor({ state: 'hidden' });
        await page.keyboard.press('v');
        await page.getByRole('button', { name: 'Camera', pressed: true }).waitFor();
        await page.keyboard.press('v');
        await page.getByRole('button', { name: 'Camera', pressed: false }).waitFor();
        await page.context().close();
    });

    test('speaks another language at once, and remembers it', async () => {
        const page = await openPage(browser, relay.url);
        await page.getByRole('button', { name: 'Settings' }).click();
        await page.getByLabel('Language').selectOption('vi');
        await page.getByRole('heading', { name: 'Cài đặt' }).waitFor();
        await page.keyboard.press('Escape');
        await shows(page, 'Đăng nhập');
        await page.reload();
        await shows(page, 'Đăng nhập');
        await page.getByRole('button', { name: 'Cài đặt' }).click();
        await page.locator('select').last().selectOption('light');
        assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(239, 242, 246)');
        await page.context().close();
    });

    test('says what is wrong where it is wrong', async () => {
        const first = await openPage(browser, relay.url);
        await signIn(first, 'taken');
        const second = await openPage(browser, relay.url);
        await second.getByLabel('Name', { exact: true }).fill('taken');
        await second.getByLabel('Email').fill('taken@example.org');
        await second.getByRole('button', { name: 'Sign in' }).click();
        await second.getByText('This name is taken. Choose another one.').waitFor();
        assert.equal(await second.getByLabel('Name', { exact: true }).getAttribute('aria-invalid'), 'true');
        const link = await openPage(browser, `${relay.url}#j=AAAA`);
        await link.getByLabel('Name', { exact: true }).fill('nobody');
        await link.getByRole('button', { name: 'Join' }).click();
        await link.getByText('This link is no longer valid. Ask for a new one.').waitFor();
        for (const page of [first, second, link]) await page.context().close();
    });

    test(
        'says how to trust the relay where the browser, as Safari does, opens the page and no socket',
        { skip: process.env.CONCLAVE_PAGE === 'disk' && 'the disk has no certificate' },
        async () => {
            const page = await openPage(browser, relay.url, {}, () => {
                window.WebSocket = /** @type {any} */ (
                    class extends EventTarget {
                        readyState = 3;
                        onclose = () => {};
                        constructor() {
                            super();
                            setTimeout(() => this.onclose());
                        }
                        close() {}
                    }
                );
            });
            await page.getByLabel('Name', { exact: true }).fill('apple');
            await page.getByLabel('Email').fill('apple@example.org');
            await page.getByRole('button', { name: 'Sign in' }).click();
            await page.getByText('This browser shows the page but does not connect it').waitFor();
            const download = page.waitForEvent('download');
            await page.getByRole('link', { name: "Download the server's certificate" }).click();
            const certificate = new X509Certificate(await readFile(await (await download).path()));
            assert.ok(certificate.ca);
            assert.deepEqual([...(await findings(page)), ...(await tooSmall(page))], []);
            // What asks why the socket does not open is answered so; nothing else went wrong.
            assert.deepEqual(
                page.troubles.filter((trouble) => !/status of 400/.test(trouble)),
                [],
            );
            await page.context().close();
        },
    );

    test('that signed in elsewhere says so, and comes back when it is asked to', async () => {
        const page = await openPage(browser, relay.url);
        await signIn(page, 'twice');
        await createRoom(page, 'Twice');
        const other = Object.assign(await page.context().newPage(), { troubles: [] });
        await other.goto(relay.url);
        await signIn(other, 'twice');
        await page.getByText('The same name signed in on another device').waitFor();
        await page.getByRole('button', { name: 'Use it here' }).click();
        await shows(page, 'Twice');
        await page.context().close();
    });

    test(
        'weighs at most 150 kB on its way',
        { skip: process.env.CONCLAVE_PAGE === 'disk' && 'the disk compresses nothing' },
        async () => {
            const page = await openPage(browser, 'about:blank');
            const session = await page.context().newCDPSession(page);
            let bytes = 0;
            const names = new Set();
            await session.send('Network.enable');
            session.on('Network.loadingFinished', ({ encodedDataLength }) => {
                bytes += encodedDataLength;
            });
            session.on('Network.responseReceived', ({ response }) => names.add(response.url));
            await page.goto(relay.url);
            await page.getByRole('button', { name: 'Sign in' }).waitFor();
            await signIn(page, 'light');
            await createRoom(page, 'Light');
            await page.getByRole('button', { name: 'Camera' }).click();
            await page.getByRole('button', { name: 'Microphone' }).click();
            await page.getByRole('button', { name: 'Microphone', pressed: true }).waitFor();
            await page.context().close();
            console.log(`# ${names.size} files, ${(bytes / 1024).toFixed(1)} kB compressed`);
            assert.ok(bytes > 10_000 && bytes <= MOST_BYTES, `${bytes} bytes`);
        },
    );

    test('is painted at once, and works with what was typed and sent before it was whole', async () => {
        // The rest of the page is held back until the button was pressed.
        const { context } = await openPage(browser, 'about:blank').then((page) => ({ context: page.context() }));
        await context.route('**/app.js', async (route) => {
            await pressed;
            await route.continue();
        });
        let press = () => {};
        const pressed = new Promise((done) => {
            press = () => done(null);
        });
        const page = Object.assign(await context.newPage(), { troubles: [] });
        await page.goto(relay.url, { waitUntil: 'commit' });
        await page.getByLabel('Name', { exact: true }).fill('early');
        await page.getByLabel('Email').fill('early@example.org');
        await page.getByRole('button', { name: 'Sign in' }).click();
        const after = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
        assert.ok(after !== undefined, 'nothing was painted');
        press();
        await shows(page, 'Rooms');
        await context.close();
    });

    test('says how soon it is painted, beside a page of one word', async () => {
        const blank = createServer((_, reply) =>
            reply.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>-</title><p>-'),
        );
        await new Promise((done) => {
            blank.listen(0, '127.0.0.1', () => done(null));
        });
        const { port } = /** @type {import('node:net').AddressInfo} */ (blank.address());
        const urls = { 'the page': relay.url, 'one word': `http://127.0.0.1:${port}/` };
        /** @type {Record<string, number[]>} */
        const times = { 'the page': [], 'one word': [] };
        for (let i = 0; i < 10; i += 1) {
            for (const [name, url] of Object.entries(urls)) {
                const page = await openPage(browser, url);
                await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length > 0);
                times[name].push(
                    await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime),
                );
                await page.context().close();
            }
        }
        blank.close();
        for (const [name, all] of Object.entries(times)) {
            all.sort((a, b) => a - b);
            console.log(
                `# first paint of ${name}: best ${Math.round(all[0])} ms, median ${Math.round(all[5])} ms of ${all.length}; load ${loadavg()[0].toFixed(1)}`,
            );
        }
        // How loaded this machine is nobody knows: the best of ten is what the page itself takes.
        assert.ok(times['the page'][0] <= 300, `${times['the page']} ms`);
    });
});
