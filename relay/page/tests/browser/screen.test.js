// A window that is shared: it stands still, somebody comes late, its size changes.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { createRoom, folder, openBrowser, openPage, Relay, remove, shows, signIn, tile, until } from './harness.js';

/** @typedef {import('./harness.js').Page} Page */

const PICTURES = process.env.CONCLAVE_SCREENSHOTS;
/** The colors of the window's corners, clockwise from the upper left. */
const CORNERS = ['red', 'lime', 'blue', 'yellow'];

/** Has the browser share a window of the test's own, which changes when the test says so alone. Runs in the page. */
function ownWindow() {
    const canvas = document.createElement('canvas');
    Object.assign(window, {
        /** @param {number} width @param {number} height */
        draw(width, height) {
            Object.assign(canvas, { width, height });
            const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
            context.fillStyle = 'white';
            context.fillRect(0, 0, width, height);
            const side = Math.min(width, height) / 8;
            for (const [color, x, y] of /** @type {[string, number, number][]} */ ([
                ['red', 0, 0],
                ['lime', width - side, 0],
                ['blue', width - side, height - side],
                ['yellow', 0, height - side],
            ])) {
                context.fillStyle = color;
                context.fillRect(x, y, side, side);
            }
        },
    });
    navigator.mediaDevices.getDisplayMedia = async () => {
        const stream = canvas.captureStream();
        /** @type {any} */ (window).draw(1200, 800);
        return stream;
    };
}

/** Where each corner of the window is in the picture, 0 to 1; null for one that is not to be seen. @param {Page} page */
function corners(page) {
    return tile(page, 'Screen of host').evaluate((element, wanted) => {
        const picture = /** @type {HTMLCanvasElement} */ (element.querySelector('canvas'));
        if (picture.hidden) return null;
        const copy = new OffscreenCanvas(picture.width, picture.height);
        const context = /** @type {OffscreenCanvasRenderingContext2D} */ (copy.getContext('2d'));
        context.drawImage(picture, 0, 0);
        const { data } = context.getImageData(0, 0, picture.width, picture.height);
        /** @type {Record<string, number>} */
        const colors = { red: 4, lime: 2, blue: 1, yellow: 6 };
        /** @type {Map<number, { x: number, y: number, n: number }>} */
        const found = new Map();
        for (let at = 0; at < data.length; at += 4) {
            const bits = [0, 1, 2].reduce((sum, i) => sum * 2 + Number(data[at + i] > 128), 0);
            const one = found.get(bits) ?? { x: 0, y: 0, n: 0 };
            const pixel = at / 4;
            one.x += (pixel % picture.width) / picture.width;
            one.y += Math.floor(pixel / picture.width) / picture.height;
            one.n += 1;
            found.set(bits, one);
        }
        return {
            size: [picture.width, picture.height],
            corners: wanted.map((color) => {
                const one = found.get(colors[color]);
                return one && one.n > 50 ? [one.x / one.n, one.y / one.n] : null;
            }),
        };
    }, CORNERS);
}

for (const frames of ['the frames of a track', 'the frames of a video element']) {
    describe(`a shared window, by ${frames}`, { concurrency: false }, () => {
        /** @type {string} */
        let directory;
        /** @type {Relay} */
        let relay;
        /** @type {import('playwright-core').Browser} */
        let browser;
        /** @type {Page} */
        let host;
        /** @type {Page} */
        let guest;

        /** @param {string} name */
        async function join(name) {
            const page = await openPage(browser, relay.url);
            await signIn(page, name);
            await page.getByRole('button', { name: /Join Maple/ }).click();
            await shows(page, 'Maple');
            return page;
        }

        before(async () => {
            directory = await folder();
            relay = await new Relay(`${directory}/relay`).start();
            browser = await openBrowser();
            host = await openPage(browser, relay.url, {}, ownWindow);
            // As in Firefox, which gives no frames of a track.
            if (frames.includes('video'))
                await host.evaluate(() => Reflect.deleteProperty(globalThis, 'MediaStreamTrackProcessor'));
            await signIn(host, 'host');
            await createRoom(host, 'Maple');
            guest = await join('guest');
        });
        after(async () => {
            await browser?.close();
            await relay?.stop();
            await remove(directory);
        });

        test('stays in sight while it stands still', async () => {
            await host.getByRole('button', { name: 'Share the screen' }).click();
            const picture = tile(guest, 'Screen of host').locator('canvas:not([hidden])');
            await picture.waitFor();
            await picture.evaluate((canvas) => {
                const seen = { pictures: 0, hidden: 0 };
                Object.assign(window, { seen });
                new MutationObserver(() => {
                    seen.hidden += Number(/** @type {HTMLElement} */ (canvas).hidden);
                }).observe(canvas, { attributeFilter: ['hidden'] });
                /** @type {any} */ (window).conclave.session.on('frame', (/** @type {any} */ { kind }) => {
                    seen.pictures += Number(kind === 2);
                });
            });
            // They come a second apart.
            await guest.waitForFunction(() => /** @type {any} */ (window).seen.pictures >= 7);
            const hidden = await guest.evaluate(() => /** @type {any} */ (window).seen.hidden);
            assert.equal(hidden, 0);
        });

        test('is seen by who comes later', async () => {
            const late = await join('late');
            await until('the window', async () => (await corners(late))?.corners.every(Boolean));
            assert.deepEqual(late.troubles, []);
            await late.context().close();
        });

        test('is seen whole at each size that it is given, first with bars and then in its new shape', async () => {
            for (const [width, height] of [
                [600, 800],
                [1900, 500],
                [1200, 800],
            ]) {
                const stream = await guest.evaluate(
                    () =>
                        /** @type {any} */ (window).conclave.session.roster
                            .people()
                            .flatMap((/** @type {any} */ { streams }) => streams)
                            .find((/** @type {any} */ { media }) => media.kind === 'screen').id,
                );
                const before = await corners(guest);
                await host.evaluate(([w, h]) => /** @type {any} */ (window).draw(w, h), [width, height]);
                const barred = await until('the window with bars', async () => {
                    const now = await corners(guest);
                    return now?.corners.every(Boolean) && JSON.stringify(now) !== JSON.stringify(before) && now;
                });
                const reshaped = await until(`the window at ${width}x${height}`, async () => {
                    const now = await corners(guest);
                    return now?.size.join() === `${width},${height}` && now.corners.every(Boolean) && now;
                });
                assert.ok(barred.size.join() === before?.size.join() || barred.size.join() === reshaped.size.join());
                for (const [corner, point] of reshaped.corners.entries()) {
                    const [x, y] = /** @type {number[]} */ (point);
                    assert.equal(x < 0.5, corner === 0 || corner === 3);
                    assert.equal(y < 0.5, corner < 2);
                }
                await guest.waitForFunction((former) => {
                    const { roster } = /** @type {any} */ (window).conclave.session;
                    return roster.ownerOf(former) === undefined;
                }, stream);
                if (PICTURES) {
                    await mkdir(PICTURES, { recursive: true });
                    await guest.screenshot({ path: `${PICTURES}/window-${width}x${height}.png` });
                }
            }
            for (const page of [host, guest]) assert.deepEqual(page.troubles, []);
        });
    });
}
