// Firefox and WebKit, each driven as a person would: keys and a pointer that the engine takes for real ones.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import puppeteer from 'puppeteer-core';
import { PATIENCE_MS, until } from './harness.js';

const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
const WEBKIT_DRIVER = process.env.WEBKIT_DRIVER ?? '/usr/bin/WebKitWebDriver';
const WEBKIT =
    process.env.WEBKIT ??
    ['x86_64', 'aarch64']
        .map((machine) => `/usr/lib/${machine}-linux-gnu/webkit2gtk-4.1/MiniBrowser`)
        .find(existsSync) ??
    'MiniBrowser';
/** WebDriver's name for an element in JSON (W3C WebDriver, §12.2). */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

/** @typedef {Firefox | WebKit} Engine */

/** A field or button by what it is called, among those that are seen. Runs in the page. @param {string} name */
function named(name) {
    /** @param {Node} node @returns {string} */
    const spoken = (node) => {
        if (node instanceof Text) return node.data;
        if (node instanceof Element && node.getAttribute('aria-hidden') === 'true') return '';
        return [...node.childNodes].map(spoken).join('');
    };
    const seen = (/** @type {Element} */ element) => element.checkVisibility({ visibilityProperty: true });
    const calls = (/** @type {Element} */ element) =>
        element.getAttribute('aria-label') ??
        /** @type {HTMLInputElement} */ (element).labels?.[0]?.textContent ??
        spoken(element);
    const all = /** @type {Element[]} */ ([...document.querySelectorAll('button, input, textarea')]);
    return all.filter(seen).find((element) => calls(element).trim() === name) ?? null;
}

/** Programs that an engine needs around it, ended with it. */
class Surroundings {
    /** @type {import('node:child_process').ChildProcess[]} */
    #programs = [];

    /** @param {string} directory for what the engine keeps */
    constructor(directory) {
        this.env = {
            ...process.env,
            HOME: directory,
            XDG_RUNTIME_DIR: directory,
            WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1',
            NO_AT_BRIDGE: '1',
        };
        delete this.env.WAYLAND_DISPLAY;
    }

    /** @param {string} file @param {string[]} args @param {import('node:child_process').StdioOptions} [stdio] */
    start(file, args, stdio = 'ignore') {
        const program = spawn(file, args, { env: this.env, stdio });
        this.#programs.push(program);
        return program;
    }

    /** A sound server that plays to nobody: without one engines start no sound at all. @param {string} directory */
    async sound(directory) {
        await mkdir(`${directory}/pulse`, { recursive: true, mode: 0o700 });
        this.env.PULSE_SERVER = `unix:${directory}/pulse/native`;
        this.start('pulseaudio', [
            '-n',
            '--daemonize=no',
            '--use-pid-file=no',
            '--exit-idle-time=-1',
            '--disable-shm=yes',
            `--load=module-native-protocol-unix socket=${directory}/pulse/native auth-anonymous=1`,
            '--load=module-null-sink',
            '--load=module-always-sink',
        ]);
        await until('a sound server', async () => existsSync(`${directory}/pulse/native`));
    }

    /** No device for sound output, as on a machine without one. @param {string} directory */
    silence(directory) {
        this.env.PULSE_SERVER = `unix:${directory}/nothing`;
        delete this.env.PIPEWIRE_REMOTE;
    }

    /** A screen that nobody sees. */
    async screen() {
        const server = this.start(
            'Xvfb',
            ['-displayfd', '3', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'],
            ['ignore', 'ignore', 'ignore', 'pipe'],
        );
        const output = /** @type {import('node:stream').Readable} */ (server.stdio[3]);
        const [number] = await once(createInterface({ input: output }), 'line', {
            signal: AbortSignal.timeout(PATIENCE_MS),
        });
        this.env.DISPLAY = `:${number}`;
    }

    /** The last that was started is ended first. */
    async stop() {
        for (const program of this.#programs.reverse()) {
            if (program.exitCode !== null || program.signalCode !== null) continue;
            const ended = once(program, 'exit');
            program.kill('SIGTERM');
            const late = setTimeout(() => program.kill('SIGKILL'), 10_000);
            await ended;
            clearTimeout(late);
        }
    }
}

/** Firefox, by WebDriver BiDi, with a camera and a microphone that it makes up. */
export class Firefox {
    hasDevices = true;
    #surroundings;
    /** @type {import('puppeteer-core').Browser | undefined} */
    #browser;
    /** @type {import('puppeteer-core').Page | undefined} */
    #page;
    #hasOutput;

    /** @param {string} directory @param {boolean} [hasOutput] whether there is a device for sound output */
    constructor(directory, hasOutput = true) {
        this.directory = directory;
        this.#hasOutput = hasOutput;
        this.#surroundings = new Surroundings(directory);
    }

    /** @param {string} url */
    async open(url) {
        if (this.#hasOutput) await this.#surroundings.sound(this.directory);
        else this.#surroundings.silence(this.directory);
        this.#browser = await puppeteer.launch({
            browser: 'firefox',
            executablePath: FIREFOX,
            headless: true,
            acceptInsecureCerts: true,
            // As an argument: Firefox ESR 140.12 lacks a command that puppeteer's `setViewport` sends.
            defaultViewport: null,
            args: ['--width=1280', '--height=885'],
            env: this.#surroundings.env,
            extraPrefsFirefox: {
                'media.navigator.streams.fake': true,
                'media.navigator.permission.disabled': true,
                'media.autoplay.default': 0,
                'intl.accept_languages': 'en-US',
            },
        });
        this.#page = await this.#browser.newPage();
        await this.#page.goto(url);
    }

    /**
     * Runs a function in the page; it may be asynchronous.
     * @template T
     * @template {any[]} A
     * @param {(...args: A) => T | Promise<T>} ask
     * @param {A} args
     * @returns {Promise<T>}
     */
    run(ask, ...args) {
        // @ts-expect-error the types of puppeteer know no spread arguments of a function's own types
        return this.#page.evaluate(ask, ...args);
    }

    /** @param {string} name */
    async press(name) {
        await (await this.#find(name)).click();
    }

    /** @param {string} name @param {string} text */
    async type(name, text) {
        const field = await this.#find(name);
        await field.click();
        await field.type(text);
    }

    /** @param {string} name */
    async #find(name) {
        const page = /** @type {import('puppeteer-core').Page} */ (this.#page);
        return until(`"${name}"`, async () => (await page.evaluateHandle(named, name)).asElement());
    }

    async stop() {
        await this.#browser?.close();
        await this.#surroundings.stop();
    }
}

/** WebKit as GTK programs have it, by WebDriver. It has no camera and no microphone to make up. */
export class WebKit {
    hasDevices = false;
    #surroundings;
    #session = '';

    /** @param {string} directory */
    constructor(directory) {
        this.directory = directory;
        this.#surroundings = new Surroundings(directory);
    }

    /** @param {string} url */
    async open(url) {
        await this.#surroundings.sound(this.directory);
        await this.#surroundings.screen();
        const driver = `http://127.0.0.1:${await freePort()}`;
        this.#surroundings.start(WEBKIT_DRIVER, [`--port=${new URL(driver).port}`]);
        await until("WebKit's driver", () =>
            fetch(`${driver}/status`).then(
                ({ ok }) => ok,
                () => false,
            ),
        );
        this.#session = driver;
        const capabilities = {
            acceptInsecureCerts: true,
            'webkitgtk:browserOptions': { binary: WEBKIT, args: ['--automation'] },
        };
        const { sessionId } = await this.#command('POST', '/session', { capabilities: { alwaysMatch: capabilities } });
        this.#session = `${driver}/session/${sessionId}`;
        await this.#command('POST', '/timeouts', { script: PATIENCE_MS });
        await this.#command('POST', '/window/rect', { x: 0, y: 0, width: 1280, height: 800 });
        await this.#command('POST', '/url', { url });
    }

    /**
     * @param {'POST' | 'DELETE'} method
     * @param {string} path
     * @param {object} [body]
     * @returns {Promise<any>}
     */
    async #command(method, path, body) {
        const answer = await fetch(`${this.#session}${path}`, { method, body: body && JSON.stringify(body) });
        const { value } = /** @type {{ value: any }} */ (await answer.json());
        if (!answer.ok) throw new Error(`${path}: ${value.error}: ${value.message}`);
        return value;
    }

    /**
     * Runs a function in the page; it may be asynchronous.
     * @template T
     * @template {any[]} A
     * @param {(...args: A) => T | Promise<T>} ask
     * @param {A} args
     * @returns {Promise<T>}
     */
    run(ask, ...args) {
        return this.#command('POST', '/execute/sync', { script: `return (${ask})(...arguments)`, args });
    }

    /** @param {string} name */
    async press(name) {
        await this.#command('POST', `/element/${await this.#find(name)}/click`, {});
    }

    /** @param {string} name @param {string} text */
    async type(name, text) {
        await this.#command('POST', `/element/${await this.#find(name)}/value`, { text });
    }

    /** @param {string} name @returns {Promise<string>} */
    async #find(name) {
        const element = await until(`"${name}"`, () => this.run(named, name));
        return /** @type {any} */ (element)[ELEMENT];
    }

    async stop() {
        if (this.#session.includes('/session/')) await this.#command('DELETE', '').catch(() => {});
        await this.#surroundings.stop();
    }
}

/** A port that nothing listens on now. @returns {Promise<number>} */
async function freePort() {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
    server.close();
    await once(server, 'close');
    return port;
}
