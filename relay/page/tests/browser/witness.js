// What a page captures, hears, and is told of others, beneath what it shows.

import { until } from './harness.js';

/** @typedef {import('./harness.js').Page} Page */

/** Has a page keep every track that it is given; run in the page before its own modules. */
export function keepTracks() {
    const tracks = /** @type {any} */ (window.captured = /** @type {MediaStreamTrack[]} */ ([]));
    const given = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => {
        const stream = await given(wanted);
        tracks.push(...stream.getTracks());
        return stream;
    };
}

/** How many devices a page that keeps its tracks captures from now. @param {Page} page @returns {Promise<number>} */
export function captured(page) {
    return page.evaluate(
        () =>
            /** @type {any} */ (window).captured.filter(
                (/** @type {MediaStreamTrack} */ { readyState }) => readyState === 'live',
            ).length,
    );
}

/** Waits for a frame of somebody's sound. @param {Page} page @param {string} name */
export async function hears(page, name) {
    await page.evaluate((who) => {
        const { session } = /** @type {any} */ (window).conclave;
        const heard = /** @type {any} */ (window.heard = { [who]: false });
        session.on('frame', (/** @type {any} */ { kind, stream }) => {
            if (kind === 0 && session.roster.ownerOf(stream)?.username === who) heard[who] = true;
        });
    }, name);
    await until(`sound of ${name}`, () => page.evaluate((who) => /** @type {any} */ (window).heard[who], name));
}

/** How somebody's devices are told to a page; null while they are not there. @param {Page} page @param {string} name */
export function told(page, name) {
    return page.evaluate((who) => {
        const people = /** @type {any} */ (window).conclave.session.roster.people();
        const person = people.find((/** @type {any} */ { username }) => username === who);
        return person
            ? {
                  microphone: person.microphone,
                  camera: person.camera,
                  streams: person.streams.map((/** @type {any} */ { media }) => media.kind).sort(),
              }
            : null;
    }, name);
}
