// The newest page of a room's history, and after an outage page by page back to the last line that was known. No clock
// and no socket.

import { AGAIN_MS, Turn } from './turn.js';

/** @typedef {import('./chat_log.js').Line} Line */
/** @typedef {import('./switches.js').Request} Request */

/** So many missed lines are fetched at most; what lies before them is behind "Older messages". */
const MOST_LINES = 1_000;

export class MissedLines {
    #log;
    /** The last line that was known; 0 when none was, null when nothing is. @type {number | null} */
    #known = null;
    /** Where the next page ends; null when no page is wanted. @type {{ before: number | null } | null} */
    #wanted = null;
    #fetched = 0;
    /** One is in the room and can ask. */
    isHere = false;
    #turn = new Turn();

    /** @param {import('./chat_log.js').ChatLog} log */
    constructor(log) {
        this.#log = log;
    }

    /** In the room, for the first time or again: events are missed up to now. */
    begin() {
        const { lines } = this.#log;
        // What an outage before this one left open stays open.
        if (this.#known === null) this.#known = lines[0]?.id ?? null;
        else if (this.#wanted === null) this.#known = lines.at(-1)?.id ?? 0;
        this.#wanted = { before: null };
        this.#fetched = 0;
    }

    /** @returns {Request | null} */
    #due() {
        if (!this.isHere || !this.#wanted) return null;
        const { before } = this.#wanted;
        return { do: 'history', fields: before === null ? {} : { before } };
    }

    /** @param {number} now */
    next(now) {
        return this.#turn.ask(this.#due(), now);
    }

    get wakeAt() {
        return this.#turn.wakeAt(this.#due());
    }

    /**
     * @param {Request} request
     * @param {{ lines: Line[], more: boolean }} page
     * @returns {Line[]} those that were missed
     */
    answered(request, page) {
        if (!this.#turn.end(request)) return [];
        const known = this.#known;
        const before = new Set(this.#log.lines.map(({ id }) => id));
        this.#log.takePage(page);
        const oldest = page.lines[0]?.id ?? 0;
        this.#fetched += page.lines.length;
        const isTooMuch = this.#fetched >= MOST_LINES;
        const isWhole = known === null || oldest <= known || !page.more || isTooMuch;
        if (isTooMuch) this.#log.forgetBefore(oldest);
        this.#wanted = isWhole ? null : { before: oldest };
        if (isWhole) this.#known = this.#log.lines.at(-1)?.id ?? 0;
        return known === null ? [] : page.lines.filter(({ id }) => id > known && !before.has(id));
    }

    /** @param {Request} request @param {import('./turn.js').Refusal} refusal @param {number} now */
    refused(request, refusal, now) {
        if (this.#turn.end(request)) this.#turn.hold(request.do, now + (refusal.retryAfterMs ?? AGAIN_MS));
    }

    lost() {
        this.#turn.forget();
    }
}
