// One participant, or a screen that one shares: the picture, or initials where there is none, with the name and how
// things stand upon it.

import { add, make, set } from './dom.js';
import { avatar } from './faces.js';
import { icon } from './icons.js';
import { labelWith, sayWith, words } from '../words/words.js';

/** @typedef {import('../net/roster.js').Participant} Participant */
/** @typedef {import('./layout.js').Box} Box */

/** A picture that is older than this is not shown any more: the sender may be gone. */
const STALE_MS = 4_000;

export class Tile {
    element = make('div', { class: 'tile', role: 'img' });
    canvas = make('canvas', { class: 'picture', hidden: true });
    /** Whether any of it can be seen, as the browser tells. */
    visible = true;
    /** The stream that it shows. @type {number | null} */
    stream = null;
    width = 0;
    /** @type {HTMLVideoElement | null} */
    #video = null;
    #name = make('span', { class: 'plate-name' });
    #muted = icon('microphone-off');
    #plate = make('span', { class: 'plate' });
    #waiting = make('span', { class: 'waiting', hidden: true }, make('span', { class: 'spinner' }));
    #face;
    #waits = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #stale;

    /**
     * @param {string} called
     * @param {'person' | 'screen'} kind
     */
    constructor(called, kind) {
        this.kind = kind;
        this.#face = avatar(called);
        add(this.#plate, kind === 'person' && this.#muted, this.#name);
        add(this.element, make('div', { class: 'face' }, this.#face, this.#waiting), this.canvas, this.#plate);
        this.element.classList.toggle('screen', kind === 'screen');
    }

    /**
     * @param {Participant} person
     * @param {{ own: boolean, speaking: boolean }} how
     */
    show(person, { own, speaking }) {
        const screen = this.kind === 'screen';
        const name = () => {
            if (screen) return own ? words('your_screen') : words('screen_of', person.display_name);
            return own ? words('name_you', person.display_name) : person.display_name;
        };
        sayWith(this.#name, name);
        set(this.#muted, 'hidden', person.microphone ? '' : null);
        this.element.classList.toggle('speaking', speaking && !screen);
        labelWith(this.element, 'aria-label', () =>
            [
                name(),
                !screen && !person.microphone && words('microphone_off'),
                !screen && speaking && words('speaking'),
                this.#waits && words('waiting_for_picture'),
            ]
                .filter(Boolean)
                .join(', '),
        );
    }

    /** One's own camera, which needs no way around. @param {MediaStream | null} stream */
    showOwn(stream) {
        if (!stream) {
            this.#video?.remove();
            this.#video = null;
            return;
        }
        if (!this.#video) {
            this.#video = make('video', {
                class: `picture ${this.kind === 'person' ? 'mirrored' : ''}`,
                muted: true,
                playsinline: true,
                autoplay: true,
            });
            this.#video.muted = true;
            this.canvas.after(this.#video);
        }
        if (this.#video.srcObject !== stream) this.#video.srcObject = stream;
    }

    /** Waits for the first picture of a stream; null when there is none. @param {number | null} stream */
    expect(stream) {
        if (stream === this.stream) return;
        this.stream = stream;
        clearTimeout(this.#stale);
        if (stream === null) this.canvas.hidden = true;
        this.#wait(stream !== null && this.canvas.hidden);
    }

    /** A picture is on the canvas. */
    shown() {
        if (this.canvas.hidden) {
            this.canvas.hidden = false;
            this.#wait(false);
        }
        clearTimeout(this.#stale);
        this.#stale = setTimeout(() => {
            // While nobody looks nothing comes, and that is as it should be.
            if (document.hidden || this.stream === null) return;
            this.canvas.hidden = true;
            this.#wait(true);
        }, STALE_MS);
    }

    /** @param {Box} box */
    place({ x, y, width, height }) {
        this.width = width;
        const { style } = this.element;
        style.transform = `translate(${x}px, ${y}px)`;
        style.width = `${width}px`;
        style.height = `${height}px`;
        this.element.classList.toggle('small', width < 260);
    }

    remove() {
        clearTimeout(this.#stale);
        this.showOwn(null);
        this.element.remove();
    }

    /** @param {boolean} waits */
    #wait(waits) {
        this.#waits = waits;
        this.#waiting.hidden = !waits;
    }
}
