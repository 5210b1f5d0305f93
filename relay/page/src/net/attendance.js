// Being in a room: what is written there, who comes and goes, and links into it. How one gets in and stays in is
// session.js.

import { ChatLog } from './chat_log.js';
import { Settling } from './settling.js';

export class Attendance extends Settling {
    chat = new ChatLog();
    /** One is in the room as one was before, with what was subscribed then. */
    resumed = false;
    safetyNumber = '';
    joinedAt = 0;

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
        const own = event.participant === this.me;
        if (!this.member.take(event)) return;
        if (event.event === 'participant_joined')
            this.tell('presence', { name: event.participant.display_name, joined: true });
        if (gone !== undefined && !own) this.tell('presence', { name: gone, joined: false });
        this.tell('roster', null);
    }
}
