// Taking part: signing in, joining a room, and being there again after a reload, a lost socket or the relay's restart.
// The page shows what stands here; it never guesses.

import { ChatLog } from './chat_log.js';
import { ClockEstimate, nowUs } from './clock.js';
import { Attendance } from './attendance.js';
import { Connection } from './connection.js';
import { Entrance } from './entrance.js';
import { forTab } from './keep.js';
import { parse } from './media_frame.js';
import { passOver, Refused } from './refusal.js';
import { RoomList } from './room_list.js';
import { Roster } from './roster.js';

/** @typedef {import('./roster.js').Participant} Participant */
/** @typedef {import('./room_list.js').Room} Room */
/** @typedef {import('./entrance.js').Identity} Identity */

/**
 * One's whole way with the relay.
 */
export class Session extends Attendance {
    /** Whether the relay is reached now. */
    connected = false;
    /** What ended the session, or troubles it: a code that ui/problem.js words. @type {string | null} */
    problem = null;
    lobby = new RoomList();
    clock = new ClockEstimate();
    /** @type {Connection} */
    #connection;
    #entrance = new Entrance((what, fields) => this.ask(what, fields));
    #pin = '';
    /** The caller that waits for the first sign-in. @type {{ resolve: () => void, reject: (error: Error) => void } | null} */
    #entering = null;

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
                this.tell('phase', null);
            },
        });
    }

    get guest() {
        return this.#entrance.guest;
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
        this.#entrance.take(identity);
        return this.#begin();
    }

    /** Comes back to where this tab was before a reload; false when it was nowhere. */
    comeBack() {
        const kept = this.#entrance.recall();
        if (!kept) return false;
        if (kept.room) this.room = { ...kept.room, members: 0, capacity: 0, locked: false };
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
        this.phase = 'entering';
        this.problem = null;
        this.tell('phase', null);
        return new Promise((resolve, reject) => {
            this.#entering = { resolve, reject };
            this.#connection.open();
        });
    }

    async #hello() {
        try {
            const answer = await this.#entrance.introduce();
            this.connected = true;
            this.problem = null;
            this.clock.forget();
            if (answer.room) await this.#adopt(answer.room, true);
            else if (this.guest) await this.#rejoin(answer.link_room);
            else if (this.room) await this.#rejoin(this.room);
            else this.#toLobby();
            this.#keep();
            this.#entering?.resolve();
        } catch (error) {
            // A participant who was in already comes back as soon as the relay allows it.
            const later = error instanceof Refused && error.code === 'rate_limited' && !this.#entering;
            if (later || !(error instanceof Refused)) throw error;
            this.#end(error.code);
            this.#entering?.reject(error);
        }
        this.#entering = null;
    }

    /** @param {{ id: number, name: string }} room */
    async #rejoin(room) {
        const fields = { ...(this.#pin ? { pin: this.#pin } : {}), ...this.devices };
        try {
            await this.#adopt(await this.ask('join_room', { room: room.id, ...fields }));
        } catch (error) {
            if (!(error instanceof Refused)) throw error;
            if (this.guest) throw error;
            this.problem = error.code;
            this.#toLobby();
        }
    }

    /**
     * @param {{ room: Room, me: number, roster: Participant[] }} joined
     * @param {boolean} [resumed]
     */
    async #adopt(joined, resumed = false) {
        const same = this.phase === 'room' && this.room?.id === joined.room.id;
        this.room = joined.room;
        this.me = joined.me;
        this.roster = new Roster(joined.roster);
        if (!same) {
            this.chat = new ChatLog();
            this.safetyNumber = '';
            this.joinedAt = performance.now();
        }
        this.phase = 'room';
        this.resumed = resumed;
        this.tell('joined', null);
        this.tell('phase', null);
        this.tell('roster', null);
        await Promise.all([this.settle(), this.earlierChat(true)]);
        this.#keep();
    }

    #toLobby() {
        this.phase = 'lobby';
        this.room = null;
        this.streams.forget();
        this.#keep();
        this.tell('phase', null);
        void this.#listRooms().catch(passOver);
    }

    async #listRooms() {
        await this.lobby.fetch((what, fields) => this.ask(what, fields));
        this.tell('rooms', null);
    }

    /**
     * @param {Room} room
     * @param {string} [pin]
     */
    async join(room, pin = '') {
        const joined = await this.ask('join_room', { room: room.id, ...(pin ? { pin } : {}), ...this.devices });
        this.#pin = pin;
        this.problem = null;
        await this.#adopt(joined);
    }

    /**
     * Makes a room and joins it.
     * @param {string} name
     * @param {string} pin none when empty
     * @param {number} capacity
     */
    async create(name, pin, capacity) {
        const { room } = await this.ask('create_room', { name, capacity, ...(pin ? { pin } : {}) });
        await this.join({ id: room, name, members: 0, capacity, locked: pin !== '' }, pin);
    }

    /** Leaves the room: to the lobby, or, who came by a link, out. */
    async leave() {
        this.#pin = '';
        this.problem = null;
        this.devices = { microphone: false, camera: false };
        this.streams.forget();
        if (this.guest) return this.signOut();
        try {
            await this.ask('leave_room');
        } catch (error) {
            passOver(error);
        }
        this.#toLobby();
    }

    async signOut() {
        try {
            if (this.phase === 'room') await this.ask('leave_room');
            await this.ask('sign_out');
        } catch (error) {
            passOver(error);
        }
        this.#end(null);
    }

    /** @param {string | null} problem why; null when it was wanted */
    #end(problem) {
        this.#connection.close();
        this.connected = false;
        this.phase = 'out';
        this.problem = problem;
        this.#entrance.forget();
        this.streams.forget();
        this.devices = { microphone: false, camera: false };
        this.lobby.forget();
        if (problem !== 'replaced') {
            this.room = null;
            forTab.write('session', null);
        }
        this.tell('phase', null);
    }

    #keep() {
        this.#entrance.keep(this.room);
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
        if (this.lobby.take(event)) {
            if (event.event === 'room_changed' && this.room?.id === event.room.id) this.room = event.room;
            if (event.event === 'room_closed' && this.phase === 'room' && this.room?.id === event.room)
                this.#expelled('room_closed');
            this.tell('rooms', null);
            return;
        }
        if (event.event === 'closing') {
            if (event.reason === 'replaced') this.#end('replaced');
            else this.problem = event.reason === 'relay_stops' ? 'relay_stops' : null;
        } else if (event.event === 'participant_left' && event.participant === this.me) {
            this.#expelled('removed');
        } else {
            this.attend(event);
        }
    }

    /** @param {string} problem */
    #expelled(problem) {
        if (this.guest) {
            this.#end(problem);
            return;
        }
        this.devices = { microphone: false, camera: false };
        this.problem = problem;
        this.#toLobby();
    }
}
