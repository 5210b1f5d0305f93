// A kiosk's camera is switched by touch, exchanged by touch, and taken away and put back, well into a call: another
// endpoint and a browser see it again at once each time.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { avi } from './avi.js';
import { Endpoint, openPage, pixels, seesMotion, shows, signIn, tile, until } from './harness.js';
import { withKiosk } from './kiosk.js';

/** How soon both have to see it again. */
const AGAIN_MS = 2_000;
/** How often a recording is looked at: finer than a picture lasts. */
const LOOK_MS = 20;
/** So many pictures more, and they are known to come one after the other. */
const SEVERAL = 3;
/** After so many pictures of a camera of 15 to 30 a second the call has lasted for 10 to 20 s. */
const WELL_INTO_A_CALL = 300;
const CLEAN = fileURLToPath(new URL('../../../../endpoint/tests/pictures/clean.jpg', import.meta.url));

/** What frame headers of this size look like in a JPEG. @param {number} width @param {number} height */
function headerOf(width, height) {
    return Buffer.from([0xff, 0xc0, 0, 17, 8, height >> 8, height & 0xff, width >> 8, width & 0xff]);
}

/** @param {Buffer} bytes @param {Buffer} what */
function countOf(bytes, what) {
    let count = 0;
    for (let at = bytes.indexOf(what); at >= 0; at = bytes.indexOf(what, at + 1)) count += 1;
    return count;
}

/** Another endpoint, which records, and a browser, both in the kiosk's room. */
class Watchers {
    /** @param {Parameters<Parameters<typeof withKiosk>[1]>[0]} around */
    async join({ relay, browser, directory }) {
        this.oak = new Endpoint(relay, 'oak', 'Maple', directory);
        this.recording = `${directory}/oak/record/maple.mjpeg`;
        this.page = await openPage(browser, relay.url);
        await signIn(this.page, 'ana');
        await this.page.getByRole('button', { name: /Join Maple/ }).click();
        await shows(this.page, 'Maple');
        return this;
    }

    /** What oak decoded of the kiosk. @param {any} stats */
    decoded(stats) {
        return (
            stats.participants
                ?.find((/** @type {any} */ one) => one.name === 'maple')
                ?.streams.find((/** @type {any} */ one) => one.kind === 'video')?.frames_decoded ?? 0
        );
    }

    async recorded() {
        return stat(this.recording).then(
            ({ size }) => size,
            () => 0,
        );
    }

    /** Waits until neither has pictures of the kiosk. */
    async seeNone() {
        await until('no picture of the kiosk', async () => (await pixels(this.page, 'maple')) === null);
        let last = -1;
        await this.oak.stats((stats) => {
            const before = last;
            last = this.decoded(stats);
            return last === before;
        });
    }

    /** Waits until the recording has several pictures more of this size. @param {number} from @param {Buffer} header */
    async #records(from, header) {
        const file = await open(this.recording);
        try {
            let bytes = Buffer.alloc(0);
            await until(
                'pictures in the recording',
                async () => {
                    const { buffer, bytesRead } = await file.read(
                        Buffer.alloc(1 << 22),
                        0,
                        1 << 22,
                        from + bytes.length,
                    );
                    bytes = Buffer.concat([bytes, buffer.subarray(0, bytesRead)]);
                    return countOf(bytes, header) >= SEVERAL;
                },
                LOOK_MS,
            );
        } finally {
            await file.close();
        }
    }

    /** Waits until the kiosk's picture has this size in the page and is seen to move. @param {number} width */
    async #sees(width) {
        const shown = () =>
            tile(this.page, 'maple').evaluate(
                (element) =>
                    /** @type {HTMLCanvasElement | null} */ (element.querySelector('canvas.picture:not([hidden])'))
                        ?.width,
            );
        await until(`a picture ${width} wide`, async () => (await shown()) === width, LOOK_MS);
        await seesMotion(this.page, 'maple');
    }

    /**
     * Both see the kiosk again in time after `act`.
     * @param {string} after for people
     * @param {[number, number]} size of the pictures
     * @param {() => Promise<number>} act tells when it was done, at the earliest
     */
    async seeAgain(after, [width, height], act) {
        const from = await this.recorded();
        const begun = await act();
        const took = () => Date.now() - begun;
        const [endpoint, page] = await Promise.all([
            this.#records(from, headerOf(width, height)).then(took),
            this.#sees(width).then(took),
        ]);
        console.log(
            `${after}: ${SEVERAL} pictures at the other endpoint after ${endpoint} ms, motion in the browser after ${page} ms`,
        );
        assert.ok(endpoint < AGAIN_MS && page < AGAIN_MS, `${after}: seen again too late`);
    }

    async wellIntoTheCall() {
        await this.oak.stats((stats) => this.decoded(stats) >= WELL_INTO_A_CALL);
    }

    async stop() {
        assert.deepEqual(this.page?.troubles, []);
        await this.oak?.stop();
    }
}

test('a kiosk whose camera is switched off and on by touch well into a call is seen again at once', () =>
    withKiosk(
        'kiosk-camera',
        async (around) => {
            const { kiosk } = around;
            await kiosk.touch('Start the meeting');
            const watchers = await new Watchers().join(around);
            try {
                await watchers.wellIntoTheCall();
                for (const round of ['once', 'twice', 'three times']) {
                    await kiosk.touch('Camera');
                    await watchers.seeNone();
                    await watchers.seeAgain(`switched off and on ${round}`, [320, 180], () => kiosk.touch('Camera'));
                }
            } finally {
                await watchers.stop();
            }
        },
        () => 'pattern:320x180@15',
    ));

test('a kiosk whose camera is exchanged on its settings page well into a call is seen again at once', () =>
    withKiosk(
        'kiosk-exchange',
        async (around) => {
            const { kiosk } = around;
            await kiosk.touch('Start the meeting');
            const watchers = await new Watchers().join(around);
            try {
                await watchers.wellIntoTheCall();
                await kiosk.touch('More');
                await kiosk.touch('Settings');
                await watchers.seeAgain('exchanged for a larger one', [1280, 720], () => kiosk.touch('1280'));
                await watchers.seeAgain('exchanged for a smaller one', [640, 360], () => kiosk.touch('640'));
                await watchers.seeAgain('exchanged once more', [1280, 720], () => kiosk.touch('1280'));
                await kiosk.touch('Off');
                await watchers.seeNone();
                await watchers.seeAgain('chosen again after none', [1280, 720], () => kiosk.touch('pattern'));
            } finally {
                await watchers.stop();
            }
        },
        () => 'pattern:320x180@15',
    ));

test('a kiosk whose camera is taken away and put back well into a call is seen again at once', () =>
    withKiosk(
        'kiosk-unplugged',
        async (around) => {
            const { kiosk, directory } = around;
            const [plugged, away] = [`${directory}/camera.avi`, `${directory}/away.avi`];
            const clean = await readFile(CLEAN);
            const mirrored = execFileSync('convert', ['jpeg:-', '-flop', '-sampling-factor', '2x2', 'jpeg:-'], {
                input: clean,
            });
            await writeFile(away, avi('indexed', [...Array(8).fill(clean), ...Array(8).fill(mirrored)]));
            await kiosk.touch('Start the meeting');
            const watchers = await new Watchers().join(around);
            try {
                await kiosk.reads('The camera does not answer.');
                await rename(away, plugged);
                await watchers.wellIntoTheCall();
                for (const round of ['once', 'twice', 'three times']) {
                    await kiosk.touch('Camera');
                    await watchers.seeNone();
                    await rename(plugged, away);
                    await kiosk.touch('Camera');
                    await kiosk.reads('The camera does not answer.');
                    await watchers.seeAgain(`taken away and put back ${round}`, [640, 360], async () => {
                        const begun = Date.now();
                        await rename(away, plugged);
                        return begun;
                    });
                }
            } finally {
                await watchers.stop();
            }
        },
        (directory) => `file:${directory}/camera.avi`,
    ));
