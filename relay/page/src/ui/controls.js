// Buttons, fields and notices, alike on every page.

import { add, freshId, make, set } from './dom.js';
import { draw, icon } from './icons.js';
import { label, labelWith, say, sayWith, words } from '../words/words.js';

/** @typedef {import('./icons.js').IconName} IconName */
/** @typedef {import('../words/words.js').Word} Word */

/**
 * A button with words, and a sign before them if it has one.
 * @param {object} about
 * @param {Word} about.word
 * @param {() => void} [about.press] none for a form's own button
 * @param {IconName} [about.icon]
 * @param {'primary' | 'danger' | 'quiet' | ''} [about.kind]
 * @param {boolean} [about.large]
 */
export function button({ word, press, icon: sign, kind = '', large = false }) {
    const element = make('button', {
        class: `button ${kind} ${large ? 'large' : ''}`,
        type: press ? 'button' : 'submit',
        onclick: press,
    });
    add(
        element,
        make('span', { class: 'spinner', 'aria-hidden': 'true' }),
        sign && icon(sign),
        say(make('span'), word),
    );
    return buttonOf(element);
}

/** A button that stands there already: a spinner, perhaps a sign, its words last. @param {HTMLButtonElement} element */
export function buttonOf(element) {
    const text = /** @type {HTMLElement} */ (element.lastElementChild);
    return {
        element,
        /** Says something else. @param {Word} other */
        say: (other) => say(text, other),
        /** What it started is under way. @param {boolean} busy */
        set busy(busy) {
            element.classList.toggle('busy', busy);
            element.disabled = busy;
            set(element, 'aria-busy', busy ? 'true' : null);
        },
    };
}

/**
 * A round button with a sign.
 * @param {object} about
 * @param {Word} about.word what it is called
 * @param {IconName} about.icon
 * @param {() => void} about.press
 * @param {Word} [about.caption] words below it
 * @param {string} [about.look] more classes
 * @param {string} [about.key] the key that presses it, too
 */
export function iconButton({ word, icon: name, press, caption, look = '', key }) {
    const sign = icon(name);
    const badge = make('span', { class: 'badge', 'aria-hidden': 'true', hidden: true });
    const below = caption && say(make('span', { class: 'caption', 'aria-hidden': 'true' }), caption);
    const element = label(
        make('button', { class: `icon-button ${look}`, type: 'button', onclick: press, 'aria-keyshortcuts': key }),
        word,
    );
    if (!caption) label(element, word);
    add(
        element,
        make('span', { class: 'disc' }, sign, make('span', { class: 'spinner', 'aria-hidden': 'true' }), badge),
        below,
    );
    return {
        element,
        badge,
        /** @param {IconName} next */
        draw: (next) => draw(sign, next),
        /** How a switch stands. @param {boolean} on */
        set pressed(on) {
            set(element, 'aria-pressed', String(on));
        },
        /** What stands below it, and is read aloud after its name where it says more. @param {Word} now */
        set caption(now) {
            if (below) say(below, now);
            labelWith(element, 'aria-label', () => (now === caption ? words(word) : `${words(word)}, ${words(now)}`));
        },
        /** @param {boolean} busy */
        set busy(busy) {
            element.classList.toggle('busy', busy);
            set(element, 'aria-busy', busy ? 'true' : null);
        },
    };
}

/**
 * A field with its name above and, below, what is wrong or what it is for.
 * @param {object} about
 * @param {Word} about.word
 * @param {Record<string, any>} [about.input] attributes of the input
 * @param {Word} [about.hint]
 * @param {() => string} [about.placeholder]
 */
export function field({ word, input: attributes = {}, hint, placeholder }) {
    const id = freshId();
    const below = `${id}-below`;
    const input = make('input', {
        id,
        type: 'text',
        class: 'input',
        dir: 'auto',
        autocomplete: 'off',
        'aria-describedby': below,
        ...attributes,
    });
    if (placeholder) labelWith(input, 'placeholder', placeholder);
    return fieldOf(
        make(
            'div',
            { class: 'field' },
            say(make('label', { for: id, class: 'name' }), word),
            input,
            make('p', { class: 'below', id: below }),
        ),
        hint,
    );
}

/**
 * A field that stands there already: its name, the input, what is below.
 * @param {Element} element
 * @param {Word} [hint]
 */
export function fieldOf(element, hint) {
    const input = /** @type {HTMLInputElement} */ (element.querySelector('input'));
    const text = /** @type {HTMLElement} */ (element.querySelector('.below'));
    const calm = () => (hint ? words(hint) : '');
    sayWith(text, calm);
    return {
        element,
        input,
        /** What is wrong with it; null when nothing is. @param {(() => string) | null} problem */
        set error(problem) {
            set(input, 'aria-invalid', problem ? 'true' : null);
            set(text, 'role', problem ? 'alert' : null);
            sayWith(text, problem ?? calm);
        },
    };
}

/**
 * A choice of few.
 * @param {Word} word
 * @param {(value: string) => void} chosen
 */
export function choice(word, chosen) {
    const id = freshId();
    const select = make('select', { id, class: 'input', onchange: () => chosen(select.value) });
    return {
        element: make('div', { class: 'field' }, say(make('label', { for: id, class: 'name' }), word), select),
        select,
        /**
         * @param {[string, () => string][]} options values with their words
         * @param {string} value which one it is now
         */
        offer(options, value) {
            select.replaceChildren(
                ...options.map(([option, text]) => sayWith(make('option', { value: option }), text)),
            );
            select.value = value;
            if (select.selectedIndex < 0) select.selectedIndex = 0;
        },
    };
}

/** @typedef {ReturnType<typeof choice>} Choice */

/** What went wrong, where it went wrong; nothing is shown while nothing did. */
export function notice() {
    const text = make('span');
    const element = make('div', { class: 'notice', role: 'alert', hidden: true }, icon('warning'), text);
    return {
        element,
        /** @param {(() => string) | null} problem */
        show(problem) {
            element.hidden = !problem;
            sayWith(text, problem ?? (() => ''));
        },
    };
}

/**
 * A dialog over the page. It is modal, but Esc and its cross always close it.
 * @param {() => string} title
 * @param {string} [look] more classes
 */
export function dialog(title, look = '') {
    const id = freshId();
    const heading = sayWith(make('h2', { id }), title);
    const element = make('dialog', { class: `dialog ${look}`, 'aria-labelledby': id });
    const close = iconButton({ word: 'close', icon: 'close', press: () => element.close() });
    const body = make('div', { class: 'dialog-body' });
    add(element, make('header', {}, heading, close.element), body);
    // Outside of it is a way out, too.
    element.addEventListener('click', (event) => {
        if (event.target === element) element.close();
    });
    return { element, heading, body };
}
