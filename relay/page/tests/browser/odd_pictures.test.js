// Pictures as cameras on the market send them, and the camera switched off and on between them: what a browser and a
// kiosk's screen show, and what another endpoint decodes and records.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { Endpoint, folder, openBrowser, openPage, pixels, Relay, remove, shows, signIn, until } from './harness.js';
import { avi, KINDS } from './avi.js';
import { Kiosk } from './kiosk.js';

const PICTURES = fileURLToPath(new URL('../../../../endpoint/tests/pictures/', import.meta.url));
/** All show what `clean` shows. */
const SHOWN = [
    'clean',
    'avi1-header',
    'no-huffman-tables',
    '4-4-4',
    '4-2-0',
    '4-4-0',
    '4-1-1',
    'stray-bytes-before-restarts',
    'stray-byte-before-one-restart',
    'no-end-marker',
    'half-end-marker',
    'old-bytes-after-end',
    'older-tail-without-end',
    'older-picture-after-end',
    'zeros-to-page',
    'two-start-markers',
    'fill-bytes-before-markers',
    'grayscale',
];
/** Torn, or of a kind that no camera makes: the sender sends nothing of them. */
const REFUSED = ['cut-in-half', 'cut-in-half-with-end', 'progressive', 'arithmetic'];
/** Pictures that are left of those that are shown when the mended ones are alike. */
const DIFFERENT = 11;
/** Of 255; colors apart, as one of them is gray. */
const NEAR = 12;
/** On the kiosk's screen, with a browser and an endpoint without a picture as the third and fourth in the room. */
const OAKS_TILE = '480x230+110+70';

/** Whether it is no tile without a picture, which is dark and hardly has edges. @param {number[]} values */
function isPicture(values) {
    return values.reduce((sum, value) => sum + value, 0) / values.length > 80;
}

/** @param {number[]} rgba */
function brightness(rgba) {
    const values = [];
    for (let at = 0; at < rgba.length; at += 4)
        values.push(0.299 * rgba[at] + 0.587 * rgba[at + 1] + 0.114 * rgba[at + 2]);
    return values;
}

/** @param {number[]} a @param {number[]} b */
function distance(a, b) {
    return a.reduce((sum, value, at) => sum + Math.abs(value - b[at]), 0) / a.length;
}

/** What an endpoint tells of the pictures that it had of oak. @param {any} stats */
function received(stats) {
    return (
        stats.participants
            ?.find((/** @type {any} */ one) => one.name === 'oak')
            ?.streams.find((/** @type {any} */ one) => one.kind === 'video') ?? { frames_decoded: 0, frames_damaged: 0 }
    );
}

/** How bright a JPEG is, 0 to 255, in 32 by 18 parts. @param {Buffer} jpeg */
function brightnessOf(jpeg) {
    return [
        ...execFileSync(
            'convert',
            ['-quiet', 'jpeg:-', '-resize', '32x18!', '-colorspace', 'Gray', '-depth', '8', 'gray:-'],
            { input: jpeg },
        ),
    ];
}

/** The different pictures of a recording. @param {Buffer} mjpeg */
function picturesOf(mjpeg) {
    const found = new Map();
    const START = Buffer.from([0xff, 0xd8, 0xff]);
    for (let at = 0; at >= 0 && at < mjpeg.length;) {
        const next = mjpeg.indexOf(START, at + 1);
        const picture = mjpeg.subarray(at, next < 0 ? mjpeg.length : next);
        found.set(createHash('sha256').update(picture).digest('hex'), picture);
        at = next;
    }
    return [...found.values()];
}

/**
 * A kiosk, two endpoints and a browser in a room; one of the endpoints, oak, has such a camera.
 * @param {string} kind of file, as pictures of the screen are named by
 * @param {(name: string, at: number, directory: string) => Promise<string>} file with this picture
 */
async function seeOddPictures(kind, file) {
    const directory = await folder();
    const relay = await new Relay(`${directory}/relay`).start();
    const browser = await openBrowser();
    const kiosk = new Kiosk(relay, 'maple', directory);
    /** @type {Endpoint | undefined} */
    let oak;
    /** @type {Endpoint | undefined} */
    let elm;
    try {
        await kiosk.start();
        await kiosk.touch('Start the meeting');
        oak = new Endpoint(relay, 'oak', 'Maple', directory, ['--control', 'stdin']);
        const page = await openPage(browser, relay.url);
        await signIn(page, 'ana');
        await page.getByRole('button', { name: /Join Maple/ }).click();
        await shows(page, 'Maple');
        await until('oak in the browser', () => pixels(page, 'oak'));
        // The pattern that it begins with is not to be recorded.
        await oak.act('camera off');
        elm = new Endpoint(relay, 'elm', 'Maple', directory, ['--control', 'stdin']);
        await elm.act('camera off');
        /** @type {number[] | undefined} */
        let onPage;
        /** @type {number[] | undefined} */
        let onScreen;
        for (const [at, name] of SHOWN.entries()) {
            await oak.act('camera off');
            await until('no picture of oak in the browser', async () => (await pixels(page, 'oak')) === null);
            await until('no picture of oak on the kiosk', async () => !isPicture(await kiosk.brightness(OAKS_TILE)));
            const before = await elm.stats((stats) => received(stats));
            await oak.act(`camera file:${await file(name, at, directory)}`);
            const seen = await until(`${name} in the browser`, async () => {
                const now = await pixels(page, 'oak');
                return now && (!onPage || distance(brightness(now), brightness(onPage)) < NEAR) && now;
            });
            onPage ??= seen;
            const drawn = await until(`${name} on the kiosk's screen`, async () => {
                const now = await kiosk.brightness(OAKS_TILE);
                return isPicture(now) && (!onScreen || distance(now, onScreen) < NEAR) && now;
            });
            onScreen ??= drawn;
            const after = await elm.stats(
                (stats) => received(stats).frames_decoded >= before.frames_decoded + 5 && received(stats),
            );
            assert.equal(after.frames_damaged, 0, name);
            if (name === 'stray-bytes-before-restarts') await kiosk.keepPicture(`odd-pictures-${kind}`);
        }
        await oak.act('camera off');
        await until('no picture of oak', async () => (await pixels(page, 'oak')) === null);
        for (const [at, name] of REFUSED.entries()) {
            const from = oak.lines.length;
            await oak.act(`camera file:${await file(name, at, directory)}`);
            const reason = await oak.line((line) => line.startsWith('camera') && line.includes(name) && line, from);
            assert.match(reason, /no end|torn|progressive JPEG|arithmetic JPEG/);
            assert.equal(await pixels(page, 'oak'), null);
        }
        assert.deepEqual(page.troubles, []);

        await elm.stop();
        const recorded = picturesOf(await readFile(`${directory}/elm/record/oak.mjpeg`));
        const clean = brightnessOf(await readFile(`${PICTURES}clean.jpg`));
        for (const picture of recorded) assert.ok(distance(brightnessOf(picture), clean) < NEAR);
        // What is mended becomes the same picture.
        assert.equal(recorded.length, DIFFERENT);
    } finally {
        await elm?.stop();
        await oak?.stop();
        await browser.close();
        await kiosk.stop();
        await relay.stop();
        await remove(directory);
    }
}

test('what cameras on the market send is seen by all and recorded, each time the camera is switched on again', () =>
    seeOddPictures('jpg', async (name) => `${PICTURES}${name}.jpg`));

test('what cameras on the market send is seen by all and recorded from AVI files too, however they end', () =>
    seeOddPictures('avi', async (name, at, directory) => {
        const picture = await readFile(`${PICTURES}${name}.jpg`);
        const path = `${directory}/${name}.avi`;
        await writeFile(path, avi(KINDS[at % KINDS.length], [picture, picture, picture]));
        return path;
    }));
