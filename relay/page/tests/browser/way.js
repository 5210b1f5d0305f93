// A way to a relay that can be reset, closed, and made to swallow everything, as networks do.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** A TCP proxy whose test says what passes. */
export class Way {
    /** Both ends of each connection. @type {Set<import('node:net').Socket>} */
    #open = new Set();
    /** @type {'open' | 'cut' | 'silent'} */
    #state = 'open';

    /** @param {string} to host and port */
    constructor(to) {
        const [host, port] = to.split(':');
        this.server = createServer((socket) => {
            if (this.#state === 'cut') {
                socket.resetAndDestroy();
                return;
            }
            const other = connect(Number(port), host);
            for (const [one, end] of [
                [socket, other],
                [other, socket],
            ]) {
                this.#open.add(one);
                one.on('error', () => {});
                one.on('close', () => {
                    this.#open.delete(one);
                    end.destroy();
                });
                one.on('data', (bytes) => {
                    if (end.write(bytes) || this.#state === 'silent') return;
                    one.pause();
                    end.once('drain', () => this.#state === 'silent' || one.resume());
                });
                one.on('end', () => end.end());
                if (this.#state === 'silent') one.pause();
            }
        });
    }

    /** Takes a port. @returns {Promise<string>} host and port */
    async listen() {
        this.server.listen(0, '127.0.0.1');
        await once(this.server, 'listening');
        const { port } = /** @type {import('node:net').AddressInfo} */ (this.server.address());
        return `127.0.0.1:${port}`;
    }

    /** Resets what is open and refuses what comes. */
    cut() {
        this.#state = 'cut';
        for (const socket of this.#open) socket.resetAndDestroy();
    }

    /** Swallows everything: connections stand, and nothing passes. */
    silence() {
        this.#state = 'silent';
        for (const socket of this.#open) socket.pause();
    }

    /** Lets everything pass again, also what was held up. */
    open() {
        this.#state = 'open';
        for (const socket of this.#open) socket.resume();
    }

    close() {
        this.cut();
        this.server.close();
    }
}
