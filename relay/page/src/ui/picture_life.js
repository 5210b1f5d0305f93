// What a tile shows of a stream: nothing, a spinner, the picture, or the last picture of somebody who is away. Time
// comes in as an argument, in ms of any clock that goes on.

/** A camera's picture that is older than this is not shown any more: the sender may be gone. */
const STALE_MS = 4_000;

/** @typedef {'nothing' | 'waiting' | 'picture' | 'held'} Shows `held`: the last picture of who is away */

export class PictureLife {
    #still;
    /** The stream that is to be seen. @type {number | null} */
    stream = null;
    /** Whose picture is on the canvas. @type {number | null} */
    #of = null;
    /** Since when nothing new came although something should have. */
    #since = 0;
    #watched = false;
    #away = false;

    /** @param {boolean} still what it shows may stand still: a screen, of which its stream alone tells that it is over */
    constructor(still) {
        this.#still = still;
    }

    /** Another stream is to be seen; null when there is none. @param {number | null} stream @param {number} now */
    expect(stream, now) {
        if (stream === this.stream) return;
        this.stream = stream;
        this.#since = now;
        // The former one's picture stays until the next comes, but no longer than one that is stale.
        if (stream === null) this.#of = null;
    }

    /** Whether anybody sees it: of what nobody sees nothing comes. @param {boolean} watched @param {number} now */
    watch(watched, now) {
        if (watched && !this.#watched) this.#since = now;
        this.#watched = watched;
    }

    /** Whether the sender's connection is lost. @param {boolean} away @param {number} now */
    setAway(away, now) {
        if (!away && this.#away) this.#since = now;
        this.#away = away;
    }

    /** A picture of the stream is on the canvas. @param {number} now */
    shown(now) {
        this.#of = this.stream;
        this.#since = now;
    }

    /** What is to be shown. @param {number} now @returns {Shows} */
    at(now) {
        if (this.stream === null) return 'nothing';
        if (this.#away) return this.#of === null ? 'nothing' : 'held';
        if (this.#lasts) return this.#of === null ? 'waiting' : 'picture';
        if (now - this.#since >= STALE_MS) this.#of = null;
        return this.#of === null ? 'waiting' : 'picture';
    }

    /** When {@link at} has another answer, if nothing happens before; null if never. @returns {number | null} */
    get changesAt() {
        const ages = this.stream !== null && this.#of !== null && !this.#away && !this.#lasts;
        return ages ? this.#since + STALE_MS : null;
    }

    /** Whether the picture does not become stale. */
    get #lasts() {
        return !this.#watched || (this.#still && this.#of === this.stream);
    }
}
