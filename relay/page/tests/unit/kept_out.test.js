// What a page is told whose socket does not open.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whatKeepsOut } from '../../src/net/kept_out.js';

/** @param {() => Promise<Response>} answer */
function answering(answer) {
    /** @type {string[]} */
    /** @type {string[]} */
    const asked = [];
    globalThis.fetch = async (url) => {
        asked.push(String(url));
        return answer();
    };
    return asked;
}

test('the limit that keeps the page out has a name', async () => {
    for (const word of ['address_full', 'relay_full']) {
        const asked = answering(async () => new Response(word, { status: 503 }));
        assert.equal(await whatKeepsOut('wss://relay.lan:7480/meet/ws'), word);
        assert.deepEqual(asked, ['https://relay.lan:7480/meet/ws']);
    }
});

test('anything else is no limit', async () => {
    answering(async () => new Response('', { status: 400 }));
    assert.equal(await whatKeepsOut('ws://relay.lan/ws'), null);
    answering(async () => new Response('a proxy says so', { status: 503 }));
    assert.equal(await whatKeepsOut('ws://relay.lan/ws'), null);
    answering(() => Promise.reject(new TypeError('no network')));
    assert.equal(await whatKeepsOut('ws://relay.lan/ws'), null);
});

test('a relay that answers and has a certificate to trust is one that the browser itself keeps away from', async () => {
    /** @type {string[]} */
    const asked = [];
    globalThis.fetch = async (url, { method = 'GET' } = {}) => {
        asked.push(`${method} ${url}`);
        return new Response('', { status: String(url).endsWith('/ca.crt') ? 200 : 400 });
    };
    assert.equal(await whatKeepsOut('wss://relay.lan:7480/meet/ws'), 'untrusted');
    assert.deepEqual(asked, ['GET https://relay.lan:7480/meet/ws', 'HEAD https://relay.lan:7480/meet/ca.crt']);
    // Behind a proxy, or with a certificate that others gave, there is none.
    globalThis.fetch = async (url) => new Response('', { status: String(url).endsWith('/ca.crt') ? 404 : 400 });
    assert.equal(await whatKeepsOut('wss://relay.lan/ws'), null);
});
