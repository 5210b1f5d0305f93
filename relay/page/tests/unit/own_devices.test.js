// Camera and microphone that open, fail and are exchanged: what the session is told of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeviceError } from '../../src/media/device_error.js';
import { Signal } from '../../src/net/signal.js';
import { OwnDevices } from '../../src/ui/own_devices.js';

const CAMERA = { kind: 'camera', width: 640, height: 360, fps: 24 };

/** A session in a room, which remembers what it was told. */
class Session extends Signal {
    phase = 'room';
    room = /** @type {object | null} */ ({ id: 7 });
    connected = true;
    waitingBytes = 0;
    wanted = new Map();
    given = new Map();

    /** @param {string} device */
    wants(device) {
        return this.wanted.get(device) ?? false;
    }

    /** @param {string} device @param {boolean} on */
    want(device, on) {
        this.wanted.set(device, on);
    }

    /** @param {string} device @param {object | null} media */
    give(device, media) {
        this.given.set(device, media);
    }

    take() {}
}

/** A device of which the test says how it opens. */
class Fake extends Signal {
    media = CAMERA;
    isOn = false;
    captured = false;
    opened = 0;
    /** @type {Error | null} */
    error = null;

    /** @param {boolean} isOnWhenOpen */
    constructor(isOnWhenOpen) {
        super();
        this.isOnWhenOpen = isOnWhenOpen;
    }

    async open() {
        await Promise.resolve();
        if (this.error) throw this.error;
        if (!this.captured) this.opened += 1;
        this.captured = true;
        if (this.isOnWhenOpen) this.isOn = true;
        return true;
    }

    close() {
        this.captured = this.isOn = false;
    }
}

function devices() {
    const session = new Session();
    const microphone = new Fake(false);
    const camera = new Fake(true);
    const fakes = { microphone, camera, screen: new Fake(true) };
    const own = new OwnDevices(/** @type {any} */ (session), /** @type {any} */ (fakes));
    /** @type {string[]} */
    const problems = [];
    own.on('problem', (word) => word && problems.push(word));
    session.tell('phase', null);
    return { session, own, problems, microphone, camera };
}

test('a camera that cannot be opened again is off, and everybody is told', async () => {
    const { session, own, problems, camera } = devices();
    await own.set('camera', true);
    assert.deepEqual(session.given.get('camera'), CAMERA);
    camera.error = new DeviceError('camera_in_use');
    await own.reopen('camera');
    assert.equal(session.wants('camera'), false);
    assert.equal(session.given.get('camera'), null);
    assert.equal(camera.captured, false);
    assert.deepEqual(problems, ['camera_in_use']);
});

test('a microphone that ends by itself is off, and everybody is told', async () => {
    const { session, own, problems, microphone } = devices();
    await own.set('microphone', true);
    microphone.tell('lost', null);
    assert.equal(session.wants('microphone'), false);
    assert.equal(session.given.get('microphone'), null);
    assert.deepEqual(problems, ['microphone_lost']);
});

test('a switch that is touched again while the device opens ends where it was touched last', async () => {
    const { session, own, camera } = devices();
    const opened = own.set('camera', true);
    void own.set('camera', false);
    void own.set('camera', true);
    void own.set('camera', false);
    await opened;
    assert.equal(camera.isOn, false);
    assert.equal(session.given.get('camera'), null);
});

test('another microphone that is chosen during a trial is the one that is tried', async () => {
    const { session, own, microphone } = devices();
    await own.tryMicrophone();
    assert.equal(microphone.opened, 1);
    await own.reopen('microphone');
    assert.equal(microphone.opened, 2);
    assert.equal(microphone.captured, true, 'the trial goes on');
    assert.equal(microphone.isOn, false);
    assert.equal(session.given.get('microphone') ?? null, null, 'and nothing of it leaves the page');
    microphone.error = new DeviceError('microphone_missing');
    await own.reopen('microphone');
    assert.equal(own.failure?.word, 'microphone_missing');
    own.endTrial();
    assert.equal(microphone.captured, false);
});

test('another microphone that is chosen while it is off in a room is the one that is listened to', async () => {
    const { session, own, microphone } = devices();
    await own.set('microphone', true);
    await own.set('microphone', false);
    await own.reopen('microphone');
    assert.equal(microphone.opened, 2);
    assert.equal(microphone.captured, true);
    assert.equal(microphone.isOn, false);
    assert.equal(session.given.get('microphone'), null);
});

test('what cannot be fetched while the connection is lost is tried again when it is back', async () => {
    const { session, own, problems, microphone } = devices();
    session.connected = false;
    microphone.error = new Error('Failed to load worklet module script');
    await own.set('microphone', true);
    assert.equal(session.wants('microphone'), true);
    assert.equal(microphone.captured, false);
    microphone.error = null;
    session.connected = true;
    session.tell('joined', null);
    await new Promise((done) => {
        setImmediate(done);
    });
    assert.equal(microphone.isOn, true);
    assert.deepEqual(session.given.get('microphone'), { kind: 'audio' });
    assert.deepEqual(problems, []);
});

test('what could not be fetched just when the connection came back is tried once more, and not for ever', async () => {
    const { session, own, problems, microphone } = devices();
    microphone.error = new Error('Failed to load worklet module script');
    const opened = own.set('microphone', true);
    await Promise.resolve();
    microphone.error = null;
    await opened;
    assert.equal(microphone.isOn, true);
    await own.set('microphone', false);
    microphone.close();
    microphone.error = new Error('there is no such file');
    const { error } = console;
    console.error = () => {};
    await own.set('microphone', true);
    console.error = error;
    assert.equal(session.wants('microphone'), false);
    assert.deepEqual(problems, ['program_failed']);
});

test('out of the room everything is released, also what was just being opened', async () => {
    const { session, own, microphone, camera } = devices();
    await own.set('camera', true);
    const opened = own.set('microphone', true);
    session.wanted.clear();
    session.phase = 'lobby';
    session.room = null;
    session.tell('phase', null);
    await opened;
    assert.equal(camera.captured, false);
    assert.equal(microphone.captured, false);
});
