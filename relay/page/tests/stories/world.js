// One run of a story: the page's own way with the relay and its devices, a relay, two others, and an outage at one
// step.

import assert from 'node:assert/strict';
import { Session } from '../../src/net/session.js';
import { Signal } from '../../src/net/signal.js';
import { DEVICES } from '../../src/net/switches.js';
import { OwnDevices } from '../../src/ui/own_devices.js';
import { begin, end, leap } from '../unit/virtual_time.js';
import { Network } from './network.js';
import { RelayModel } from './relay_model.js';

/** @typedef {{ name: string, capacity: number, pin: string | null, steps: any[][] }} Story */
/** @typedef {{ step: number, ms: number, kind: 'cut' | 'silent', seed: number }} Outage */
/** @typedef {import('../../src/net/switches.js').Device} Device */

/** Between two steps. */
const STEP_MS = 300;
/** After this nothing is under way any more: the longest wait for a socket and the longest wish are over. */
const SETTLE_MS = 40_000;
/** The relay comes back after so long. */
const RESTART_MS = 800;
const OPEN_MS = 20;
const FRAME_MS = 250;

/** @type {Record<Device, any>} */
const MEDIA = {
    microphone: { kind: 'audio' },
    camera: { kind: 'camera', width: 640, height: 360, fps: 24 },
    screen: { kind: 'screen', width: 1280, height: 720, fps: 8 },
};

/** A device that takes a moment to open. */
class Fake extends Signal {
    isOn = false;
    captured = false;
    isTaken = false;

    /** @param {Device} device */
    constructor(device) {
        super();
        this.device = device;
        this.media = MEDIA[device];
    }

    async open() {
        await new Promise((done) => {
            setTimeout(() => done(null), OPEN_MS);
        });
        this.captured = true;
        if (this.device !== 'microphone') this.isOn = true;
        return true;
    }

    close() {
        this.captured = this.isOn = false;
    }
}

/** A row of numbers from 0 to 1 that is the same for the same seed. @param {number} seed */
function numbers(seed) {
    let state = seed;
    return () => {
        state = (state + 0x6d2b79f5) | 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
}

/** Who takes part without a page. */
class Other {
    isIn = false;
    /** @type {Record<Device, boolean>} */
    devices = { microphone: false, camera: false, screen: false };

    /** @param {RelayModel} relay @param {string} account */
    constructor(relay, account) {
        this.relay = relay;
        this.account = account;
    }

    get session() {
        return this.relay.sessions.get(this.account) ?? this.relay.signIn(this.account, undefined, deaf);
    }

    /** @param {any} request */
    ask(request) {
        try {
            return this.relay.act(this.session, request);
        } catch {
            return null;
        }
    }

    enter() {
        const { pin } = this.relay;
        this.isIn = this.ask({ do: 'join_room', pin, microphone: false, camera: false }) !== null || this.isIn;
        this.tellDevices();
    }

    leave() {
        this.isIn = false;
        this.ask({ do: 'leave_room' });
        this.devices = { microphone: false, camera: false, screen: false };
    }

    tellDevices() {
        const { membership } = this.session;
        if (!membership) return;
        for (const [source, device] of DEVICES.entries()) {
            const there = membership.streams.find((stream) => stream.source === source);
            if (this.devices[device] && !there) this.ask({ do: 'publish', source, media: MEDIA[device] });
            if (!this.devices[device] && there) this.ask({ do: 'unpublish', stream: there.id });
        }
        this.ask({ do: 'set_devices', ...this.devices });
    }

    /** @param {Device} device @param {boolean} on */
    turn(device, on) {
        this.devices[device] = on && this.isIn;
        this.tellDevices();
    }

    /** @param {string} text */
    say(text) {
        this.ask({ do: 'say', text, mark: Math.floor(Math.random() * 2 ** 53) });
    }
}

const deaf = { tell: () => {}, close: () => {} };

/** @type {Record<string, Device>} */
const SWITCHES = { microphone: 'microphone', camera: 'camera', share: 'screen' };

export class World {
    now = () => performance.now();
    /** Whether one wants to be in the room. */
    isWanted = false;
    /** What was touched last. @type {Record<Device, boolean>} */
    wanted = { microphone: false, camera: false, screen: false };
    /** Why one is not in it. @type {string | null} */
    reason = null;
    #tries = 0;
    /** @type {string[]} */
    typed = [];
    /** Lines of others that were told as new. @type {number[]} */
    fresh = [];
    /** What was seen that must never be. @type {string[]} */
    wrongs = [];

    /** @param {Story} story @param {Outage} outage */
    constructor(story, outage) {
        this.story = story;
        this.outage = outage;
        const random = numbers(outage.seed);
        const refuses = () => (random() < 0.04 ? 200 + Math.floor(random() * 1300) : null);
        this.relay = new RelayModel(story, this.now, refuses);
        this.network = new Network(this.relay);
        this.others = { other: new Other(this.relay, 'other'), third: new Other(this.relay, 'third') };
        Object.assign(globalThis, { WebSocket: this.network.WebSocket, document: { hidden: false } });
        this.session = new Session('ws://relay/ws');
        this.fakes = { microphone: new Fake('microphone'), camera: new Fake('camera'), screen: new Fake('screen') };
        this.devices = new OwnDevices(this.session, /** @type {any} */ (this.fakes));
        this.session.on('phase', () => this.#follow());
        this.session.on('chat', ({ fresh }) => this.fresh.push(...fresh.map(({ id }) => id)));
    }

    /** Removed from the room, everything is off. */
    #follow() {
        const { phase, problem } = this.session;
        if (phase === 'room' || phase === 'entering') return;
        this.wanted = { microphone: false, camera: false, screen: false };
        if (this.isWanted && problem) {
            this.isWanted = false;
            this.reason = problem;
        }
    }

    /** The devices give something, which goes out if the page lets it. */
    #frame() {
        for (const device of DEVICES) {
            if (!this.fakes[device].isOn) continue;
            const stream = this.session.streamOf(device);
            if (stream === undefined) continue;
            if (this.session.state(device) !== 'on')
                this.wrongs.push(`${device} is sent while it is shown ${this.session.state(device)}`);
            const frame = new Uint8Array(20);
            new DataView(frame.buffer).setUint32(4, stream, true);
            this.session.sendMedia(frame);
        }
    }

    /** @param {string} what @param {any[]} more */
    #act(what, ...more) {
        const { session } = this;
        if (what in SWITCHES) {
            if (session.phase !== 'room') return;
            this.wanted[SWITCHES[what]] = more[0];
            void this.devices.set(SWITCHES[what], more[0]);
        } else if (what === 'enter' || what === 'pin') {
            if (session.phase === 'out') {
                // To where one was before another device took it.
                this.isWanted = session.room !== null;
                session.again().catch(() => {});
            }
            if (session.phase !== 'lobby') return;
            this.isWanted = true;
            this.reason = null;
            this.#tries += 1;
            const attempt = this.#tries;
            session.join(this.relay.room, more[0]).catch((error) => {
                if (attempt !== this.#tries) return;
                this.isWanted = false;
                this.reason = error.code ?? String(error);
            });
        } else if (what === 'leave') {
            if (session.phase !== 'room') return;
            this.isWanted = false;
            session.leave();
        } else if (what === 'say') {
            if (session.phase !== 'room') return;
            const text = `${more[0]} ${this.typed.length}`;
            this.typed.push(text);
            session.say(text);
        } else if (what === 'revoke') {
            if (session.phase === 'room') session.revokeLinks().catch(() => {});
        } else if (what === 'second_device') {
            this.relay.signIn('me', undefined, deaf);
        } else {
            throw new Error(`nobody can ${what}`);
        }
    }

    /** @param {any[]} step */
    async #step([who, what, ...more]) {
        const other = this.others[/** @type {'other' | 'third'} */ (who)];
        if (who === 'wait') await leap(what, this.#look);
        else if (what === 'close_room') this.relay.closeRoom();
        else if (who === 'relay') this.#restart();
        else if (who === 'me') this.#act(what, ...more);
        else if (what in SWITCHES) other.turn(SWITCHES[what], more[0]);
        else if (what === 'enter' || what === 'pin') other.enter();
        else if (what === 'leave') other.leave();
        else if (what === 'say') other.say(more[0]);
    }

    #restart() {
        this.relay.restart();
        setTimeout(() => {
            for (const other of Object.values(this.others)) if (other.isIn) other.enter();
        }, RESTART_MS);
        if (this.isOut) return;
        this.network.become('cut');
        setTimeout(() => {
            if (!this.isOut) this.network.become('open');
        }, RESTART_MS);
    }
    /** The outage is on. */
    isOut = false;

    /** The outage begins, and the others go on. */
    #fail() {
        const { ms, kind } = this.outage;
        this.isOut = true;
        this.network.become(kind);
        const { other, third } = this.others;
        setTimeout(() => {
            third.enter();
            other.turn('microphone', !other.devices.microphone);
            for (let i = 0; i < (ms > 1_000 ? 30 : 2); i += 1) third.say(`meanwhile ${i}`);
        }, ms / 2);
        setTimeout(() => {
            this.isOut = false;
            this.network.become('open');
        }, ms);
    }

    #look = () => {
        this.relay.expire();
    };

    async run() {
        setInterval(() => this.#frame(), FRAME_MS);
        this.session.enter({ kind: 'account', name: 'me', username: 'me', email: 'me@example.org' }).catch(() => {});
        await leap(1_000, this.#look);
        for (const [place, step] of this.story.steps.entries()) {
            if (place === this.outage.step) {
                this.#fail();
                await leap(100, this.#look);
            }
            await this.#step(step);
            await leap(STEP_MS, this.#look);
        }
        await leap(this.outage.ms + SETTLE_MS, this.#look);
        const { frames } = this.relay;
        await leap(1_000, this.#look);
        this.#agree(this.relay.frames - frames);
    }

    /** Whether the page and the relay say the same now. @param {number} frames that came just now */
    #agree(frames) {
        const { session, relay } = this;
        assert.deepEqual(this.wrongs, []);
        assert.equal(relay.strayFrames, 0, 'frames of a device that is told to be off');
        const mine = relay.sessions.get('me');
        const isIn = session.phase === 'room';
        assert.equal(isIn, this.isWanted, `in the room or not: ${session.phase}, because of ${this.reason}`);
        assert.equal(Boolean(mine?.membership), isIn && mine !== undefined, 'in the room for the relay');
        if (isIn) {
            const there = relay.members.map((member) => relay.entry(member)).sort((a, b) => a.id - b.id);
            const here = session.roster.people().sort((a, b) => a.id - b.id);
            assert.deepEqual(here, there, 'the roster');
            assert.equal(session.me, mine?.membership?.id);
        }
        let open = 0;
        for (const device of DEVICES) {
            const state = session.state(device);
            const fake = this.fakes[device];
            assert.equal(state, this.wanted[device] ? 'on' : 'off', device);
            assert.equal(fake.isOn, this.wanted[device], `${device} is open`);
            if (!isIn) assert.equal(fake.captured, false, `${device} is held`);
            if (this.wanted[device]) open += 1;
        }
        assert.ok(open === 0 ? frames === 0 : frames >= open * 3, `${frames} frames of ${open} devices`);
        this.#agreeOnChat(isIn);
    }

    /** @param {boolean} isIn */
    #agreeOnChat(isIn) {
        const { session, relay } = this;
        const stored = relay.lines.filter(({ from }) => from === 'me').map(({ text }) => text);
        const own = session.own.lines.map(({ text }) => text);
        const shown = new Set(session.chat.lines.map(({ text }) => text));
        for (const text of this.typed) {
            assert.ok(stored.includes(text) || own.includes(text), `"${text}" is lost`);
            assert.ok(stored.filter((one) => one === text).length <= 1, `"${text}" is stored twice`);
            if (isIn) assert.ok(!(shown.has(text) && own.includes(text)), `"${text}" is shown twice`);
        }
        assert.deepEqual(
            stored,
            this.typed.filter((text) => stored.includes(text)),
            'the order of what was typed',
        );
        assert.equal(new Set(this.fresh).size, this.fresh.length, 'a line was told as new twice');
        if (!isIn) return;
        assert.deepEqual(
            session.own.lines.filter(({ failed }) => !failed),
            [],
            'lines that wait',
        );
        const here = session.chat.lines.map(({ id }) => id);
        const all = relay.lines.map(({ id }) => id);
        assert.deepEqual(here, all.slice(all.length - here.length), 'lines without a gap');
        if (!session.chat.more) assert.equal(here.length, all.length, 'all lines');
        for (const id of this.fresh)
            assert.notEqual(relay.lines.find((line) => line.id === id)?.from, 'me', 'an own line is no news');
    }
}

/** Runs a story with an outage. @param {Story} story @param {Outage} outage */
export async function run(story, outage) {
    const { random } = Math;
    begin();
    Math.random = numbers(outage.seed * 7919);
    try {
        await new World(story, outage).run();
    } finally {
        Math.random = random;
        end();
    }
}
