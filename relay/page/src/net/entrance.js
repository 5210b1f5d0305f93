// Who one is to the relay, proven on each socket, and found again by this tab after a reload.

import { deviceSecret, forGood, forTab } from './keep.js';
import { Refused } from './refusal.js';

/** @typedef {{ kind: 'account', name: string, username: string, email: string } | { kind: 'guest', name: string, token: string }} Identity `name` is what others see. */
/** @typedef {{ id: number, name: string }} Place A room to come back to. */
/** @typedef {{ identity: Identity, resume: string | null, room: Place | null }} Kept What a reload finds again. */

/** The version of GATEWAY.md that this page speaks. */
const VERSION = 1;

/** The way in. */
export class Entrance {
    /** @type {Identity | null} */
    identity = null;
    /** By which the relay knows a session again. @type {string | null} */
    #resume = null;
    #ask;

    /** @param {import('./refusal.js').Ask} ask asks the relay */
    constructor(ask) {
        this.#ask = ask;
    }

    get guest() {
        return this.identity?.kind === 'guest';
    }

    /** Whether this is who signed in last. @param {Identity} identity */
    isOf(identity) {
        return JSON.stringify(identity) === JSON.stringify(this.identity);
    }

    /** Somebody signs in. @param {Identity} identity */
    take(identity) {
        this.identity = identity;
        this.#resume = null;
    }

    /** There is no session to take up again. */
    forget() {
        this.#resume = null;
    }

    /** Keeps who is where for a reload. @param {Place | null} room */
    keep(room) {
        if (!this.identity) return;
        forTab.write(
            'session',
            /** @type {Kept} */ ({
                identity: this.identity,
                resume: this.#resume,
                room: room && { id: room.id, name: room.name },
            }),
        );
    }

    /** What was kept before a reload; null when this tab was nowhere. @returns {Kept | null} */
    recall() {
        /** @type {Kept | null} */
        const kept = forTab.read('session');
        if (!kept?.identity) return null;
        this.identity = kept.identity;
        this.#resume = kept.resume;
        return kept;
    }

    /**
     * Says who one is; fails with the relay's refusal.
     * @param {boolean} isWanted whether to sign in again where the session before is over
     * @returns {Promise<any>} the answer to `sign_in` or `enter_link`
     */
    async introduce(isWanted) {
        const identity = /** @type {Identity} */ (this.identity);
        const guest = identity.kind === 'guest';
        // A guest is this tab; an account is this browser.
        const device = deviceSecret(guest ? forTab : forGood);
        const who = guest ? { token: identity.token } : { username: identity.username, email: identity.email };
        for (;;) {
            const resume = this.#resume === null ? {} : { resume: this.#resume };
            try {
                const answer = await this.#ask(guest ? 'enter_link' : 'sign_in', {
                    version: VERSION,
                    device,
                    display_name: identity.name,
                    ...who,
                    ...resume,
                });
                this.#resume = answer.resume;
                return answer;
            } catch (error) {
                if (!(error instanceof Refused) || this.#resume === null || error.code === 'rate_limited') throw error;
                if (!isWanted) throw error;
                // What was to be resumed is over: sign in again.
                this.#resume = null;
            }
        }
    }
}
