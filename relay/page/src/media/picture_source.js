// A video track made into JPEGs, which leave or are dropped, but never wait. The camera's and the screen's common part.

import { Signal } from '../net/signal.js';
import { MAX_FRAME_BYTES, HEADER_BYTES } from '../net/media_frame.js';
import { Pace } from './pace.js';

/** @typedef {{ timestamp: number, body: Uint8Array<ArrayBuffer> }} Picture */
/** @typedef {{ width: number, height: number, fps: number }} Size */

/**
 * @extends {Signal<{ picture: Picture, poor: boolean }>}
 */
export class PictureSource extends Signal {
    #track;
    #size;
    #waitingBytes;
    #pace = new Pace();
    #worker = new Worker(new URL('./jpeg_worker.js', import.meta.url), { type: 'module' });
    #ended = false;

    /**
     * @param {MediaStreamTrack} track
     * @param {Size} size
     * @param {() => number} waitingBytes how much waits to leave
     */
    constructor(track, size, waitingBytes) {
        super();
        this.#track = track;
        this.#size = size;
        this.#waitingBytes = waitingBytes;
        this.#worker.onmessage = ({ data }) => this.#take(data);
        this.#shape();
        const Processor = globalThis.MediaStreamTrackProcessor;
        if (Processor) {
            const { readable } = new Processor({ track });
            this.#worker.postMessage({ readable }, [readable]);
        } else {
            void this.#watch();
        }
    }

    /** Ends it and releases the track. */
    close() {
        this.#ended = true;
        this.#track.onended = null;
        this.#track.stop();
        // It ends itself: ended from here, it would leave frames open.
        this.#worker.postMessage({ end: true });
    }

    #shape() {
        const { width, height, fps } = this.#size;
        this.#worker.postMessage({ shape: { width, height, ...this.#pace.shape(fps) } });
    }

    /** @param {Picture} picture */
    #take(picture) {
        if (this.#ended) return;
        const { send, changed } = this.#pace.admit(this.#waitingBytes());
        if (changed) {
            this.#shape();
            this.tell('poor', this.#pace.poor);
        }
        if (send && picture.body.length <= MAX_FRAME_BYTES - HEADER_BYTES) this.tell('picture', picture);
    }

    /** Where the browser gives no frames of a track: those that a video element shows. */
    async #watch() {
        const video = document.createElement('video');
        video.muted = true;
        video.playsInline = true;
        video.srcObject = new MediaStream([this.#track]);
        await video.play();
        const next = async () => {
            if (this.#ended) return;
            if (video.videoWidth > 0) {
                const bitmap = await createImageBitmap(video);
                this.#worker.postMessage({ bitmap }, [bitmap]);
            }
            if (document.hidden || !video.requestVideoFrameCallback) setTimeout(next, 1000 / this.#size.fps);
            else video.requestVideoFrameCallback(next);
        };
        await next();
    }
}
