// The newest picture of each stream onto its canvas. Decoding is the browser's, off the page's thread; while it
// decodes, newer pictures replace each other, so that what is shown is never late.

import { isBaselineJpeg } from './jpeg_head.js';

/** One stream's way to its canvas. */
class Screening {
    /** @type {Uint8Array | null} */
    #next = null;
    #busy = false;
    shown = 0;
    /** Pictures that a newer one replaced. */
    replaced = 0;
    /** Pictures of a kind that no camera makes: not decoded. */
    refused = 0;
    /** @type {HTMLCanvasElement | null} */
    canvas = null;
    /** Told of each picture. @type {() => void} */
    onshown = () => {};

    /** @param {Uint8Array} jpeg */
    take(jpeg) {
        if (!isBaselineJpeg(jpeg)) {
            this.refused += 1;
            return;
        }
        if (this.#next) this.replaced += 1;
        this.#next = jpeg;
        if (!this.#busy) void this.#decode();
    }

    /** Shows nothing any more: neither what is being decoded nor what waits for it. */
    end() {
        this.#next = null;
        this.canvas = null;
        this.onshown = () => {};
    }

    async #decode() {
        this.#busy = true;
        while (this.#next) {
            const blob = new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (this.#next)], { type: 'image/jpeg' });
            this.#next = null;
            try {
                const bitmap = await createImageBitmap(blob);
                this.#show(bitmap);
            } catch {
                // No JPEG after all: the next one is.
            }
        }
        this.#busy = false;
    }

    /** @param {ImageBitmap} bitmap */
    #show(bitmap) {
        const canvas = this.canvas;
        if (!canvas) {
            bitmap.close();
            return;
        }
        if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
            canvas.width = bitmap.width;
            canvas.height = bitmap.height;
        }
        canvas.getContext('bitmaprenderer')?.transferFromImageBitmap(bitmap);
        this.shown += 1;
        this.onshown();
    }
}

/** Every stream's. */
export class Pictures {
    /** @type {Map<number, Screening>} */
    #streams = new Map();

    /**
     * Shows a stream on a canvas from now on.
     * @param {number} stream
     * @param {HTMLCanvasElement} canvas
     * @param {() => void} onshown told of each picture
     */
    show(stream, canvas, onshown) {
        let screening = this.#streams.get(stream);
        if (!screening) this.#streams.set(stream, (screening = new Screening()));
        screening.canvas = canvas;
        screening.onshown = onshown;
    }

    /** Nobody sees it any more: nothing of it is decoded, and what is being decoded is not shown. @param {number} stream */
    hide(stream) {
        this.#streams.get(stream)?.end();
        this.#streams.delete(stream);
    }

    /** @param {import('../net/media_frame.js').MediaFrame} frame */
    take(frame) {
        this.#streams.get(frame.stream)?.take(frame.body);
    }

    /** How many pictures of each stream were shown. @returns {Map<number, number>} */
    counts() {
        return new Map([...this.#streams].map(([stream, { shown }]) => [stream, shown]));
    }
}
