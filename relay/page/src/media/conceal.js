// What is heard where sound is missing: the last voice goes on at its own pitch and fades, instead of a hole.

import { BLOCK_SAMPLES } from './l16.js';

/** Pitches that voices have at 16 kHz: 400 Hz down to 60 Hz. */
const SHORTEST_PERIOD = 40;
const LONGEST_PERIOD = 266;
/** Blocks until it has faded out; longer sounds like a robot. */
const FADE_BLOCKS = 3;
/** Samples over which the true sound comes back: 5 ms. */
const BACK_SAMPLES = 80;

/** Remembers what was heard, and goes on with it. */
export class Concealer {
    /** The last two blocks. */
    #past = new Float32Array(BLOCK_SAMPLES * 2);
    #made = 0;
    #period = 0;
    #offset = 0;

    /**
     * Takes a block that is heard; blends it in when something made up came before.
     * @param {Float32Array} block
     */
    heard(block) {
        if (this.#made > 0) {
            const tail = this.#go(BACK_SAMPLES);
            for (let i = 0; i < BACK_SAMPLES; i += 1) {
                const share = i / BACK_SAMPLES;
                block[i] = tail[i] * (1 - share) + block[i] * share;
            }
            this.#made = 0;
        }
        this.#past.copyWithin(0, BLOCK_SAMPLES);
        this.#past.set(block, BLOCK_SAMPLES);
        return block;
    }

    /** A block in place of one that is missing; silence once it has faded. */
    make() {
        if (this.#made === 0) {
            this.#period = pitch(this.#past);
            this.#offset = 0;
        }
        return this.#go(BLOCK_SAMPLES);
    }

    /** @param {number} samples */
    #go(samples) {
        const out = new Float32Array(samples);
        if (this.#period === 0) this.#period = pitch(this.#past);
        const end = this.#past.length;
        for (let i = 0; i < samples; i += 1) {
            const gain = 1 - (this.#made + i) / (FADE_BLOCKS * BLOCK_SAMPLES);
            if (gain <= 0) break;
            out[i] = gain * this.#past[end - this.#period + this.#offset];
            this.#offset = (this.#offset + 1) % this.#period;
        }
        this.#made += samples;
        return out;
    }
}

/** The lag at which the sound is most like itself. @param {Float32Array} past */
function pitch(past) {
    const window = past.length - LONGEST_PERIOD;
    let best = LONGEST_PERIOD;
    let most = -Infinity;
    for (let lag = SHORTEST_PERIOD; lag <= LONGEST_PERIOD; lag += 1) {
        let product = 0;
        let energy = 1e-9;
        // Every other sample is enough to find it.
        for (let i = past.length - window; i < past.length; i += 2) {
            product += past[i] * past[i - lag];
            energy += past[i - lag] * past[i - lag];
        }
        const likeness = product / Math.sqrt(energy);
        if (likeness > most) {
            most = likeness;
            best = lag;
        }
    }
    return best;
}
