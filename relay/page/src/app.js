// The page: one session, and the page of the phase that it is in. Sign-in was painted before this is fetched
// (index.html, first.js).

import { linkToken } from './net/keep.js';
import { whatKeepsOut } from './net/kept_out.js';
import { Session } from './net/session.js';
import { socketUrl } from './net/address.js';
import { make } from './ui/dom.js';
import { preferences } from './ui/preferences.js';
import { signInPage } from './ui/sign_in.js';
import { pickLanguage, speak, words } from './words/words.js';

await speak(pickLanguage(preferences.language, navigator.languages));

const token = linkToken();
const session = new Session(socketUrl(document.baseURI));
const main = /** @type {HTMLElement} */ (document.querySelector('main'));
const announced = make('p', { class: 'unseen', 'aria-live': 'polite' });
const signIn = signInPage(session, token, () => void rest.then(({ settings }) => settings.open()));
document.body.append(announced);

/** What is needed after signing in; fetched while somebody types. */
const rest = fetchRest();

async function fetchRest() {
    const [{ Call }, { lobbyPage }, { roomPage }, { settingsDialog }] = await Promise.all([
        import('./ui/call.js'),
        import('./ui/lobby.js'),
        import('./ui/room.js'),
        import('./ui/settings.js'),
        style('style/pages.css', 'style/room.css'),
    ]);
    const call = new Call(session);
    const settings = settingsDialog(call);
    const lobby = lobbyPage(session, settings.open);
    const room = roomPage(session, call, settings.open);
    main.append(lobby.element, room.element);
    document.body.append(settings.element);
    return { call, settings, lobby, room };
}

/** Fetches style sheets, in their order. @param {string[]} files */
function style(...files) {
    return Promise.all(
        files.map(
            (href) =>
                new Promise((done, fail) => {
                    document.head.append(
                        make('link', {
                            rel: 'stylesheet',
                            href,
                            onload: done,
                            onerror: () => fail(new Error(`${href} did not come`)),
                        }),
                    );
                }),
        ),
    );
}

/** @type {Element | null} */
let shown = null;

async function show() {
    const { lobby, room } =
        session.phase === 'out' || (session.phase === 'entering' && shown === signIn.element)
            ? { lobby: null, room: null }
            : await rest;
    const page =
        { out: signIn, entering: shown === room?.element ? room : signIn, lobby, room }[session.phase] ?? signIn;
    if (page.element !== shown) {
        for (const child of main.children) /** @type {HTMLElement} */ (child).hidden = child !== page.element;
        if (lobby && shown === lobby.element) lobby.leave();
        const before = shown;
        shown = page.element;
        page.show();
        if (before || matchMedia('(pointer: fine)').matches) page.focus();
    } else {
        page.show();
    }
    if (session.phase === 'entering' && !session.connected)
        slow ??= setTimeout(
            () => void whatKeepsOut(socketUrl(document.baseURI)).then((why) => signIn.unreachable(why)),
            4000,
        );
    else {
        clearTimeout(slow);
        slow = undefined;
    }
    document.title = session.phase === 'room' && session.room ? `${session.room.name} · Conclave` : 'Conclave';
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let slow;

session.on('phase', () => void show());
session.on('presence', ({ name, joined }) => {
    announced.textContent = words(joined ? 'joined' : 'left', name);
});
addEventListener('online', () => session.hurry());
addEventListener('hashchange', () => {
    // Another link in the same tab.
    if (/^#j=/.test(location.hash)) location.reload();
});
document.addEventListener('visibilitychange', () => {
    if (!document.hidden) session.hurry();
});

if (!session.comeBack()) await show();

// For a person who looks at the page from its console, and for its tests.
Object.assign(window, { conclave: { session, rest } });
