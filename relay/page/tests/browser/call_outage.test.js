// What an endpoint in a call misses while its network is away, and has afterwards: whole, and each time.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { createRoom, Endpoint, folder, openBrowser, openPage, Relay, remove, signIn, until } from './harness.js';
import { Way } from './way.js';

/** More lines than a page of the history has. */
const LINES = 45;

/** @type {string} */ let directory;
/** @type {Relay} */ let relay;
/** @type {import('playwright-core').Browser} */ let browser;
/** @type {import('./harness.js').Page} */ let ben;
/** @type {Way} */ let way;
/** @type {Endpoint} */ let oak;
/** Behind the way. @type {Endpoint} */ let pine;

const CONTROL = ['--control', 'stdin'];

before(async () => {
    directory = await folder();
    relay = await new Relay(`${directory}/relay`).start();
    way = new Way(relay.control);
    const around = /** @type {Relay} */ (/** @type {unknown} */ ({ control: await way.listen(), data: relay.data }));
    browser = await openBrowser();
    ben = await openPage(browser, relay.url);
    await signIn(ben, 'ben');
    await createRoom(ben, 'Cedar');
    oak = new Endpoint(relay, 'oak', 'Cedar', directory, CONTROL);
    await oak.line((line) => line.startsWith('joined'));
    pine = new Endpoint(around, 'pine', 'Cedar', directory, CONTROL);
    await pine.line((line) => line.startsWith('joined'));
});

after(async () => {
    await oak?.stop();
    await pine?.stop();
    await browser?.close();
    way?.close();
    await relay?.stop();
    await remove(directory);
});

/** The network of `pine` is away while this happens. @param {() => Promise<void>} meanwhile */
async function outage(meanwhile) {
    const lost = pine.line((line) => line.startsWith('connection lost'), pine.lines.length);
    way.cut();
    await lost;
    await meanwhile();
    const back = pine.line((line) => line.startsWith('back in the room'), pine.lines.length);
    way.open();
    await back;
}

/**
 * Somebody's streams as `pine` counts them. @param {any} stats @param {string} name @param {string} kind
 * @returns {any[]}
 */
function streams(stats, name, kind) {
    const people = stats.participants.filter((/** @type {any} */ person) => person.name === name);
    return people.flatMap((/** @type {any} */ person) =>
        person.streams.filter((/** @type {any} */ stream) => stream.kind === kind),
    );
}

/** Waits until more of somebody's packets have come. @param {string} name @param {string} kind */
async function grows(name, kind) {
    const count = (/** @type {any} */ stats) =>
        streams(stats, name, kind).reduce((sum, { packets }) => sum + packets, 0);
    const first = await pine.stats((stats) => ({ packets: count(stats) }));
    await pine.stats((stats) => count(stats) > first.packets + 5);
}

test('sound and pictures of everyone go on after each outage, keys included', async () => {
    await grows('oak', 'audio');
    for (let time = 0; time < 2; time += 1) {
        await outage(async () => {});
        await grows('oak', 'audio');
        await grows('oak', 'video');
    }
});

test('lines missed in an outage are all told, once and in order', async () => {
    const written = Array.from({ length: LINES }, (_, number) => `line ${number}`);
    await outage(async () => {
        for (const line of written) await oak.act(`say ${line}`);
    });
    const recorded = async () => {
        const text = await readFile(`${pine.directory}/record/chat.jsonl`, 'utf8').catch(() => '');
        return text.split('\n').flatMap((line) => /line \d+/.exec(line)?.[0] ?? []);
    };
    await until('the last line', async () => (await recorded()).includes(`line ${LINES - 1}`));
    assert.deepEqual(await recorded(), written);
});

test('who came and who left in an outage is told after it', async () => {
    const ash = new Endpoint(relay, 'ash', 'Cedar', directory, CONTROL);
    await pine.line((line) => line === 'ash came');
    const from = pine.lines.length;
    let elm = /** @type {Endpoint | null} */ (null);
    await outage(async () => {
        await ash.act('leave').catch(() => {});
        await ash.ended;
        elm = new Endpoint(relay, 'elm', 'Cedar', directory, CONTROL);
        await elm.line((line) => line.startsWith('joined'));
    });
    await pine.line((line) => line === 'ash left', from);
    await pine.line((line) => line === 'elm came', from);
    await elm?.stop();
});

test('a camera that a browser switches off and on in an outage is seen after it, and nothing counts as lost', async () => {
    await ben.keyboard.press('v');
    await grows('ben', 'video');
    for (let time = 0; time < 2; time += 1) {
        await outage(async () => {
            for (const state of ['off', 'on']) {
                const told = oak.line((line) => line === `ben: camera ${state}`, oak.lines.length);
                await ben.keyboard.press('v');
                await told;
            }
        });
        await grows('ben', 'video');
    }
    const lost = await pine.stats((stats) => ({
        packets: streams(stats, 'ben', 'video').reduce((sum, { packets_lost }) => sum + packets_lost, 0),
    }));
    assert.ok(lost.packets < 1000, `${lost.packets} packets of a camera that was off count as lost`);
});
