// Taking part: signing in, joining a room, and being there again after a reload, a lost socket or the relay's restart.
// The page shows what stands here; it never guesses.

import { ClockEstimate, nowUs } from './clock.js';
import { Connection } from './connection.js';
import { Entrance } from './entrance.js';
import { forgetLink, forTab } from './keep.js';
import { parse } from './media_frame.js';
import { passOver, Refused } from './refusal.js';
import { Rooms } from './rooms.js';
import { AGAIN_MS } from './turn.js';

/** @typedef {import('./roster.js').Participant} Participant */
/** @typedef {import('./room_list.js').Room} Room */
/** @typedef {import('./entrance.js').Identity} Identity */
/** @typedef {import('./place.js').Notice} Notice */
/** @typedef {import('./rooms.js').Caller} Caller */

/**
 * One's whole way with the relay.
 */
export class Session extends Rooms {
    clock = new ClockEstimate();
    /** @type {Connection} */
    #connection;
    #entrance = new Entrance((what, fields) => this.ask(what, fields));
    /** One is where signing in leads to. */
    #arrived = false;
    /** The caller that waits for the first sign-in. @type {Caller | null} */
    #entering = null;

    /** How many sockets broke. */
    #losses = 0;
    /** Lines that a reload finds again. */
    #unsent = this.own.lines;

    /** @param {string} url the gateway's WebSocket */
    constructor(url) {
        super();
        this.#connection = new Connection(url, {
            event: (event) => this.#take(event),
            media: (bytes) => {
                const frame = parse(bytes);
                if (frame) this.tell('frame', frame);
            },
            pong: (sent, relay) => this.#tellClock(this.clock.update(sent, relay, nowUs())),
            opened: () => this.#hello(),
            lost: () => {
                this.connected = false;
                this.#losses += 1;
                this.lose();
                this.tell('phase', null);
            },
        });
    }

    get guest() {
        return this.#entrance.guest;
    }

    /** Where one stands; `out` is not signed in. @returns {'out' | 'entering' | 'lobby' | 'room'} */
    get phase() {
        if (!this.member.isWanted) return 'out';
        if (!this.#arrived) return 'entering';
        return this.member.place?.entered ? 'room' : 'lobby';
    }

    /**
     * @override
     * @param {string} what
     * @param {Record<string, unknown>} [fields]
     */
    ask(what, fields = {}) {
        return this.#connection.request(what, fields);
    }

    /** Bytes that wait to leave. */
    get waitingBytes() {
        return this.#connection.waitingBytes;
    }

    /**
     * Signs in; fails with the relay's refusal, and is then as before.
     * @param {Identity} identity
     * @returns {Promise<void>}
     */
    enter(identity) {
        // What somebody wrote is theirs alone.
        if (!this.#entrance.isOf(identity)) this.own.lines = [];
        this.#entrance.take(identity);
        if (!this.guest) forgetLink();
        this.member.leave();
        return this.#begin();
    }

    /** Comes back to where this tab was before a reload; false when it was nowhere. */
    comeBack() {
        const kept = this.#entrance.recall();
        if (!kept) return false;
        this.own.lines = forTab.read('unsent') ?? [];
        if (kept.room) this.member.comeBack({ ...kept.room, members: 0, capacity: 0, locked: false });
        // Refusals are shown by the page of the phase that they lead to.
        this.#begin().catch(() => {});
        return true;
    }

    /** Takes a session up again that was replaced or refused. */
    again() {
        return this.#begin();
    }

    /** Somebody looks, or the network is back: no waiting. */
    hurry() {
        this.#connection.hurry();
    }

    /** @returns {Promise<void>} */
    #begin() {
        // Who signs out may still be on the way out, on the line of who signs in now.
        this.#connection.close();
        this.member.lost();
        this.member.signIn();
        this.#arrived = false;
        this.problem = null;
        this.tell('phase', null);
        return new Promise((resolve, reject) => {
            this.#entering = { resolve, reject };
            this.#connection.open();
        });
    }

    async #hello() {
        try {
            const answer = await this.#entrance.introduce(this.member.isWanted);
            this.connected = true;
            if (this.problem === 'relay_stops') this.problem = null;
            this.clock.forget();
            this.member.welcome(answer);
            if (!this.guest && !this.member.place) this.#arrive();
            else if (this.phase === 'lobby') this.listRooms();
            this.settle();
            this.#keep();
            this.tell('phase', null);
        } catch (error) {
            // A participant who was in already comes back as soon as the relay allows it.
            const later = error instanceof Refused && error.code === 'rate_limited' && !this.#entering;
            if (later) return this.#helloIn(error.retryAfterMs ?? AGAIN_MS);
            if (!(error instanceof Refused)) throw error;
            this.#end(this.member.isWanted ? error.code : null);
            this.#entering?.reject(error);
            this.#entering = null;
        }
    }

    /** Signs in on this socket when the relay allows it, if it is still there then. @param {number} ms @returns {Promise<void>} */
    async #helloIn(ms) {
        const losses = this.#losses;
        await new Promise((done) => {
            setTimeout(() => done(null), ms);
        });
        if (losses === this.#losses) await this.#hello();
    }

    /** Signing in has led to the lobby or to a room. */
    #arrive() {
        this.#arrived = true;
        this.#entering?.resolve();
        this.#entering = null;
        if (this.phase === 'lobby') this.listRooms();
    }

    /** @override */
    settle() {
        super.settle();
        if (this.own.lines === this.#unsent) return;
        this.#unsent = this.own.lines;
        forTab.write('unsent', this.#unsent.length > 0 ? this.#unsent : null);
    }

    /** @override @param {Notice} notice */
    hear(notice) {
        switch (notice.what) {
            case 'joined':
                this.#joined(notice);
                break;
            case 'not_joined': {
                const { code } = notice.refusal;
                const error = new Refused(code, { ...notice.refusal, retry_after_ms: notice.refusal.retryAfterMs });
                // Who waits for it tells what came of it; else, and where that comes late, the page does.
                const isTold = this.isTurnedAway(error) && code !== 'not_joined';
                this.#putOut(isTold ? null : code);
                this.#entering?.reject(error);
                this.#entering = null;
                break;
            }
            case 'expelled':
                this.#putOut(notice.code);
                break;
            case 'device_refused':
                this.tell('refused', notice);
                break;
            case 'left':
                if (this.phase === 'lobby') this.listRooms();
                break;
            case 'signed_out':
                this.#end(this.problem);
        }
    }

    /** @param {{ again: boolean, resumed: boolean }} how */
    #joined({ again, resumed }) {
        if (!again || !this.#arrived) this.beginRoom();
        this.resumed = resumed;
        this.problem = null;
        this.#arrive();
        this.tell('joined', null);
        this.tell('phase', null);
        this.tell('roster', null);
        this.#keep();
        this.isIn();
        this.catchUp();
        this.settle();
    }

    /** Out of the room: to the lobby, or, who came by a link, out. @param {string | null} problem */
    #putOut(problem) {
        if (this.guest) {
            this.#end(problem);
            return;
        }
        this.problem = problem;
        if (!this.#arrived) this.#arrive();
        else this.listRooms();
        this.#keep();
        this.tell('phase', null);
    }

    /** Leaves the room at once, whatever the connection does: to the lobby, or, who came by a link, out. */
    leave() {
        this.problem = null;
        if (this.guest) {
            this.signOut();
            return;
        }
        this.member.leave();
        this.#keep();
        this.tell('phase', null);
        this.settle();
    }

    /** Signs out at once; the relay is told as soon as it is reached. */
    signOut() {
        this.problem = null;
        this.member.signOut(performance.now());
        this.#forget();
        this.tell('phase', null);
        this.settle();
    }

    /** @param {string | null} problem why; null when it was wanted */
    #end(problem) {
        this.#connection.close();
        this.connected = false;
        this.problem = problem;
        this.member.end();
        this.#entrance.forget();
        if (problem === 'link_invalid') forgetLink();
        this.#forget(problem === 'replaced');
        this.tell('phase', null);
    }

    /** Signed out, nothing is known, unless this browser takes it up again. @param {boolean} [again] */
    #forget(again = false) {
        this.lobby.forget();
        this.isTurnedAway(new Refused('not_joined'));
        if (again) return;
        this.member.leave();
        forTab.write('session', null);
    }

    #keep() {
        if (this.member.isWanted) this.#entrance.keep(this.room);
    }

    /** @param {Uint8Array<ArrayBuffer>} frame */
    sendMedia(frame) {
        return this.connected && this.#connection.sendMedia(frame);
    }

    /** @param {number | null} offsetUs */
    #tellClock(offsetUs) {
        if (offsetUs === null || !this.connected) return;
        this.ask('set_clock', { offset_us: offsetUs }).catch(passOver);
    }

    /** @param {any} event */
    #take(event) {
        if (event.event === 'closing') {
            if (event.reason === 'replaced') this.#end('replaced');
            else this.problem = event.reason === 'relay_stops' ? 'relay_stops' : null;
            return;
        }
        this.attend(event);
        if (this.lobby.take(event)) this.tell('rooms', null);
        this.settle();
    }
}
