// Blocks of sound come when they come, and are heard 20 ms apart. Waits as long as nearly all blocks need, and not
// longer. Time comes in as an argument, in ms of any clock that goes on.

import { Concealer } from './conceal.js';
import { BLOCK_MS } from './l16.js';
import { loudnessDbov } from './level.js';

/** The delay to begin with, and its bounds. Lower conceals more, higher makes talks stumble. */
const FIRST_DELAY_MS = 40;
const LEAST_DELAY_MS = 20;
const MOST_DELAY_MS = 160;
/** Blocks held at most: 400 ms. What is older then is thrown away, and counted. */
const BLOCKS_HELD = 20;
/** Of so many blocks' lateness the delay is learned: 5 s. */
const LATENESS_HELD = 250;
/** So many of a hundred blocks come in time. */
const IN_TIME_PERCENT = 97;
/** Blocks between two looks at how much delay is not needed. */
const LOOK_BLOCKS = 25;
/** Missing blocks that are made up; more of them are a pause. */
const MOST_MISSING = 4;
/** Quieter blocks can be left out without being missed. */
const QUIET_DBOV = -45;

/** @typedef {{ number: number, block: Float32Array }} Held */

/** One stream's buffer. */
export class JitterBuffer {
    /** @type {Held[]} */
    #held = [];
    /** Number of the block that is to be heard next; null while nothing is being said. @type {number | null} */
    #next = null;
    #empty = 0;
    #concealer = new Concealer();
    #lateness = new Lateness();
    #least = BLOCKS_HELD;
    #looks = 0;
    /** What became of the blocks. */
    counts = { heard: 0, concealed: 0, dropped: 0, skipped: 0 };

    /** The delay that is aimed at, in ms. */
    get delayMs() {
        return this.#lateness.delayMs;
    }

    /** Blocks that wait. */
    get waiting() {
        return this.#held.length;
    }

    /**
     * Takes a block.
     * @param {number} number counts the stream's blocks
     * @param {number} capturedMs when it was captured, on the sender's clock
     * @param {Float32Array} block
     * @param {number} nowMs
     */
    push(number, capturedMs, block, nowMs) {
        const last = this.#held.at(-1)?.number ?? (this.#next ?? 0) - 1;
        if (number <= last && last - number < 1000) {
            this.counts.dropped += 1;
            return;
        }
        this.#lateness.take(nowMs - capturedMs);
        this.#held.push({ number, block });
        if (this.#held.length > BLOCKS_HELD) {
            const spare = this.#held.length - Math.ceil(this.delayMs / BLOCK_MS);
            this.#held.splice(0, spare);
            this.counts.dropped += spare;
            this.#next = this.#held[0].number;
        }
    }

    /** The block that is heard now; null when nothing is being said. */
    pop() {
        if (this.#next === null && !this.#begin()) return null;
        this.#shorten();
        const first = this.#held[0];
        if (!first) return this.#miss();
        const missing = first.number - /** @type {number} */ (this.#next);
        if (missing > 0 && missing <= MOST_MISSING) {
            this.#next = /** @type {number} */ (this.#next) + 1;
            return this.#conceal();
        }
        this.#held.shift();
        this.#next = first.number + 1;
        this.#empty = 0;
        this.counts.heard += 1;
        return this.#concealer.heard(first.block);
    }

    /** Begins to play once enough is there. */
    #begin() {
        if (this.#held.length * BLOCK_MS < Math.max(BLOCK_MS, this.delayMs)) return false;
        this.#next = this.#held[0].number;
        this.#empty = 0;
        this.#least = BLOCKS_HELD;
        this.#looks = 0;
        return true;
    }

    /** Nothing is there: the block may yet come and is then heard later, or the sender pauses. */
    #miss() {
        this.#empty += 1;
        if (this.#empty > MOST_MISSING) {
            this.#next = null;
            return null;
        }
        return this.#conceal();
    }

    #conceal() {
        this.counts.concealed += 1;
        return this.#concealer.make();
    }

    /** Leaves one block out when more were there all the time than are needed. */
    #shorten() {
        this.#least = Math.min(this.#least, this.#held.length);
        this.#looks += 1;
        if (this.#looks < LOOK_BLOCKS) return;
        const needed = Math.ceil(this.delayMs / BLOCK_MS);
        const spare = this.#least - Math.max(1, needed);
        const quiet = this.#held.length > 0 && loudnessDbov(this.#held[0].block) < QUIET_DBOV;
        if (spare >= 2 || (spare >= 1 && quiet)) {
            const left = this.#held.shift();
            this.#next = /** @type {Held} */ (left).number + 1;
            this.counts.skipped += 1;
        } else if (spare >= 1 && this.#looks < 4 * LOOK_BLOCKS) {
            // Waits a while for a quiet one.
            return;
        }
        this.#least = BLOCKS_HELD;
        this.#looks = 0;
    }
}

/** How much later than the quickest the blocks come. */
class Lateness {
    /** @type {number[]} */
    #transits = [];
    #oldest = 0;
    delayMs = FIRST_DELAY_MS;

    /** @param {number} transitMs */
    take(transitMs) {
        if (this.#transits.length < LATENESS_HELD) {
            this.#transits.push(transitMs);
        } else {
            this.#transits[this.#oldest] = transitMs;
            this.#oldest = (this.#oldest + 1) % LATENESS_HELD;
        }
        if (
            this.#transits.length < LOOK_BLOCKS ||
            (this.#transits.length % LOOK_BLOCKS !== 0 && this.#oldest % LOOK_BLOCKS !== 0)
        )
            return;
        const sorted = [...this.#transits].sort((a, b) => a - b);
        const late = sorted[Math.floor(((sorted.length - 1) * IN_TIME_PERCENT) / 100)] - sorted[0];
        this.delayMs = Math.max(LEAST_DELAY_MS, Math.min(MOST_DELAY_MS, late + BLOCK_MS / 2));
    }
}
