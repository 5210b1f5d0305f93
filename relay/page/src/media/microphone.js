// The microphone: opened when somebody asks for it, released when they leave. While it is off no block leaves the page;
// the level is still watched here, so that who speaks in vain is told. What the system mutes, as during a phone call,
// is silence that nobody speaks: it does not leave the page either.

import { nowUs } from '../net/clock.js';
import { Signal } from '../net/signal.js';
import { openDevice } from './device_error.js';
import { BLOCK_MS } from './l16.js';
import { sound } from './sound_context.js';

/** @typedef {{ level: number, voice: boolean, body: Uint8Array<ArrayBuffer>, timestamp: number }} Block */

/**
 * @extends {Signal<{ block: Block, level: { level: number, voice: boolean }, lost: null, taken: null }>}
 */
export class Microphone extends Signal {
    /** Blocks leave the page. */
    isOn = false;
    /** The system has muted it: a phone call, another program, a switch on the device. */
    isTaken = false;
    /** @type {MediaStreamTrack | null} */
    #track = null;
    /** @type {AudioNode[]} */
    #nodes = [];
    #sound;

    /** @param {import('./sound_context.js').SoundContext} [context] the page's own */
    constructor(context = sound) {
        super();
        this.#sound = context;
        context.on('renewed', (renewed) => {
            if (!this.#track) return;
            this.#disconnect();
            this.#connect(renewed, this.#track);
        });
    }

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
            channelCount: 1,
            echoCancellation: true,
            noiseSuppression: true,
            autoGainControl: true,
        });
        this.#track = track;
        track.onended = () => {
            this.close();
            this.tell('lost', null);
        };
        track.onmute = () => this.#take(true);
        track.onunmute = () => this.#take(false);
        this.#take(track.muted);
        const context = await this.#sound.open();
        // Where the browser holds the sound back nobody promised that this ends.
        void context.resume().catch(() => {});
        // It may have been closed meanwhile.
        if (this.#track === track) this.#connect(context, track);
    }

    /** @param {boolean} taken */
    #take(taken) {
        if (this.isTaken === taken) return;
        this.isTaken = taken;
        this.tell('taken', null);
    }

    /** @param {AudioContext} context @param {MediaStreamTrack} track */
    #connect(context, track) {
        const source = context.createMediaStreamSource(new MediaStream([track]));
        const capture = new AudioWorkletNode(context, 'capture', {
            numberOfOutputs: 0,
            channelCount: 1,
            channelCountMode: 'explicit',
        });
        capture.port.onmessage = ({ data }) => {
            if (this.isTaken) return;
            this.tell('level', data);
            if (this.isOn) this.tell('block', { ...data, timestamp: nowUs() - BLOCK_MS * 1000 });
        };
        source.connect(capture);
        this.#nodes = [source, capture];
    }

    #disconnect() {
        for (const node of this.#nodes) {
            node.disconnect();
            if (node instanceof AudioWorkletNode) node.port.onmessage = null;
        }
        this.#nodes = [];
    }

    /** Releases it. */
    close() {
        this.isOn = false;
        const track = this.#track;
        this.#track = null;
        if (track) {
            track.onended = track.onmute = track.onunmute = null;
            track.stop();
        }
        this.#disconnect();
        this.#take(false);
    }
}
