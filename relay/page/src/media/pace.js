// How good and how many pictures may be, from how much still waits to leave: quickly down, slowly up.

/** The steps, best first. */
const STEPS = [
    { quality: 0.8, share: 1 },
    { quality: 0.7, share: 1 },
    { quality: 0.55, share: 1 },
    { quality: 0.45, share: 0.67 },
    { quality: 0.35, share: 0.5 },
    { quality: 0.3, share: 0.25 },
];
/** More than so many bytes waiting: a picture is not sent. Lower drops on short stalls, higher is late for longer. */
const MOST_WAITING_BYTES = 64 * 1024;
/** Pictures in a row that went out at once before it is tried better. */
const CALM_PICTURES = 60;

/** What pictures look like now. */
export class Pace {
    #step = 1;
    #calm = 0;
    /** Pictures that were not sent. */
    dropped = 0;

    /**
     * Whether a picture that is there may go; learns from it.
     * @param {number} waitingBytes what waits to leave
     * @returns {{ send: boolean, changed: boolean }} `changed`: {@link shape} has another answer now
     */
    admit(waitingBytes) {
        if (waitingBytes > MOST_WAITING_BYTES) return this.#drop();
        this.#calm = waitingBytes === 0 ? this.#calm + 1 : 0;
        if (this.#calm < CALM_PICTURES) return { send: true, changed: false };
        this.#calm = 0;
        return { send: true, changed: this.#move(-1) };
    }

    /** A picture is larger than the relay takes: the next ones have to be smaller. */
    tooLarge() {
        return this.#drop();
    }

    #drop() {
        this.dropped += 1;
        this.#calm = 0;
        return { send: false, changed: this.#move(1) };
    }

    /**
     * @param {number} fps what is wished for
     * @returns {{ quality: number, fps: number }}
     */
    shape(fps) {
        const { quality, share } = STEPS[this.#step];
        return { quality, fps: Math.max(2, Math.round(fps * share)) };
    }

    /** Pictures are worse than they could be. */
    get poor() {
        return this.#step >= 3;
    }

    /** @param {number} by */
    #move(by) {
        const next = Math.max(0, Math.min(STEPS.length - 1, this.#step + by));
        const moved = next !== this.#step;
        this.#step = next;
        return moved;
    }
}
