// The way between the page's socket and the relay: it delays, breaks, refuses, and swallows for a while.

/** How long a message takes, in ms. */
const WAY_MS = 5;

/** @typedef {import('./relay_model.js').RelayModel} RelayModel */
/** @typedef {import('./relay_model.js').Session} Session */

export class Network {
    /** @type {'open' | 'cut' | 'silent'} */
    state = 'open';
    /** @type {Set<Socket>} */
    sockets = new Set();

    /** @param {RelayModel} relay */
    constructor(relay) {
        this.relay = relay;
        const network = this;
        /** What the page takes for a WebSocket. */
        this.WebSocket = class extends Socket {
            constructor() {
                super(network);
            }
        };
    }

    /** @param {'open' | 'cut' | 'silent'} state */
    become(state) {
        this.state = state;
        if (state === 'cut') for (const socket of [...this.sockets]) socket.break();
        if (state === 'open') for (const socket of [...this.sockets]) socket.flow();
    }
}

/** One socket with both of its ends. */
class Socket {
    static OPEN = 1;
    readyState = 0;
    bufferedAmount = 0;
    /** @type {(() => void) | undefined} */
    onopen;
    /** @type {((event: { data: unknown }) => void) | undefined} */
    onmessage;
    /** @type {(() => void) | undefined} */
    onclose;
    /** What waits on the way, in order. @type {(() => void)[]} */
    #waiting = [];
    /** @type {Session | null} */
    #session = null;
    #isGone = false;

    /** @param {Network} network */
    constructor(network) {
        this.network = network;
        network.sockets.add(this);
        if (network.state === 'cut') {
            this.#later(() => this.break());
            return;
        }
        this.#pass(() => {
            if (this.readyState !== 0) return;
            this.readyState = 1;
            this.onopen?.();
        });
    }

    /** @param {() => void} act */
    #later(act) {
        setTimeout(act, WAY_MS);
    }

    /** Comes to the other end, as soon as anything does. @param {() => void} act */
    #pass(act) {
        this.#later(() => {
            if (this.#isGone) return;
            if (this.network.state === 'silent' || this.#waiting.length > 0) this.#waiting.push(act);
            else act();
        });
    }

    flow() {
        for (const act of this.#waiting.splice(0)) this.#pass(act);
    }

    /** Both ends see it end. */
    break() {
        if (this.#isGone) return;
        this.#end();
        this.readyState = 3;
        this.onclose?.();
    }

    /** The relay's end is gone. */
    #end() {
        this.#isGone = true;
        this.network.sockets.delete(this);
        const session = this.#session;
        this.#session = null;
        if (session && this.network.relay.sessions.get(session.account) === session) this.network.relay.lose(session);
    }

    /** The page closes it: the relay hears of it when anything passes. */
    close() {
        if (this.readyState === 3) return;
        this.readyState = 3;
        this.onmessage = this.onopen = undefined;
        this.#pass(() => this.#end());
    }

    /** @param {string | Uint8Array} data */
    send(data) {
        this.#pass(() => this.#receive(data));
    }

    /** @param {object} message */
    #tell(message) {
        this.#pass(() => this.onmessage?.({ data: JSON.stringify(message) }));
    }

    /** @param {string | Uint8Array} data */
    #receive(data) {
        if (typeof data !== 'string') {
            if (this.#session) this.network.relay.media(this.#session, new DataView(data.buffer).getUint32(4, true));
            return;
        }
        const request = JSON.parse(data);
        if (request.do === 'ping') {
            this.#tell({ pong: request.sent, relay_us: 0 });
            return;
        }
        if (request.do === 'sign_in') this.#signIn(request);
        else if (this.#session) this.#tell({ reply: request.id, ...this.network.relay.answer(this.#session, request) });
    }

    /** @param {any} request */
    #signIn({ id, username, resume }) {
        const { relay } = this.network;
        try {
            const session = relay.signIn(username, resume, {
                tell: (message) => this.#tell(message),
                close: () => {
                    this.#session = null;
                    this.#pass(() => this.break());
                },
            });
            this.#session = session;
            const room = session.membership ? relay.joined(session) : null;
            const ok = { username, resume: session.resume, resume_for_ms: 30_000, room, guest: false };
            this.#tell({ reply: id, ok });
        } catch (error) {
            this.#tell({ reply: id, .../** @type {any} */ (error).answer });
        }
    }
}
