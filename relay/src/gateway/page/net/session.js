// Taking part: signing in, joining a room, and being there again after a reload, a lost socket or the relay's restart.
// The page shows what stands here; it never guesses.

import { ChatLog } from './chat_log.js';
import { ClockEstimate, nowUs } from './clock.js';
import { Connection } from './connection.js';
import { deviceSecret, forGood, forTab } from './keep.js';
import { parse } from './media_frame.js';
import { Lost, Refused } from './refusal.js';
import { Roster } from './roster.js';
import { Signal } from './signal.js';

/** @typedef {import('./roster.js').Media} Media */
/** @typedef {import('./roster.js').Participant} Participant */
/** @typedef {{ id: number, name: string, members: number, capacity: number, locked: boolean }} Room */
/** @typedef {{ kind: 'account', username: string, email: string } | { kind: 'guest', username: string, token: string }} Identity */
/** @typedef {{ identity: Identity, resume: string | null, room: { id: number, name: string } | null }} Kept What a reload finds again. */

/** The version of GATEWAY.md that this page speaks. */
const VERSION = 1;

/**
 * @typedef {object} Events
 * @property {null} phase where one stands changed
 * @property {null} rooms the list of rooms changed
 * @property {null} roster who is in the room, or a stream, changed
 * @property {{ fresh: import('./chat_log.js').Line[] }} chat lines came
 * @property {import('./media_frame.js').MediaFrame} frame media came
 * @property {{ name: string, joined: boolean }} presence somebody came or went
 * @property {null} joined one is in a room, for the first time or again
 */

/**
 * Where one stands: `out` (not signed in), `entering`, `lobby`, `room`.
 * @extends {Signal<Events>}
 */
export class Session extends Signal {
    /** @type {'out' | 'entering' | 'lobby' | 'room'} */
    phase = 'out';
    /** Whether the relay is reached now. */
    connected = false;
    /** What ended the session, or troubles it: a code that ui/problem.js words. @type {string | null} */
    problem = null;
    /** @type {Identity | null} */
    identity = null;
    /** @type {Map<number, Room>} */
    rooms = new Map();
    roomsKnown = false;
    /** @type {Room | null} */
    room = null;
    /** One's own number in the room. */
    me = 0;
    roster = new Roster([]);
    chat = new ChatLog();
    /** One is in the room as one was before, with what was subscribed then. */
    resumed = false;
    safetyNumber = '';
    joinedAt = 0;
    clock = new ClockEstimate();
    devices = { microphone: false, camera: false };

    /** @type {Connection} */
    #connection;
    /** @type {string | null} */
    #resume = null;
    #pin = '';
    /** One's own streams by their source. @type {Map<number, { media: Media, stream: number }>} */
    #published = new Map();
    /** Whoever waits for the first sign-in. @type {{ resolve: () => void, reject: (error: Error) => void } | null} */
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
        return this.identity?.kind === 'guest';
    }

    /** The participant that one is. @returns {Participant | undefined} */
    get self() {
        return this.roster.person(this.me);
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
        this.identity = identity;
        this.#resume = null;
        return this.#begin();
    }

    /** Comes back to where this tab was before a reload; false when it was nowhere. */
    comeBack() {
        /** @type {Kept | null} */
        const kept = forTab.read('session');
        if (!kept?.identity) return false;
        this.identity = kept.identity;
        this.#resume = kept.resume;
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
            const answer = await this.#introduce();
            this.connected = true;
            this.problem = null;
            this.clock.forget();
            this.#resume = answer.resume;
            if (answer.room) await this.#adopt(answer.room, true);
            else if (this.guest) await this.#rejoin(answer.link_room);
            else if (this.room) await this.#rejoin(this.room);
            else this.#toLobby();
            this.#keep();
            this.#entering?.resolve();
        } catch (error) {
            // Whoever was in already comes back as soon as the relay lets them.
            const later = error instanceof Refused && error.code === 'rate_limited' && !this.#entering;
            if (later || !(error instanceof Refused)) throw error;
            this.#end(error.code);
            this.#entering?.reject(error);
        }
        this.#entering = null;
    }

    /** @returns {Promise<any>} */
    async #introduce() {
        const identity = /** @type {Identity} */ (this.identity);
        const guest = identity.kind === 'guest';
        // A guest is this tab; an account is this browser.
        const device = deviceSecret(guest ? forTab : forGood);
        const who = guest ? { token: identity.token, username: identity.username } : { username: identity.username, email: identity.email };
        const what = guest ? 'enter_link' : 'sign_in';
        for (;;) {
            const resume = this.#resume === null ? {} : { resume: this.#resume };
            try {
                return await this.#connection.request(what, { version: VERSION, device, ...who, ...resume });
            } catch (error) {
                if (!(error instanceof Refused) || this.#resume === null || error.code === 'rate_limited') throw error;
                // What was to be resumed is over: sign in anew.
                this.#resume = null;
            }
        }
    }

    /** @param {{ id: number, name: string }} room */
    async #rejoin(room) {
        const fields = { ...(this.#pin ? { pin: this.#pin } : {}), ...this.devices };
        try {
            await this.#adopt(await this.#connection.request('join_room', { room: room.id, ...fields }));
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
        await Promise.all([this.#settleStreams(), this.earlierChat(true)]);
        this.#keep();
    }

    /** After joining anew one's streams are published anew; what a former page published is taken back. */
    async #settleStreams() {
        const there = new Set(this.self?.streams.map(({ id }) => id));
        const mine = new Set();
        for (const [source, { media, stream }] of this.#published) {
            if (there.has(stream)) mine.add(stream);
            else await this.publish(source, media);
        }
        for (const stream of there) {
            if (!mine.has(stream)) await this.#connection.request('unpublish', { stream });
        }
        const self = this.self;
        if (self && (self.microphone !== this.devices.microphone || self.camera !== this.devices.camera)) {
            await this.setDevices(this.devices);
        }
    }

    #toLobby() {
        this.phase = 'lobby';
        this.room = null;
        this.#published.clear();
        this.#keep();
        this.tell('phase', null);
        void this.#listRooms().catch(passOver);
    }

    async #listRooms() {
        /** @type {number | undefined} */
        let after;
        /** @type {Map<number, Room>} */
        const rooms = new Map();
        for (;;) {
            const page = await this.#connection.request('list_rooms', after === undefined ? {} : { after });
            for (const room of page.rooms) rooms.set(room.id, room);
            after = page.rooms.at(-1)?.id;
            if (!page.more || after === undefined) break;
        }
        this.rooms = rooms;
        this.roomsKnown = true;
        this.tell('rooms', null);
    }

    /**
     * @param {Room} room
     * @param {string} [pin]
     */
    async join(room, pin = '') {
        const joined = await this.#connection.request('join_room', { room: room.id, ...(pin ? { pin } : {}), ...this.devices });
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
        const { room } = await this.#connection.request('create_room', { name, capacity, ...(pin ? { pin } : {}) });
        await this.join({ id: room, name, members: 0, capacity, locked: pin !== '' }, pin);
    }

    /** Leaves the room: to the lobby, or, who came by a link, out. */
    async leave() {
        this.#pin = '';
        this.problem = null;
        this.devices = { microphone: false, camera: false };
        this.#published.clear();
        if (this.guest) return this.signOut();
        try {
            await this.#connection.request('leave_room');
        } catch (error) {
            passOver(error);
        }
        this.#toLobby();
    }

    async signOut() {
        try {
            if (this.phase === 'room') await this.#connection.request('leave_room');
            await this.#connection.request('sign_out');
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
        this.#resume = null;
        this.#published.clear();
        this.devices = { microphone: false, camera: false };
        this.rooms.clear();
        this.roomsKnown = false;
        if (problem !== 'replaced') {
            this.room = null;
            forTab.write('session', null);
        }
        this.tell('phase', null);
    }

    #keep() {
        if (!this.identity) return;
        const room = this.room && { id: this.room.id, name: this.room.name };
        forTab.write('session', /** @type {Kept} */ ({ identity: this.identity, resume: this.#resume, room }));
    }

    /** @param {string} text */
    async say(text) {
        const { id, at } = await this.#connection.request('say', { text });
        const line = { id, at, from: this.self?.username ?? '', to: null, text };
        if (this.chat.add([line])) this.tell('chat', { fresh: [] });
    }

    /**
     * Asks for older lines.
     * @param {boolean} [newest] or for the newest ones
     */
    async earlierChat(newest = false) {
        const before = newest ? undefined : this.chat.lines[0]?.id;
        const page = await this.#connection.request('history', before === undefined ? {} : { before });
        this.chat.takePage(page);
        this.tell('chat', { fresh: [] });
    }

    /**
     * Publishes a source, or says that it has another shape now.
     * @param {number} source
     * @param {Media} media
     */
    async publish(source, media) {
        const { stream } = await this.#connection.request('publish', { source, media });
        this.#published.set(source, { media, stream });
    }

    /** @param {number} source */
    async unpublish(source) {
        const stream = this.streamOf(source);
        this.#published.delete(source);
        if (stream !== undefined) await this.#connection.request('unpublish', { stream });
    }

    /** The number of one's own stream. @param {number} source */
    streamOf(source) {
        return this.#published.get(source)?.stream;
    }

    /** @param {{ microphone: boolean, camera: boolean }} devices */
    async setDevices(devices) {
        this.devices = { ...devices };
        const self = this.self;
        if (self) Object.assign(self, devices);
        this.tell('roster', null);
        if (this.phase === 'room') await this.#connection.request('set_devices', this.devices);
    }

    /** @param {number} stream @param {'all' | 'nothing' | number} want */
    async subscribe(stream, want) {
        await this.#connection.request('subscribe', { stream, want });
    }

    /** @param {number} minutes @returns {Promise<{ url: string, expires_at: number }>} */
    async makeLink(minutes) {
        return this.#connection.request('make_link', { room: this.room?.id, minutes });
    }

    async revokeLinks() {
        await this.#connection.request('revoke_links', { room: this.room?.id });
    }

    /** @param {Uint8Array<ArrayBuffer>} frame */
    sendMedia(frame) {
        return this.connected && this.#connection.sendMedia(frame);
    }

    /** @param {number | null} offsetUs */
    #tellClock(offsetUs) {
        if (offsetUs === null || !this.connected) return;
        this.#connection.request('set_clock', { offset_us: offsetUs }).catch(passOver);
    }

    /** @param {any} event */
    #take(event) {
        switch (event.event) {
            case 'room_changed':
                this.rooms.set(event.room.id, event.room);
                if (this.room?.id === event.room.id) this.room = event.room;
                this.tell('rooms', null);
                break;
            case 'room_closed':
                this.rooms.delete(event.room);
                if (this.phase === 'room' && this.room?.id === event.room) this.#expelled('room_closed');
                this.tell('rooms', null);
                break;
            case 'chat':
                this.#takeLine(event);
                break;
            case 'safety_number':
                this.safetyNumber = event.digits;
                this.tell('roster', null);
                break;
            case 'closing':
                if (event.reason === 'replaced') this.#end('replaced');
                else this.problem = event.reason === 'relay_stops' ? 'relay_stops' : null;
                break;
            default:
                this.#takeRoster(event);
        }
    }

    /** @param {any} event */
    #takeLine(event) {
        const { id, at, from, to, text } = event.line ?? event;
        const line = { id, at, from, to, text };
        if (this.chat.add([line])) this.tell('chat', { fresh: [line] });
    }

    /** @param {any} event */
    #takeRoster(event) {
        if (event.event === 'participant_left' && event.participant === this.me) {
            this.#expelled('removed');
            return;
        }
        const gone = event.event === 'participant_left' ? this.roster.person(event.participant)?.username : undefined;
        if (!this.roster.take(event)) return;
        if (event.event === 'participant_joined') this.tell('presence', { name: event.participant.username, joined: true });
        if (gone !== undefined) this.tell('presence', { name: gone, joined: false });
        this.tell('roster', null);
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

/** A request that failed because of the connection is made up for when it is back. @param {unknown} error */
export function passOver(error) {
    if (!(error instanceof Lost) && !(error instanceof Refused)) throw error;
}
