// Runs where the browser plays sound: a jitter buffer for each stream, mixed and brought to the rate of the sound card.

import { JitterBuffer } from './jitter_buffer.js';
import { BLOCK_SAMPLES, parse, SAMPLE_RATE_HZ } from './l16.js';
import { Resampler } from './resampler.js';

/** Louder than this the mix is pressed together instead of clipped. */
const KNEE = 0.7;

class Playback extends AudioWorkletProcessor {
    /** @type {Map<number, JitterBuffer>} */
    #streams = new Map();
    #resampler = new Resampler(SAMPLE_RATE_HZ, sampleRate);
    /** Mixed samples that were not played yet. */
    #ready = new Float32Array(0);
    #from = 0;

    constructor() {
        super();
        this.port.onmessage = ({ data }) => this.#take(data);
    }

    /** @param {{ stream: number, number: number, capturedMs: number, body: Uint8Array } | { forget: number } | { report: true }} message */
    #take(message) {
        if ('forget' in message) {
            this.#streams.delete(message.forget);
            return;
        }
        if ('report' in message) {
            const streams = [...this.#streams].map(([stream, buffer]) => ({
                stream,
                delayMs: buffer.delayMs,
                ...buffer.counts,
            }));
            this.port.postMessage({ streams });
            return;
        }
        const block = parse(message.body);
        if (!block) return;
        let buffer = this.#streams.get(message.stream);
        if (!buffer) this.#streams.set(message.stream, (buffer = new JitterBuffer()));
        buffer.push(message.number, message.capturedMs, block, currentTime * 1000);
    }

    /** @param {Float32Array[][]} _inputs @param {Float32Array[][]} outputs */
    process(_inputs, outputs) {
        const channels = outputs[0];
        const wanted = channels[0].length;
        while (this.#ready.length - this.#from < wanted) {
            const more = this.#resampler.push(this.#mix());
            const rest = this.#ready.subarray(this.#from);
            const joined = new Float32Array(rest.length + more.length);
            joined.set(rest);
            joined.set(more, rest.length);
            this.#ready = joined;
            this.#from = 0;
        }
        const played = this.#ready.subarray(this.#from, this.#from + wanted);
        for (const channel of channels) channel.set(played);
        this.#from += wanted;
        return true;
    }

    #mix() {
        const mixed = new Float32Array(BLOCK_SAMPLES);
        for (const buffer of this.#streams.values()) {
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

registerProcessor('playback', Playback);
