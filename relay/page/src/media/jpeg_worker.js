// Makes JPEGs of a camera's or a screen's frames, away from the page, at most so many a second. While one is made,
// newer ones wait in no queue: the newest that comes when it is done is the next.

import { nowUs } from '../net/clock.js';

/** @typedef {{ width: number, height: number, fps: number, quality: number }} Shape */
/** @typedef {{ shape: Shape } | { readable: ReadableStream<VideoFrame> } | { bitmap: ImageBitmap } | { end: true }} Order */

/** @type {Shape} */
let shape = { width: 640, height: 360, fps: 15, quality: 0.7 };
const canvas = new OffscreenCanvas(shape.width, shape.height);
const context = canvas.getContext('2d', { alpha: false, desynchronized: true });
let due = 0;
let busy = false;
/** Frames of a track are read, until it ends. */
let reading = false;
let ended = false;

/** Whether it is time for another picture: a frame that comes a little early still counts. */
function isDue() {
    const now = performance.now();
    const step = 1000 / shape.fps;
    if (now < due - step / 4) return false;
    due = Math.max(due + step, now - step / 2);
    return true;
}

/**
 * Draws what fills the canvas of the middle of the frame, and sends it as a JPEG.
 * @param {VideoFrame | ImageBitmap} frame closed once it is drawn
 * @param {number} width
 * @param {number} height
 */
async function encode(frame, width, height) {
    busy = true;
    const timestamp = nowUs();
    try {
        if (canvas.width !== shape.width || canvas.height !== shape.height) {
            canvas.width = shape.width;
            canvas.height = shape.height;
        }
        const scale = Math.max(shape.width / width, shape.height / height);
        const w = shape.width / scale;
        const h = shape.height / scale;
        context?.drawImage(frame, (width - w) / 2, (height - h) / 2, w, h, 0, 0, shape.width, shape.height);
        // Cameras have few frames to lend.
        frame.close();
        const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: shape.quality });
        const body = new Uint8Array(await blob.arrayBuffer());
        postMessage({ timestamp, width: shape.width, height: shape.height, body }, { transfer: [body.buffer] });
    } finally {
        frame.close();
        busy = false;
    }
}

/** @param {ReadableStream<VideoFrame>} readable */
async function readAll(readable) {
    const reader = readable.getReader();
    reading = true;
    for (;;) {
        const { value: frame, done } = await reader.read();
        if (done) break;
        if (ended || busy || !isDue()) {
            frame.close();
            continue;
        }
        // Not waited for: reading goes on, so that the next one is fresh.
        void encode(frame, frame.displayWidth, frame.displayHeight);
    }
    close();
}

onmessage = ({ data }) => {
    /** @type {Order} */
    const order = data;
    if ('shape' in order) {
        shape = order.shape;
    } else if ('readable' in order) {
        void readAll(order.readable);
    } else if ('end' in order) {
        ended = true;
        // The track has ended, too; what it still lent is given back before.
        if (!reading) close();
    } else if (busy || !isDue()) {
        order.bitmap.close();
    } else {
        void encode(order.bitmap, order.bitmap.width, order.bitmap.height);
    }
};
