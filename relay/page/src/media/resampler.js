// From one sample rate to another, by a windowed sinc: what is too high for the lower rate is taken away, not folded
// back.

/** Zero crossings of the sinc on each side. More is a steeper filter and more work. */
const CROSSINGS = 12;
/** Rows of the table between two input samples; between rows it is interpolated. */
const PHASES = 64;
/** Where the pass band ends, as a part of the lower rate's half. */
const PASS = 0.92;

/** One stream of samples, in as they come. */
export class Resampler {
    #step;
    #half;
    #table;
    /** Input that still matters, the oldest first. */
    #held;
    /** Where in it the next output sample lies. */
    #at;

    /**
     * @param {number} from samples a second that come in
     * @param {number} to that go out
     */
    constructor(from, to) {
        const cutoff = from === to ? 1 : Math.min(1, to / from) * PASS;
        this.#step = from / to;
        this.#half = from === to ? 1 : Math.ceil(CROSSINGS / cutoff);
        this.#table = from === to ? null : sincTable(cutoff, this.#half);
        this.#held = new Float32Array(2 * this.#half - 1);
        this.#at = this.#half - 1;
    }

    /**
     * Takes samples, gives as many as they make.
     * @param {Float32Array} input
     * @returns {Float32Array}
     */
    push(input) {
        const table = this.#table;
        if (!table) return input;
        const held = new Float32Array(this.#held.length + input.length);
        held.set(this.#held);
        held.set(input, this.#held.length);

        const half = this.#half;
        const count = Math.max(0, Math.ceil((held.length - half - this.#at) / this.#step));
        const output = new Float32Array(count);
        let at = this.#at;
        for (let i = 0; i < count; i += 1) {
            const whole = Math.floor(at);
            const phase = (at - whole) * PHASES;
            const row = Math.floor(phase);
            const share = phase - row;
            const first = row * 2 * half;
            let sum = 0;
            for (let tap = 0, from = whole - half + 1; tap < 2 * half; tap += 1) {
                const low = table[first + tap];
                sum += held[from + tap] * (low + (table[first + 2 * half + tap] - low) * share);
            }
            output[i] = sum;
            at += this.#step;
        }
        const done = Math.max(0, Math.floor(at) - half + 1);
        this.#held = held.slice(done);
        this.#at = at - done;
        return output;
    }
}

/** A row for each phase and one more, each of `2 * half` taps, under a Blackman window. @param {number} cutoff @param {number} half */
function sincTable(cutoff, half) {
    const table = new Float32Array((PHASES + 1) * 2 * half);
    for (let row = 0; row <= PHASES; row += 1) {
        for (let tap = 0; tap < 2 * half; tap += 1) {
            const x = tap - half + 1 - row / PHASES;
            const angle = (Math.PI * x) / half;
            const window = Math.abs(x) >= half ? 0 : 0.42 + 0.5 * Math.cos(angle) + 0.08 * Math.cos(2 * angle);
            const swing = Math.PI * x * cutoff;
            table[row * 2 * half + tap] = cutoff * window * (swing === 0 ? 1 : Math.sin(swing) / swing);
        }
    }
    return table;
}
