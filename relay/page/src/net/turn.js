// One thing asked of the relay at a time, and nothing sooner than it allows. No clock and no socket.

/** @typedef {import('./switches.js').Request} Request */
/** @typedef {{ code: string, retryAfterMs?: number, field?: string, why?: string }} Refusal */

/** When to ask again where the relay does not say. */
export const AGAIN_MS = 1_000;

export class Turn {
    /** What is asked and not answered. @type {Request | null} */
    asked = null;
    /** What is held back, and until when. @type {Map<string, number>} */
    #held = new Map();

    /**
     * Asks, unless something else is asked or this is held back.
     * @param {Request | null} request
     * @param {number} now
     */
    ask(request, now) {
        if (!request || this.asked || (this.#held.get(request.do) ?? 0) > now) return null;
        this.asked = request;
        return request;
    }

    /** It was answered or refused; says whether that is of any use, as it is not after a loss. @param {Request} request */
    end(request) {
        if (request !== this.asked) return false;
        this.asked = null;
        return true;
    }

    /** Requests of a kind wait. @param {string} what @param {number} until */
    hold(what, until) {
        this.#held.set(what, until);
    }

    /** They need not wait any more. @param {string} what */
    release(what) {
        this.#held.delete(what);
    }

    /** What was asked may have been done or not. */
    lost() {
        this.asked = null;
    }

    /** As at the beginning, on another connection. */
    forget() {
        this.lost();
        this.#held.clear();
    }

    /** When this may be asked for, if it is only held back. @param {Request | null} request */
    wakeAt(request) {
        return request && !this.asked ? (this.#held.get(request.do) ?? Infinity) : Infinity;
    }
}
