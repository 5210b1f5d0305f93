// Blocks of 20 ms at 16 kHz, made of captured samples however they come, and how loud each is.

import { BLOCK_SAMPLES, emit, SAMPLE_RATE_HZ } from './l16.js';
import { LevelMeter } from './level.js';
import { Resampler } from './resampler.js';

/** @typedef {{ level: number, voice: boolean, body: Uint8Array<ArrayBuffer> }} Block */

export class Blocks {
    #resampler;
    #meter = new LevelMeter();
    #block = new Float32Array(BLOCK_SAMPLES);
    #filled = 0;
    #onblock;

    /** @param {number} rate samples a second that come in @param {(block: Block) => void} onblock */
    constructor(rate, onblock) {
        this.#resampler = new Resampler(rate, SAMPLE_RATE_HZ);
        this.#onblock = onblock;
    }

    /** @param {Float32Array} samples */
    push(samples) {
        for (const sample of this.#resampler.push(samples)) {
            this.#block[this.#filled] = sample;
            this.#filled += 1;
            if (this.#filled < BLOCK_SAMPLES) continue;
            this.#filled = 0;
            this.#onblock({ ...this.#meter.measure(this.#block), body: emit(this.#block) });
        }
    }
}
