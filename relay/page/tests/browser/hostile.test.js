// What others write is text, whatever it looks like.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRoom, folder, openBrowser, openPage, Relay, remove, shows, signIn } from './harness.js';

const SCRIPTS = [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(2)>',
    '<svg/onload=alert(3)>',
    'javascript:alert(4)',
    '<a href="javascript:alert(5)">here</a>',
    '"><iframe srcdoc="<script>parent.alert(6)</script>">',
];

test('script in the names of rooms and in chat is shown and not run', async () => {
    const directory = await folder();
    const relay = await new Relay(`${directory}/relay`).start();
    const browser = await openBrowser();
    try {
        const mallory = await openPage(browser, relay.url);
        const victim = await openPage(browser, relay.url);
        for (const page of [mallory, victim]) {
            await page.evaluate(() => {
                const broken = /** @type {any} */ (window.broken = /** @type {string[]} */ ([]));
                document.addEventListener('securitypolicyviolation', ({ violatedDirective }) =>
                    broken.push(violatedDirective),
                );
            });
        }
        await signIn(mallory, 'mallory');
        await signIn(victim, 'victim');
        const room = '<img src=x onerror=alert(0)>';
        await createRoom(mallory, room);
        await victim.getByRole('button', { name: room }).click();
        await shows(victim, room);
        await mallory.getByRole('button', { name: 'Chat' }).click();
        for (const text of SCRIPTS) {
            await mallory.getByLabel('Message').fill(text);
            await mallory.keyboard.press('Enter');
        }
        await victim.getByRole('button', { name: /Chat/ }).click();
        for (const text of SCRIPTS) await victim.locator('.line-text').getByText(text, { exact: true }).waitFor();
        for (const page of [mallory, victim]) {
            assert.deepEqual(page.troubles, []);
            assert.deepEqual(await page.evaluate(() => /** @type {any} */ (window).broken), []);
            assert.equal(await page.locator('main img, main iframe, main script, main a').count(), 0);
        }
        // A name that the relay would never let in stays a text, too.
        await victim.evaluate((name) => {
            const { session } = /** @type {any} */ (window).conclave;
            session.roster.take({
                event: 'participant_joined',
                participant: {
                    id: 99,
                    username: 'mallory',
                    display_name: name,
                    via_gateway: true,
                    microphone: true,
                    camera: false,
                    clock_us: 0,
                    streams: [],
                },
            });
            session.tell('roster', null);
            session.tell('presence', { name, joined: true });
        }, SCRIPTS[1]);
        await victim.locator('.plate-name').getByText(SCRIPTS[1]).waitFor();
        assert.deepEqual(victim.troubles, []);
        assert.equal(await victim.locator('main img').count(), 0);
    } finally {
        await browser.close();
        await relay.stop();
        await remove(directory);
    }
});
