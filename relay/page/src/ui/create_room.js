// Making a room: its name, and if wanted a PIN and how many fit in.

import { add, make } from './dom.js';
import { button, dialog, field, iconButton, notice } from './controls.js';
import { composed, isBlank, isRoomName } from './names.js';
import { errorWords } from './problem.js';
import { Refused } from '../net/refusal.js';
import { say, words } from '../words/words.js';

const PIN = /^\d{4,12}$/;
const LEAST_PLACES = 2;
const MOST_PLACES = 16;

/** @param {import('../net/session.js').Session} session */
export function createRoom(session) {
    let places = MOST_PLACES;
    const { element, body } = dialog(() => words('new_room'));
    const name = field({ word: 'room_name', input: { required: true }, placeholder: () => words('room_name_example') });
    const pin = field({
        word: 'pin_if_locked',
        input: { inputmode: 'numeric', maxlength: 12 },
        placeholder: () => words('pin_rule'),
    });
    const number = make('output', { 'aria-live': 'polite' });
    const fewer = iconButton({ word: 'fewer_places', icon: 'minus', look: 'filled', press: () => seat(places - 1) });
    const more = iconButton({ word: 'more_places', icon: 'plus', look: 'filled', press: () => seat(places + 1) });
    const trouble = notice();
    const go = button({ word: 'create', kind: 'primary' });
    const form = make(
        'form',
        { novalidate: true },
        name.element,
        make(
            'div',
            { class: 'row' },
            pin.element,
            make(
                'div',
                { class: 'field places', role: 'group' },
                say(make('span', { class: 'name' }), 'places'),
                make('div', { class: 'stepper' }, fewer.element, number, more.element),
            ),
        ),
        trouble.element,
        go.element,
    );
    add(body, form);

    /** @param {number} wish */
    function seat(wish) {
        places = Math.max(LEAST_PLACES, Math.min(MOST_PLACES, wish));
        number.textContent = String(places);
        fewer.element.disabled = places === LEAST_PLACES;
        more.element.disabled = places === MOST_PLACES;
    }
    seat(places);
    name.input.addEventListener('input', () => {
        name.error = null;
    });
    pin.input.addEventListener('input', () => {
        pin.error = null;
    });

    form.addEventListener('submit', async (event) => {
        event.preventDefault();
        const wish = composed(name.input.value);
        const digits = pin.input.value.trim();
        const named = isRoomName(wish);
        name.error = named ? null : () => words(isBlank(name.input.value) ? 'name_blank' : 'room_name_invalid');
        pin.error = digits === '' || PIN.test(digits) ? null : () => words('pin_invalid');
        if (!named || (digits && !PIN.test(digits))) return;
        trouble.show(null);
        go.busy = true;
        go.say('creating');
        try {
            await session.create(wish, digits, places);
            element.close();
        } catch (error) {
            const say = () => errorWords(error);
            if (error instanceof Refused && (error.code === 'room_exists' || error.field === 'name')) name.error = say;
            else trouble.show(say);
        }
        go.busy = false;
        go.say('create');
    });

    return {
        element,
        open() {
            name.input.value = '';
            pin.input.value = '';
            name.error = null;
            pin.error = null;
            trouble.show(null);
            element.showModal();
            name.input.focus();
        },
        close: () => element.close(),
    };
}
