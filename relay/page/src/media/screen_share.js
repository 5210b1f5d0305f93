// One's own screen, a window of it or a tab, as the browser lets one choose.

import { Signal } from '../net/signal.js';
import { DeviceError } from './device_error.js';
import { PictureSource } from './picture_source.js';

/** The longest side; letters stay readable, and a picture stays far below the relay's limit. */
const LONGEST = 1920;
/** A screen changes seldom; letters matter more than motion. */
const FPS = 8;

/**
 * @extends {Signal<{ picture: import('./picture_source.js').Picture, ended: null }>}
 */
export class ScreenShare extends Signal {
    /** @type {PictureSource | null} */
    #source = null;
    /** @type {{ kind: 'screen', width: number, height: number, fps: number }} */
    media = { kind: 'screen', width: LONGEST, height: 1080, fps: FPS };

    /** Whether this browser can; phones cannot. */
    static get possible() {
        return Boolean(navigator.mediaDevices && 'getDisplayMedia' in navigator.mediaDevices);
    }

    get isOn() {
        return this.#source !== null;
    }

    /**
     * Asks what to share; false when somebody thought better of it. Fails with a DeviceError.
     * @param {() => number} waitingBytes
     */
    async open(waitingBytes) {
        if (this.#source) return true;
        let stream;
        try {
            stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: FPS }, audio: false });
        } catch (error) {
            if (error instanceof DOMException && error.name === 'NotAllowedError') return false;
            throw new DeviceError('share_failed');
        }
        const track = stream.getVideoTracks()[0];
        const { width = LONGEST, height = 1080 } = track.getSettings();
        const scale = Math.min(1, LONGEST / Math.max(width, height));
        this.media = { kind: 'screen', width: Math.round(width * scale), height: Math.round(height * scale), fps: FPS };
        this.#source = new PictureSource(track, this.media, waitingBytes);
        this.#source.on('picture', (picture) => this.tell('picture', picture));
        track.onended = () => {
            this.close();
            this.tell('ended', null);
        };
        return true;
    }

    close() {
        this.#source?.close();
        this.#source = null;
    }
}
