// Names as people write them: taken, shown as they are kept, one name in each of its spellings, and refused by the
// reason.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { createRoom, folder, joinByLink, makeLink, openBrowser, openPage, Relay, remove, signIn } from './harness.js';

/** @typedef {import('./harness.js').Page} Page */

/** The table that the protocol's own tests read. */
const TABLE = new URL('../../../../protocol/tests/vectors/names.txt', import.meta.url);
const lines = (await readFile(TABLE, 'utf8')).split('\n');

/** @param {string} sign */
const names = (sign) => lines.filter((line) => line.startsWith(`${sign} `)).map((line) => line.slice(2));

/** What the page says of the names that are refused, in the table's order. */
const REASONS = [
    /only spaces/,
    /an invisible space/,
    /the direction of text/,
    /the direction of text/,
    /a line break/,
    /a tab/,
    /1 to 48 characters/,
];

describe('names', { concurrency: false }, () => {
    /** @type {string} */
    let directory;
    /** @type {Relay} */
    let relay;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Page} */
    let host;
    let link = '';

    before(async () => {
        directory = await folder();
        relay = await new Relay(`${directory}/relay`).start();
        browser = await openBrowser();
        host = await openPage(browser, relay.url);
        await signIn(host, 'ana');
        await createRoom(host, 'Names');
        link = await makeLink(host);
    });

    after(async () => {
        await browser.close();
        await relay.stop();
        await remove(directory);
    });

    test('guests are shown by the names that they gave', async () => {
        const shown = host.locator('.plate-name');
        for (const name of [...names('+'), names('=')[1]]) {
            const guest = await openPage(browser, link);
            await joinByLink(guest, `  ${name}`, 'Names');
            await shown.getByText(name.normalize('NFC'), { exact: true }).waitFor();
            if (process.env.NAMES_PICTURE)
                await host.screenshot({ path: `${process.env.NAMES_PICTURE}-${names('+').indexOf(name)}.png` });
            assert.deepEqual(guest.troubles, []);
            await guest.getByRole('button', { name: 'Leave' }).click();
            await shown.getByText(name.normalize('NFC'), { exact: true }).waitFor({ state: 'detached' });
            await guest.context().close();
        }
        assert.deepEqual(host.troubles, []);
    });

    test('a deceptive name is refused by the reason, and nobody comes in', async () => {
        const refused = names('-');
        assert.equal(refused.length, REASONS.length);
        const guest = await openPage(browser, link);
        for (const [at, name] of refused.entries()) {
            await guest.getByLabel('Name', { exact: true }).fill(name);
            await guest.getByRole('button', { name: 'Join' }).click();
            await guest.getByRole('alert').filter({ hasText: REASONS[at] }).waitFor();
        }
        assert.equal(await host.locator('.plate-name').count(), 1);
    });

    test('rooms have any such name, and one in each of its spellings', async () => {
        /** A room's maker, who may not make many at once. @param {string} name @param {string[]} rooms */
        const make = async (name, rooms) => {
            const maker = await openPage(browser, relay.url);
            await signIn(maker, name);
            for (const room of rooms) {
                await createRoom(maker, room);
                await maker.getByRole('button', { name: 'Leave' }).click();
                await maker.locator('main').getByText(room.normalize('NFC'), { exact: true }).first().waitFor();
            }
            return maker;
        };
        for (let at = 0; at < names('+').length; at += 5) {
            const maker = await make(`maker${at}`, names('+').slice(at, at + 5));
            await maker.context().close();
        }
        const equal = names('=');
        const first = equal.filter((_, at) => at % 2 === 0);
        const maker = await make('last', first);
        for (let at = 1; at < equal.length; at += 2) {
            await maker.getByRole('button', { name: 'New room' }).click();
            await maker.getByLabel('Name of the room').fill(equal[at]);
            await maker.getByRole('button', { name: 'Create', exact: true }).click();
            await maker.getByRole('alert').filter({ hasText: 'A room with this name exists already' }).waitFor();
            await maker.getByRole('button', { name: 'Close' }).click();
        }
    });
});
