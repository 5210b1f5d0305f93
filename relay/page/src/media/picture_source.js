// A video track made into JPEGs, which leave or are dropped, but never wait. The camera's and the screen's common part.

import { Signal } from '../net/signal.js';
import { MAX_FRAME_BYTES, HEADER_BYTES } from '../net/media_frame.js';
import { Pace } from './pace.js';

/** @typedef {{ timestamp: number, body: Uint8Array<ArrayBuffer> }} Picture */
/** @typedef {{ kind: 'camera' | 'screen', width: number, height: number, fps: number }} Media what is published */

/** @typedef {{ width: number, height: number }} Size */

/**
 * @extends {Signal<{ picture: Picture, poor: boolean, size: Size }>}
 */
export class PictureSource extends Signal {
    #track;
    #media;
    #waitingBytes;
    #pace = new Pace();
    #worker = new Worker(new URL('./jpeg_worker.js', import.meta.url), { type: 'module' });
    #ended = false;

    /**
     * @param {MediaStreamTrack} track
     * @param {Media} media
     * @param {() => number} waitingBytes how much waits to leave
     */
    constructor(track, media, waitingBytes) {
        super();
        this.#track = track;
        this.#media = media;
        this.#waitingBytes = waitingBytes;
        this.#worker.onmessage = ({ data }) => {
            if (this.#ended) return;
            if ('size' in data) this.tell('size', data.size);
            else this.#take(data);
        };
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

    /** Pictures are to be of another shape. @param {Media} media */
    reshape(media) {
        this.#media = media;
        this.#shape();
    }

    #shape() {
        const { kind, width, height, fps } = this.#media;
        const shape = { width, height, screen: kind === 'screen', ...this.#pace.shape(fps) };
        this.#worker.postMessage({ shape });
    }

    /** @param {Picture} picture */
    #take(picture) {
        const fits = picture.body.length <= MAX_FRAME_BYTES - HEADER_BYTES;
        const { send, changed } = fits ? this.#pace.admit(this.#waitingBytes()) : this.#pace.tooLarge();
        if (changed) {
            this.#shape();
            this.tell('poor', this.#pace.poor);
        }
        if (send) this.tell('picture', picture);
    }

    /** Where the browser gives no frames of a track: those that a video element shows. */
    async #watch() {
        const video = document.createElement('video');
        video.muted = true;
        video.playsInline = true;
        video.srcObject = new MediaStream([this.#track]);
        await video.play();
        while (!this.#ended) {
            if (video.videoWidth > 0) {
                const bitmap = await createImageBitmap(video);
                this.#worker.postMessage({ bitmap }, [bitmap]);
            }
            await this.#nextFrame(video);
        }
    }

    /** Waits for the next frame; a hidden page is told of none. @param {HTMLVideoElement} video */
    async #nextFrame(video) {
        const told = new AbortController();
        await new Promise((done) => {
            if (document.hidden || !video.requestVideoFrameCallback) {
                setTimeout(done, 1000 / this.#media.fps);
                return;
            }
            video.requestVideoFrameCallback(done);
            document.addEventListener('visibilitychange', done, told);
        });
        told.abort();
    }
}
