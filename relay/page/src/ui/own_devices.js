// One's own camera, microphone and screen: opened when they are wanted, closed when they are not, and what could not be
// had told to the session, so that nobody is shown what is not sent.

import { Camera } from '../media/camera.js';
import { DeviceError } from '../media/device_error.js';
import { Microphone } from '../media/microphone.js';
import { ScreenShare } from '../media/screen_share.js';
import { Signal } from '../net/signal.js';
import { DEVICES } from '../net/switches.js';
import { preferences } from './preferences.js';

/** @typedef {import('../net/switches.js').Device} Device */
/** @typedef {import('../words/words.js').Word} Word */

/**
 * @extends {Signal<{ changed: null, problem: Word | null }>}
 */
export class OwnDevices extends Signal {
    microphone;
    camera;
    screen;
    #session;
    /** Those that are being opened. @type {Set<Device>} */
    #busy = new Set();
    /** Those that are to be opened again, as another was chosen. @type {Set<Device>} */
    #renewed = new Set();
    /** In a room, or on the way back. */
    #isIn = false;
    /** The microphone is open for its meter alone. */
    #isTried = false;
    /** Why a device could not be opened, of the last that was tried. @type {DeviceError | null} */
    failure = null;

    /**
     * @param {import('../net/session.js').Session} session
     * @param {{ microphone: Microphone, camera: Camera, screen: ScreenShare }} [devices] the browser's
     */
    constructor(session, devices = { microphone: new Microphone(), camera: new Camera(), screen: new ScreenShare() }) {
        super();
        this.#session = session;
        ({ microphone: this.microphone, camera: this.camera, screen: this.screen } = devices);
        session.on('phase', () => this.#leave());
        session.on('joined', () => {
            for (const device of DEVICES) void this.#follow(device);
        });
        this.microphone.on('lost', () => this.#lost('microphone'));
        this.microphone.on('taken', () => session.take(this.microphone.isTaken));
        this.camera.on('lost', () => this.#lost('camera'));
        this.screen.on('reshaped', () => session.give('screen', this.screen.media));
        this.screen.on('ended', () => this.set('screen', false));
        session.on('refused', ({ device }) => {
            void this.#follow(device);
            this.tell('problem', 'refused');
        });
    }

    /** Whether one is being opened. @param {Device} device */
    isBusy(device) {
        return this.#busy.has(device);
    }

    /** Whether what it gives may leave the page. @param {Device} device */
    isOn(device) {
        return this[device].isOn;
    }

    /** Somebody touched a switch. @param {Device} device @param {boolean} on */
    set(device, on) {
        this.tell('problem', null);
        // Written down before anything is tried: what fails on the way is made up for.
        this.#session.want(device, on);
        return this.#follow(device);
    }

    /** Opens a device again, after another was chosen. @param {'camera' | 'microphone'} device */
    reopen(device) {
        const isOpen = device === 'camera' ? this.camera.isOn : this.microphone.captured;
        if (!isOpen && !this.isBusy(device)) return undefined;
        this.#renewed.add(device);
        return this.#follow(device);
    }

    /** Opens the microphone for its meter; fails with a DeviceError. */
    async tryMicrophone() {
        this.#isTried = true;
        await this.#follow('microphone');
        if (this.failure) throw this.failure;
    }

    /** The meter is not looked at any more. */
    endTrial() {
        if (!this.#isTried) return;
        this.#isTried = false;
        if (!this.microphone.isOn && !this.isBusy('microphone')) this.microphone.close();
    }

    /** Out of the room everything is released. */
    #leave() {
        const { phase } = this.#session;
        const isIn = phase === 'room' || (phase === 'entering' && this.#isIn);
        if (isIn === this.#isIn) return;
        this.#isIn = isIn;
        if (isIn) return;
        for (const device of DEVICES) this[device].close();
        this.tell('changed', null);
    }

    /** Brings a device to what is wanted of it, and on, if that changes meanwhile. @param {Device} device */
    async #follow(device) {
        this.tell('changed', null);
        if (this.#busy.has(device)) return;
        this.#busy.add(device);
        this.failure = null;
        try {
            // What fails once for want of a connection, or on the way to one, does not fail twice.
            for (let tries = 1; !(await this.#try(device, tries)); tries += 1);
        } finally {
            this.#busy.delete(device);
            this.tell('changed', null);
        }
    }

    /** Says whether there is nothing more to try now. @param {Device} device @param {number} tries */
    async #try(device, tries) {
        try {
            while (!this.#isSettled(device)) await this.#step(device);
            return true;
        } catch (error) {
            if (error instanceof DeviceError) {
                this.#failed(device, error);
                return true;
            }
            this[device].close();
            // A part of the page that could not be fetched comes when the connection does.
            if (!this.#session.connected) return true;
            if (tries === 1) return false;
            console.error(error);
            this.#failed(device, new DeviceError('program_failed'));
            return true;
        }
    }

    /** @param {Device} device */
    #isSettled(device) {
        if (this.#renewed.has(device) || this.isOn(device) !== this.#session.wants(device)) return false;
        if (device !== 'microphone') return true;
        const { captured } = this.microphone;
        // In a room it stays open while it is off, for who speaks in vain; elsewhere nothing does.
        return this.#isTried ? captured : !captured || this.#session.room !== null;
    }

    /** @param {Device} device */
    async #step(device) {
        const session = this.#session;
        if (this.#renewed.delete(device)) {
            const wasTried = device === 'microphone' && this.microphone.captured && !session.wants(device);
            this[device].close();
            if (wasTried) await this.microphone.open(preferences.microphone);
        } else if (device === 'microphone') {
            if (session.wants(device) || this.#isTried) await this.microphone.open(preferences.microphone);
            else if (session.room === null) this.microphone.close();
            this.microphone.isOn = session.wants(device) && this.microphone.captured;
            session.give(device, this.microphone.isOn ? { kind: 'audio' } : null);
        } else if (!session.wants(device)) {
            this[device].close();
            session.give(device, null);
        } else if (device === 'camera') {
            await this.camera.open(preferences.camera, preferences.size, () => session.waitingBytes);
            if (session.wants(device)) session.give(device, this.camera.media);
        } else if (await this.screen.open(() => session.waitingBytes)) {
            if (session.wants(device)) session.give(device, this.screen.media);
        } else {
            // Somebody thought better of it.
            session.want(device, false);
        }
    }

    /** @param {Device} device @param {DeviceError} error */
    #failed(device, error) {
        const isForMeter = device === 'microphone' && this.#isTried && !this.#session.wants(device);
        this.failure = error;
        this[device].close();
        this.#session.want(device, false);
        this.#session.give(device, null);
        if (device === 'microphone') this.#isTried = false;
        if (!isForMeter) this.tell('problem', error.word);
    }

    /** @param {'camera' | 'microphone'} device */
    #lost(device) {
        this.#failed(device, new DeviceError(`${device}_lost`));
        this.tell('changed', null);
    }
}
