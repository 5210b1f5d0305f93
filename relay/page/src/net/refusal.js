// Why the relay did not do what it was asked, and why a socket ended.

/** A request was refused. `code` is the relay's, in snake case (GATEWAY.md, Values). */
export class Refused extends Error {
    /**
     * @param {string} code
     * @param {{ retry_after_ms?: number, field?: string, why?: string }} [more]
     */
    constructor(code, more = {}) {
        super(`refused: ${code}`);
        this.name = 'Refused';
        this.code = code;
        /** When to try again; with `rate_limited` alone. */
        this.retryAfterMs = more.retry_after_ms;
        /** What is wrong; with `invalid` alone. */
        this.field = more.field;
        /** Which part of its rule that breaks; with `invalid` of a text alone. */
        this.why = more.why;
    }
}

/** The socket ended before the answer came. */
export class Lost extends Error {
    constructor() {
        super('the connection was lost');
        this.name = 'Lost';
    }
}

/** A request that failed because of the connection is made up for when it is back. @param {unknown} error */
export function passOver(error) {
    if (!(error instanceof Lost) && !(error instanceof Refused)) throw error;
}

/** @typedef {(what: string, fields?: Record<string, unknown>) => Promise<any>} Ask Asks the relay; fails with one of these. */
