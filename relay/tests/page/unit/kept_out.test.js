// What a page is told whose socket does not open.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whatKeepsOut } from '../../../src/gateway/page/net/kept_out.js';

/** @param {() => Promise<Response>} answer */
function answering(answer) {
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
