// Being in a room: who is there, what is written, and what one does there. How one gets in and stays in is session.js.

import { ChatLog } from './chat_log.js';
import { OwnStreams } from './own_streams.js';
import { Roster } from './roster.js';
import { Signal } from './signal.js';

/** @typedef {import('./roster.js').Media} Media */
/** @typedef {import('./roster.js').Participant} Participant */
/** @typedef {import('./room_list.js').Room} Room */

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

/** @extends {Signal<Events>} */
export class Attendance extends Signal {
    /** Where one stands; `out` is not signed in. @type {'out' | 'entering' | 'lobby' | 'room'} */
    phase = 'out';
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
    devices = { microphone: false, camera: false };
    /** What one sends. */
    streams = new OwnStreams((what, fields) => this.ask(what, fields));

    /**
     * Asks the relay for something; fails with `Refused` or `Lost`.
     * @param {string} what
     * @param {Record<string, unknown>} [fields]
     * @returns {Promise<any>}
     */
    ask(what, fields) {
        throw new Error(`nobody to ask for ${what} ${fields}`);
    }

    /** The participant that one is. @returns {Participant | undefined} */
    get self() {
        return this.roster.person(this.me);
    }

    /** After joining again the relay is told what one sends, and with which devices. */
    async settle() {
        await this.streams.settle(this.self?.streams.map(({ id }) => id) ?? []);
        const self = this.self;
        if (self && (self.microphone !== this.devices.microphone || self.camera !== this.devices.camera)) {
            await this.setDevices(this.devices);
        }
    }

    /** @param {string} text */
    async say(text) {
        const { id, at } = await this.ask('say', { text });
        const line = {
            id,
            at,
            from: this.self?.username ?? '',
            from_name: this.self?.display_name ?? '',
            to: null,
            text,
        };
        if (this.chat.add([line])) this.tell('chat', { fresh: [] });
    }

    /**
     * Asks for older lines.
     * @param {boolean} [newest] or for the newest ones
     */
    async earlierChat(newest = false) {
        const before = newest ? undefined : this.chat.lines[0]?.id;
        const page = await this.ask('history', before === undefined ? {} : { before });
        this.chat.takePage(page);
        this.tell('chat', { fresh: [] });
    }

    /** @param {{ microphone: boolean, camera: boolean }} devices */
    async setDevices(devices) {
        this.devices = { ...devices };
        const self = this.self;
        if (self) Object.assign(self, devices);
        this.tell('roster', null);
        if (this.phase === 'room') await this.ask('set_devices', this.devices);
    }

    /** @param {number} stream @param {'all' | 'nothing' | number} want */
    async subscribe(stream, want) {
        await this.ask('subscribe', { stream, want });
    }

    /** @param {number} minutes @returns {Promise<{ url: string, expires_at: number }>} */
    async makeLink(minutes) {
        return this.ask('make_link', { room: this.room?.id, minutes });
    }

    async revokeLinks() {
        await this.ask('revoke_links', { room: this.room?.id });
    }

    /** Takes in what happened in the room. @param {any} event */
    attend(event) {
        switch (event.event) {
            case 'chat':
                this.#takeLine(event);
                break;
            case 'safety_number':
                this.safetyNumber = event.digits;
                this.tell('roster', null);
                break;
            default:
                this.#takeRoster(event);
        }
    }

    /** @param {any} event */
    #takeLine(event) {
        const { id, at, from, from_name, to, text } = event.line ?? event;
        const line = { id, at, from, from_name, to, text };
        if (this.chat.add([line])) this.tell('chat', { fresh: [line] });
    }

    /** @param {any} event */
    #takeRoster(event) {
        const gone =
            event.event === 'participant_left' ? this.roster.person(event.participant)?.display_name : undefined;
        if (!this.roster.take(event)) return;
        if (event.event === 'participant_joined')
            this.tell('presence', { name: event.participant.display_name, joined: true });
        if (gone !== undefined) this.tell('presence', { name: gone, joined: false });
        this.tell('roster', null);
    }
}
