// A small relay as its reference (relay/GATEWAY.md) describes it: accounts, one room, who is in it with which streams,
// chat with marks, and sessions that wait 30 s for a lost socket. It has no timers: the world lets its time pass.

/** How long a lost session waits. */
const RESUME_MS = 30_000;
/** Who is away for so long gives their place to a newcomer of a full room. */
const AWAY_MS = 2_000;
const LINES_A_PAGE = 20;

/**
 * @typedef {{ id: number, source: number, media: any }} Stream
 * @typedef {{ id: number, microphone: boolean, camera: boolean, streams: Stream[] }} Membership
 * @typedef {object} Session
 * @property {string} account
 * @property {string} resume
 * @property {Membership | null} membership
 * @property {((message: object) => void) | null} tell to its socket; null while it has none
 * @property {(() => void) | null} close ends its socket
 * @property {number | null} lostAt
 */

/** A refusal on its way to who asked. */
class Refusal extends Error {
    /** @param {string} code @param {object} [more] */
    constructor(code, more = {}) {
        super(code);
        this.answer = { refused: code, ...more };
    }
}

export class RelayModel {
    /** @type {Map<string, Session>} by their account */
    sessions = new Map();
    /** @type {any[]} */
    lines = [];
    isClosed = false;
    /** Frames of media that came from a device that is not on. */
    strayFrames = 0;
    frames = 0;
    #last = 0;

    /**
     * @param {{ capacity: number, pin: string | null }} room
     * @param {() => number} now
     * @param {(what: string) => number | null} refuses when to try again a request that comes too often
     */
    constructor(room, now, refuses) {
        this.capacity = room.capacity;
        this.pin = room.pin;
        this.now = now;
        this.refuses = refuses;
    }

    get members() {
        return [...this.sessions.values()].filter(({ membership }) => membership);
    }

    get room() {
        const { length } = this.members;
        return { id: 1, name: 'Maple', members: length, capacity: this.capacity, locked: this.pin !== null };
    }

    /** A roster entry. @param {Session} session */
    entry({ account, membership, lostAt }) {
        const { id, microphone, camera, streams } = /** @type {Membership} */ (membership);
        return {
            id,
            username: account,
            display_name: account,
            via_gateway: true,
            away: lostAt !== null,
            microphone,
            camera,
            clock_us: 0,
            streams: streams.map((stream) => ({ ...stream })),
        };
    }

    /** @param {Session} session */
    joined(session) {
        return { room: this.room, me: session.membership?.id, roster: this.members.map((one) => this.entry(one)) };
    }

    /** @param {object} event @param {Session | null} but */
    tellRoom(event, but = null) {
        for (const session of this.members) if (session !== but) session.tell?.(event);
    }

    /** Time passed: sessions that wait too long end. */
    expire() {
        for (const session of [...this.sessions.values()])
            if (session.lostAt !== null && this.now() - session.lostAt >= RESUME_MS) this.end(session, 'lost');
    }

    /** @param {Session} session @param {string} reason */
    end(session, reason) {
        this.out(session, reason);
        if (this.sessions.get(session.account) === session) this.sessions.delete(session.account);
    }

    /** @param {Session} session @param {string} reason */
    out(session, reason) {
        const { membership } = session;
        if (!membership) return;
        session.membership = null;
        this.tellRoom({ event: 'participant_left', participant: membership.id, reason });
    }

    /** A socket of a session is gone. @param {Session} session */
    lose(session) {
        session.tell = session.close = null;
        session.lostAt = this.now();
        if (session.membership)
            this.tellRoom({ event: 'away_changed', participant: session.membership.id, away: true }, session);
    }

    /** Everything that is not stored is gone. */
    restart() {
        const closes = [...this.sessions.values()].map(({ close }) => close);
        this.sessions.clear();
        for (const close of closes) close?.();
    }

    closeRoom() {
        const members = this.members;
        this.isClosed = true;
        for (const session of members) {
            session.membership = null;
            session.tell?.({ event: 'room_closed', room: 1 });
        }
    }

    /** @param {string} account @param {string | undefined} resume @param {Pick<Session, 'tell' | 'close'>} socket */
    signIn(account, resume, socket) {
        const before = this.sessions.get(account);
        if (resume !== undefined) {
            if (before?.resume !== resume) throw new Refusal('session_over');
            before.close?.();
            Object.assign(before, socket, { lostAt: null });
            if (before.membership)
                this.tellRoom({ event: 'away_changed', participant: before.membership.id, away: false }, before);
            return before;
        }
        if (before) {
            before.tell?.({ event: 'closing', reason: 'replaced' });
            before.close?.();
            this.end(before, 'left');
        }
        this.#last += 1;
        /** @type {Session} */
        const session = { account, resume: `r${this.#last}`, membership: null, lostAt: null, ...socket };
        this.sessions.set(account, session);
        return session;
    }

    /**
     * What a request is answered with.
     * @param {Session} session
     * @param {any} request
     * @returns {object}
     */
    answer(session, request) {
        try {
            const again = this.refuses(request.do);
            if (again !== null) throw new Refusal('rate_limited', { retry_after_ms: again });
            return { ok: this.act(session, request) };
        } catch (error) {
            if (error instanceof Refusal) return error.answer;
            throw error;
        }
    }

    /** @param {Session} session @param {any} request @returns {any} */
    act(session, request) {
        const inRoom = () => {
            if (!session.membership) throw new Refusal('not_in_room');
            return session.membership;
        };
        switch (request.do) {
            case 'list_rooms':
                return { rooms: this.isClosed ? [] : [this.room], more: false };
            case 'join_room':
                return this.join(session, request);
            case 'leave_room':
                inRoom();
                this.out(session, 'left');
                return {};
            case 'sign_out':
                this.end(session, 'left');
                return {};
            case 'say':
                inRoom();
                return this.say(session, request);
            case 'history': {
                inRoom();
                const older = this.lines.filter(({ id }) => id < (request.before ?? Infinity));
                return { lines: older.slice(-LINES_A_PAGE), more: older.length > LINES_A_PAGE };
            }
            case 'publish':
                return this.publish(session, inRoom(), request);
            case 'unpublish': {
                const membership = inRoom();
                if (!membership.streams.some(({ id }) => id === request.stream)) throw new Refusal('no_such_stream');
                membership.streams = membership.streams.filter(({ id }) => id !== request.stream);
                this.tellRoom({ event: 'stream_unpublished', stream: request.stream }, session);
                return {};
            }
            case 'set_devices': {
                const { microphone, camera } = request;
                const membership = inRoom();
                Object.assign(membership, { microphone, camera });
                const { id: participant } = membership;
                this.tellRoom({ event: 'devices_changed', participant, microphone, camera }, session);
                return {};
            }
            case 'subscribe':
            case 'set_clock':
            case 'revoke_links':
                return {};
            default:
                throw new Error(`the relay knows no ${request.do}`);
        }
    }

    /** @param {Session} session @param {any} request */
    join(session, { pin, microphone, camera }) {
        if (session.membership) throw new Refusal('already_in_room');
        if (this.isClosed) throw new Refusal('no_such_room');
        if (this.pin !== null && pin !== this.pin) throw new Refusal('wrong_pin');
        if (this.members.length >= this.capacity) {
            const [longest] = this.members
                .filter(({ lostAt }) => lostAt !== null && this.now() - lostAt >= AWAY_MS)
                .sort((a, b) => Number(a.lostAt) - Number(b.lostAt));
            if (!longest) throw new Refusal('room_full');
            this.end(longest, 'lost');
        }
        this.#last += 1;
        session.membership = { id: this.#last, microphone, camera, streams: [] };
        this.tellRoom({ event: 'participant_joined', participant: this.entry(session) }, session);
        return this.joined(session);
    }

    /** @param {Session} session @param {any} request */
    say(session, { text, mark }) {
        const known = this.lines.find((line) => line.from === session.account && line.mark === mark);
        if (known) return { id: known.id, at: known.at };
        this.#last += 1;
        const line = {
            id: this.#last,
            at: this.now(),
            from: session.account,
            from_name: session.account,
            to: null,
            text,
            mark,
        };
        this.lines.push(line);
        this.tellRoom({ event: 'chat', ...line });
        return { id: line.id, at: line.at };
    }

    /** @param {Session} session @param {Membership} membership @param {any} request */
    publish(session, membership, { source, media }) {
        if (membership.streams.some((stream) => stream.media.kind === media.kind)) throw new Refusal('too_many');
        this.#last += 1;
        const stream = { id: this.#last, source, media };
        membership.streams.push(stream);
        this.tellRoom({ event: 'stream_published', participant: membership.id, stream }, session);
        return { stream: stream.id };
    }

    /** A frame came. @param {Session} session @param {number} id its stream's */
    media(session, id) {
        // Removed meanwhile, as they do not know yet.
        if (!session.membership) return;
        const kind = session.membership.streams.find((stream) => stream.id === id)?.media.kind;
        const isOn = kind === 'screen' || (kind && session.membership[kind === 'audio' ? 'microphone' : 'camera']);
        this.frames += 1;
        if (!isOn) this.strayFrames += 1;
    }
}
