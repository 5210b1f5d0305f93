// The sound of all streams as one: a jitter buffer for each, as long as anything comes of it. Time comes in as an
// argument, in ms of any clock that goes on.

import { JitterBuffer } from './jitter_buffer.js';
import { BLOCK_SAMPLES } from './l16.js';

/** Louder than this the mix is pressed together instead of clipped. */
const KNEE = 0.7;
/** A stream of which nothing came for so long has ended, or begins again as one that is new. */
const IDLE_MS = 10_000;

export class Mixer {
    /** @type {Map<number, { buffer: JitterBuffer, at: number }>} */
    #streams = new Map();

    /** How many streams have a buffer. */
    get size() {
        return this.#streams.size;
    }

    /**
     * Takes a block of a stream.
     * @param {number} stream
     * @param {number} number
     * @param {number} capturedMs
     * @param {Float32Array} block
     * @param {number} nowMs
     */
    take(stream, number, capturedMs, block, nowMs) {
        let held = this.#streams.get(stream);
        if (!held) this.#streams.set(stream, (held = { buffer: new JitterBuffer(), at: nowMs }));
        held.at = nowMs;
        held.buffer.push(number, capturedMs, block, nowMs);
    }

    /** Nothing that is held is to be heard any more. */
    clear() {
        this.#streams.clear();
    }

    /** The next block of all that is said. @param {number} nowMs */
    mix(nowMs) {
        const mixed = new Float32Array(BLOCK_SAMPLES);
        for (const [stream, { buffer, at }] of this.#streams) {
            if (nowMs - at > IDLE_MS) this.#streams.delete(stream);
            const block = buffer.pop();
            if (!block) continue;
            for (let i = 0; i < BLOCK_SAMPLES; i += 1) mixed[i] += block[i];
        }
        for (let i = 0; i < BLOCK_SAMPLES; i += 1) {
            const loud = Math.abs(mixed[i]) - KNEE;
            if (loud > 0) mixed[i] = Math.sign(mixed[i]) * (KNEE + (1 - KNEE) * Math.tanh(loud / (1 - KNEE)));
        }
        return mixed;
    }
}
