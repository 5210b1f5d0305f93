// What a tile shows of somebody, and who has one: a page alone in a room, with others as the relay would tell of them.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { mkdir } from 'node:fs/promises';
import {
    createRoom,
    folder,
    openBrowser,
    openPage,
    Relay,
    remove,
    seesMotion,
    shows,
    signIn,
    tile,
    until,
} from './harness.js';

/** @typedef {import('./harness.js').Page} Page */

/** Numbers that the relay gives to nobody here. */
const FIRST = 1_000_000;

/** Tells the page an event of its room. @param {Page} page @param {Record<string, unknown>[]} events */
function tell(page, ...events) {
    return page.evaluate((events) => {
        const { session } = /** @type {any} */ (window).conclave;
        for (const event of events) session.attend(event);
    }, events);
}

/** Somebody with a camera, as the relay would tell of them. @param {number} n */
const joined = (n) => ({
    event: 'participant_joined',
    participant: {
        id: FIRST + n,
        username: `guest${n}`,
        display_name: `Guest ${n}`,
        via_gateway: true,
        microphone: true,
        camera: true,
        away: false,
        clock_us: 0,
        streams: [
            { id: FIRST + 2 * n, source: 0, media: { kind: 'audio' } },
            { id: FIRST + 2 * n + 1, source: 1, media: { kind: 'camera', width: 640, height: 360, fps: 24 } },
        ],
    },
});

/** Hands the page a picture of somebody's camera. @param {Page} page @param {number} n */
function picture(page, n) {
    return page.evaluate(
        async (stream) => {
            const canvas = new OffscreenCanvas(640, 360);
            const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
            context.fillStyle = 'seagreen';
            context.fillRect(0, 0, 640, 360);
            const blob = await canvas.convertToBlob({ type: 'image/jpeg' });
            const body = new Uint8Array(await blob.arrayBuffer());
            /** @type {any} */ (window).conclave.session.tell('frame', { kind: 1, stream, body });
        },
        FIRST + 2 * n + 1,
    );
}

/** Lets somebody say something. @param {Page} page @param {number} n */
function speak(page, n) {
    return page.evaluate(
        (stream) => {
            const body = new Uint8Array(640);
            const frame = { kind: 0, level: 20, voice: true, stream, timestamp: 0, number: 1, body };
            /** @type {any} */ (window).conclave.session.tell('frame', frame);
        },
        FIRST + 2 * n,
    );
}

/** The names on the tiles that can be seen now, without those that are scrolled away. @param {Page} page */
function seen(page) {
    return page.evaluate(() =>
        [...document.querySelectorAll('.tile')]
            .filter((tile) => {
                const { x, y, width, height } = tile.getBoundingClientRect();
                const middle = document.elementFromPoint(x + width / 2, y + height / 2);
                return middle !== null && tile.contains(middle);
            })
            .map((tile) => tile.querySelector('.plate-name')?.textContent ?? ''),
    );
}

/** Lets somebody speak until they are seen, and says who is then. @param {Page} page @param {number} n */
function hears(page, n) {
    return until(`Guest ${n}`, async () => {
        await speak(page, n);
        const names = await seen(page);
        return names.includes(`Guest ${n}`) && names;
    });
}

/** @param {Page} page @param {string} name */
async function keepPicture(page, name) {
    const folder = process.env.CONCLAVE_SCREENSHOTS;
    if (!folder) return;
    await mkdir(folder, { recursive: true });
    await page.screenshot({ path: `${folder}/${name}.png` });
}

describe('the tiles', { concurrency: false }, () => {
    /** @type {string} */
    let directory;
    /** @type {Relay} */
    let relay;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Page} */
    let page;

    before(async () => {
        directory = await folder();
        relay = await new Relay(`${directory}/relay`).start();
        browser = await openBrowser();
        page = await openPage(browser, relay.url);
        await signIn(page, 'ana');
        await createRoom(page, 'Maple');
    });
    after(async () => {
        await browser?.close();
        await relay?.stop();
        await remove(directory);
    });
    beforeEach(async () => {
        await page.evaluate((first) => {
            const { session } = /** @type {any} */ (window).conclave;
            for (const { id } of session.roster.people())
                if (id >= first) session.attend({ event: 'participant_left', participant: id });
        }, FIRST);
    });

    test('the accessible name says that a picture is waited for while it is, and no longer', async () => {
        await tell(page, joined(1));
        await page.getByRole('img', { name: 'Guest 1, waiting for video', exact: true }).waitFor();
        await picture(page, 1);
        await page.getByRole('img', { name: 'Guest 1', exact: true }).waitFor();
        // No further picture comes: after 4 s it is waited for again.
        await page.getByRole('img', { name: 'Guest 1, waiting for video', exact: true }).waitFor();
    });

    test('who is away is said to reconnect in every language, with their last picture dimmed', async () => {
        await tell(page, joined(1));
        await picture(page, 1);
        await tile(page, 'Guest 1').locator('canvas:not([hidden])').waitFor();
        await tell(page, { event: 'away_changed', participant: FIRST + 1, away: true });
        await page.getByRole('button', { name: 'People' }).click();
        for (const [language, text] of [
            ['en', 'Reconnecting…'],
            ['de', 'Verbindet neu…'],
            ['vi', 'Đang kết nối lại…'],
        ]) {
            await page.evaluate(
                (language) => import(`${document.baseURI}words/words.js`).then(({ speak }) => speak(language)),
                language,
            );
            await tile(page, 'Guest 1').getByText(text).waitFor();
            await page.getByRole('img', { name: `Guest 1, ${text}`, exact: true }).waitFor();
            await page.locator('.person.away', { hasText: 'Guest 1' }).getByText(text).waitFor();
        }
        const filter = await tile(page, 'Guest 1')
            .locator('canvas:not([hidden])')
            .evaluate((canvas) => getComputedStyle(canvas).filter);
        assert.equal(filter, 'brightness(0.4)');
        await page.evaluate(() => import(`${document.baseURI}words/words.js`).then(({ speak }) => speak('en')));
        await tell(page, { event: 'away_changed', participant: FIRST + 1, away: false });
        await tile(page, 'Guest 1').getByText('Reconnecting…').waitFor({ state: 'hidden' });
        assert.equal(await page.locator('.person.away').count(), 0);
        await page.getByRole('button', { name: 'Close' }).click();
    });

    test('a camera that is switched off while its last picture is decoded leaves none', async () => {
        const slow = await openPage(browser, relay.url, {}, () => {
            const decode = createImageBitmap;
            const waiting = /** @type {any} */ (window.waiting = /** @type {(() => void)[]} */ ([]));
            window.createImageBitmap = async (/** @type {any} */ source) => {
                const bitmap = await decode(source);
                if (/** @type {any} */ (window).isSlow) await new Promise((done) => waiting.push(done));
                return bitmap;
            };
        });
        await signIn(slow, 'ben');
        await slow.getByRole('button', { name: /Join Maple/ }).click();
        await shows(slow, 'Maple');
        await tell(slow, joined(1));
        const canvas = tile(slow, 'Guest 1').locator('canvas');
        await tile(slow, 'Guest 1').waitFor();
        await picture(slow, 1);
        await canvas.and(slow.locator(':not([hidden])')).waitFor();
        await slow.evaluate(() => Object.assign(window, { isSlow: true }));
        await picture(slow, 1);
        await tell(
            slow,
            { event: 'stream_unpublished', stream: FIRST + 3 },
            { event: 'devices_changed', participant: FIRST + 1, microphone: true, camera: false },
        );
        await canvas.and(slow.locator('[hidden]')).waitFor({ state: 'attached' });
        const hidden = await canvas.evaluate(async (/** @type {HTMLCanvasElement} */ element) => {
            const { waiting } = /** @type {any} */ (window);
            if (waiting.length !== 1) throw new Error(`${waiting.length} are being decoded`);
            waiting[0]();
            // The next frame that the browser paints is after whatever that led to.
            await new Promise((done) => {
                requestAnimationFrame(() => requestAnimationFrame(done));
            });
            return element.hidden;
        });
        assert.ok(hidden);
        assert.deepEqual(slow.troubles, []);
        await slow.context().close();
        await page.locator('.count', { hasText: '1 person' }).waitFor();
    });

    for (const [width, height] of [
        [1280, 800],
        [360, 740],
    ]) {
        describe(`of 23 people on a screen of ${width} by ${height}`, () => {
            before(async () => {
                await page.setViewportSize({ width, height });
            });
            beforeEach(() => tell(page, ...Array.from({ length: 22 }, (_, i) => joined(i + 1))));

            test('sixteen are seen, oneself among them, and that there are seven more', async () => {
                const rest = page.getByText('+7 more');
                await rest.waitFor();
                const names = await seen(page);
                assert.equal(names.length, 16);
                assert.ok(names.includes('ana (you)'), `${names}`);
                const covered = await rest.evaluate((element) => {
                    const { x, y, width, height } = element.getBoundingClientRect();
                    return [0.1, 0.5, 0.9].filter(
                        (part) => document.elementFromPoint(x + width * part, y + height / 2) !== element,
                    );
                });
                assert.deepEqual(covered, []);
                await keepPicture(page, `people-${width}x${height}`);
            });

            test('who speaks and was not seen is seen, and nobody else moves', async () => {
                await page.getByText('+7 more').waitFor();
                const first = await seen(page);
                const unseen = Array.from({ length: 22 }, (_, i) => i + 1).find((n) => !first.includes(`Guest ${n}`));
                const then = await hears(page, /** @type {number} */ (unseen));
                assert.ok(then.includes('ana (you)'), `${then}`);
                assert.equal(first.filter((name) => then.includes(name)).length, 15);
            });

            test('beside a screen that is shared oneself is seen, too, and who speaks', async () => {
                const media = { kind: 'screen', width: 1600, height: 900, fps: 8 };
                const stream = { id: FIRST + 999, source: 2, media };
                await tell(page, { event: 'stream_published', participant: FIRST + 1, stream });
                await tile(page, 'Screen of Guest 1').waitFor();
                assert.ok((await seen(page)).includes('ana (you)'), `${await seen(page)}`);
                const then = await hears(page, 20);
                assert.ok(then.includes('ana (you)'), `${then}`);
                await keepPicture(page, `people-beside-screen-${width}x${height}`);
                await page.locator('.tile-strip').evaluate((strip) => strip.scrollTo(9_999, 9_999));
                const scrolled = await seen(page);
                assert.ok(scrolled.includes('ana (you)') && !scrolled.includes('Guest 20'), `${scrolled}`);
            });
        });
    }

    test('who closes their tab is said to reconnect at once, with what was seen of them dimmed', async () => {
        const eve = await openPage(browser, relay.url);
        await signIn(eve, 'eve');
        await eve.getByRole('button', { name: /Join Maple/ }).click();
        await shows(eve, 'Maple');
        await eve.getByRole('button', { name: 'Camera' }).click();
        await seesMotion(page, 'eve');
        await eve.context().close();
        await tile(page, 'eve').getByText('Reconnecting…').waitFor();
        await tile(page, 'eve').locator('canvas:not([hidden])').waitFor();
        await page.getByRole('img', { name: 'eve, Reconnecting…', exact: true }).waitFor();
        await keepPicture(page, 'away');
    });

    test('nothing of this went wrong in the page', () => {
        assert.deepEqual(page.troubles, []);
    });
});
