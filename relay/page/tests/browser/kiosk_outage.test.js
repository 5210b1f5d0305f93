// A meeting room's screen whose network goes away, and what a person does at it meanwhile: one kiosk and one relay,
// from one outage to the next.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { Endpoint, folder, Relay, remove, until } from './harness.js';
import { Kiosk } from './kiosk.js';
import { Way } from './way.js';

/** The button below the form of a new room, left of its word. */
const CREATE = '180x40+380+507';

/** @type {string} */ let directory;
/** @type {Relay} */ let relay;
/** @type {Way} */ let way;
/** @type {Kiosk} */ let kiosk;
/** @type {Endpoint} */ let oak;
/** @type {Endpoint} */ let ash;

/** A script's call. @param {string} name @param {string} room */
function call(name, room) {
    return new Endpoint(relay, name, room, directory, ['--create', '--control', 'stdin']);
}

before(async () => {
    directory = await folder();
    relay = await new Relay(`${directory}/relay`).start();
    way = new Way(relay.control);
    const around = /** @type {Relay} */ (/** @type {unknown} */ ({ control: await way.listen(), data: relay.data }));
    kiosk = await new Kiosk(around, 'maple', directory).start();
    oak = call('oak', 'Maple');
    ash = call('ash', 'Birch');
    for (const one of [oak, ash]) await one.line((text) => text.startsWith('joined'));
});

after(async () => {
    await kiosk?.keepPicture('kiosk-outage');
    await oak?.stop();
    await ash?.stop();
    await kiosk?.stop();
    way?.close();
    await relay?.stop();
    await remove(directory);
});

/** Waits until oak prints this, from now on. @param {string} text */
function oakHears(text) {
    return oak.line((printed) => printed.startsWith(text), oak.lines.length);
}

test('a touch on Join while the relay is away can be taken back, is void after a while, and nothing starts later', async () => {
    await kiosk.reads('Join the meeting');
    way.cut();
    await kiosk.reads('Trying again');
    await kiosk.touch('Join the meeting');
    await kiosk.reads('Joining Maple');
    await kiosk.touch('Cancel');
    await kiosk.touch('Join the meeting');
    await kiosk.reads('the room was not');
    const from = oak.lines.length;
    way.open();
    // Signed in again it would have joined, if that were wanted still.
    await kiosk.code();
    assert.ok(!oak.lines.slice(from).some((text) => text.startsWith('maple came')), oak.lines.slice(from).join('\n'));
});

test('a switch that was touched in an outage says that it is not so yet, and is told afterwards', async () => {
    const came = oakHears('maple came');
    await kiosk.touch('All rooms');
    await kiosk.reads('Search');
    await kiosk.touch('Maple');
    await came;
    await kiosk.reads('2 people');
    way.cut();
    await kiosk.reads('Reconnecting');
    await kiosk.touch('Camera');
    await kiosk.reads('Turning off');
    const off = oakHears('maple: camera off');
    way.open();
    await off;
});

test('what is written in an outage is shown as on its way, and arrives once', async () => {
    await kiosk.touch('Chat');
    way.cut();
    await kiosk.reads('Reconnecting');
    await kiosk.touch('Message to everyone');
    await kiosk.type('Back in a minute\n');
    await kiosk.reads('Sending');
    way.open();
    const told = async () => (await readFile(`${oak.directory}/record/chat.jsonl`, 'utf8').catch(() => '')).split('\n');
    await until('the message at oak', async () => (await told()).some((text) => text.includes('Back in a minute')));
    await kiosk.gone('Sending');
    assert.equal((await told()).filter((text) => text.includes('Back in a minute')).length, 1);
    // Beside the field: the keyboard on the screen goes.
    await kiosk.click(300, 300);
});

test('who leaves in an outage and goes to another room is in that one', async () => {
    // Nobody is told that nothing passes.
    way.silence();
    await kiosk.reads('Reconnecting');
    await kiosk.touch('Leave');
    const left = oakHears('maple left');
    const came = ash.line((text) => text.startsWith('maple came'), ash.lines.length);
    await kiosk.touch('All rooms');
    await kiosk.touch('Birch');
    await kiosk.reads('Joining Birch');
    way.open();
    await Promise.all([left, came]);
    await kiosk.reads('2 people');
    await kiosk.touch('Leave');
    await ash.line((text) => text.startsWith('maple left'));
});

test('whose place was taken in an outage is told so, and gets the next one', async () => {
    await kiosk.touch('All rooms');
    await kiosk.reads('Search');
    await kiosk.click(1045, 40);
    await until('the form of a new room', async () => (await kiosk.brightness(CREATE)).every((part) => part > 40));
    await kiosk.click(760, 455, 14);
    await kiosk.click(640, 360);
    await kiosk.type('Duo\n');
    await kiosk.reads('1 person');
    await oak.stop();
    oak = call('oak', 'Duo');
    await oak.line((text) => text.startsWith('joined; here: maple'));
    await kiosk.reads('2 people');
    // The relay gives the place of who is away to who comes.
    way.cut();
    await kiosk.reads('Reconnecting');
    const pine = await until('a place for pine', async () => {
        const one = call('pine', 'Duo');
        return one
            .line((text) => text.startsWith('joined'))
            .then(
                () => one,
                () => null,
            );
    });
    try {
        way.open();
        await kiosk.touch('Wait for a place');
        await kiosk.reads('Waiting for a place');
        const came = oakHears('maple came');
        await pine.stop();
        await came;
        await kiosk.reads('2 people');
    } finally {
        await pine.stop();
    }
});
