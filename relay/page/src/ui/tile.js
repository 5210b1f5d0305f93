// One participant, or a screen that one shares: the picture, or initials where there is none, with the name and how
// things stand upon it.

import { add, make, set } from './dom.js';
import { avatar } from './faces.js';
import { icon } from './icons.js';
import { PictureLife } from './picture_life.js';
import { labelWith, say, sayWith, words } from '../words/words.js';

/** @typedef {import('../net/roster.js').Participant} Participant */
/** @typedef {import('./layout.js').Box} Box */

export class Tile {
    element = make('div', { class: 'tile', role: 'img' });
    canvas = make('canvas', { class: 'picture', hidden: true });
    /** Whether any of it can be seen, as the browser tells. */
    visible = true;
    width = 0;
    /** @type {HTMLVideoElement | null} */
    #video = null;
    #name = make('span', { class: 'plate-name', dir: 'auto' });
    #away = say(make('span', { class: 'is-away', hidden: true }), 'reconnecting');
    #muted = icon('microphone-off');
    #plate = make('span', { class: 'plate' });
    #waiting = make('span', { class: 'waiting', hidden: true }, make('span', { class: 'spinner' }));
    #face;
    #life;
    /** @type {import('./picture_life.js').Shows} */
    #shows = 'nothing';
    /** What the tile is called: said again when any of it changes. @type {() => string} */
    #called = () => '';
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #changes;

    /**
     * @param {string} called
     * @param {'person' | 'screen'} kind
     */
    constructor(called, kind) {
        this.kind = kind;
        this.#face = avatar(called);
        this.#life = new PictureLife(kind === 'screen');
        add(
            this.#plate,
            kind === 'person' && this.#muted,
            make('span', { class: 'plate-words' }, this.#name, this.#away),
        );
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
        const away = Boolean(person.away);
        sayWith(this.#name, name);
        set(this.#muted, 'hidden', person.microphone || away ? '' : null);
        this.#away.hidden = !away;
        this.element.classList.toggle('away', away);
        this.element.classList.toggle('speaking', speaking && !screen && !away);
        this.#called = () =>
            (away
                ? [name(), words('reconnecting')]
                : [
                      name(),
                      !screen && !person.microphone && words('microphone_off'),
                      !screen && speaking && words('speaking'),
                      this.#shows === 'waiting' && words('waiting_for_picture'),
                  ]
            )
                .filter(Boolean)
                .join(', ');
        this.#life.setAway(away, performance.now());
        this.#draw(true);
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

    /** The stream that it shows. @returns {number | null} */
    get stream() {
        return this.#life.stream;
    }

    /**
     * Waits for the first picture of a stream; null when there is none.
     * @param {number | null} stream
     * @param {boolean} watched whether its pictures are fetched now
     */
    expect(stream, watched) {
        this.#life.expect(stream, performance.now());
        this.#life.watch(watched, performance.now());
        this.#draw();
    }

    /** A picture is on the canvas. */
    shown() {
        this.#life.shown(performance.now());
        this.#draw();
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
        clearTimeout(this.#changes);
        this.showOwn(null);
        this.element.remove();
    }

    /**
     * Brings what stands in the tile to what its picture's life says.
     * @param {boolean} [afresh] something else of the tile changed, too
     */
    #draw(afresh = false) {
        const shows = this.#life.at(performance.now());
        clearTimeout(this.#changes);
        const { changesAt } = this.#life;
        if (changesAt !== null) this.#changes = setTimeout(() => this.#draw(), changesAt - performance.now());
        if (shows === this.#shows && !afresh) return;
        this.#shows = shows;
        this.canvas.hidden = shows !== 'picture' && shows !== 'held';
        this.#waiting.hidden = shows !== 'waiting';
        labelWith(this.element, 'aria-label', this.#called);
    }
}
