// The page below a path of a proxy, which strips it from what it passes on, and which trusts the relay's own authority.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import https from 'node:https';
import { test } from 'node:test';
import { createRoom, folder, joinByLink, makeLink, openBrowser, openPage, Relay, remove, signIn } from './harness.js';

const PATH = '/meet/';

/** What a request is answered with, as bytes. @param {https.RequestOptions} options @returns {Promise<Buffer>} */
async function ask(options) {
    const request = https.request(options).end();
    const [answer] = await once(request, 'response');
    const parts = [];
    for await (const part of answer) parts.push(part);
    assert.equal(answer.statusCode, 200, `${options.path}`);
    return Buffer.concat(parts);
}

/** A proxy as an administrator would set one up. */
class Proxy {
    /** @type {https.RequestOptions} */
    #to = {};
    /** Paths that were asked for without its own. @type {string[]} */
    strays = [];
    #server = https.createServer((request, reply) => {
        const onward = this.#onward(request);
        if (!onward) {
            reply.writeHead(404).end();
            return;
        }
        onward.on('response', (answer) => {
            reply.writeHead(answer.statusCode ?? 502, answer.headers);
            answer.pipe(reply);
        });
        request.pipe(onward);
    });

    constructor() {
        this.#server.on('upgrade', (request, socket) => {
            const onward = this.#onward(request)?.end();
            socket.on('error', () => {});
            if (!onward) {
                socket.destroy();
                return;
            }
            onward.on('response', () => socket.destroy());
            onward.on('upgrade', (answer, other) => {
                other.on('error', () => {});
                const lines = answer.rawHeaders.flatMap((name, at, all) => (at % 2 ? [] : [`${name}: ${all[at + 1]}`]));
                socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
                socket.pipe(other).pipe(socket);
                socket.on('close', () => other.destroy());
                other.on('close', () => socket.destroy());
            });
        });
    }

    /** @param {import('node:http').IncomingMessage} request */
    #onward({ url = '', method, headers }) {
        if (!url.startsWith(PATH)) {
            this.strays.push(url);
            return null;
        }
        // As nginx does by itself: the host is the relay's, the origin stays that of the page.
        const { host: _, ...kept } = headers;
        const onward = https.request({ ...this.#to, method, headers: kept, path: url.slice(PATH.length - 1) });
        return onward.on('error', () => {});
    }

    /** Takes a port. @returns {Promise<string>} where browsers find it */
    async listen() {
        this.#server.listen(0, '127.0.0.1');
        await once(this.#server, 'listening');
        const { port } = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
        return `https://127.0.0.1:${port}${PATH}`;
    }

    /** Passes on to a relay from now. @param {Relay} relay */
    async pass(relay) {
        const [host, port] = relay.web.split(':');
        const der = await ask({ host, port, path: '/ca.crt', rejectUnauthorized: false });
        const authority = new X509Certificate(der);
        assert.ok(authority.ca);
        this.#to = { host, port, ca: authority.toString() };
        // The same again, without a word about trust.
        assert.deepEqual(await ask({ ...this.#to, path: '/ca.crt' }), der);
        // Which certificate the proxy itself has is of no concern here.
        const pem = await readFile(`${relay.data}/web.pem`);
        const own = new X509Certificate(pem);
        assert.ok(own.checkIssued(authority) && own.verify(authority.publicKey) && !own.ca);
        assert.deepEqual(own.keyUsage, ['1.3.6.1.5.5.7.3.1'], 'for servers');
        const days = (Date.parse(own.validTo) - Date.parse(own.validFrom)) / 86_400_000;
        assert.ok(days <= 825, `${days} days`);
        this.#server.setSecureContext({ cert: pem, key: pem });
    }

    async stop() {
        this.#server.closeAllConnections();
        this.#server.close();
    }
}

test(
    'the page works below a path of a proxy, with links that lead there',
    { skip: process.env.CONCLAVE_PAGE === 'disk' && 'the proxy passes on to the relay alone' },
    async () => {
        const directory = await folder();
        const proxy = new Proxy();
        const url = await proxy.listen();
        const relay = await new Relay(`${directory}/relay`, [], { CONCLAVE_RELAY__WEB__PUBLIC_URL: url }).start();
        await proxy.pass(relay);
        const browser = await openBrowser();
        try {
            const host = await openPage(browser, url);
            await signIn(host, 'host');
            await createRoom(host, 'Maple');
            const link = await makeLink(host);
            assert.ok(link.startsWith(`${url}#j=`), link);
            const guest = await openPage(browser, link);
            await joinByLink(guest, 'phone', 'Maple');
            await guest.getByRole('button', { name: 'Chat' }).click();
            await guest.getByLabel('Message').fill('Good morning');
            await guest.keyboard.press('Enter');
            await host.getByRole('button', { name: /Chat, 1 unread/ }).waitFor();
            for (const page of [host, guest]) assert.deepEqual(page.troubles, []);
            assert.deepEqual(proxy.strays, []);
        } finally {
            await browser.close();
            await proxy.stop();
            await relay.stop();
            await remove(directory);
        }
    },
);
