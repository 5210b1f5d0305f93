// What one wrote and the relay has not confirmed: each line waits, is being sent, or has failed and says why. A line
// keeps its mark, by which the relay knows it again, so it may be sent as often as an answer is missed. No clock and no
// socket.

/** @typedef {import('./member.js').Refusal} Refusal */
/** @typedef {import('./switches.js').Request} Request */
/**
 * @typedef {object} OwnLine
 * @property {number} mark
 * @property {number} room where it was written
 * @property {string} text
 * @property {Refusal | null} failed why it is not sent; null while it waits
 */

/** When to send again where the relay does not say. */
const AGAIN_MS = 1_000;

/** A number that nobody else draws. */
function drawMark() {
    const [high, low] = crypto.getRandomValues(new Uint32Array(2));
    return (high % 2 ** 21) * 2 ** 32 + low;
}

export class OwnLines {
    /** Oldest first. @type {OwnLine[]} */
    lines = [];
    /** The room in which lines can be said now. @type {number | null} */
    room = null;
    /** @type {{ request: Request, line: OwnLine } | null} */
    #asked = null;
    #notBefore = 0;

    /** @param {number} room */
    of(room) {
        return this.lines.filter((line) => line.room === room);
    }

    /** @param {string} text @param {number} room */
    write(text, room) {
        this.lines = [...this.lines, { mark: drawMark(), room, text, failed: null }];
    }

    /** @param {number} mark */
    sendAgain(mark) {
        this.lines = this.lines.map((line) => (line.mark === mark ? { ...line, failed: null } : line));
    }

    /** @param {number} mark */
    discard(mark) {
        this.lines = this.lines.filter((line) => line.mark !== mark);
    }

    /** Lines of other rooms than this do not go on their way by themselves. @param {number | null} room */
    stay(room) {
        const isStranded = (/** @type {OwnLine} */ line) => !line.failed && line.room !== room;
        if (!this.lines.some(isStranded)) return;
        this.lines = this.lines.map((line) => (isStranded(line) ? { ...line, failed: { code: 'left_room' } } : line));
    }

    /** Lines that are stored. @param {Iterable<{ mark?: number }>} stored */
    arrived(stored) {
        const marks = new Set([...stored].map(({ mark }) => mark));
        if (this.lines.some(({ mark }) => marks.has(mark)))
            this.lines = this.lines.filter(({ mark }) => !marks.has(mark));
    }

    #due() {
        return this.lines.find(({ room, failed }) => room === this.room && !failed);
    }

    /** The next line to say, one at a time, so that they keep their order. @param {number} now @returns {Request | null} */
    next(now) {
        const line = this.room === null || this.#asked || now < this.#notBefore ? undefined : this.#due();
        if (!line) return null;
        const request = { do: 'say', fields: { text: line.text, mark: line.mark } };
        this.#asked = { request, line };
        return request;
    }

    get wakeAt() {
        return this.room !== null && !this.#asked && this.#due() ? this.#notBefore : Infinity;
    }

    /** @param {Request} request @returns {OwnLine | null} the line, unless it arrived in another way before */
    answered(request) {
        const asked = this.#take(request);
        const line = this.lines.find(({ mark }) => mark === asked?.mark);
        if (line) this.discard(line.mark);
        return line ?? null;
    }

    /** @param {Request} request @param {Refusal} refusal @param {number} now */
    refused(request, refusal, now) {
        const asked = this.#take(request);
        if (!asked) return;
        if (refusal.code === 'rate_limited') {
            this.#notBefore = now + (refusal.retryAfterMs ?? AGAIN_MS);
        } else if (refusal.code === 'not_in_room') {
            // Said when one is back.
            this.#notBefore = now + AGAIN_MS;
        } else {
            this.lines = this.lines.map((line) => (line.mark === asked.mark ? { ...line, failed: refusal } : line));
        }
    }

    /** Whether the relay has it is not known: it is sent again. */
    lost() {
        this.#asked = null;
        this.#notBefore = 0;
    }

    /** @param {Request} request */
    #take(request) {
        const asked = this.#asked?.request === request ? this.#asked.line : null;
        if (asked) this.#asked = null;
        return asked;
    }
}
