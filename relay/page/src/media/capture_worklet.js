// Runs where the browser captures sound: makes blocks of 20 ms at 16 kHz of it, and says how loud each is.

import { Blocks } from './blocks.js';

class Capture extends AudioWorkletProcessor {
    #blocks = new Blocks(sampleRate, (block) => this.port.postMessage(block, [block.body.buffer]));

    /** @param {Float32Array[][]} inputs */
    process(inputs) {
        const channel = inputs[0]?.[0];
        if (channel) this.#blocks.push(channel);
        return true;
    }
}

registerProcessor('capture', Capture);
