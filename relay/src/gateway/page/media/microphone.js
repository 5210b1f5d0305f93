// The microphone: opened when somebody asks for it, released when they leave. While it is off no block leaves the page;
// the level is still watched here, so that who speaks in vain is told.

import { nowUs } from '../net/clock.js';
import { Signal } from '../net/signal.js';
import { openDevice } from './device_error.js';
import { BLOCK_MS } from './l16.js';
import { soundContext } from './sound_context.js';

/** @typedef {{ level: number, voice: boolean, body: Uint8Array<ArrayBuffer>, timestamp: number }} Block */

/**
 * @extends {Signal<{ block: Block, level: { level: number, voice: boolean }, lost: null }>}
 */
export class Microphone extends Signal {
    /** Blocks leave the page. */
    isOn = false;
    /** @type {MediaStreamTrack | null} */
    #track = null;
    /** @type {AudioNode[]} */
    #nodes = [];

    /** Whether the browser captures. */
    get captured() {
        return this.#track !== null;
    }

    /**
     * Opens it if it is not open; fails with a DeviceError.
     * @param {string} [deviceId] none for the browser's own choice
     */
    async open(deviceId) {
        if (this.#track) return;
        const track = await openDevice('microphone', deviceId, {
            channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true,
        });
        this.#track = track;
        track.onended = () => {
            this.close();
            this.tell('lost', null);
        };
        const context = await soundContext();
        void context.resume();
        const source = context.createMediaStreamSource(new MediaStream([track]));
        const capture = new AudioWorkletNode(context, 'capture', { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' });
        capture.port.onmessage = ({ data }) => {
            this.tell('level', data);
            if (this.isOn) this.tell('block', { ...data, timestamp: nowUs() - BLOCK_MS * 1000 });
        };
        source.connect(capture);
        this.#nodes = [source, capture];
    }

    /** Releases it. */
    close() {
        this.isOn = false;
        const track = this.#track;
        this.#track = null;
        if (track) {
            track.onended = null;
            track.stop();
        }
        for (const node of this.#nodes) {
            node.disconnect();
            if (node instanceof AudioWorkletNode) node.port.onmessage = null;
        }
        this.#nodes = [];
    }
}
