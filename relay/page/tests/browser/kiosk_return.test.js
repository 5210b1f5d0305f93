// A meeting room's screen that comes back to the room that it was in: after it was left while the network was away, and
// after another device took its name. It hears, is heard and is seen as at first.

import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
    Endpoint,
    folder,
    openBrowser,
    openPage,
    readWav,
    Relay,
    remove,
    seesMotion,
    shows,
    signIn,
    until,
} from './harness.js';
import { Kiosk } from './kiosk.js';
import { Way } from './way.js';
import { hears, told } from './witness.js';

/** A tone is louder than this, and silence is not: root of the mean square of samples of −1 to 1. */
const AUDIBLE = 0.02;

/** @type {string} */ let directory;
/** @type {Relay} */ let relay;
/** @type {Way} */ let way;
/** @type {import('playwright-core').Browser} */ let browser;
/** @type {import('./harness.js').Page} */ let ana;
/** @type {Kiosk} */ let kiosk;
/** It sends a tone. @type {Endpoint} */ let oak;

before(async () => {
    directory = await folder();
    relay = await new Relay(`${directory}/relay`).start();
    way = new Way(relay.control);
    const around = /** @type {Relay} */ (/** @type {unknown} */ ({ control: await way.listen(), data: relay.data }));
    const sound = { microphone: 'tone:880', speaker: `file:${directory}/heard.wav` };
    kiosk = await new Kiosk(around, 'maple', directory, 'pattern:320x180@5', sound).start();
    oak = new Endpoint(relay, 'oak', 'Maple', directory, ['--create']);
    await oak.line((text) => text.startsWith('joined'));
    browser = await openBrowser();
    ana = await openPage(browser, relay.url);
    await signIn(ana, 'ana');
    await ana.getByRole('button', { name: /Join Maple/ }).click();
    await shows(ana, 'Maple');
    await kiosk.touch('Join the meeting');
    await isWholeAgain();
});

after(async () => {
    await kiosk?.keepPicture('kiosk-return');
    await oak?.stop();
    await browser?.close();
    await kiosk?.stop();
    way?.close();
    await relay?.stop();
    await remove(directory);
});

/** Waits until half a second of what the kiosk plays from now on is sound. */
async function kioskHears() {
    const heard = () => readWav(`${directory}/heard.wav`);
    const { rate, samples } = await heard();
    await until('sound in the kiosk', async () => {
        const now = (await heard()).samples;
        // It begins a file again when its speaker is opened again.
        const last = now.subarray(now.length < samples.length ? 0 : samples.length).subarray(-rate / 2);
        const power = last.reduce((sum, value) => sum + value * value, 0) / (rate / 2);
        return Math.sqrt(power) > AUDIBLE;
    });
}

/** Waits until the endpoint counts more packets of the kiosk, of sound and of pictures. */
async function oakReceives() {
    /** @param {any} stats */
    const count = (stats) => {
        const { streams } = stats.participants.find((/** @type {any} */ { name }) => name === 'maple') ?? {
            streams: [],
        };
        return ['audio', 'video'].map(
            (wanted) => streams.find((/** @type {any} */ { kind }) => kind === wanted)?.packets ?? 0,
        );
    };
    const first = await oak.stats((stats) => count(stats));
    await oak.stats((stats) => count(stats).every((packets, at) => packets > first[at] + 5));
}

/** Waits until the kiosk is in the room as at first, for itself, for the endpoint and for the browser. */
async function isWholeAgain() {
    await kiosk.reads('3 people');
    await until('the kiosk in the browser', async () => (await told(ana, 'maple'))?.streams.length);
    await Promise.all([kioskHears(), oakReceives(), hears(ana, 'maple'), seesMotion(ana, 'maple')]);
    assert.deepEqual(await told(ana, 'maple'), { microphone: true, camera: true, streams: ['audio', 'camera'] });
}

for (const [name, fails] of /** @type {const} */ ([
    ['broken', 'cut'],
    ['silent', 'silence'],
])) {
    test(`who leaves on a ${name} line and enters the same room again hears, is heard and is seen, once`, async () => {
        way[fails]();
        await kiosk.reads('Reconnecting');
        await kiosk.touch('Leave');
        await kiosk.touch('Join the meeting');
        await kiosk.reads('Joining Maple');
        // Whom the relay still has in the room from before is out of it before they come again.
        const from = oak.lines.length;
        way.open();
        await oak.line((text) => text.startsWith('maple came'), from);
        await isWholeAgain();
    });
}

test('a screen whose name signed in elsewhere says so, and a touch on Join brings it back and sends the other away', async () => {
    const elsewhere = `${directory}/elsewhere`;
    await cp(`${directory}/maple`, `${elsewhere}/maple/data`, { recursive: true });
    const other = new Endpoint(relay, 'maple', 'Maple', elsewhere);
    try {
        await other.line((text) => text.startsWith('joined'));
        await kiosk.reads('The same name');
        await kiosk.touch('Join the meeting');
        await isWholeAgain();
        await other.line((text) => text.includes('signed in once more'));
        assert.notEqual(await other.ended, 0);
    } finally {
        await other.stop();
    }
});

test('nothing of this went wrong in the page', () => assert.deepEqual(ana.troubles, []));
