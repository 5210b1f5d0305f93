// Being in a room: what is written there, who comes and goes, and links into it. How one gets in and stays in is
// session.js.

import { ChatLog } from './chat_log.js';
import { MissedLines } from './missed_lines.js';
import { OwnLines } from './own_lines.js';
import { Settling } from './settling.js';

/** @typedef {import('./chat_log.js').Line} Line */
/** @typedef {import('./settling.js').Asker} Asker */
/** @typedef {import('./switches.js').Request} Request */

export class Attendance extends Settling {
    chat = new ChatLog();
    /** What one wrote and the relay has not confirmed. */
    own = new OwnLines();
    #missed = new MissedLines(this.chat);
    /** @override @type {Asker[]} */
    askers = [this.member, this.own, this.#missed];
    /** One is in the room as one was before, with what was subscribed then. */
    resumed = false;
    safetyNumber = '';
    joinedAt = 0;

    /** In a room that one was not in: nothing is known of it. */
    beginRoom() {
        this.chat = new ChatLog();
        this.#missed = new MissedLines(this.chat);
        this.askers = [this.member, this.own, this.#missed];
        this.safetyNumber = '';
        this.joinedAt = performance.now();
        this.tell('chat', { fresh: [] });
    }

    /** What was written while one was away is asked for. */
    catchUp() {
        this.#missed.begin();
    }

    /** @override */
    settle() {
        const inside = this.member.isInside;
        this.own.stay(this.member.place?.room.id ?? null);
        this.own.room = inside ? (this.room?.id ?? null) : null;
        this.#missed.isHere = inside;
        super.settle();
    }

    /** @override @param {Asker} asker @param {Request} request @param {any} ok */
    answered(asker, request, ok) {
        if (asker === this.own) this.#said(request, ok);
        else if (asker === this.#missed) this.#read(this.#missed.answered(request, ok), this.chat.lines);
        else super.answered(asker, request, ok);
    }

    /** @param {Request} request @param {{ id: number, at: number }} ok */
    #said(request, { id, at }) {
        const line = this.own.answered(request);
        if (!line || line.room !== this.room?.id) return;
        const { username: from = '', display_name: from_name = '' } = this.self ?? {};
        this.#read([], [{ id, at, from, from_name, to: null, text: line.text, mark: line.mark }]);
    }

    /** Lines came. @param {Line[]} fresh those that nobody has read @param {Line[]} lines all */
    #read(fresh, lines) {
        const own = this.self?.username;
        this.chat.add(lines);
        this.own.arrived(lines.filter(({ from }) => from === own));
        this.tell('chat', { fresh: fresh.filter(({ from }) => from !== own) });
    }

    /** Writes to everyone in the room. It is said as soon as it can be. @param {string} text */
    say(text) {
        if (!this.room) return;
        this.own.write(text, this.room.id);
        this.#changed();
    }

    /** @param {number} mark */
    sayAgain(mark) {
        this.own.sendAgain(mark);
        this.#changed();
    }

    /** @param {number} mark */
    discard(mark) {
        this.own.discard(mark);
        this.#changed();
    }

    #changed() {
        this.settle();
        this.tell('chat', { fresh: [] });
    }

    /** Asks for older lines. */
    async earlierChat() {
        const before = this.chat.lines[0]?.id;
        const { chat } = this;
        const page = await this.ask('history', before === undefined ? {} : { before });
        chat.takePage(page);
        this.tell('chat', { fresh: [] });
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
        const { id, at, from, from_name, to, text, mark } = event.line ?? event;
        const line = { id, at, from, from_name, to, text, mark };
        this.#read(this.chat.has(id) ? [] : [line], [line]);
    }

    /** @param {any} event */
    #takeRoster(event) {
        const gone =
            event.event === 'participant_left' ? this.roster.person(event.participant)?.display_name : undefined;
        const own = event.participant === this.me;
        if (!this.member.take(event)) return;
        if (event.event === 'participant_joined')
            this.tell('presence', { name: event.participant.display_name, joined: true });
        if (gone !== undefined && !own) this.tell('presence', { name: gone, joined: false });
        this.tell('roster', null);
    }
}
