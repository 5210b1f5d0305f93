// What one wrote and the relay has not confirmed: each line waits, is being sent, or has failed and says why. A line
// keeps its mark, by which the relay knows it again, so it may be sent as often as an answer is missed. No clock and no
// socket.

import { AGAIN_MS, Turn } from './turn.js';

/** @typedef {import('./turn.js').Refusal} Refusal */
/** @typedef {import('./switches.js').Request} Request */
/**
 * @typedef {object} OwnLine
 * @property {number} mark
 * @property {number} room where it was written
 * @property {string} text
 * @property {Refusal | null} failed why it is not sent; null while it waits
 */

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
    #turn = new Turn();

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

    /** The next line to say, so that they keep their order. @returns {Request | null} */
    #due() {
        if (this.room === null) return null;
        const line = this.lines.find(({ room, failed }) => room === this.room && !failed);
        return line ? { do: 'say', fields: { text: line.text, mark: line.mark } } : null;
    }

    /** @param {number} now */
    next(now) {
        return this.#turn.ask(this.#due(), now);
    }

    get wakeAt() {
        return this.#turn.wakeAt(this.#due());
    }

    /** @param {Request} request @returns {OwnLine | null} the line, unless it arrived in another way before */
    answered(request) {
        if (!this.#turn.end(request)) return null;
        const line = this.lines.find(({ mark }) => mark === request.fields.mark);
        if (line) this.discard(line.mark);
        return line ?? null;
    }

    /** @param {Request} request @param {Refusal} refusal @param {number} now */
    refused(request, refusal, now) {
        if (!this.#turn.end(request)) return;
        // Who is not in the room any more is on the way back, or fails in `stay`.
        if (refusal.code === 'rate_limited' || refusal.code === 'not_in_room')
            this.#turn.hold(request.do, now + (refusal.retryAfterMs ?? AGAIN_MS));
        else
            this.lines = this.lines.map((line) =>
                line.mark === request.fields.mark ? { ...line, failed: refusal } : line,
            );
    }

    /** Whether the relay has it is not known: it is sent again. */
    lost() {
        this.#turn.forget();
    }
}
