// This page's clock, and the relay's against it.

/** A change of the offset that is worth telling, in µs. */
const OFFSET_STEP_US = 500;
/** After so many answers even the best is forgotten: clocks drift. */
const ANSWERS_REMEMBERED = 30;

/** µs of a clock that never goes back and is the same in the page and its workers. */
export function nowUs() {
    return Math.round((performance.timeOrigin + performance.now()) * 1000);
}

/** The relay's clock minus this one, from the quickest of the last answers. */
export class ClockEstimate {
    /** @type {{ roundTripUs: number, offsetUs: number } | null} */
    #best = null;
    #answers = 0;
    /** @type {number | null} */
    #told = null;
    /** How long the last answer took, in µs. @type {number | null} */
    roundTripUs = null;

    /**
     * Takes a ping's answer; gives the offset in µs when it is news.
     * @param {number} sentUs
     * @param {number} relayUs
     * @param {number} nowUs
     * @returns {number | null}
     */
    update(sentUs, relayUs, nowUs) {
        const roundTripUs = Math.max(0, nowUs - sentUs);
        this.roundTripUs = roundTripUs;
        if (this.#answers % ANSWERS_REMEMBERED === 0) this.#best = null;
        this.#answers += 1;
        if (!this.#best || roundTripUs < this.#best.roundTripUs) {
            this.#best = { roundTripUs, offsetUs: Math.round(relayUs - (sentUs + roundTripUs / 2)) };
        }
        const { offsetUs } = this.#best;
        if (this.#told !== null && Math.abs(this.#told - offsetUs) <= OFFSET_STEP_US) return null;
        this.#told = offsetUs;
        return offsetUs;
    }

    /** The relay knows nothing any more: tells it again. */
    forget() {
        this.#told = null;
    }
}
