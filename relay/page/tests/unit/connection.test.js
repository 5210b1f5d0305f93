// The line to the gateway in virtual time: the socket, the timers and the clock are the test's.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { linkUrl, socketUrl } from '../../src/net/address.js';
import { Connection } from '../../src/net/connection.js';
import { begin, end, pass, sleep } from './virtual_time.js';

/** @type {Socket[]} */
let sockets = [];
let hidden = false;

/** A socket that does what the test says. */
class Socket {
    static OPEN = 1;
    readyState = 0;
    bufferedAmount = 0;
    /** Whether the other side answers. */
    answers = true;
    pings = 0;
    closed = false;
    /** @type {(() => void) | undefined} */
    onopen;
    /** @type {((event: { data: unknown }) => void) | undefined} */
    onmessage;
    /** @type {(() => void) | undefined} */
    onclose;

    /** @param {string} url */
    constructor(url) {
        this.url = url;
        sockets.push(this);
    }

    open() {
        this.readyState = 1;
        this.onopen?.();
    }

    /** @param {string} text */
    send(text) {
        const { sent, do: what } = JSON.parse(text);
        if (what !== 'ping') return;
        this.pings += 1;
        if (this.answers) this.onmessage?.({ data: JSON.stringify({ pong: sent, relay_us: 0 }) });
    }

    close() {
        this.closed = true;
        this.readyState = 3;
    }
}

beforeEach(() => {
    begin();
    sockets = [];
    hidden = false;
    Object.assign(globalThis, {
        WebSocket: Socket,
        document: {
            get hidden() {
                return hidden;
            },
        },
    });
});

afterEach(end);

/** @returns {Promise<{ line: Connection, losses: boolean[] }>} */
async function connect() {
    /** @type {boolean[]} */
    const losses = [];
    const line = new Connection('wss://relay/ws', {
        event: () => {},
        media: () => {},
        pong: () => {},
        opened: async () => {},
        lost: (opened) => losses.push(opened),
    });
    line.open();
    sockets[0].open();
    await Promise.resolve();
    return { line, losses };
}

test('a hidden tab whose timers come once a minute stays connected, however quiet its room is', async () => {
    const { losses } = await connect();
    hidden = true;
    await pass(60 * 60_000, 60_000);
    assert.deepEqual(losses, []);
    assert.equal(sockets.length, 1);
    assert.ok(sockets[0].pings >= 60, `${sockets[0].pings} pings`);
});

test('a machine that slept asks before it believes that nobody is there', async () => {
    const { losses } = await connect();
    await pass(4_000);
    // Asleep: nothing comes and no timer runs.
    sleep(8 * 60 * 60_000);
    await pass(60_000);
    assert.deepEqual(losses, []);
});

test('a relay that answers no more is noticed within 20 s', async () => {
    const { losses } = await connect();
    sockets[0].answers = false;
    await pass(20_000);
    assert.deepEqual(losses, [true]);
    assert.ok(sockets[0].closed);
});

test('it is noticed in a hidden tab as well', async () => {
    const { losses } = await connect();
    sockets[0].answers = false;
    hidden = true;
    await pass(3 * 60_000, 60_000);
    assert.equal(losses[0], true);
});

test('it is noticed after sleep as well', async () => {
    const { losses } = await connect();
    await pass(1_000);
    sockets[0].answers = false;
    sleep(60 * 60_000);
    await pass(20_000);
    assert.equal(losses[0], true);
});

test('a hidden tab comes back at once, since its timers may come after its place is gone', async () => {
    await connect();
    await pass(1_000);
    hidden = true;
    sockets[0].onclose?.();
    assert.equal(sockets.length, 2, 'without a timer');
    // But not again and again.
    sockets[1].onclose?.();
    assert.equal(sockets.length, 2);
});

test('a socket that never opened is told apart from one that broke', async () => {
    const { losses } = await connect();
    sockets[0].onclose?.();
    await pass(2_000);
    sockets[1].onclose?.();
    assert.deepEqual(losses, [true, false]);
});

test('the socket is beside the page, also where a proxy serves it below a path', () => {
    assert.equal(socketUrl('https://relay:7480/'), 'wss://relay:7480/ws');
    assert.equal(socketUrl('https://relay:7480/?a=b#j=c'), 'wss://relay:7480/ws');
    assert.equal(socketUrl('https://meet.example/meet/'), 'wss://meet.example/meet/ws');
    assert.equal(socketUrl('http://127.0.0.1:7480/meet/index.html'), 'ws://127.0.0.1:7480/meet/ws');
});

test('a link leads to the same page, and one that is whole stays as it is', () => {
    assert.equal(linkUrl('/#j=abc', 'https://meet.example/meet/'), 'https://meet.example/meet/#j=abc');
    assert.equal(linkUrl('/#j=abc', 'https://relay:7480/'), 'https://relay:7480/#j=abc');
    assert.equal(linkUrl('https://calls.example/x/#j=abc', 'https://relay:7480/'), 'https://calls.example/x/#j=abc');
});
