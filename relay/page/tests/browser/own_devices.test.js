// What the others are told of somebody's camera and microphone when these cannot be had any more, and when their owner
// is out of the room against their will.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import {
    createRoom,
    Endpoint,
    folder,
    openBrowser,
    openPage,
    Relay,
    remove,
    seesMotion,
    shows,
    signIn,
    until,
} from './harness.js';
import { Way } from './way.js';
import { captured, hears, told } from './witness.js';

/** @typedef {import('./harness.js').Page} Page */

const NOTHING = { microphone: false, camera: false, streams: [] };
/** The devices by their button and picker, by what the relay tells of them, and by what the page says without them. */
const DEVICES = /** @type {const} */ ([
    { name: 'Camera', kind: 'video', on: { ...NOTHING, camera: true, streams: ['camera'] } },
    { name: 'Microphone', kind: 'audio', on: { ...NOTHING, microphone: true, streams: ['audio'] } },
]);

/** Keeps the tracks, and gives none while another program is said to use the devices. */
function keepTracksUnlessInUse() {
    const tracks = /** @type {any} */ (window.captured = /** @type {MediaStreamTrack[]} */ ([]));
    const given = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => {
        if (/** @type {any} */ (window).inUse) throw new DOMException('in use', 'NotReadableError');
        const stream = await given(wanted);
        tracks.push(...stream.getTracks());
        return stream;
    };
}

/** Whether another program uses the devices. @param {Page} page @param {boolean} inUse */
function setInUse(page, inUse) {
    return page.evaluate((now) => {
        /** @type {any} */ (window).inUse = now;
    }, inUse);
}

/** @param {Page} page @param {string} device */
async function turnOn(page, device) {
    await page.getByRole('button', { name: device, exact: true }).click();
    await page.getByRole('button', { name: device, exact: true, pressed: true }).waitFor();
}

/** Waits until a page is told just this of somebody. @param {Page} page @param {string} name @param {object | null} what */
function isTold(page, name, what) {
    return until(`${JSON.stringify(what)} of ${name}`, async () => {
        const now = await told(page, name);
        return JSON.stringify(now) === JSON.stringify(what);
    });
}

/** Has a page note each thing that it is told of somebody, also for a moment. @param {Page} page @param {string} name */
async function noteAll(page, name) {
    await page.evaluate((who) => {
        const { session } = /** @type {any} */ (window).conclave;
        const noted = /** @type {any} */ (window.noted = /** @type {string[]} */ ([]));
        session.on('roster', () => {
            const person = session.roster.people().find((/** @type {any} */ { username }) => username === who);
            if (person?.microphone) noted.push('microphone');
            if (person?.camera) noted.push('camera');
            for (const { media } of person?.streams ?? []) noted.push(media.kind);
        });
    }, name);
    return () => page.evaluate(() => /** @type {any} */ (window).noted);
}

describe('of devices that are not there any more', { concurrency: false }, () => {
    /** @type {string} */ let directory;
    /** @type {Relay} */ let relay;
    /** @type {Way} */ let way;
    /** @type {import('playwright-core').Browser} */ let browser;
    /** @type {Page} */ let host;
    /** Behind the way. @type {Page} */ let ana;
    /** @type {Endpoint} */ let oak;
    let around = '';

    before(async () => {
        directory = await folder();
        relay = await new Relay(`${directory}/relay`).start();
        const url = new URL(relay.url);
        way = new Way(url.host);
        url.host = await way.listen();
        around = url.href;
        browser = await openBrowser();
        host = await openPage(browser, relay.url);
        await signIn(host, 'host');
        await createRoom(host, 'Maple');
        oak = new Endpoint(relay, 'oak', 'Maple', directory);
        await oak.line((line) => line.startsWith('joined'));
        ana = await openPage(browser, around, {}, keepTracksUnlessInUse);
        await signIn(ana, 'ana');
        await ana.getByRole('button', { name: 'Join Maple' }).click();
        await shows(ana, 'Maple');
        await isTold(host, 'ana', NOTHING);
    });
    afterEach(() => way.open());
    after(async () => {
        await oak?.stop();
        await browser?.close();
        way?.close();
        await relay?.stop();
        await remove(directory);
    });

    /** @param {string} text */
    const says = (text) => ana.locator('.banner-words', { hasText: text }).waitFor();

    /** The others see or hear it. @param {string} device */
    const arrives = (device) => (device === 'Camera' ? seesMotion(host, 'ana') : hears(host, 'ana'));

    for (const { name, kind, on } of DEVICES) {
        test(`a ${name.toLowerCase()} that cannot be opened again is off for everybody, until it can`, async () => {
            await turnOn(ana, name);
            await isTold(host, 'ana', on);
            await arrives(name);
            const from = oak.lines.length;
            await setInUse(ana, true);
            const settings = ana.getByRole('button', { name: 'Settings' });
            if (!(await settings.isVisible())) await ana.getByRole('button', { name: 'More' }).click();
            await settings.click();
            const picker = ana.getByLabel(name, { exact: true }).and(ana.locator('select'));
            const chosen = await picker.inputValue();
            const others = picker.locator('option');
            await until('another device', async () => (await others.count()) > 1);
            const values = await others.evaluateAll((all) =>
                all.map((one) => /** @type {HTMLOptionElement} */ (one).value),
            );
            await picker.selectOption(/** @type {string} */ (values.find((value) => value !== chosen)));
            await oak.line((line) => line === `ana: ${name.toLowerCase()} off`, from);
            await isTold(host, 'ana', NOTHING);
            await ana.keyboard.press('Escape');
            await says(`Another program uses the ${name.toLowerCase()}.`);
            await ana.getByRole('button', { name, exact: true, pressed: false }).waitFor();
            assert.equal(await captured(ana), 0);

            await setInUse(ana, false);
            await turnOn(ana, name);
            await isTold(host, 'ana', on);
            await arrives(name);
        });

        test(`a ${name.toLowerCase()} that is unplugged is off for everybody`, async () => {
            const from = oak.lines.length;
            await ana.evaluate((wanted) => {
                const tracks = /** @type {MediaStreamTrack[]} */ (/** @type {any} */ (window).captured);
                const lost = tracks.find((track) => track.kind === wanted && track.readyState === 'live');
                lost?.dispatchEvent(new Event('ended'));
            }, kind);
            await oak.line((line) => line === `ana: ${name.toLowerCase()} off`, from);
            await isTold(host, 'ana', NOTHING);
            await says(`The ${name.toLowerCase()} does not answer.`);
            await ana.getByRole('button', { name, exact: true, pressed: false }).waitFor();
        });
    }

    test('who signed in elsewhere and comes back is said to have everything off, as it is', async () => {
        for (const { name } of DEVICES) await turnOn(ana, name);
        await isTold(host, 'ana', { microphone: true, camera: true, streams: ['audio', 'camera'] });
        const other = Object.assign(await ana.context().newPage(), { troubles: [] });
        await other.goto(around);
        await signIn(other, 'ana');
        await ana.getByText('The same name signed in on another device').waitFor();
        await isTold(host, 'ana', null);
        const noted = await noteAll(host, 'ana');
        const from = oak.lines.length;
        await ana.getByRole('button', { name: 'Use it here' }).click();
        await shows(ana, 'Maple');
        await isTold(host, 'ana', NOTHING);
        await isOff();
        assert.deepEqual(await noted(), []);
        assert.ok(!oak.lines.slice(from).some((line) => /^ana: .* on$/.test(line)));
        await other.close();
    });

    /** Nothing is captured, and the page says so. */
    async function isOff() {
        for (const { name } of DEVICES) await ana.getByRole('button', { name, exact: true, pressed: false }).waitFor();
        assert.equal(await captured(ana), 0);
    }

    test('who lost their place while away is said to have everything off in the next room, as it is', async () => {
        const [ben, cem] = await Promise.all(
            ['ben', 'cem'].map(async (name) => {
                const page = await openPage(browser, relay.url);
                await signIn(page, name);
                return page;
            }),
        );
        await ben.getByRole('button', { name: 'New room' }).click();
        await ben.getByLabel('Name of the room').fill('Duo');
        for (let places = 16; places > 2; places -= 1) await ben.getByRole('button', { name: 'Fewer people' }).click();
        await ben.getByRole('button', { name: 'Create', exact: true }).click();
        await shows(ben, 'Duo');
        await ana.getByRole('button', { name: 'Leave' }).click();
        await ana.getByRole('button', { name: 'Join Duo' }).click();
        await shows(ana, 'Duo');
        for (const { name } of DEVICES) await turnOn(ana, name);
        await isTold(ben, 'ana', { microphone: true, camera: true, streams: ['audio', 'camera'] });

        way.cut();
        await ana.getByText('The connection was lost.').waitFor();
        await cem.getByRole('button', { name: 'Join Duo' }).click();
        await cem.getByRole('button', { name: 'Wait for a place' }).click();
        await shows(cem, 'Duo');
        way.open();
        await shows(ana, 'Rooms');
        await ana.getByText('The room is full.', { exact: true }).waitFor();
        assert.equal(await captured(ana), 0);

        const noted = await noteAll(host, 'ana');
        const from = oak.lines.length;
        await ana.getByRole('button', { name: 'Join Maple' }).click();
        await shows(ana, 'Maple');
        await isTold(host, 'ana', NOTHING);
        await isOff();
        assert.deepEqual(await noted(), []);
        await oak.line((line) => line === 'ana came', from);
        assert.ok(!oak.lines.slice(from).some((line) => /^ana: .* on$/.test(line)));
        for (const page of [ben, cem]) assert.deepEqual(page.troubles, []);
    });

    test('nothing of this went wrong in a page', () => {
        assert.deepEqual(host.troubles, []);
        assert.deepEqual(ana.troubles, []);
    });
});
