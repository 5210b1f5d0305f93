// One's own screen, a window of it or a tab, as the browser lets one choose.

import { Signal } from '../net/signal.js';
import { atMost } from './fit.js';
import { DeviceError } from './device_error.js';
import { PictureSource } from './picture_source.js';

/** The longest side; letters stay readable, and a picture stays far below the relay's limit. */
const LONGEST = 1920;
/** A screen changes seldom; letters matter more than motion. */
const FPS = 8;
/** A window that became so much larger or smaller, in px, is published again; less is a matter of narrow bars. */
const ANOTHER_SIZE_PX = 16;

/** @typedef {import('./fit.js').Size} Size */

/**
 * `reshaped`: what is shared has another size for a while now, and {@link ScreenShare.media} says which.
 * @extends {Signal<{ picture: import('./picture_source.js').Picture, reshaped: null, ended: null }>}
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
        this.media = mediaOf({ width, height });
        this.#source = new PictureSource(track, this.media, waitingBytes);
        this.#source.on('picture', (picture) => this.tell('picture', picture));
        this.#source.on('size', (size) => this.#reshape(size));
        track.onended = () => {
            this.close();
            this.tell('ended', null);
        };
        return true;
    }

    /** The window has another size now. @param {Size} size */
    #reshape(size) {
        const media = mediaOf(size);
        const change = Math.max(Math.abs(media.width - this.media.width), Math.abs(media.height - this.media.height));
        if (change < ANOTHER_SIZE_PX) return;
        this.media = media;
        this.#source?.reshape(media);
        this.tell('reshaped', null);
    }

    close() {
        this.#source?.close();
        this.#source = null;
    }
}

/** What is published of a screen of this size. @param {Size} size @returns {{ kind: 'screen', width: number, height: number, fps: number }} */
function mediaOf(size) {
    return { kind: 'screen', ...atMost(size, { width: LONGEST, height: LONGEST }), fps: FPS };
}
