// The camera: opened when somebody asks for it, released when it is off.

import { Signal } from '../net/signal.js';
import { openDevice } from './device_error.js';
import { PictureSource } from './picture_source.js';

/** What can be chosen in the settings: width, height. More is sharper, and more for everybody's network. */
export const SIZES = /** @type {const} */ ({ '640x360': [640, 360], '960x540': [960, 540], '1280x720': [1280, 720] });
/** Pictures a second that are aimed at. */
const FPS = 24;

/** @typedef {keyof typeof SIZES} SizeName */

/**
 * @extends {Signal<{ picture: import('./picture_source.js').Picture, poor: boolean, lost: null }>}
 */
export class Camera extends Signal {
    /** What it sees, for one's own tile. @type {MediaStream | null} */
    stream = null;
    /** @type {PictureSource | null} */
    #source = null;
    /** @type {{ kind: 'camera', width: number, height: number, fps: number }} */
    media = { kind: 'camera', width: 640, height: 360, fps: FPS };

    get isOn() {
        return this.#source !== null;
    }

    /**
     * Opens it; fails with a DeviceError.
     * @param {string | undefined} deviceId none for the browser's own choice
     * @param {SizeName} size
     * @param {() => number} waitingBytes
     */
    async open(deviceId, size, waitingBytes) {
        if (this.#source) return;
        const [width, height] = SIZES[size];
        const track = await openDevice('camera', deviceId, {
            facingMode: 'user',
            width: { ideal: width },
            height: { ideal: height },
            frameRate: { ideal: FPS, max: 30 },
        });
        this.media = { kind: 'camera', width, height, fps: FPS };
        this.stream = new MediaStream([track]);
        this.#source = new PictureSource(track, this.media, waitingBytes);
        this.#source.on('picture', (picture) => this.tell('picture', picture));
        this.#source.on('poor', (poor) => this.tell('poor', poor));
        track.onended = () => {
            this.close();
            this.tell('lost', null);
        };
    }

    /** Releases it. */
    close() {
        this.#source?.close();
        this.#source = null;
        this.stream = null;
    }
}
