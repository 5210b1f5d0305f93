// The WebSocket to the gateway: requests with their answers, events, media, pings, and coming back when it breaks.
// What is said first on a new socket is the session's matter (session.js).

import { nowUs } from './clock.js';
import { Lost, Refused } from './refusal.js';

/** The page pings so often; the gateway ends a socket after 30 s of silence. */
const PING_MS = 5_000;
/** Silence after which a socket counts as dead. Lower takes a short stall for a loss, higher shows a dead call longer. */
const SILENCE_MS = 12_000;
/** Longer than this between two pings: the browser held the timer back, as it does in a hidden tab, or the machine slept. */
const LATE_MS = 2 * PING_MS;
/** How long a socket may take to open. */
const OPEN_MS = 8_000;
/** Waits between tries: quick at first, since most losses are short. */
const BACK_OFF_MS = [200, 400, 800, 1_500, 3_000, 5_000];

/**
 * @typedef {object} Listener
 * @property {(event: any) => void} event something happened in the relay
 * @property {(frame: ArrayBuffer) => void} media a frame came
 * @property {(sentUs: number, relayUs: number) => void} pong
 * @property {() => Promise<void>} opened a socket is open: sign in on it
 * @property {(opened: boolean) => void} lost it broke, or did not even open, and another try is under way
 */

/** One line to the gateway that mends itself until it is closed. */
export class Connection {
    #url;
    #listener;
    /** @type {WebSocket | null} */
    #socket = null;
    /** @type {Map<number, { resolve: (ok: any) => void, reject: (error: Error) => void }>} */
    #waiting = new Map();
    #nextId = 1;
    #tries = 0;
    #wanted = false;
    #heard = 0;
    /** When the last ping was due. */
    #pinged = 0;
    /** When it was asked whether anybody is there, after the timer itself was late. */
    #asked = 0;
    #opened = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #retry;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    #pings;

    /**
     * @param {string} url
     * @param {Listener} listener
     */
    constructor(url, listener) {
        this.#url = url;
        this.#listener = listener;
    }

    /** Opens it, and again whenever it breaks. */
    open() {
        this.#wanted = true;
        if (!this.#socket) this.#dial();
    }

    /** Closes it for good. */
    close() {
        this.#wanted = false;
        clearTimeout(this.#retry);
        const socket = this.#socket;
        this.#drop();
        socket?.close(1000);
    }

    /** Tries at once what would be tried later: the network is back, or somebody looks. */
    hurry() {
        if (!this.#wanted || this.#socket) return;
        this.#tries = 0;
        clearTimeout(this.#retry);
        this.#dial();
    }

    /** Bytes that wait to be sent. */
    get waitingBytes() {
        return this.#socket?.bufferedAmount ?? 0;
    }

    /**
     * Asks for something; fails with {@link Refused} or {@link Lost}.
     * @param {string} what
     * @param {Record<string, unknown>} [fields]
     * @returns {Promise<any>}
     */
    request(what, fields = {}) {
        const socket = this.#socket;
        if (socket?.readyState !== WebSocket.OPEN) return Promise.reject(new Lost());
        const id = this.#nextId;
        this.#nextId = (this.#nextId % 0xffff_ffff) + 1;
        return new Promise((resolve, reject) => {
            this.#waiting.set(id, { resolve, reject });
            socket.send(JSON.stringify({ id, do: what, ...fields }));
        });
    }

    /**
     * Sends a frame of media; says whether it could.
     * @param {Uint8Array<ArrayBuffer>} frame
     */
    sendMedia(frame) {
        if (this.#socket?.readyState !== WebSocket.OPEN) return false;
        this.#socket.send(frame);
        return true;
    }

    #dial() {
        const socket = new WebSocket(this.#url, 'conclave.v1');
        this.#socket = socket;
        this.#opened = false;
        socket.binaryType = 'arraybuffer';
        const patience = setTimeout(() => this.#lose(socket), OPEN_MS);
        socket.onopen = () => {
            clearTimeout(patience);
            this.#heard = this.#pinged = performance.now();
            this.#asked = 0;
            this.#opened = true;
            this.#pings = setInterval(() => this.#ping(socket), PING_MS);
            void this.#greet(socket);
        };
        socket.onmessage = ({ data }) => {
            if (socket !== this.#socket) return;
            this.#heard = performance.now();
            if (typeof data === 'string') this.#read(data);
            else this.#listener.media(data);
        };
        socket.onclose = () => {
            clearTimeout(patience);
            this.#lose(socket);
        };
    }

    /** @param {WebSocket} socket */
    async #greet(socket) {
        try {
            await this.#listener.opened();
            this.#tries = 0;
            this.#ping(socket);
        } catch (error) {
            if (error instanceof Lost || this.#socket !== socket) return;
            console.error('the session could not begin', error);
            this.#lose(socket);
        }
    }

    /** @param {string} text */
    #read(text) {
        const message = JSON.parse(text);
        if (message.reply !== undefined) {
            const waiting = this.#waiting.get(message.reply);
            this.#waiting.delete(message.reply);
            if (message.refused !== undefined) waiting?.reject(new Refused(message.refused, message));
            else waiting?.resolve(message.ok ?? {});
        } else if (message.pong !== undefined) {
            this.#listener.pong(message.pong, message.relay_us);
        } else if (message.event !== undefined) {
            this.#listener.event(message);
        }
    }

    /** @param {WebSocket} socket */
    #ping(socket) {
        if (socket !== this.#socket || socket.readyState !== WebSocket.OPEN) return;
        const now = performance.now();
        const late = now - this.#pinged > LATE_MS;
        this.#pinged = now;
        if (now - this.#heard > SILENCE_MS) {
            // Silence means nothing where nobody was asked: that begins with this ping.
            if (late && this.#asked <= this.#heard) this.#asked = now;
            if (now - Math.max(this.#heard, this.#asked) > SILENCE_MS) {
                this.#lose(socket);
                return;
            }
        }
        socket.send(JSON.stringify({ do: 'ping', sent: nowUs() }));
    }

    /** @param {WebSocket} socket */
    #lose(socket) {
        if (socket !== this.#socket) return;
        const opened = this.#opened;
        this.#drop();
        socket.close();
        if (!this.#wanted) return;
        this.#listener.lost(opened);
        // A hidden tab's timer may come after the session is over: the first try does not wait for one.
        if (this.#tries === 0 && document.hidden) {
            this.#tries = 1;
            this.#dial();
            return;
        }
        const wait = BACK_OFF_MS[Math.min(this.#tries, BACK_OFF_MS.length - 1)];
        this.#tries += 1;
        // Not all pages of a relay that comes back at the same moment.
        this.#retry = setTimeout(() => this.#dial(), wait * (0.75 + Math.random() / 2));
    }

    #drop() {
        this.#socket = null;
        clearInterval(this.#pings);
        for (const { reject } of this.#waiting.values()) reject(new Lost());
        this.#waiting.clear();
    }
}
