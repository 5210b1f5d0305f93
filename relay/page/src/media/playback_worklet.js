// Runs where the browser plays sound: all streams mixed and brought to the rate of the sound card.

import { parse, SAMPLE_RATE_HZ } from './l16.js';
import { Mixer } from './mixer.js';
import { Resampler } from './resampler.js';

class Playback extends AudioWorkletProcessor {
    #mixer = new Mixer();
    #resampler = new Resampler(SAMPLE_RATE_HZ, sampleRate);
    /** Mixed samples that were not played yet. */
    #ready = new Float32Array(0);
    #from = 0;

    constructor() {
        super();
        this.port.onmessage = ({ data }) => this.#take(data);
    }

    /** @param {{ stream: number, number: number, capturedMs: number, body: Uint8Array } | { clear: true }} message */
    #take(message) {
        if ('clear' in message) {
            this.#mixer.clear();
            return;
        }
        const block = parse(message.body);
        if (block) this.#mixer.take(message.stream, message.number, message.capturedMs, block, currentTime * 1000);
    }

    /** @param {Float32Array[][]} _inputs @param {Float32Array[][]} outputs */
    process(_inputs, outputs) {
        const channels = outputs[0];
        const wanted = channels[0].length;
        while (this.#ready.length - this.#from < wanted) {
            const more = this.#resampler.push(this.#mixer.mix(currentTime * 1000));
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
}

registerProcessor('playback', Playback);
