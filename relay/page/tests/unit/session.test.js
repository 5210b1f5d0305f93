// A session over a relay of the test's own: links that are revoked, and who signs out while nobody answers.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { forTab } from '../../src/net/keep.js';
import { Session } from '../../src/net/session.js';
import { begin, end, pass } from './virtual_time.js';
import './web_crypto.js';

/** Null for no answer at all. @type {(request: any) => object | null} */
let answer = () => ({ ok: {} });
/** @type {any[]} */
let requests = [];
/** @type {Socket[]} */
let sockets = [];
/** Whether anybody is there. */
let isThere = true;

class Socket {
    static OPEN = 1;
    readyState = 0;
    bufferedAmount = 0;
    onopen = () => {};
    onmessage = /** @type {(message: { data: string }) => void} */ (() => {});
    onclose = () => {};

    constructor() {
        sockets.push(this);
        setTimeout(() => {
            this.readyState = isThere ? 1 : 3;
            if (isThere) this.onopen();
            else this.onclose();
        }, 1);
    }

    /** @param {string} text */
    send(text) {
        const request = JSON.parse(text);
        if (request.do === 'ping') return;
        requests.push(request);
        setTimeout(() => {
            const said = answer(request);
            if (said) this.onmessage({ data: JSON.stringify({ reply: request.id, ...said }) });
        }, 1);
    }

    close() {
        this.readyState = 3;
    }

    break() {
        this.readyState = 3;
        this.onclose();
    }
}

beforeEach(() => {
    begin();
    requests = [];
    sockets = [];
    isThere = true;
    Object.assign(globalThis, { WebSocket: Socket, document: { hidden: false } });
});
afterEach(end);

const ROOM = { id: 7, name: 'Maple', members: 1, capacity: 8, locked: false };
const self = {
    id: 1,
    username: 'ana',
    display_name: 'Ana',
    via_gateway: true,
    away: false,
    microphone: false,
    camera: false,
    clock_us: 0,
    streams: [],
};
const joined = { room: ROOM, me: 1, roster: [self] };

/** What a relay says that refuses nothing. @param {any} request */
function kind({ do: what, resume }) {
    const signedIn = { resume: 'r', resume_for_ms: 30_000, room: resume ? joined : null };
    if (what === 'sign_in') return { ok: signedIn };
    if (what === 'enter_link') return { ok: { ...signedIn, link_room: ROOM } };
    if (what === 'join_room') return { ok: joined };
    if (what === 'history') return { ok: { lines: [], more: false } };
    if (what === 'list_rooms') return { ok: { rooms: [ROOM], more: false } };
    return { ok: {} };
}

const guest = /** @type {const} */ ({ kind: 'guest', name: 'Ana', token: 'abc' });

test('a tab whose link is refused is no guest any more when it is loaded again', async () => {
    forTab.write('token', 'abc');
    answer = () => ({ refused: 'link_invalid' });
    const session = new Session('ws://relay/ws');
    const entered = session.enter(guest).then(
        () => 'entered',
        (error) => error.code,
    );
    await pass(50);
    assert.equal(await entered, 'link_invalid');
    assert.equal(session.phase, 'out');
    assert.equal(forTab.read('token'), null);
    assert.equal(forTab.read('session'), null);
});

test('a tab in which an account signs in is no guest any more', async () => {
    forTab.write('token', 'abc');
    answer = kind;
    const session = new Session('ws://relay/ws');
    void session.enter({ kind: 'account', name: 'Ana', username: 'ana', email: 'ana@example.org' });
    await pass(50);
    assert.equal(session.phase, 'lobby');
    assert.equal(forTab.read('token'), null);
    assert.notEqual(forTab.read('session'), null);
});

test('a guest who leaves while nobody answers is out at once, and the relay hears of it', async () => {
    answer = kind;
    const session = new Session('ws://relay/ws');
    void session.enter(guest);
    await pass(50);
    assert.equal(session.phase, 'room');
    isThere = false;
    sockets[0].break();
    await pass(50);
    session.leave();
    assert.equal(session.phase, 'out');
    requests = [];
    isThere = true;
    await pass(3_000);
    assert.deepEqual(
        requests.map(({ do: what }) => what),
        ['enter_link', 'leave_room', 'sign_out'],
    );
    const { length } = sockets;
    await pass(60_000);
    assert.equal(sockets.length, length, 'and then it rests');
});

test('a guest who left while nobody answers is forgotten when the relay has forgotten, too', async () => {
    answer = kind;
    const session = new Session('ws://relay/ws');
    void session.enter(guest);
    await pass(50);
    isThere = false;
    sockets[0].break();
    session.leave();
    await pass(40_000);
    const { length } = sockets;
    isThere = true;
    await pass(60_000);
    assert.equal(sockets.length, length);
    assert.equal(session.phase, 'out');
});

test('lines that are not sent are found again after a reload, and are sent under the same mark', async () => {
    answer = (request) => (request.do === 'say' ? null : kind(request));
    const session = new Session('ws://relay/ws');
    void session.enter({ kind: 'account', name: 'Ana', username: 'ana', email: 'ana@example.org' });
    await pass(50);
    void session.join(ROOM);
    await pass(50);
    session.say('hello');
    await pass(50);
    const [{ mark }] = session.own.lines;
    const again = new Session('ws://relay/ws');
    assert.ok(again.comeBack());
    /** @type {any[]} */
    const said = [];
    answer = (request) => {
        if (request.do !== 'say') return kind(request);
        said.push({ text: request.text, mark: request.mark });
        return { ok: { id: 5, at: 5 } };
    };
    await pass(50);
    assert.deepEqual(said, [{ text: 'hello', mark }]);
    assert.deepEqual(again.own.lines, []);
    assert.deepEqual(
        again.chat.lines.map(({ text }) => text),
        ['hello'],
    );
    assert.equal(forTab.read('unsent'), null);
});

test('a return that comes too often is made when the relay allows it, on the same socket', async () => {
    answer = kind;
    const session = new Session('ws://relay/ws');
    void session.enter({ kind: 'account', name: 'Ana', username: 'ana', email: 'ana@example.org' });
    await pass(50);
    let refusals = 1;
    answer = (request) => {
        if (request.do !== 'sign_in' || refusals === 0) return kind(request);
        refusals -= 1;
        return { refused: 'rate_limited', retry_after_ms: 2_000 };
    };
    sockets[0].break();
    await pass(1_900);
    assert.equal(session.connected, false);
    await pass(600);
    assert.equal(session.connected, true);
    assert.equal(sockets.length, 2);
});
