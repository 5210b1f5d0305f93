// A real relay and real endpoints, each started here and ended by its own process id.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { fromDisk } from './from_disk.js';

const ROOT = resolve(fileURLToPath(new URL('../../../..', import.meta.url)));
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target');
export const RELAY = process.env.CONCLAVE_RELAY ?? join(TARGET, 'debug/conclave-relay');
export const ENDPOINT = process.env.CONCLAVE_ENDPOINT ?? join(TARGET, 'debug/conclave-endpoint');
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
        this.process = spawn(file, args, {
            stdio: ['pipe', 'pipe', 'pipe'],
            env: { ...env, RUST_LOG: env.RUST_LOG ?? 'warn' },
        });
        // Who has ended reads no more.
        this.process.stdin.on('error', () => {});
        this.ended = new Promise((done) => {
            this.process.once('exit', (code) => done(code));
        });
        for (const output of [this.process.stdout, this.process.stderr]) {
            createInterface({ input: output }).on('line', (line) => {
                this.lines.push(line);
                if (process.env.VERBOSE) console.error(`${file.split('/').at(-1)}: ${line}`);
                for (const look of this.#waiting) look();
            });
        }
        void this.ended.then(() => {
            for (const look of this.#waiting) look();
        });
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
                fail(
                    new Error(
                        `no such line among the last of ${this.lines.length}:\n${this.lines.slice(-12).join('\n')}`,
                    ),
                );
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
    /** @param {string} data @param {string[]} [more] flags @param {NodeJS.ProcessEnv} [env] more of the environment */
    constructor(data, more = [], env = {}) {
        this.data = data;
        this.more = more;
        this.env = env;
        /** @type {string | undefined} */
        this.disk = undefined;
        this.control = '127.0.0.1:0';
        this.web = '127.0.0.1:0';
        /** @type {Program | null} */
        this.program = null;
    }

    async start() {
        this.program = new Program(
            RELAY,
            [
                'serve',
                '--data-dir',
                this.data,
                '--listen',
                this.control,
                '--web',
                this.web,
                '--admin',
                '127.0.0.1:0',
                '--announce',
                'off',
                ...this.more,
            ],
            { ...process.env, ...this.env },
        );
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
        super(ENDPOINT, [
            'call',
            '--relay',
            relay.control,
            '--user',
            name,
            '--email',
            `${name}@example.org`,
            '--room',
            room,
            '--data-dir',
            join(own, 'data'),
            '--camera',
            'pattern:640x360@15',
            '--microphone',
            'tone:440',
            '--speaker',
            `file:${own}/heard.wav`,
            '--record',
            join(own, 'record'),
            '--stats',
            'json',
            ...more,
        ]);
        this.directory = own;
    }

    /** Tells it what to do, where it was started with `--control stdin`. @param {string} act */
    async act(act) {
        const from = this.lines.length;
        this.process.stdin.write(`${act}\n`);
        const answer = await this.line((line) => /^(ok|refused|unknown) /.test(line) && line, from);
        if (answer !== `ok ${act}`) throw new Error(answer);
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
