// What one does in a call beside being there: sharing, taking links back, speaking in vain, changing devices.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
    createRoom,
    folder,
    joinByLink,
    makeLink,
    openBrowser,
    openPage,
    pixels,
    Relay,
    remove,
    seesMotion,
    shows,
    signIn,
    tile,
    until,
} from './harness.js';

/** @typedef {import('./harness.js').Page} Page */

/** Has every microphone hum without a pause, which Chromium's own does not. */
function hum() {
    const given = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => {
        if (!wanted?.audio) return given(wanted);
        const context = new AudioContext();
        const destination = context.createMediaStreamDestination();
        const voice = new OscillatorNode(context, { type: 'sawtooth', frequency: 180 });
        voice.connect(new GainNode(context, { gain: 0.5 })).connect(destination);
        voice.start();
        return destination.stream;
    };
}

/** The names of the devices that the page captures from now. @param {Page} page */
function captured(page) {
    return page.evaluate(() =>
        /** @type {any} */ (window).captured
            .filter((/** @type {MediaStreamTrack} */ { readyState }) => readyState === 'live')
            .map((/** @type {MediaStreamTrack} */ { kind, label }) => `${kind} ${label}`)
            .sort(),
    );
}

/** Keeps every track that the page is given. */
function keepTracks() {
    const tracks = /** @type {any} */ (window.captured = /** @type {MediaStreamTrack[]} */ ([]));
    for (const ask of /** @type {const} */ (['getUserMedia', 'getDisplayMedia'])) {
        const given = navigator.mediaDevices[ask].bind(navigator.mediaDevices);
        navigator.mediaDevices[ask] = async (wanted) => {
            const stream = await given(wanted);
            tracks.push(...stream.getTracks());
            return stream;
        };
    }
}

describe('in a call', { concurrency: false }, () => {
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
    let link = '';

    const here = (/** @type {string} */ url) => new URL(new URL(url).hash, relay.url).href;

    before(async () => {
        directory = await folder();
        relay = await new Relay(`${directory}/relay`).start();
        browser = await openBrowser();
        host = await openPage(browser, relay.url, {}, keepTracks);
        await signIn(host, 'host');
        await createRoom(host, 'Maple');
        link = await makeLink(host);
        guest = await openPage(browser, here(link), {}, hum);
        await joinByLink(guest, 'phone', 'Maple');
    });
    after(async () => {
        await browser?.close();
        await relay?.stop();
        await remove(directory);
    });

    test("a screen is shared as a picture of its own, beside the camera's", async () => {
        await host.getByRole('button', { name: 'Camera' }).click();
        await host.getByRole('button', { name: 'Share the screen' }).click();
        await host.getByRole('button', { name: 'Share the screen', pressed: true }).waitFor();
        await seesMotion(guest, 'Screen of host');
        await seesMotion(guest, /^host$/);
        // It stands large, the people beside it.
        const [large, small] = await Promise.all(
            ['Screen of host', 'phone'].map((name) => tile(guest, name).boundingBox()),
        );
        assert.ok(large && small && large.width > 2 * small.width, `${large?.width} and ${small?.width}`);
        const streams = await guest.evaluate(() =>
            /** @type {any} */ (window).conclave.session.roster
                .people()
                .flatMap((/** @type {any} */ { streams }) => streams.map((/** @type {any} */ { media }) => media.kind))
                .sort(),
        );
        assert.deepEqual(streams, ['camera', 'screen']);
        await host.getByRole('button', { name: 'Share the screen' }).click();
        await tile(guest, 'Screen of host').waitFor({ state: 'detached' });
        await seesMotion(guest, /^host$/);
    });

    test('a screen that its owner ends in the browser is not shared any more', async () => {
        await host.getByRole('button', { name: 'Share the screen' }).click();
        await tile(guest, 'Screen of host').waitFor();
        await host.evaluate(() => /** @type {any} */ (window).captured.at(-1).dispatchEvent(new Event('ended')));
        await tile(guest, 'Screen of host').waitFor({ state: 'detached' });
        await host.getByRole('button', { name: 'Share the screen', pressed: false }).waitFor();
    });

    test('another camera and another microphone are used at once, and no longer the ones before', async () => {
        await host.getByRole('button', { name: 'Microphone' }).click();
        await host.getByRole('button', { name: 'Microphone', pressed: true }).waitFor();
        const first = await captured(host);
        assert.equal(first.length, 2, `${first}`);
        await host.getByRole('button', { name: 'More' }).click();
        await host.getByRole('button', { name: 'Settings' }).click();
        for (const [picker, kind] of [
            ['Camera', 'video'],
            ['Microphone', 'audio'],
        ]) {
            const select = host.getByLabel(picker, { exact: true }).and(host.locator('select'));
            const names = await select.locator('option').allTextContents();
            const other = names.find((name) => name !== 'Automatic' && !first.includes(`${kind} ${name}`));
            assert.ok(other, `${kind}: ${names}, of which ${first} are used`);
            await select.selectOption({ label: other });
            await host.waitForFunction(
                (wanted) =>
                    /** @type {any} */ (window).captured
                        .filter((/** @type {MediaStreamTrack} */ { readyState }) => readyState === 'live')
                        .some((/** @type {MediaStreamTrack} */ { kind, label }) => `${kind} ${label}` === wanted),
                `${kind} ${other}`,
            );
        }
        const second = await captured(host);
        assert.equal(second.length, 2, `${second}`);
        assert.ok(
            second.every((name) => !first.includes(name)),
            `${first} and then ${second}`,
        );
        await host.keyboard.press('Escape');
        await host.getByRole('button', { name: 'Microphone', pressed: true }).waitFor();
        // Chromium's first camera is green, its second one dark.
        await until("the other camera's picture", async () => {
            const points = await pixels(guest, /^host$/);
            return (
                points &&
                points.filter((_, at) => at % 4 === 1).reduce((sum, green) => sum + green) / (points.length / 4) < 60
            );
        });
        const streams = await guest.evaluate(() =>
            /** @type {any} */ (window).conclave.session.roster
                .people()
                .flatMap((/** @type {any} */ { streams }) => streams.map((/** @type {any} */ { media }) => media.kind))
                .sort(),
        );
        assert.deepEqual(streams, ['audio', 'camera'], 'the ones before are still listed');
    });

    test('who speaks while the microphone is off is told, and is heard by one touch', async () => {
        await guest.getByRole('button', { name: 'Microphone' }).click();
        await guest.getByRole('button', { name: 'Microphone', pressed: true }).waitFor();
        await guest.getByRole('button', { name: 'Microphone' }).click();
        await guest.getByText('Nobody hears you: the microphone is off.').waitFor();
        await tile(host, 'phone').locator('.plate .icon:not([hidden])').waitFor();
        await guest.getByRole('button', { name: 'Turn the microphone on' }).click();
        await guest.locator('.banner').waitFor({ state: 'hidden' });
        await tile(host, 'phone').locator('.plate .icon[hidden]').waitFor({ state: 'attached' });
        await host.locator('.tile.speaking', { hasText: 'phone' }).waitFor();
    });

    test('links that are ended let nobody in any more, and who is there stays', async () => {
        if (!(await host.getByRole('button', { name: 'End all links' }).isVisible()))
            await host.getByRole('button', { name: 'More' }).click();
        await host.getByRole('button', { name: 'End all links' }).click();
        await host.getByText('All links of this room have ended.').waitFor();
        const late = await openPage(browser, here(link));
        await late.getByLabel('Name', { exact: true }).fill('late');
        await late.getByRole('button', { name: 'Join' }).click();
        await late.getByText('This link is no longer valid. Ask for a new one.').waitFor();
        // Nor does the tab stay a guest's for it.
        await late.getByRole('button', { name: 'Sign in with an account' }).click();
        await late.getByLabel('Email').waitFor();
        await shows(guest, 'Maple');
        await host.keyboard.press('Escape');
        const fresh = await openPage(browser, here(await makeLink(host)));
        await joinByLink(fresh, 'fresh', 'Maple');
        for (const page of [late, fresh]) await page.context().close();
    });

    test('nothing of this went wrong in a page', () => {
        assert.deepEqual(host.troubles, []);
        assert.deepEqual(guest.troubles, []);
    });
});
