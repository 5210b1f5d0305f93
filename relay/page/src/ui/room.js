// The call: the pictures, what is wrong across the top, the buttons below, and a drawer at the side.

import { add, make } from './dom.js';
import { banner } from './banner.js';
import { callBar, volumeSlider } from './call_bar.js';
import { chatPanel } from './chat.js';
import { button, iconButton } from './controls.js';
import { icon } from './icons.js';
import { morePanel } from './more_panel.js';
import { peoplePanel } from './people.js';
import { videoStage } from './stage.js';
import { labelWith, people, sayWith, words } from '../words/words.js';
import { ScreenShare } from '../media/screen_share.js';

/** @typedef {import('./call_bar.js').Drawer} Drawer */

/**
 * @param {import('../net/session.js').Session} session
 * @param {import('./call.js').Call} call
 * @param {() => void} openSettings
 */
export function roomPage(session, call, openSettings) {
    /** @type {Drawer | null} */
    let drawer = null;
    let unread = 0;
    /** The oldest of them. @type {number | null} */
    let firstUnread = null;
    let inRoom = 0;

    const stage = videoStage(session, call);
    const trouble = banner(session, call);
    const chat = chatPanel(session);
    const list = peoplePanel(session, call);
    const changeView = () => {
        stage.speakerView = !stage.speakerView;
        viewButton.say(stage.speakerView ? 'view_grid' : 'speaker_view');
        showBar();
    };
    const viewButton = button({ word: 'speaker_view', icon: 'speaker-view', press: changeView });
    const shareButton = button({ word: 'share', icon: 'screen', press: () => call.toggle('screen') });
    shareButton.element.hidden = !ScreenShare.possible;
    const volume = make('div', { class: 'volume-row' }, icon('speaker'), volumeSlider(call));
    const more = morePanel(session, [viewButton.element, shareButton.element, volume], openSettings);
    const panels = { chat, people: list, more };
    const bar = callBar(call, {
        toggle: (name) => open(drawer === name ? null : name),
        changeView,
        leave: () => session.leave(),
    });

    const name = make('h1', { tabindex: '-1', dir: 'auto' });
    const count = make('span', { class: 'count' });
    const time = make('span', { class: 'time', role: 'timer' });
    const warning = labelWith(make('span', { class: 'unsafe', role: 'img' }, icon('warning')), 'aria-label', () =>
        words('not_encrypted'),
    );
    labelWith(warning, 'title', () => words('not_encrypted'));
    const strip = make('header', { class: 'strip' }, name, warning, make('span', { class: 'push' }), count, time);

    const drawerTitle = make('h2', { id: 'drawer-title' });
    const drawerBody = make('div', { class: 'drawer-body' });
    const close = iconButton({ word: 'close', icon: 'close', press: () => open(null) });
    const side = make(
        'aside',
        { class: 'drawer', hidden: true, 'aria-labelledby': 'drawer-title' },
        make('header', {}, drawerTitle, close.element),
        drawerBody,
    );
    add(drawerBody, chat.element, list.element, more.element);
    const element = make(
        'section',
        { class: 'room', hidden: true },
        strip,
        trouble.element,
        stage.element,
        side,
        bar.element,
    );

    /** @param {Drawer | null} next */
    function open(next) {
        const before = drawer;
        drawer = next;
        bar.closeVolume();
        side.hidden = next === null;
        element.classList.toggle('with-drawer', next !== null);
        for (const [name, panel] of Object.entries(panels)) panel.element.hidden = name !== next;
        showDrawer();
        if (next === 'chat') {
            chat.open(firstUnread);
            read();
        } else if (next !== null) {
            close.element.focus();
        } else if (before !== null) {
            bar.focus(before);
        }
        showBar();
        stage.show();
    }

    function read() {
        unread = 0;
        firstUnread = null;
    }

    function showDrawer() {
        sayWith(drawerTitle, () =>
            drawer === 'people' ? people(session.roster.size) : words(drawer === 'more' ? 'about_this_call' : 'chat'),
        );
        if (drawer === 'people') list.show();
        if (drawer === 'more') more.show();
    }

    function showBar() {
        bar.show(drawer, unread, stage.speakerView);
    }

    function show() {
        if (session.phase !== 'room' || !session.room) return;
        if (inRoom !== session.room.id) {
            inRoom = session.room.id;
            read();
            more.forget();
            open(null);
        }
        name.textContent = session.room.name;
        sayWith(count, () => people(session.roster.size));
        trouble.show();
        showDrawer();
        showBar();
        stage.show();
    }

    session.on('phase', () => {
        // Who comes back finds the room as who comes in.
        if (session.phase === 'lobby' || session.phase === 'out') inRoom = 0;
    });
    session.on('roster', show);
    session.on('rooms', show);
    session.on('chat', ({ fresh }) => {
        if (drawer !== 'chat' || document.hidden) {
            unread += fresh.length;
            for (const { id } of fresh) firstUnread = Math.min(firstUnread ?? id, id);
        }
        if (drawer === 'chat') {
            if (!document.hidden) read();
            chat.show();
        }
        showBar();
    });
    call.on('devices', () => {
        showBar();
        trouble.show();
    });
    call.on('speaking', () => {
        if (drawer === 'people') list.show();
    });
    document.addEventListener('visibilitychange', () => {
        if (!document.hidden && drawer === 'chat') read();
        showBar();
    });
    setInterval(() => {
        if (session.phase !== 'room') return;
        const seconds = Math.floor((performance.now() - session.joinedAt) / 1000);
        const text = duration(seconds);
        time.textContent = text;
        labelWith(time, 'aria-label', () => words('time_in_call', text));
        if (drawer === 'more') more.show();
    }, 1000);

    document.addEventListener('keydown', (event) => {
        if (
            session.phase !== 'room' ||
            event.ctrlKey ||
            event.metaKey ||
            event.altKey ||
            document.querySelector('dialog[open]')
        )
            return;
        if (event.key === 'Escape') {
            if (!bar.closeVolume() && drawer) open(null);
            return;
        }
        const target = /** @type {HTMLElement} */ (event.target);
        if (event.repeat || target.closest('input, textarea, select')) return;
        switch (event.key.toLowerCase()) {
            case 'm':
                return call.toggle('microphone');
            case 'v':
                return call.toggle('camera');
            case 'c':
                event.preventDefault();
                return open(drawer === 'chat' ? null : 'chat');
            case 'p':
                return open(drawer === 'people' ? null : 'people');
        }
    });

    return {
        element,
        show,
        stage,
        focus: () => name.focus(),
    };
}

/** As 1:02:03, or 02:03. @param {number} seconds */
function duration(seconds) {
    const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
    const hours = Math.floor(seconds / 3600);
    return `${hours ? `${hours}:` : ''}${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}
