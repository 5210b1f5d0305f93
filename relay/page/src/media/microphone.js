// The microphone: opened when somebody asks for it, released when they leave. While it is off no block leaves the page;
// the level is still watched here, so that who speaks in vain is told. What the system mutes, as during a phone call,
// is silence that nobody speaks: it does not leave the page either.

import { nowUs } from '../net/clock.js';
import { Signal } from '../net/signal.js';
import { openDevice } from './device_error.js';
import { BLOCK_MS } from './l16.js';
import { RecordedSound } from './recorded_sound.js';
import { sound } from './sound_context.js';

/** A context that is held for so long may be so for good: others should not wait for it. */
const HELD_MS = 500;

/** @typedef {import('./blocks.js').Block & { timestamp: number }} Block */

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
    /** What captures where the context does not. @type {RecordedSound | null} */
    #recorded = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #heldFor;
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
        context.on('state', () => this.#watch());
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
        if (this.#track !== track) return;
        this.#connect(context, track);
        this.#watch();
    }

    /** The context captures while it runs; while it is held, a recorder does. */
    #watch() {
        clearTimeout(this.#heldFor);
        const track = this.#track;
        if (!track || !this.#sound.held) {
            this.#recorded?.close();
            this.#recorded = null;
        } else if (!this.#recorded && RecordedSound.possible) {
            this.#heldFor = setTimeout(() => {
                this.#recorded = new RecordedSound(track, (block) => this.#hear(block));
            }, HELD_MS);
        }
    }

    /** @param {import('./blocks.js').Block} block */
    #hear(block) {
        if (this.isTaken) return;
        this.tell('level', block);
        if (this.isOn) this.tell('block', { ...block, timestamp: nowUs() - BLOCK_MS * 1000 });
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
        capture.port.onmessage = ({ data }) => this.#hear(data);
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
        this.#watch();
        this.#take(false);
    }
}
