// The page as it stands on the disk before a relay as it is built: for working on the page without building the relay
// each time. Only with CONCLAVE_PAGE=disk; the tests take what the relay serves.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { extname } from 'node:path';

const PAGE = new URL('../../src/', import.meta.url);
/** @type {Record<string, string>} */
const TYPES = {
    '.html': 'text/html',
    '.js': 'text/javascript',
    '.css': 'text/css',
    '.svg': 'image/svg+xml',
    '.webmanifest': 'application/manifest+json',
};

/**
 * @param {string} web the relay's address for browsers
 * @returns {Promise<string>} where the page is now
 */
export async function fromDisk(web) {
    const reference = await readFile(new URL('../../../GATEWAY.md', import.meta.url), 'utf8');
    const policy = (/`Content-Security-Policy: ([^`]*)`/.exec(reference)?.[1] ?? '').replace(/\s+/g, ' ');
    const server = createServer(async ({ url = '/' }, reply) => {
        const path = url === '/' ? 'index.html' : url.slice(1).split('?')[0];
        const body = await readFile(new URL(path, PAGE)).catch(() => null);
        reply.writeHead(body ? 200 : 404, {
            'content-security-policy': policy,
            'content-type': TYPES[extname(path)] ?? 'text/plain',
        });
        reply.end(body);
    });
    server.on('upgrade', (request, socket, head) => {
        const [host, port] = web.split(':');
        const relay = connect({ host, port: Number(port), rejectUnauthorized: false }, () => {
            const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`);
            relay.write(`GET ${request.url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
            relay.write(head);
            socket.pipe(relay).pipe(socket);
        });
        for (const end of [relay, socket])
            end.on('error', () => {
                relay.destroy();
                socket.destroy();
            });
        relay.on('close', () => socket.destroy());
        socket.on('close', () => relay.destroy());
    });
    await new Promise((done) => {
        server.listen(0, '127.0.0.1', () => done(null));
    });
    server.unref();
    const address = server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`;
}
