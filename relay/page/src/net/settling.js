// What is wanted and what is so: every touch is written down first, and then the relay is asked until it has what is
// wanted (member.js). This lends the member, and what else asks step by step, a clock and the connection.

import { Member } from './member.js';
import { Lost, Refused } from './refusal.js';
import { Signal } from './signal.js';

/** @typedef {import('./roster.js').Media} Media */
/** @typedef {import('./room_list.js').Room} Room */
/** @typedef {import('./switches.js').Device} Device */
/** @typedef {import('./switches.js').Request} Request */
/** @typedef {import('./place.js').Notice} Notice */

/**
 * @typedef {object} Asker What asks the relay one thing at a time, and again where that failed.
 * @property {(now: number) => Request | null} next
 * @property {number} wakeAt when to call `next` although nothing happened
 * @property {(request: Request, ok: any) => unknown} answered
 * @property {(request: Request, refusal: import('./turn.js').Refusal, now: number) => void} refused
 * @property {() => void} lost
 */
/**
 * @typedef {object} Events
 * @property {null} phase where one stands changed
 * @property {null} rooms the list of rooms changed
 * @property {null} roster who is in the room, or a stream, changed
 * @property {null} switches what is wanted of microphone, camera and screen, or what is confirmed of it, changed
 * @property {{ device: Device, refusal: import('./turn.js').Refusal }} refused the relay does not take a device
 * @property {{ fresh: import('./chat_log.js').Line[] }} chat lines came
 * @property {import('./media_frame.js').MediaFrame} frame media came
 * @property {{ name: string, joined: boolean }} presence somebody came or went
 * @property {null} joined one is in a room, for the first time or again
 */

/** @extends {Signal<Events>} */
export class Settling extends Signal {
    /** What one wants and what the relay confirmed of it. */
    member = new Member();
    /** Each asks on its own. @type {Asker[]} */
    askers = [this.member];
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #later;

    /**
     * Asks the relay for something; fails with `Refused` or `Lost`.
     * @param {string} what
     * @param {Record<string, unknown>} [fields]
     * @returns {Promise<any>}
     */
    ask(what, fields) {
        throw new Error(`nobody to ask for ${what} ${fields}`);
    }

    /** Something happened that the page is to know. @param {Notice} notice */
    hear(notice) {
        throw new Error(`nobody hears of ${notice.what}`);
    }

    /** Asks the relay for what is wanted and is not so yet. */
    settle() {
        const now = performance.now();
        for (const asker of this.askers) {
            const request = asker.next(now);
            if (request) void this.#request(asker, request);
        }
        for (const notice of this.member.notices()) this.hear(notice);
        clearTimeout(this.#later);
        const wakeAt = Math.min(...this.askers.map((asker) => asker.wakeAt));
        if (wakeAt < Infinity) this.#later = setTimeout(() => this.settle(), Math.max(1, wakeAt - performance.now()));
        this.tell('switches', null);
    }

    /** The connection broke. */
    lose() {
        for (const asker of this.askers) asker.lost();
        this.settle();
    }

    /** @param {Asker} asker @param {Request} request */
    async #request(asker, request) {
        try {
            const ok = await this.ask(request.do, request.fields);
            this.answered(asker, request, ok);
        } catch (error) {
            // What was lost is asked for again when the connection is back.
            if (error instanceof Lost) return;
            if (!(error instanceof Refused)) throw error;
            asker.refused(request, error, performance.now());
        }
        this.settle();
        this.tell('roster', null);
    }

    /** @param {Asker} asker @param {Request} request @param {any} ok */
    answered(asker, request, ok) {
        asker.answered(request, ok);
    }

    /** Where one wants to be: in it, or on the way back. @returns {Room | null} */
    get room() {
        const { place, room } = this.member;
        return room && room.id === place?.room.id ? room : (place?.room ?? null);
    }

    /** One's own number in the room. */
    get me() {
        return this.member.me;
    }

    get roster() {
        return this.member.roster;
    }

    /** The participant that one is. */
    get self() {
        return this.roster.person(this.me);
    }

    /** Whether a device is to be on. @param {Device} device */
    wants(device) {
        return this.member.switches.wants(device);
    }

    /** Somebody touched a switch. @param {Device} device @param {boolean} on */
    want(device, on) {
        this.member.switches.want(device, on && this.member.place !== null);
        this.settle();
    }

    /** A device is open and gives this, or is closed. @param {Device} device @param {Media | null} media */
    give(device, media) {
        this.member.switches.give(device, media);
        this.settle();
    }

    /** The system has taken the microphone, or gives it back. @param {boolean} taken */
    take(taken) {
        this.member.switches.take(taken);
        this.settle();
    }

    /** What a switch shows. @param {Device} device */
    state(device) {
        return this.member.state(device);
    }

    /** The stream under which a device may send now. @param {Device} device */
    streamOf(device) {
        return this.member.streamOf(device);
    }
}
