// A phone points its camera at the code on a meeting room's screen, and is in the room.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { ENDPOINT, folder, joinByLink, openBrowser, openPage, PATIENCE_MS, Program, Relay, RELAY, remove, until } from './harness.js';

const run = promisify(execFile);
const SIZE = ['1280', '800'];

/** A screen that nobody sees; gives its name. */
async function openScreen() {
    const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', `${SIZE.join('x')}x24`, '-nolisten', 'tcp'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
    const output = /** @type {import('node:stream').Readable} */ (server.stdio[3]);
    const [number] = await once(createInterface({ input: output }), 'line', { signal: AbortSignal.timeout(PATIENCE_MS) });
    return {
        name: `:${number}`,
        async close() {
            server.kill();
            await once(server, 'exit');
        },
    };
}

test('the code on a kiosk\'s idle screen opens its room', async () => {
    const directory = await folder();
    const picture = `${directory}/kiosk.png`;
    const relay = await new Relay(`${directory}/relay`).start();
    const screen = await openScreen();
    const browser = await openBrowser();
    /** @type {Program | undefined} */
    let kiosk;
    try {
        const { stdout: identity } = await run(RELAY, ['identity', '--data-dir', relay.data]);
        const fingerprint = /^fingerprint (\S+)/m.exec(identity)?.[1];
        await writeFile(`${directory}/endpoint.toml`, [
            '[relay]', `address = "${relay.control}"`, `fingerprint = "${fingerprint}"`,
            '[account]', 'name = "maple"', 'email = "maple@example.org"',
            '[room]', 'name = "Maple"',
            '[devices]', 'camera = "off"', 'microphone = "off"', 'speaker = "off"', '',
        ].join('\n'));
        const { WAYLAND_DISPLAY: _, ...around } = process.env;
        const env = { ...around, DISPLAY: screen.name, NO_COLOR: '1' };
        kiosk = new Program(ENDPOINT, ['--config', `${directory}/endpoint.toml`, '--data-dir', `${directory}/kiosk`, 'kiosk'], env);
        // Nobody manages windows there: full screen is made so by hand.
        const { stdout: windows } = await run('xdotool', ['search', '--sync', '--onlyvisible', '--name', 'Conclave'], { env, timeout: PATIENCE_MS });
        const window = windows.trim().split('\n')[0];
        await run('xdotool', ['windowmove', window, '0', '0', 'windowsize', window, ...SIZE], { env });
        const seen = await until('a code on the screen', async () => {
            await run('import', ['-window', 'root', picture], { env });
            return run('zbarimg', ['-q', '--raw', picture]).then(({ stdout }) => stdout.trim(), () => null);
        });

        const link = new URL(seen);
        assert.equal(`${link.protocol}//${link.host}/`, `https://${relay.web}/`);
        assert.match(link.hash, /^#j=[\w-]{20,}$/);
        assert.equal(link.pathname + link.search, '/', 'what stands there would be sent and logged');

        // A page that is tried from the disk has another address.
        const page = await openPage(browser, new URL(link.hash, relay.url).href);
        await joinByLink(page, 'phone', 'Maple');
        assert.equal(new URL(page.url()).hash, '');
        assert.deepEqual(page.troubles, []);
    } finally {
        if (process.env.CONCLAVE_SCREENSHOTS) {
            await mkdir(process.env.CONCLAVE_SCREENSHOTS, { recursive: true });
            await copyFile(picture, `${process.env.CONCLAVE_SCREENSHOTS}/kiosk-idle.png`).catch(() => {});
        }
        await browser.close();
        await kiosk?.stop();
        await screen.close();
        await relay.stop();
        await remove(directory);
    }
});
