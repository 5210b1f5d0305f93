// Sound that the system takes away and gives back, as phones do: with devices and clocks of the test's own.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { begin, end, pass } from './virtual_time.js';

/** A track that the system can mute. */
class Track {
    muted = false;
    stopped = false;
    onmute = () => {};
    onunmute = () => {};
    onended = () => {};

    stop() {
        this.stopped = true;
    }

    /** @param {boolean} muted */
    setMuted(muted) {
        this.muted = muted;
        if (muted) this.onmute();
        else this.onunmute();
    }
}

/** An AudioContext whose clock goes on as long as the test lets it. */
class Context extends EventTarget {
    /** @type {Context[]} */
    static all = [];
    state = 'running';
    #from = performance.now();
    /** @type {number | null} */
    #frozenAt = null;
    /** Whether it starts when asked. */
    starts = true;
    onstatechange = () => {};
    destination = {};

    constructor() {
        super();
        Context.all.push(this);
    }

    get currentTime() {
        return (this.#frozenAt ?? performance.now() - this.#from) / 1000;
    }

    freeze() {
        this.#frozenAt ??= performance.now() - this.#from;
    }

    /** @param {string} state */
    become(state) {
        this.state = state;
        this.onstatechange();
        this.dispatchEvent(new Event('statechange'));
    }

    async resume() {
        if (this.starts && this.state !== 'closed') this.become('running');
        else await new Promise(() => {});
    }

    async suspend() {
        this.become('suspended');
    }

    async close() {
        this.state = 'closed';
    }

    createMediaStreamSource() {
        return new Node(this);
    }
}

class Node {
    /** @type {Node[]} */
    static all = [];
    connected = true;
    gain = { value: 1 };
    port = { onmessage: /** @type {((event: { data: any }) => void) | null} */ (null), postMessage() {} };

    /** @param {Context} context @param {string} [name] */
    constructor(context, name = '') {
        this.context = context;
        this.name = name;
        Node.all.push(this);
    }

    /** @param {any} to */
    connect(to) {
        return to;
    }

    disconnect() {
        this.connected = false;
    }
}

let track = new Track();
const page = { hidden: false };

beforeEach(() => {
    begin();
    track = new Track();
    page.hidden = false;
    Context.all = [];
    Node.all = [];
    Object.assign(globalThis, { document: page, AudioWorkletNode: Node, GainNode: Node, MediaStream: class {} });
    Object.defineProperty(globalThis, 'navigator', {
        configurable: true,
        value: { mediaDevices: { getUserMedia: async () => ({ getTracks: () => [track] }) } },
    });
});
afterEach(end);

const { Microphone } = await import('../../src/media/microphone.js');
const { SoundContext } = await import('../../src/media/sound_context.js');
const { Speaker } = await import('../../src/media/speaker.js');

/** A page's sound over the test's contexts. */
const sound = () => new SoundContext(async () => /** @type {any} */ (new Context()));

/** What the capturing worklet hands over. @param {Context} context */
function speak(context) {
    const capture = Node.all.find((node) => node.context === context && node.name === 'capture' && node.connected);
    capture?.port.onmessage?.({ data: { level: 20, voice: true, body: new Uint8Array(640) } });
}

test('a context whose clock stands still is given up for a new one, and both ways of the sound go on there', async () => {
    const context = sound();
    const microphone = new Microphone(context);
    const speaker = new Speaker(context);
    await speaker.open();
    await microphone.open();
    microphone.isOn = true;
    let blocks = 0;
    microphone.on('block', () => {
        blocks += 1;
    });
    await pass(10_000, 100);
    assert.equal(Context.all.length, 1, 'one that runs is left alone');

    Context.all[0].freeze();
    await pass(5_000, 100);
    assert.equal(Context.all.length, 2);
    assert.equal(Context.all[0].state, 'closed');
    speak(Context.all[0]);
    assert.equal(blocks, 0, 'the former one is heard no more');
    speak(Context.all[1]);
    assert.equal(blocks, 1);
    assert.ok(Node.all.some(({ context: of, name }) => of === Context.all[1] && name === 'playback'));
    assert.equal(speaker.held, false);
    await pass(60_000, 100);
    assert.equal(Context.all.length, 2);
});

test('contexts that are all frozen are made ever more rarely', async () => {
    const context = sound();
    await context.open();
    for (let s = 0; s < 600; s += 1) {
        Context.all.at(-1)?.freeze();
        await pass(1_000, 100);
    }
    assert.ok(Context.all.length > 3 && Context.all.length < 20, `${Context.all.length} in ten minutes`);
});

test("a hidden page's context may stand still", async () => {
    const context = sound();
    await context.open();
    page.hidden = true;
    Context.all[0].freeze();
    await pass(60_000, 100);
    assert.equal(Context.all.length, 1);
});

test('what a phone call interrupted is started again when it is over', async () => {
    const context = sound();
    const speaker = new Speaker(context);
    /** @type {boolean[]} */
    const held = [];
    speaker.onheld = (now) => held.push(now);
    await speaker.open();
    Context.all[0].starts = false;
    Context.all[0].become('interrupted');
    await pass(10_000, 100);
    assert.equal(held.at(-1), true);
    Context.all[0].starts = true;
    await pass(2_000, 100);
    assert.equal(held.at(-1), false);
    assert.equal(Context.all.length, 1);
});

test('a microphone that the system mutes sends nothing until it is given back, and says so', async () => {
    const context = sound();
    const microphone = new Microphone(context);
    await microphone.open();
    microphone.isOn = true;
    let blocks = 0;
    /** @type {boolean[]} */
    const taken = [];
    microphone.on('block', () => {
        blocks += 1;
    });
    microphone.on('taken', () => taken.push(microphone.isTaken));
    speak(Context.all[0]);
    track.setMuted(true);
    for (let i = 0; i < 50; i += 1) speak(Context.all[0]);
    assert.equal(blocks, 1, 'silence is not sent as if somebody talked');
    track.setMuted(false);
    speak(Context.all[0]);
    assert.equal(blocks, 2);
    assert.deepEqual(taken, [true, false]);
    microphone.close();
    assert.equal(microphone.isTaken, false);
    assert.ok(track.stopped);
});

test('sound that a touch does not start is told apart from sound that waits for one, and capturing waits for neither', async () => {
    const context = new SoundContext(async () => {
        const made = new Context();
        made.state = 'suspended';
        // As where there is no loudspeaker at all.
        made.starts = Context.all.length > 2;
        return /** @type {any} */ (made);
    });
    const microphone = new Microphone(context);
    const speaker = new Speaker(context);
    let opened = false;
    void speaker.open().then(() => {
        opened = true;
    });
    await pass(500, 100);
    assert.ok(opened);
    assert.equal(speaker.held, true);
    assert.equal(speaker.isStuck, false);
    await microphone.open();
    assert.ok(microphone.captured);

    void speaker.touch();
    await pass(4_000, 100);
    assert.equal(speaker.isStuck, true);
    // Still none; then one is plugged in, which only a new context finds.
    void speaker.touch();
    await pass(4_000, 100);
    assert.equal(speaker.isStuck, true);
    void speaker.touch();
    await pass(4_000, 100);
    assert.equal(speaker.isStuck, false);
    assert.equal(speaker.held, false);
});

test('where the context is held the microphone is recorded, until the context runs', async () => {
    /** @type {{ state: string }[]} */
    const recorders = [];
    class Recorder {
        static isTypeSupported = () => true;
        state = 'inactive';

        constructor() {
            recorders.push(this);
        }

        start() {
            this.state = 'recording';
        }

        stop() {
            this.state = 'inactive';
        }
    }
    Object.assign(globalThis, { MediaRecorder: Recorder, AudioDecoder: class {} });
    try {
        const context = new SoundContext(async () => {
            const made = new Context();
            made.state = 'suspended';
            made.starts = false;
            return /** @type {any} */ (made);
        });
        const microphone = new Microphone(context);
        await microphone.open();
        await pass(400);
        assert.equal(recorders.length, 0, 'it may yet start');
        await pass(200);
        assert.deepEqual(
            recorders.map(({ state }) => state),
            ['recording'],
        );
        await context.renew();
        await pass(1_000);
        assert.equal(recorders.length, 1, 'the new one is held as well');
        Context.all[1].become('running');
        assert.equal(recorders[0].state, 'inactive');
        Context.all[1].become('interrupted');
        await pass(600);
        assert.equal(recorders[1].state, 'recording');
        microphone.close();
        assert.equal(recorders[1].state, 'inactive');
        await pass(10_000);
        assert.equal(recorders.length, 2);
    } finally {
        Object.assign(globalThis, { MediaRecorder: undefined, AudioDecoder: undefined });
    }
});
