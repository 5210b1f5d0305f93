// What the others say, mixed and played.

import { DeviceError } from './device_error.js';
import { sound } from './sound_context.js';

/** How long the test tone sounds, in s. */
const TONE_S = 1;
/** How long the browser may take to start the sound, and how long after a touch, when a device has to be opened. */
const START_MS = 300;
const TOUCHED_START_MS = 3_000;

/** The way to the loudspeaker. */
export class Speaker {
    /** @type {AudioContext | null} */
    #context = null;
    /** @type {AudioWorkletNode | null} */
    #playback = null;
    /** @type {GainNode | null} */
    #volume = null;
    #percent = 100;
    #deviceId = '';
    #sound;
    /** A touch did not start the sound: there is no device for it, or another program holds it. */
    isStuck = false;
    /** Told when the browser holds the sound back, or plays it. @type {(held: boolean) => void} */
    onheld = () => {};

    /** @param {import('./sound_context.js').SoundContext} [context] the page's own */
    constructor(context = sound) {
        this.#sound = context;
        context.on('renewed', (renewed) => {
            if (!this.#context) return;
            this.#connect(renewed);
            void this.choose(this.#deviceId).catch(() => {});
        });
        context.on('state', () => this.#tellHeld());
        // What was missing may have been plugged in.
        globalThis.navigator?.mediaDevices?.addEventListener?.('devicechange', () => {
            if (this.isStuck) void this.touch();
        });
    }

    /** Makes it ready; the browser may hold the sound back until somebody touches the page. */
    async open() {
        const context = await this.#sound.open();
        if (!this.#context) this.#connect(context);
        await this.resume();
    }

    /** @param {AudioContext} context */
    #connect(context) {
        this.#context = context;
        this.#playback = new AudioWorkletNode(context, 'playback', { numberOfInputs: 0, outputChannelCount: [1] });
        this.#volume = new GainNode(context, { gain: this.#percent / 100 });
        this.#playback.connect(this.#volume).connect(context.destination);
    }

    /** Whether the browser holds the sound back. */
    get held() {
        return this.#context !== null && this.#context.state !== 'running';
    }

    #tellHeld() {
        if (!this.held) this.isStuck = false;
        this.onheld(this.held);
    }

    /** Starts the sound; works once somebody touched the page. */
    async resume() {
        const context = this.#context;
        if (!context) return;
        // Where it is held back this waits for a touch, which nobody promised.
        void context.resume().catch(() => {});
        await running(context, START_MS);
        this.#tellHeld();
    }

    /** Somebody touched the page for this: what does not start now is no matter of touching. */
    async touch() {
        // A device that was plugged in since is found by a new context alone.
        if (this.isStuck) await this.#sound.renew();
        const context = this.#context;
        if (!context) return;
        void context.resume().catch(() => {});
        await running(context, TOUCHED_START_MS);
        if (context !== this.#context) return;
        this.isStuck = this.held;
        this.#tellHeld();
    }

    /** Stops the sound, so that the browser may sleep; nothing of this room is heard in the next one. */
    async rest() {
        this.isStuck = false;
        this.#playback?.port.postMessage({ clear: true });
        await this.#context?.suspend();
    }

    /** 0 to 100. @param {number} percent */
    set volume(percent) {
        this.#percent = percent;
        if (this.#volume) this.#volume.gain.value = percent / 100;
    }

    /**
     * Plays through another loudspeaker, where the browser lets a page choose.
     * @param {string} deviceId
     */
    async choose(deviceId) {
        this.#deviceId = deviceId;
        const context = /** @type {any} */ (await this.#sound.open());
        if (context.setSinkId) await context.setSinkId(deviceId);
    }

    /**
     * Takes a block of somebody's sound.
     * @param {import('../net/media_frame.js').MediaFrame} frame
     */
    take(frame) {
        if (!this.#playback || this.held) return;
        const body = frame.body.slice();
        this.#playback.port.postMessage(
            { stream: frame.stream, number: frame.number, capturedMs: frame.timestamp / 1000, body },
            [body.buffer],
        );
    }

    /** A tone to know by that the loudspeaker works. */
    async testTone() {
        const context = await this.#sound.open();
        void context.resume().catch(() => {});
        await running(context, TOUCHED_START_MS);
        if (context.state !== 'running') throw new DeviceError('sound_stuck');
        const tone = new OscillatorNode(context, { frequency: 440 });
        const gain = new GainNode(context, { gain: 0 });
        gain.gain.setTargetAtTime(0.2, context.currentTime, 0.02);
        gain.gain.setTargetAtTime(0, context.currentTime + TONE_S - 0.1, 0.02);
        tone.connect(gain).connect(context.destination);
        tone.start();
        tone.stop(context.currentTime + TONE_S);
        await new Promise((done) => {
            tone.onended = done;
        });
    }

    /** What goes to the loudspeaker, for a measurement. @returns {AnalyserNode | null} */
    analyser() {
        if (!this.#context || !this.#volume) return null;
        const analyser = new AnalyserNode(this.#context, { fftSize: 32_768 });
        this.#volume.connect(analyser);
        return analyser;
    }
}

/** Waits until it runs, but not longer. @param {AudioContext} context @param {number} ms */
async function running(context, ms) {
    if (context.state === 'running') return;
    await Promise.race([
        new Promise((done) => {
            setTimeout(done, ms);
        }),
        new Promise((done) => {
            context.addEventListener('statechange', () => {
                if (context.state === 'running') done(null);
            });
        }),
    ]);
}
