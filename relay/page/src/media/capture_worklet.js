// Runs where the browser captures sound: makes blocks of 20 ms at 16 kHz of it, and says how loud each is.

import { BLOCK_SAMPLES, emit, SAMPLE_RATE_HZ } from './l16.js';
import { LevelMeter } from './level.js';
import { Resampler } from './resampler.js';

class Capture extends AudioWorkletProcessor {
    #resampler = new Resampler(sampleRate, SAMPLE_RATE_HZ);
    #meter = new LevelMeter();
    #block = new Float32Array(BLOCK_SAMPLES);
    #filled = 0;

    /** @param {Float32Array[][]} inputs */
    process(inputs) {
        const channel = inputs[0]?.[0];
        if (!channel) return true;
        for (const sample of this.#resampler.push(channel)) {
            this.#block[this.#filled] = sample;
            this.#filled += 1;
            if (this.#filled === BLOCK_SAMPLES) this.#send();
        }
        return true;
    }

    #send() {
        this.#filled = 0;
        const { level, voice } = this.#meter.measure(this.#block);
        const body = emit(this.#block);
        this.port.postMessage({ level, voice, body }, [body.buffer]);
    }
}

registerProcessor('capture', Capture);
