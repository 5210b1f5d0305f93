// A member, asked step by step, without a socket and without a clock.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Member } from '../../src/net/member.js';

const ROOM = { id: 7, name: 'Maple', members: 1, capacity: 8, locked: false };
const AUDIO = /** @type {const} */ ({ kind: 'audio' });
const CAMERA = /** @type {const} */ ({ kind: 'camera', width: 640, height: 360, fps: 24 });

/** Oneself as the relay lists one. @param {Partial<import('../../src/net/roster.js').Participant>} [how] */
const ana = (how = {}) => ({
    id: 1,
    username: 'ana',
    display_name: 'Ana',
    via_gateway: true,
    microphone: false,
    camera: false,
    clock_us: 0,
    streams: [],
    ...how,
});
/** The room with oneself in it. @param {Parameters<typeof ana>[0]} [how] */
const joined = (how) => ({ room: ROOM, me: 1, roster: [ana(how)] });

/** A member who is signed in. @param {any} [room] */
function signedIn(room = null) {
    const member = new Member();
    member.signIn();
    member.welcome({ room });
    return member;
}

/** A member in the room. */
function inside() {
    const member = signedIn();
    member.join(ROOM, '', 0);
    answer(member, joined());
    member.notices();
    return member;
}

/** What is asked for next is answered; gives what it was. @param {Member} member @param {any} [ok] @param {number} [now] */
function answer(member, ok = {}, now = 0) {
    const request = member.next(now);
    assert.ok(request, 'nothing is asked for');
    member.answered(request, ok);
    return request;
}

test('a switch that is touched while the line is down is wanted, and is made so after the return', () => {
    const member = inside();
    member.lost();
    member.switches.want('microphone', true);
    member.switches.give('microphone', AUDIO);
    assert.equal(member.next(1), null);
    assert.equal(member.state('microphone'), 'turning_on');
    assert.equal(member.streamOf('microphone'), undefined);
    member.welcome({ room: joined() });
    assert.deepEqual(answer(member, { stream: 4 }), { do: 'publish', fields: { source: 0, media: AUDIO } });
    assert.equal(member.streamOf('microphone'), undefined, 'not before the others are told');
    assert.deepEqual(answer(member), { do: 'set_devices', fields: { microphone: true, camera: false } });
    assert.equal(member.state('microphone'), 'on');
    assert.equal(member.streamOf('microphone'), 4);
    assert.equal(member.next(1), null);
});

test('a switch that was refused for coming too often is asked for again when the relay allows it', () => {
    const member = inside();
    member.switches.want('camera', true);
    member.switches.give('camera', CAMERA);
    const request = member.next(100);
    assert.equal(request?.do, 'publish');
    member.refused(/** @type {any} */ (request), { code: 'rate_limited', retryAfterMs: 700 }, 100);
    assert.equal(member.next(799), null);
    assert.equal(member.wakeAt, 800);
    assert.equal(member.state('camera'), 'turning_on');
    assert.equal(answer(member, { stream: 9 }, 800).do, 'publish');
});

test('a device that the relay does not take is off, and the page is told why', () => {
    const member = inside();
    member.switches.want('camera', true);
    member.switches.give('camera', CAMERA);
    member.refused(/** @type {any} */ (member.next(0)), { code: 'too_many' }, 0);
    assert.deepEqual(member.notices(), [{ what: 'device_refused', device: 'camera', refusal: { code: 'too_many' } }]);
    assert.equal(member.state('camera'), 'off');
    assert.equal(member.next(0), null);
});

test('a device that ends without a word is not shown any more, nor told', () => {
    const member = inside();
    member.switches.want('camera', true);
    member.switches.give('camera', CAMERA);
    answer(member, { stream: 9 });
    answer(member);
    member.switches.want('camera', false);
    member.switches.give('camera', null);
    assert.equal(member.state('camera'), 'turning_off');
    assert.deepEqual(answer(member), { do: 'unpublish', fields: { stream: 9 } });
    assert.deepEqual(answer(member), { do: 'set_devices', fields: { microphone: false, camera: false } });
    assert.equal(member.state('camera'), 'off');
});

test('who leaves while the line is down is out, and the relay hears of it after the return', () => {
    const member = inside();
    member.switches.want('camera', true);
    member.switches.give('camera', CAMERA);
    member.lost();
    member.leave();
    assert.equal(member.state('camera'), 'off');
    member.welcome({ room: joined({ camera: true, streams: [{ id: 9, source: 1, media: CAMERA }] }) });
    assert.deepEqual(answer(member), { do: 'leave_room', fields: {} });
    assert.equal(member.next(0), null);
});

test('who leaves and joins another room while the line is down leaves the first and joins the other', () => {
    const member = inside();
    member.lost();
    member.leave();
    member.join({ ...ROOM, id: 8 }, '1234', 0);
    member.welcome({ room: joined() });
    assert.deepEqual(answer(member), { do: 'leave_room', fields: {} });
    assert.deepEqual(answer(member, { ...joined(), room: { ...ROOM, id: 8 } }).fields, {
        room: 8,
        pin: '1234',
        microphone: false,
        camera: false,
    });
});

test('after a refused return the next room is told of no microphone and no camera', () => {
    const member = inside();
    member.switches.want('microphone', true);
    member.switches.give('microphone', AUDIO);
    answer(member, { stream: 4 });
    answer(member);
    member.lost();
    member.welcome({ room: null });
    const back = member.next(0);
    assert.deepEqual(back, { do: 'join_room', fields: { room: 7, microphone: true, camera: false } });
    member.refused(/** @type {any} */ (back), { code: 'room_full' }, 0);
    assert.deepEqual(member.notices(), [{ what: 'not_joined', again: true, refusal: { code: 'room_full' } }]);
    member.join({ ...ROOM, id: 8 }, '', 0);
    assert.deepEqual(member.next(0)?.fields, { room: 8, microphone: false, camera: false });
});

test('a wish to join ends after 15 s, and an answer that comes later is taken back', () => {
    const member = signedIn();
    member.join(ROOM, '', 1_000);
    const request = member.next(1_000);
    assert.equal(member.next(15_999), null);
    assert.deepEqual(member.notices(), []);
    assert.equal(member.wakeAt, 16_000);
    assert.equal(member.next(16_000), null);
    assert.deepEqual(member.notices(), [{ what: 'not_joined', again: false, refusal: { code: 'not_joined' } }]);
    member.answered(/** @type {any} */ (request), joined());
    assert.equal(member.next(16_100)?.do, 'leave_room');
});

test('who is on the way back into a room has no such limit', () => {
    const member = inside();
    member.lost();
    assert.equal(member.next(60_000), null);
    assert.deepEqual(member.notices(), []);
    member.welcome({ room: null });
    assert.equal(member.next(60_000)?.do, 'join_room');
});

test('the roster of a return is the whole truth: what is surplus goes, what is missing comes', () => {
    const member = inside();
    member.switches.want('microphone', true);
    member.switches.give('microphone', AUDIO);
    member.lost();
    member.welcome({ room: joined({ camera: true, streams: [{ id: 9, source: 1, media: CAMERA }] }) });
    assert.deepEqual(answer(member), { do: 'unpublish', fields: { stream: 9 } });
    assert.equal(answer(member, { stream: 10 }).do, 'publish');
    assert.deepEqual(answer(member), { do: 'set_devices', fields: { microphone: true, camera: false } });
    assert.equal(member.next(0), null);
});

test('a stream whose shape changed is published again', () => {
    const member = inside();
    member.switches.want('screen', true);
    member.switches.give('screen', { kind: 'screen', width: 800, height: 600, fps: 8 });
    answer(member, { stream: 3 });
    assert.equal(member.state('screen'), 'on');
    member.switches.give('screen', { kind: 'screen', width: 600, height: 800, fps: 8 });
    assert.deepEqual(answer(member), { do: 'unpublish', fields: { stream: 3 } });
    assert.equal(answer(member, { stream: 5 }).do, 'publish');
    assert.equal(member.streamOf('screen'), 5);
});

test('an answer that belongs to a lost line changes nothing', () => {
    const member = inside();
    member.leave();
    const request = member.next(0);
    member.lost();
    member.welcome({ room: joined() });
    member.answered(/** @type {any} */ (request), {});
    assert.equal(member.next(0)?.do, 'leave_room');
});

test('who waits for a place in a full room asks again when somebody left, and every few seconds', () => {
    const member = signedIn();
    member.awaitPlace(ROOM, '', 0);
    const ask = (/** @type {number} */ now) => {
        const request = member.next(now);
        if (request) member.refused(request, { code: 'room_full' }, now);
        return request?.do;
    };
    assert.equal(ask(0), 'join_room');
    assert.equal(ask(1_000), undefined);
    member.take({ event: 'room_changed', room: { ...ROOM, members: 7 } });
    assert.equal(ask(1_000), 'join_room');
    assert.equal(member.wakeAt, 6_000);
    assert.equal(ask(6_000), 'join_room');
    assert.deepEqual(member.notices(), []);
    assert.equal(ask(600_000), undefined);
    assert.deepEqual(member.notices(), [{ what: 'not_joined', again: false, refusal: { code: 'room_full' } }]);
});
