// A real browser, and what a person does and sees in its pages. The programs around it are in programs.js.

import { chromium } from 'playwright-core';
import { PATIENCE_MS } from './programs.js';

export * from './programs.js';

const BROWSER = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** With cameras and microphones that Chromium makes up. @returns {Promise<import('playwright-core').Browser>} */
export function openBrowser() {
    return chromium.launch({
        executablePath: BROWSER,
        args: [
            '--use-fake-device-for-media-stream=device-count=2',
            '--use-fake-ui-for-media-stream',
            '--autoplay-policy=no-user-gesture-required',
            '--ignore-certificate-errors',
            '--disable-dev-shm-usage',
            ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        ],
    });
}

/**
 * A fresh browser profile with one page, and everything that went wrong in it.
 * @param {import('playwright-core').Browser} browser
 * @param {string} url
 * @param {import('playwright-core').BrowserContextOptions} [options]
 * @param {() => void} [before] run in the page before its own modules
 */
export async function openPage(browser, url, options = {}, before = () => {}) {
    const context = await browser.newContext({
        ignoreHTTPSErrors: true,
        viewport: { width: 1280, height: 800 },
        locale: 'en-US',
        colorScheme: 'dark',
        ...options,
    });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    await page.addInitScript(before);
    /** @type {string[]} */
    const troubles = [];
    page.on('pageerror', (error) => troubles.push(`error: ${error.message}`));
    page.on('dialog', (dialog) => {
        troubles.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
    });
    page.on('console', (message) => {
        if (process.env.VERBOSE) console.error(`page: ${message.text()}`);
        if (message.type() === 'error' && !/WebSocket connection|ERR_CONNECTION|net::/.test(message.text()))
            troubles.push(`console: ${message.text()}`);
    });
    await page.goto(url);
    return Object.assign(page, { troubles });
}

/** @typedef {Awaited<ReturnType<typeof openPage>>} Page */

/**
 * Signs an account in as a person would.
 * @param {Page} page
 * @param {string} name
 */
export async function signIn(page, name) {
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByLabel('Email').fill(`${name}@example.org`);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await shows(page, 'Rooms');
}

/** Waits for a page's heading; a failure says what stands there instead. @param {Page} page @param {string} heading */
export async function shows(page, heading) {
    try {
        await page.getByRole('heading', { name: heading, exact: true }).waitFor();
    } catch {
        const there = await page.evaluate(() => document.querySelector('main')?.innerText);
        throw new Error(`no heading "${heading}", but:\n${there}\n${page.troubles.join('\n')}`);
    }
}

/**
 * Makes a room and is in it.
 * @param {Page} page
 * @param {string} room
 * @param {string} [pin]
 */
export async function createRoom(page, room, pin = '') {
    await page.getByRole('button', { name: 'New room' }).click();
    await page.getByLabel('Name of the room').fill(room);
    if (pin) await page.getByLabel('PIN (optional)').fill(pin);
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await shows(page, room);
}

/** A link for a browser into the room that the page is in. @param {Page} page @returns {Promise<string>} */
export async function makeLink(page) {
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('button', { name: 'Make a link' }).click();
    const field = page.getByRole('textbox', { name: 'Link for browsers' });
    await field.waitFor();
    const url = await field.inputValue();
    await page.getByRole('button', { name: 'Close' }).click();
    return url;
}

/**
 * Joins by a link, as who was given one.
 * @param {Page} page
 * @param {string} name
 * @param {string} room
 */
export async function joinByLink(page, name, room) {
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByRole('button', { name: 'Join' }).click();
    await shows(page, room);
}

/** The tile of somebody. @param {Page} page @param {string | RegExp} name */
export function tile(page, name) {
    return page.locator('.tile', { has: page.locator('.plate-name', { hasText: name }) });
}

/**
 * A few points of a tile's picture as it is now; null while there is none. Runs in the page.
 * @param {Element} element
 * @returns {number[] | null}
 */
export function pointsOf(element) {
    const picture = /** @type {HTMLCanvasElement | HTMLVideoElement | null} */ (
        element.querySelector('.picture:not([hidden])')
    );
    const width = picture instanceof HTMLVideoElement ? picture.videoWidth : (picture?.width ?? 0);
    if (!picture || !width) return null;
    const canvas = document.createElement('canvas');
    canvas.width = 32;
    canvas.height = 18;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { willReadFrequently: true }));
    context.drawImage(picture, 0, 0, 32, 18);
    return [...context.getImageData(0, 0, 32, 18).data];
}

/**
 * What a tile's picture looks like now: a few of its points.
 * @param {Page} page
 * @param {string | RegExp} name
 * @returns {Promise<number[] | null>} null while there is no picture
 */
export function pixels(page, name) {
    return tile(page, name).evaluate(pointsOf);
}

/**
 * Waits until the tile shows a picture, and then until it shows another.
 * @param {Page} page
 * @param {string | RegExp} name
 */
export function seesMotion(page, name) {
    return moves(name, () => pixels(page, name));
}

/**
 * Waits until there is a picture, and then until there is another.
 * @param {string | RegExp} name whose
 * @param {() => Promise<number[] | null>} look a few of its points
 */
export async function moves(name, look) {
    const first = await until(`a picture of ${name}`, async () => {
        const now = await look();
        // Black is what a canvas has before its first picture.
        return now?.some((value, at) => at % 4 !== 3 && value > 60) ? now : null;
    });
    await until(`motion of ${name}`, async () => {
        const now = await look();
        return now?.some((value, at) => Math.abs(value - first[at]) > 24);
    });
}

/**
 * Asks again and again until there is an answer.
 * @template T
 * @param {string} what for the failure
 * @param {() => Promise<T | null | undefined | false>} ask
 * @param {number} [pause_ms] between two
 * @returns {Promise<T>}
 */
export async function until(what, ask, pause_ms = 100) {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
        const answer = await ask();
        if (answer) return answer;
        if (Date.now() > end) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
        await new Promise((done) => {
            setTimeout(done, pause_ms);
        });
    }
}
