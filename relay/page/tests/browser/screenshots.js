// Every page in four sizes, for a person to look at: node browser/screenshots.js FOLDER [light]

import { mkdir } from 'node:fs/promises';
import {
    createRoom,
    Endpoint,
    folder,
    openBrowser,
    openPage,
    Relay,
    remove,
    seesMotion,
    signIn,
    tile,
} from './harness.js';

const SIZES = { flat: [740, 360], phone: [360, 740], laptop: [1280, 800], wall: [1920, 1080] };
const NAMES = [
    'Ana.Lima',
    'Bảo.Trần',
    'Christoph',
    'Dede.Okafor',
    'Eleni.Papadopoulou-Karagianni',
    'Farid',
    'Grace.Kim',
    'Hugo',
    'Ines',
    'Jonas',
    'Kaya',
    'Linh',
    'Marek',
    'Noor',
];
const out = process.argv[2] ?? 'screenshots';
const colorScheme = process.argv[3] === 'light' ? 'light' : 'dark';

/** People as the roster would have them. @param {import('./harness.js').Page} page @param {number} count */
function fill(page, count) {
    return page.evaluate(([count, names]) => {
        const { session } = /** @type {any} */ (window).conclave;
        for (const { id } of session.roster.people())
            if (id > 1e6) session.roster.take({ event: 'participant_left', participant: id });
        for (let i = session.roster.size; i < count; i += 1) {
            session.roster.take({
                event: 'participant_joined',
                participant: {
                    id: 1e6 + 1 + i,
                    username: `guest${i}`,
                    display_name: names[i % names.length],
                    via_gateway: i % 3 === 1,
                    microphone: i % 4 > 0,
                    camera: i % 3 === 0,
                    clock_us: 0,
                    streams: [],
                },
            });
        }
        session.tell('roster', null);
    }, /** @type {[number, string[]]} */ ([count, NAMES]));
}

/** Lines as the relay would send them. @param {import('./harness.js').Page} page */
function chat(page) {
    return page.evaluate(() => {
        const { session } = /** @type {any} */ (window).conclave;
        const at = Date.UTC(2026, 10, 22, 14, 2);
        const lines = [
            [
                'Ana.Lima',
                'Good morning. Here is the table:\nhttps://example.org/a/long/address/without/any/space/in/it/that/has/to/be/broken.html',
            ],
            ['eleni', 'Yes, and we hear you well.'],
            ['eleni', 'Shall we begin with the budget, then the room plan, and leave the rest for Tuesday?'],
            ['Bảo.Trần', 'Cảm ơn mọi người'],
            ['maple', 'Fine by me'],
        ].map(([from, text], i) => ({ id: 1000 + i, at: at + i * 50_000, from, from_name: from, to: null, text }));
        session.chat.add(lines);
        session.tell('chat', { fresh: lines.slice(2) });
    });
}

const directory = await folder();
await mkdir(out, { recursive: true });
const relay = await new Relay(`${directory}/relay`).start();
const browser = await openBrowser();
/** @type {Endpoint | undefined} */
let endpoint;
try {
    const host = await openPage(browser, relay.url);
    await signIn(host, 'host');
    await createRoom(host, 'Weekly planning');
    endpoint = new Endpoint(relay, 'maple', 'Weekly planning', directory);
    await tile(host, 'maple').waitFor();
    for (const [size, [width, height]] of Object.entries(SIZES)) {
        const page = await openPage(browser, relay.url, {
            viewport: { width, height },
            colorScheme,
            hasTouch: width < 800,
        });
        const shot = async (/** @type {string} */ name) => {
            await page.evaluate(
                () =>
                    new Promise((done) => {
                        requestAnimationFrame(() => requestAnimationFrame(done));
                    }),
            );
            await page.screenshot({ path: `${out}/${name}-${size}.png` });
        };
        const click = (/** @type {string} */ name) => page.getByRole('button', { name }).click();
        await shot('sign-in');
        await page.getByLabel('Name', { exact: true }).fill('-eleni');
        await page.getByLabel('Email').fill('eleni');
        await click('Sign in');
        await shot('errors');
        await signIn(page, `Eleni-${size}`);
        await shot('lobby');
        await click('New room');
        await shot('create');
        await page.getByRole('button', { name: 'Close' }).click();
        if (size === 'flat') await createRoom(page, 'Board', '2468').then(() => click('Leave'));
        await page.getByRole('button', { name: /Join Board/ }).click();
        await shot('pin');
        await page.getByRole('button', { name: 'Close' }).click();
        await page.getByRole('button', { name: /Join Weekly/ }).click();
        await seesMotion(page, 'maple');
        await click('Camera');
        await seesMotion(page, 'Eleni-');
        await shot('room-3');
        await fill(page, 4);
        await shot('room-4');
        await fill(page, 9);
        await shot('room-9');
        await fill(page, 16);
        await shot('room-16');
        await page.evaluate(() =>
            /** @type {HTMLElement} */ (
                document.querySelector('.bar [aria-label="Layout: speaker view"], .more .button')
            )?.click(),
        );
        await shot('speaker');
        await page.evaluate(() =>
            /** @type {HTMLElement} */ (
                document.querySelector('.bar [aria-label="Layout: speaker view"], .more .button')
            )?.click(),
        );
        await fill(page, 9);
        await chat(page);
        await shot('unread');
        await click('Chat');
        await shot('chat');
        await click('People');
        await shot('people');
        await click('More');
        await shot('more');
        await page.evaluate(() =>
            /** @type {any} */ (window).conclave.rest.then((/** @type {any} */ { call }) =>
                call.tell('problem', 'camera_lost'),
            ),
        );
        await page.getByRole('button', { name: 'Close' }).click();
        await shot('banner');
        await page.evaluate(() =>
            /** @type {any} */ (window).conclave.rest.then((/** @type {any} */ { settings }) => settings.open()),
        );
        await shot('settings');
        await page.getByLabel('Language').selectOption('de');
        await shot('settings-de');
        await page.keyboard.press('Escape');
        await shot('room-de');
        if (page.troubles.length) console.error(size, page.troubles);
        await page.context().close();
        await host.locator('.count', { hasText: '2 people' }).waitFor();
    }
} finally {
    await browser.close();
    await endpoint?.stop();
    await relay.stop();
    await remove(directory);
}
