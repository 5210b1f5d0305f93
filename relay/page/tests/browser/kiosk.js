// A meeting room's screen that nobody sees: its picture is read as a person or a phone's camera would, and touched by
// the words on it.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { ENDPOINT, folder, openBrowser, PATIENCE_MS, Program, RELAY, Relay, remove, until } from './harness.js';

const run = promisify(execFile);
const SIZE = ['1280', '800'];
/** Small light letters on dark are read only when they are larger, and dark on light. */
const ENLARGED = 2;

/** @typedef {{ text: string, x: number, y: number }} Word its middle, in pixels of the screen */

/** With or without the dots that end a sentence or tell of waiting. @param {string | undefined} read @param {string} word */
function isWord(read, word) {
    return read === word || read?.replace(/[….]+$/, '') === word;
}

export class Kiosk {
    /**
     * @param {import('./programs.js').Relay} relay
     * @param {string} name the account, and with a capital letter the room
     * @param {string} directory
     * @param {string} [camera]
     * @param {{ microphone: string, speaker: string }} [sound]
     */
    constructor(relay, name, directory, camera = 'pattern:320x180@5', sound = { microphone: 'off', speaker: 'off' }) {
        this.relay = relay;
        this.name = name;
        this.room = name[0].toUpperCase() + name.slice(1);
        this.directory = directory;
        this.camera = camera;
        this.sound = sound;
        this.picture = `${directory}/${name}.png`;
    }

    async start() {
        this.server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', `${SIZE.join('x')}x24`, '-nolisten', 'tcp'], {
            stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
        });
        const output = /** @type {import('node:stream').Readable} */ (this.server.stdio[3]);
        const [number] = await once(createInterface({ input: output }), 'line', {
            signal: AbortSignal.timeout(PATIENCE_MS),
        });
        const { stdout: identity } = await run(RELAY, ['identity', '--data-dir', this.relay.data]);
        const fingerprint = /^fingerprint (\S+)/m.exec(identity)?.[1];
        const config = `${this.directory}/${this.name}.toml`;
        await writeFile(
            config,
            [
                '[relay]',
                `address = "${this.relay.control}"`,
                `fingerprint = "${fingerprint}"`,
                '[account]',
                `name = "${this.name}"`,
                `email = "${this.name}@example.org"`,
                '[room]',
                `name = "${this.room}"`,
                '[devices]',
                `camera = "${this.camera}"`,
                `microphone = "${this.sound.microphone}"`,
                `speaker = "${this.sound.speaker}"`,
                '[screen]',
                'language = "en"',
                '',
            ].join('\n'),
        );
        const { WAYLAND_DISPLAY: _, ...around } = process.env;
        this.env = { ...around, DISPLAY: `:${number}`, NO_COLOR: '1' };
        this.program = new Program(
            ENDPOINT,
            ['--config', config, '--data-dir', `${this.directory}/${this.name}`, 'kiosk'],
            this.env,
        );
        // Nobody manages windows there: full screen is made so by hand.
        const { stdout: windows } = await run('xdotool', ['search', '--sync', '--onlyvisible', '--name', 'Conclave'], {
            env: this.env,
            timeout: PATIENCE_MS,
        });
        const window = windows.trim().split('\n')[0];
        await run('xdotool', ['windowmove', window, '0', '0', 'windowsize', window, ...SIZE], { env: this.env });
        return this;
    }

    async #photograph() {
        await run('import', ['-window', 'root', this.picture], { env: this.env });
    }

    /** What a code on the screen says, as soon as there is one. */
    code() {
        return until('a code on the screen', async () => {
            await this.#photograph();
            return run('zbarimg', ['-q', '--raw', this.picture]).then(
                ({ stdout }) => stdout.trim(),
                () => null,
            );
        });
    }

    /** The words on the screen, from the top left. @returns {Promise<Word[]>} */
    async words() {
        await this.#photograph();
        const large = `${this.directory}/${this.name}-large.png`;
        await run('convert', [this.picture, '-colorspace', 'Gray', '-negate', '-resize', `${ENLARGED}00%`, large]);
        const { stdout } = await run('tesseract', [large, '-', '--psm', '11', 'tsv'], {
            env: { ...process.env, OMP_THREAD_LIMIT: '1' },
        });
        return stdout
            .split('\n')
            .slice(1)
            .map((line) => line.split('\t'))
            .filter((cells) => cells[11]?.trim())
            .map((cells) => {
                const [left, top, width, height] = cells.slice(6, 10).map(Number);
                return { text: cells[11].trim(), x: (left + width / 2) / ENLARGED, y: (top + height / 2) / ENLARGED };
            });
    }

    /** How bright a part of the screen is, 0 to 255, in 32 by 18 parts. @param {string} part as in 480x230+110+70 @returns {Promise<number[]>} */
    async brightness(part) {
        await this.#photograph();
        const { stdout } = await run(
            'convert',
            [
                this.picture,
                '-crop',
                part,
                '+repage',
                '-resize',
                '32x18!',
                '-colorspace',
                'Gray',
                '-depth',
                '8',
                'gray:-',
            ],
            { encoding: 'buffer' },
        );
        return [...stdout];
    }

    /** Waits until these words stand on the screen, one after the other. @param {string} text @returns {Promise<Word>} the first of them */
    reads(text) {
        const wanted = text.split(' ');
        return until(`"${text}" on the screen`, async () => {
            const words = await this.words();
            return words.find((_, at) => wanted.every((word, i) => isWord(words[at + i]?.text, word)));
        });
    }

    /** Touches what these words stand on. @param {string} text @returns {Promise<number>} when, at the earliest */
    async touch(text) {
        const { x, y } = await this.reads(text);
        const touched = Date.now();
        await run('xdotool', ['mousemove', `${Math.round(x)}`, `${Math.round(y)}`, 'click', '1'], { env: this.env });
        return touched;
    }

    /** Waits until none of these words stands on the screen. @param {string} text */
    gone(text) {
        return until(
            `no "${text}" on the screen`,
            async () => !(await this.words()).some((word) => isWord(word.text, text)),
        );
    }

    /** As on a keyboard; a line's end is Enter. @param {string} text */
    async type(text) {
        await run('xdotool', ['type', '--delay', '30', text], { env: this.env });
    }

    /** Touches a place whose words are not read, such as white ones on blue. @param {number} x @param {number} y @param {number} [times] */
    async click(x, y, times = 1) {
        const place = ['mousemove', `${x}`, `${y}`];
        await run('xdotool', [...place, 'click', '--repeat', `${times}`, '--delay', '60', '1'], { env: this.env });
    }

    async stop() {
        await this.program?.stop();
        if (!this.server) return;
        this.server.kill();
        if (this.server.exitCode === null && this.server.signalCode === null) await once(this.server, 'exit');
    }

    /** Keeps the last picture for people, where they want it. @param {string} as */
    async keepPicture(as) {
        const folder = process.env.CONCLAVE_SCREENSHOTS;
        if (!folder) return;
        await mkdir(folder, { recursive: true });
        await copyFile(this.picture, `${folder}/${as}.png`).catch(() => {});
    }
}

/**
 * A kiosk called maple at a relay, and a browser that has no page yet.
 * @param {string} picture its name, as people keep it
 * @param {(around: { relay: Relay, kiosk: Kiosk, browser: import('playwright-core').Browser, directory: string }) => Promise<void>} story
 * @param {(directory: string) => string} [camera] the kiosk's
 */
export async function withKiosk(picture, story, camera) {
    const directory = await folder();
    const relay = await new Relay(`${directory}/relay`).start();
    const browser = await openBrowser();
    const kiosk = new Kiosk(relay, 'maple', directory, camera?.(directory));
    try {
        await kiosk.start();
        await story({ relay, kiosk, browser, directory });
    } finally {
        await kiosk.keepPicture(picture);
        await browser.close();
        await kiosk.stop();
        await relay.stop();
        await remove(directory);
    }
}
