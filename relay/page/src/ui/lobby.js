// All rooms of the relay: one touch joins.

import { add, freshId, make, set } from './dom.js';
import { button, dialog, field, iconButton, notice } from './controls.js';
import { createRoom } from './create_room.js';
import { draw, icon } from './icons.js';
import { errorWords, problemWords } from './problem.js';
import { Refused } from '../net/refusal.js';
import { label, labelWith, people, say, sayWith, words } from '../words/words.js';

/** @typedef {import('../net/session.js').Session} Session */
/** @typedef {import('../net/session.js').Room} Room */

const PIN = /^\d{4,12}$/;

/**
 * @param {Session} session
 * @param {() => void} openSettings
 */
export function lobbyPage(session, openSettings) {
    /** @type {Map<number, ReturnType<typeof card>>} */
    const cards = new Map();
    /** @type {number | null} */
    let joining = null;
    /** A room that was full, to be waited for with this PIN. @type {{ room: Room, pin: string } | null} */
    let full = null;
    let waits = false;
    let wanted = '';

    const search = labelWith(
        label(
            make('input', {
                class: 'input',
                type: 'search',
                autocomplete: 'off',
                spellcheck: 'false',
                oninput: () => {
                    wanted = search.value.trim();
                    show();
                },
            }),
            'search_rooms',
        ),
        'placeholder',
        () => words('search'),
    );
    const create = createRoom(session);
    const pin = pinDialog(session, (room, digits) => offerToWait(room, digits));
    const trouble = notice();
    const wait = button({ word: 'wait_for_place', press: () => void awaitPlace() });
    const cancel = button({ word: 'cancel', press: () => session.cancel() });
    const waiting = make(
        'div',
        { class: 'notice', role: 'status', hidden: true },
        make('span', { class: 'spinner', 'aria-hidden': 'true' }),
        make('span', {}),
        wait.element,
        cancel.element,
    );
    const list = make('ul', { class: 'cards' });
    const nothingSign = icon('room');
    const nothingText = make('p');
    const first = button({ word: 'make_first_room', icon: 'plus', press: create.open });
    const nothing = make(
        'div',
        { class: 'nothing' },
        make('span', { class: 'spinner', 'aria-hidden': 'true' }),
        nothingSign,
        nothingText,
        first.element,
    );

    const newRoom = button({ word: 'new_room', icon: 'plus', kind: 'primary', press: create.open });
    const element = make(
        'section',
        { class: 'page lobby', hidden: true },
        make(
            'header',
            { class: 'head' },
            say(make('h1', { tabindex: '-1' }), 'rooms'),
            make('div', { class: 'search', role: 'search' }, icon('search'), search),
            newRoom.element,
            iconButton({ word: 'settings', icon: 'settings', press: openSettings }).element,
            iconButton({ word: 'sign_out', icon: 'leave-room', press: () => session.signOut() }).element,
        ),
        trouble.element,
        waiting,
        list,
        nothing,
        create.element,
        pin.element,
    );

    /** @param {Room} room @param {string} [digits] */
    function offerToWait(room, digits = '') {
        full = { room, pin: digits };
        trouble.show(null);
        show();
    }

    async function awaitPlace() {
        if (!full) return;
        waits = true;
        show();
        try {
            await session.awaitPlace(full.room, full.pin);
        } catch (error) {
            if (!(error instanceof Refused && error.code === 'cancelled')) trouble.show(() => errorWords(error));
        }
        waits = false;
        full = null;
        show();
    }

    /** @param {Room} room */
    async function join(room) {
        if (joining !== null || waits) return;
        full = null;
        if (room.locked) {
            pin.open(room);
            return;
        }
        joining = room.id;
        trouble.show(null);
        show();
        try {
            await session.join(room);
        } catch (error) {
            if (error instanceof Refused && error.code === 'room_full') offerToWait(room);
            else trouble.show(() => errorWords(error));
        }
        joining = null;
        show();
    }

    function show() {
        const all = [...session.lobby.rooms.values()].sort((a, b) => a.name.localeCompare(b.name));
        const found = all.filter(({ name }) => name.toLowerCase().includes(wanted.toLowerCase()));
        const there = new Set(found.map(({ id }) => id));
        for (const [id, { element }] of cards) {
            if (there.has(id)) continue;
            element.remove();
            cards.delete(id);
        }
        found.forEach((room, place) => {
            let known = cards.get(room.id);
            if (!known) cards.set(room.id, (known = card(join)));
            known.show(room, joining === room.id);
            if (list.children[place] !== known.element) list.insertBefore(known.element, list.children[place] ?? null);
        });
        waiting.hidden = full === null;
        if (full) say(/** @type {HTMLElement} */ (waiting.children[1]), waits ? 'waiting_for_place' : 'place_missing');
        waiting.classList.toggle('busy', waits);
        wait.element.hidden = waits;
        cancel.element.hidden = !waits;
        list.hidden = found.length === 0;
        nothing.hidden = found.length > 0;
        nothing.classList.toggle('busy', !session.lobby.known);
        draw(nothingSign, all.length > 0 ? 'search' : 'room');
        sayWith(nothingText, () =>
            !session.lobby.known
                ? words('asking_for_rooms')
                : session.lobby.rooms.size > 0
                  ? words('no_room_called', wanted)
                  : words('no_room_yet'),
        );
        first.element.hidden = !session.lobby.known || all.length > 0;
        set(element, 'aria-busy', session.lobby.known ? null : 'true');
    }

    session.on('rooms', show);
    return {
        element,
        show() {
            const { problem } = session;
            const { lastPlace } = session.member;
            // One was in the room, and somebody took the place meanwhile.
            const isFull = problem === 'room_full' && lastPlace !== null;
            if (isFull && !waits) full = lastPlace;
            const worded = problem && !isFull ? () => problemWords(problem) : null;
            trouble.show(session.connected ? worded : () => words('connection_lost'));
            show();
        },
        leave() {
            full = null;
            create.close();
            pin.close();
        },
        focus: () => /** @type {HTMLElement} */ (element.querySelector('h1')).focus(),
    };
}

/** @param {(room: Room) => void} join */
function card(join) {
    /** @type {Room} */
    let room;
    const sign = icon('room');
    // What is seen is several texts; what is read aloud is one.
    const name = make('span', { class: 'card-name', dir: 'auto', 'aria-hidden': 'true' });
    const spoken = make('span', { class: 'unseen' });
    const countId = freshId();
    const count = make('span', { class: 'card-people', id: countId, 'aria-hidden': 'true' });
    const lock = icon('lock');
    const press = make(
        'button',
        { class: 'card', type: 'button', 'aria-describedby': countId, onclick: () => join(room) },
        make('span', { class: 'card-sign' }, sign),
        make('span', { class: 'card-words' }, spoken, name, count),
        make('span', { class: 'spinner', 'aria-hidden': 'true' }),
        lock,
    );
    return {
        element: make('li', {}, press),
        /** @param {Room} now @param {boolean} joining */
        show(now, joining) {
            room = now;
            const full = room.capacity > 0 && room.members >= room.capacity;
            const text = () =>
                joining ? words('joining') : full ? words('full', people(room.members)) : people(room.members);
            name.textContent = room.name;
            sayWith(count, text);
            draw(sign, room.members > 0 ? 'people' : 'room');
            press.classList.toggle('occupied', room.members > 0);
            press.classList.toggle('busy', joining);
            set(lock, 'hidden', room.locked ? null : '');
            say(spoken, room.locked ? 'join_locked' : 'join_room', room.name);
        },
    };
}

/**
 * @param {Session} session
 * @param {(room: Room, digits: string) => void} isFull told where the PIN is right and the room has no place
 */
function pinDialog(session, isFull) {
    /** @type {Room | null} */
    let room = null;
    const { element, heading, body } = dialog(() => words('pin_of', room?.name ?? ''), 'narrow');
    const digits = field({
        word: 'enter_pin',
        input: { inputmode: 'numeric', maxlength: 12, type: 'password', autocomplete: 'off' },
        placeholder: () => words('pin_rule'),
    });
    const go = button({ word: 'join', kind: 'primary' });
    const form = make('form', { novalidate: true }, digits.element, go.element);
    add(body, form);
    digits.input.addEventListener('input', () => {
        digits.error = null;
    });
    form.addEventListener('submit', async (event) => {
        event.preventDefault();
        if (!room) return;
        if (!PIN.test(digits.input.value)) {
            digits.error = () => words('pin_invalid');
            return;
        }
        go.busy = true;
        try {
            await session.join(room, digits.input.value);
            element.close();
        } catch (error) {
            if (error instanceof Refused && error.code === 'room_full') {
                isFull(room, digits.input.value);
                element.close();
            } else {
                digits.error = () => errorWords(error);
            }
            if (error instanceof Refused && error.code === 'wrong_pin') digits.input.value = '';
        }
        go.busy = false;
        digits.input.focus();
    });
    return {
        element,
        /** @param {Room} locked */
        open(locked) {
            room = locked;
            sayWith(heading, () => words('pin_of', room?.name ?? ''));
            digits.input.value = '';
            digits.error = null;
            element.showModal();
            digits.input.focus();
        },
        close: () => element.close(),
    };
}
