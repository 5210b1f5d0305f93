// Pictures of a camera and of a screen, made by the worker as it is, with frames, a canvas and time of the test's own.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { begin, end, pass } from './virtual_time.js';

const CAMERA = { width: 640, height: 360, fps: 20, quality: 0.7, screen: false };
const SCREEN = { width: 1600, height: 900, fps: 8, quality: 0.7, screen: true };

/** A frame that can be told apart. */
class Frame {
    /** @type {Frame[]} */
    static open = [];

    /** @param {string} name @param {number} width @param {number} height */
    constructor(name, width, height) {
        this.name = name;
        this.displayWidth = width;
        this.displayHeight = height;
        Frame.open.push(this);
    }

    close() {
        Frame.open = Frame.open.filter((other) => other !== this);
    }
}

/** What was drawn, and where. @type {{ name: string, box: number[] }} */
let drawn = { name: '', box: [] };
/** How long a picture takes to be made. */
let makingMs = 0;

/** A picture of whatever stands on the canvas, whose bytes are the frame's name and the quality. */
class Canvas {
    width = 0;
    height = 0;

    getContext() {
        return {
            clearRect() {},
            drawImage(/** @type {Frame} */ frame, /** @type {number[]} */ ...box) {
                assert.ok(Frame.open.includes(frame), `${frame.name} was closed`);
                drawn = { name: frame.name, box };
            },
        };
    }

    /** @param {{ quality: number }} how */
    async convertToBlob({ quality }) {
        const text = `${drawn.name} ${this.width}x${this.height} ${quality}`;
        if (makingMs > 0) await new Promise((done) => void setTimeout(() => done(null), makingMs));
        // A blob of Node's gives its bytes by turns of the event loop, which does not turn here.
        return { arrayBuffer: async () => new TextEncoder().encode(text).buffer };
    }
}

/** What the worker told. @type {{ pictures: string[], sizes: object[] }} */
let told = { pictures: [], sizes: [] };
let ended = false;
let runs = 0;

/** Gives the worker an order. @param {object} data */
const order = (data) => /** @type {any} */ (globalThis).onmessage({ data });
/** Gives it a frame. @param {string} name @param {number} [width] @param {number} [height] */
const frame = (name, width = 1600, height = 900) => order({ bitmap: new Frame(name, width, height) });

beforeEach(async () => {
    begin();
    Frame.open = [];
    told = { pictures: [], sizes: [] };
    ended = false;
    makingMs = 0;
    Object.assign(globalThis, {
        OffscreenCanvas: Canvas,
        onmessage: null,
        close: () => (ended = true),
        postMessage: (/** @type {any} */ message) => {
            if (message.size) told.sizes.push(message.size);
            else told.pictures.push(new TextDecoder().decode(message.body));
        },
    });
    runs += 1;
    await import(`../../src/media/jpeg_worker.js?${runs}`);
});
afterEach(end);

test('a screen that stands still is sent again each second, for as long as it is shared', async () => {
    order({ shape: SCREEN });
    frame('slide');
    await pass(10_100);
    assert.deepEqual(told.pictures, new Array(11).fill('slide 1600x900 0.7'));
    order({ end: true });
    assert.ok(ended);
    assert.equal(Frame.open.length, 0);
    await pass(5_000);
    assert.equal(told.pictures.length, 11);
});

test('a camera that stops is not made to look alive', async () => {
    order({ shape: CAMERA });
    frame('face');
    await pass(10_000);
    assert.deepEqual(told.pictures, ['face 640x360 0.7']);
    assert.equal(Frame.open.length, 0);
});

test("a screen's last frame is sent, however soon after another it comes and however long that takes", async () => {
    order({ shape: SCREEN });
    frame('first');
    await pass(20);
    frame('second');
    await pass(20);
    frame('last');
    await pass(500);
    assert.deepEqual(told.pictures, ['first 1600x900 0.7', 'last 1600x900 0.7']);
    makingMs = 300;
    frame('slow');
    await pass(200);
    frame('after it');
    await pass(700);
    assert.deepEqual(told.pictures.slice(2), ['slow 1600x900 0.7', 'after it 1600x900 0.7']);
});

test('a screen that moves is not sent more often than asked', async () => {
    order({ shape: SCREEN });
    for (let i = 0; i < 100; i += 1) {
        frame('film');
        await pass(10);
    }
    assert.ok(told.pictures.length >= 7 && told.pictures.length <= 10, `${told.pictures.length} in a second`);
});

test('what stands still is made again when pictures are to be smaller', async () => {
    order({ shape: SCREEN });
    frame('slide');
    await pass(100);
    order({ shape: { ...SCREEN, quality: 0.3 } });
    await pass(1_000);
    assert.deepEqual(told.pictures, ['slide 1600x900 0.7', 'slide 1600x900 0.3']);
});

test("of a camera the frame's middle fills the picture; of a screen all is seen, with bars beside it", async () => {
    order({ shape: CAMERA });
    frame('upright', 360, 640);
    await pass(1);
    // Source, then destination.
    assert.deepEqual(drawn.box, [0, 218.75, 360, 202.5, 0, 0, 640, 360]);
    order({ shape: SCREEN });
    for (const [width, height, box] of /** @type {[number, number, number[]][]} */ ([
        [1600, 900, [0, 0, 1600, 900]],
        [800, 900, [400, 0, 800, 900]],
        [1600, 300, [0, 300, 1600, 300]],
        [3200, 900, [0, 225, 1600, 450]],
    ])) {
        frame('window', width, height);
        await pass(200);
        assert.deepEqual(drawn.box, box);
    }
});

test('another size of the frames is told once it stays, and a window that stands still then takes its shape', async () => {
    order({ shape: SCREEN });
    frame('window');
    await pass(1_000);
    assert.deepEqual(told.sizes, [{ width: 1600, height: 900 }]);
    // Its edge is dragged.
    for (let width = 1500; width >= 800; width -= 100) {
        frame('window', width, 900);
        await pass(200);
    }
    assert.equal(told.sizes.length, 1);
    await pass(1_000);
    assert.deepEqual(told.sizes.slice(1), [{ width: 800, height: 900 }]);
    order({ shape: { ...SCREEN, width: 800 } });
    await pass(200);
    assert.equal(told.pictures.at(-1), 'window 800x900 0.7');
    assert.deepEqual(drawn.box, [0, 0, 800, 900]);
});
