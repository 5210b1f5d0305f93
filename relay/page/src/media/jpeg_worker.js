// Makes JPEGs of a camera's or a screen's frames, away from the page, at most so many a second. While one is made,
// newer ones wait in no queue: of a camera the newest that comes when it is done is the next. A screen that stands
// still gives no frames: its last one is never left out, and sent again each second, so that who comes late sees it.

import { nowUs } from '../net/clock.js';
import { middle, whole } from './fit.js';

/**
 * @typedef {object} Shape what pictures are like
 * @property {number} width
 * @property {number} height
 * @property {number} fps the most
 * @property {number} quality
 * @property {boolean} screen all of the frame is to be seen, also while it stands still; of a camera's frames the middle
 */
/** @typedef {{ shape: Shape } | { readable: ReadableStream<VideoFrame> } | { bitmap: ImageBitmap } | { end: true }} Order */

/** So long after the last picture of a screen it is sent again. */
const AGAIN_MS = 1_000;
/** Frames that have the same size for so long will keep it: nobody drags the window's edge any more. */
const SETTLED_MS = 1_000;

/** @type {Shape} */
let shape = { width: 640, height: 360, fps: 15, quality: 0.7, screen: false };
const canvas = new OffscreenCanvas(shape.width, shape.height);
const context = canvas.getContext('2d', { alpha: false, desynchronized: true });
let due = 0;
let busy = false;
/** Frames of a track are read, until it ends. */
let reading = false;
let ended = false;
/** The newest frame of a screen. @type {VideoFrame | ImageBitmap | null} */
let last = null;
/** The picture that was sent last of a screen. @type {{ shape: Shape, body: Uint8Array<ArrayBuffer>, at: number } | null} */
let made = null;
/** The newest frame was not sent yet. */
let fresh = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let again;
/** The size of the frames that come. */
let size = { width: 0, height: 0 };
/** @type {ReturnType<typeof setTimeout> | undefined} */
let settled;

/** How long until it is time for another picture, in ms: a frame that comes a little early still counts. */
function untilDue() {
    return due - 250 / shape.fps - performance.now();
}

/** @param {VideoFrame | ImageBitmap} frame */
function sizeOf(frame) {
    return 'displayWidth' in frame
        ? { width: frame.displayWidth, height: frame.displayHeight }
        : { width: frame.width, height: frame.height };
}

/** @param {VideoFrame | ImageBitmap} frame */
function draw(frame) {
    if (canvas.width !== shape.width || canvas.height !== shape.height) {
        canvas.width = shape.width;
        canvas.height = shape.height;
    }
    const from = sizeOf(frame);
    if (shape.screen) {
        context?.clearRect(0, 0, shape.width, shape.height);
        const { x, y, width, height } = whole(from, shape);
        context?.drawImage(frame, x, y, width, height);
    } else {
        const { x, y, width, height } = middle(from, shape);
        context?.drawImage(frame, x, y, width, height, 0, 0, shape.width, shape.height);
    }
}

/** Draws a frame and sends it as a JPEG. @param {VideoFrame | ImageBitmap} frame of a camera, it is closed once it is drawn */
async function encode(frame) {
    busy = true;
    const timestamp = nowUs();
    const step = 1000 / shape.fps;
    due = Math.max(due + step, performance.now() - step / 2);
    const now = shape;
    try {
        draw(frame);
        // Cameras have few frames to lend.
        if (!now.screen) frame.close();
        const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: now.quality });
        const body = new Uint8Array(await blob.arrayBuffer());
        if (now.screen) made = { shape: now, body: body.slice(), at: performance.now() };
        post(timestamp, body);
    } finally {
        if (!now.screen) frame.close();
        busy = false;
    }
}

/** Sends what is to be seen of a screen when it is time: its newest frame, or the last picture again. */
function sendScreen() {
    clearTimeout(again);
    if (ended || busy || !last) return;
    const wait = fresh ? untilDue() : (made?.at ?? 0) + AGAIN_MS - performance.now();
    if (wait > 0) {
        again = setTimeout(sendScreen, wait);
    } else if (!fresh && made?.shape === shape) {
        made.at = performance.now();
        post(nowUs(), made.body.slice());
        sendScreen();
    } else {
        fresh = false;
        void encode(last).finally(sendScreen);
    }
}

/** @param {number} timestamp @param {Uint8Array<ArrayBuffer>} body */
function post(timestamp, body) {
    postMessage({ timestamp, body }, { transfer: [body.buffer] });
}

/** Tells the page of another size of the frames once it stays. @param {VideoFrame | ImageBitmap} frame */
function measure(frame) {
    const { width, height } = sizeOf(frame);
    if (width === size.width && height === size.height) return;
    size = { width, height };
    clearTimeout(settled);
    settled = setTimeout(() => postMessage({ size }), SETTLED_MS);
}

/** @param {VideoFrame | ImageBitmap} frame */
function take(frame) {
    if (ended) {
        frame.close();
        return;
    }
    measure(frame);
    if (shape.screen) {
        last?.close();
        last = frame;
        fresh = true;
        sendScreen();
    } else if (busy || untilDue() > 0) {
        frame.close();
    } else {
        // Not waited for: reading goes on, so that the next one is fresh.
        void encode(frame);
    }
}

/** @param {Shape} next */
function reshape(next) {
    const resized = next.width !== shape.width || next.height !== shape.height;
    shape = next;
    // What stands still is seen in the new size, too.
    if (!resized) return;
    fresh = true;
    sendScreen();
}

/** @param {ReadableStream<VideoFrame>} readable */
async function readAll(readable) {
    const reader = readable.getReader();
    reading = true;
    for (;;) {
        const { value: frame, done } = await reader.read();
        if (done) break;
        take(frame);
    }
    close();
}

function end() {
    ended = true;
    clearTimeout(again);
    clearTimeout(settled);
    last?.close();
    last = null;
    // The track has ended, too; what it still lent is given back before.
    if (!reading) close();
}

onmessage = ({ data }) => {
    /** @type {Order} */
    const order = data;
    if ('shape' in order) reshape(order.shape);
    else if ('readable' in order) void readAll(order.readable);
    else if ('end' in order) end();
    else take(order.bitmap);
};
