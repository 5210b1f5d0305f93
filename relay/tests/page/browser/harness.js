// A real relay, real endpoints and a real browser, each started here and ended by its own process id.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { fromDisk } from './from_disk.js';

const ROOT = resolve(fileURLToPath(new URL('../../../..', import.meta.url)));
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target');
export const RELAY = process.env.CONCLAVE_RELAY ?? join(TARGET, 'debug/conclave-relay');
export const ENDPOINT = process.env.CONCLAVE_ENDPOINT ?? join(TARGET, 'debug/conclave-endpoint');
const BROWSER = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** How long anything may take that must happen: far more than it takes on a loaded machine. */
export const PATIENCE_MS = 45_000;

/** A folder that goes away with the test. @returns {Promise<string>} */
export function folder() {
    return mkdtemp(join(tmpdir(), 'conclave-page-'));
}

/** A program whose lines are read. */
export class Program {
    /** @type {string[]} */
    lines = [];
    /** @type {Set<() => void>} */
    #waiting = new Set();

    /**
     * @param {string} file
     * @param {string[]} args
     * @param {NodeJS.ProcessEnv} [env]
     */
    constructor(file, args, env = process.env) {
        if (!existsSync(file)) throw new Error(`${file} is not built`);
        this.process = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...env, RUST_LOG: env.RUST_LOG ?? 'warn' } });
        // Who has ended reads no more.
        this.process.stdin.on('error', () => {});
        this.ended = new Promise((done) => { this.process.once('exit', (code) => done(code)); });
        for (const output of [this.process.stdout, this.process.stderr]) {
            createInterface({ input: output }).on('line', (line) => {
                this.lines.push(line);
                if (process.env.VERBOSE) console.error(`${file.split('/').at(-1)}: ${line}`);
                for (const look of this.#waiting) look();
            });
        }
        void this.ended.then(() => { for (const look of this.#waiting) look(); });
    }

    /**
     * Waits for a line of which `find` makes something.
     * @template T
     * @param {(line: string) => T | null | undefined | false} find
     * @param {number} [from] the first line to look at
     * @returns {Promise<T>}
     */
    line(find, from = 0) {
        return new Promise((done, fail) => {
            let at = from;
            const stop = () => {
                clearTimeout(timer);
                this.#waiting.delete(look);
            };
            const failed = () => {
                stop();
                fail(new Error(`no such line among the last of ${this.lines.length}:\n${this.lines.slice(-12).join('\n')}`));
            };
            const look = () => {
                for (; at < this.lines.length; at += 1) {
                    const found = find(this.lines[at]);
                    if (!found) continue;
                    stop();
                    done(found);
                    return;
                }
                if (this.process.exitCode !== null || this.process.signalCode !== null) failed();
            };
            const timer = setTimeout(failed, PATIENCE_MS);
            this.#waiting.add(look);
            look();
        });
    }

    /** Ends it as an administrator would, and waits for it. */
    async stop() {
        if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGTERM');
        const late = setTimeout(() => this.process.kill('SIGKILL'), 15_000);
        await this.ended;
        clearTimeout(late);
    }
}

/** A relay in a folder of its own. Stopped and started again it keeps its addresses. */
export class Relay {
    /** @param {string} data @param {string[]} [more] flags */
    constructor(data, more = []) {
        this.data = data;
        this.more = more;
        /** @type {string | undefined} */
        this.disk = undefined;
        this.control = '127.0.0.1:0';
        this.web = '127.0.0.1:0';
        /** @type {Program | null} */
        this.program = null;
    }

    async start() {
        this.program = new Program(RELAY, ['serve', '--data-dir', this.data, '--listen', this.control, '--web', this.web, '--admin', '127.0.0.1:0', '--announce', 'off', ...this.more]);
        const found = await this.program.line((line) => /^ready control=(\S+) .*web=(\S+)/.exec(line));
        [, this.control, this.web] = found;
        if (process.env.CONCLAVE_PAGE === 'disk') this.disk ??= await fromDisk(this.web);
        return this;
    }

    /** Where browsers find the page. */
    get url() {
        return this.disk ?? `https://${this.web}/`;
    }

    async stop() {
        await this.program?.stop();
    }
}

/** A native endpoint in a room. */
export class Endpoint extends Program {
    /**
     * @param {Relay} relay
     * @param {string} name
     * @param {string} room
     * @param {string} directory for what it keeps, hears and records
     * @param {string[]} [more]
     */
    constructor(relay, name, room, directory, more = []) {
        const own = join(directory, name);
        super(ENDPOINT, ['call', '--relay', relay.control, '--user', name, '--email', `${name}@example.org`, '--room', room,
            '--data-dir', join(own, 'data'), '--camera', 'pattern:640x360@15', '--microphone', 'tone:440', '--speaker', `file:${own}/heard.wav`,
            '--record', join(own, 'record'), '--stats', 'json', ...more]);
        this.directory = own;
    }

    /**
     * Waits for statistics of which `find` makes something.
     * @template T
     * @param {(stats: any) => T | null | undefined | false} find
     * @returns {Promise<T>}
     */
    stats(find) {
        return this.line((line) => {
            if (!line.startsWith('{')) return false;
            return find(JSON.parse(line));
        }, this.lines.length);
    }
}

/** @returns {Promise<import('playwright-core').Browser>} */
export function openBrowser() {
    return chromium.launch({
        executablePath: BROWSER,
        args: ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required',
            '--ignore-certificate-errors', '--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
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
    const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 800 }, locale: 'en-US', colorScheme: 'dark', ...options });
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
        if (message.type() === 'error' && !/WebSocket connection|ERR_CONNECTION|net::/.test(message.text())) troubles.push(`console: ${message.text()}`);
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
    if (pin) await page.getByLabel('PIN, if it is to be locked').fill(pin);
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

/** The tile of somebody. @param {Page} page @param {string} name */
export function tile(page, name) {
    return page.locator('.tile', { has: page.locator('.plate-name', { hasText: name }) });
}

/**
 * What a tile's picture looks like now: a few of its points.
 * @param {Page} page
 * @param {string} name
 * @returns {Promise<number[] | null>} null while there is no picture
 */
export function pixels(page, name) {
    return tile(page, name).evaluate((element) => {
        const picture = /** @type {HTMLCanvasElement | HTMLVideoElement | null} */ (element.querySelector('.picture:not([hidden])'));
        const width = picture instanceof HTMLVideoElement ? picture.videoWidth : picture?.width ?? 0;
        if (!picture || !width) return null;
        const canvas = document.createElement('canvas');
        canvas.width = 32;
        canvas.height = 18;
        const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { willReadFrequently: true }));
        context.drawImage(picture, 0, 0, 32, 18);
        return [...context.getImageData(0, 0, 32, 18).data];
    });
}

/**
 * Waits until the tile shows a picture, and then until it shows another.
 * @param {Page} page
 * @param {string} name
 */
export async function seesMotion(page, name) {
    const first = await until(`a picture of ${name}`, async () => {
        const now = await pixels(page, name);
        // Black is what a canvas has before its first picture.
        return now?.some((value, at) => at % 4 !== 3 && value > 60) ? now : null;
    });
    await until(`motion of ${name}`, async () => {
        const now = await pixels(page, name);
        return now?.some((value, at) => Math.abs(value - first[at]) > 24);
    });
}

/**
 * Asks again and again until there is an answer.
 * @template T
 * @param {string} what for the failure
 * @param {() => Promise<T | null | undefined | false>} ask
 * @returns {Promise<T>}
 */
export async function until(what, ask) {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
        const answer = await ask();
        if (answer) return answer;
        if (Date.now() > end) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
        await new Promise((done) => { setTimeout(done, 100); });
    }
}

/** What a WAV file of one channel holds, −1 to 1. @param {string} path */
export async function readWav(path) {
    const bytes = await readFile(path);
    const data = bytes.indexOf('data', 12) + 8;
    const samples = new Float32Array(Math.floor((bytes.length - data) / 2));
    for (let i = 0; i < samples.length; i += 1) samples[i] = bytes.readInt16LE(data + i * 2) / 32_768;
    return { rate: bytes.readUInt32LE(24), samples };
}

/** @param {string} path */
export function remove(path) {
    return rm(path, { recursive: true, force: true });
}
