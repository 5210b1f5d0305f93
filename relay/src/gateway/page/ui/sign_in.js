// Who this is: name and e-mail, or, for who came by a link, a name alone.

import { add, make, set } from './dom.js';
import { button, field, iconButton, notice } from './controls.js';
import { icon } from './icons.js';
import { preferences, prefer } from './preferences.js';
import { errorWords, problemWords } from './problem.js';
import { Refused } from '../net/refusal.js';
import { say, words } from '../words/words.js';

/** @typedef {import('../net/session.js').Session} Session */

const NAME = /^[\p{L}\p{N}][\p{L}\p{N}_.-]{1,31}$/u;
const EMAIL = /^[^\s@]+@[^\s@]+$/;

/**
 * @param {Session} session
 * @param {string | null} token the link's
 * @param {() => void} openSettings
 */
export function signInPage(session, token, openSettings) {
    const name = field({
        word: 'name',
        hint: 'name_hint',
        input: { name: 'username', autocomplete: token ? 'nickname' : 'username', maxlength: 32, required: true, spellcheck: 'false', autocapitalize: 'off' },
    });
    const email = field({
        word: 'email',
        input: { type: 'email', name: 'email', autocomplete: 'email', maxlength: 254, required: true },
        placeholder: () => 'name@example.org',
    });
    const go = button({ word: token ? 'join' : 'sign_in', kind: 'primary', large: true });
    const trouble = notice();
    const again = button({ word: 'use_here', press: () => void session.again().catch(() => {}) });
    const form = make('form', { class: 'panel', novalidate: true }, say(make('h2'), token ? 'invited' : 'who_is_this'), name.element);
    if (!token) add(form, email.element);
    add(form, trouble.element, again.element, go.element);

    name.input.value = preferences.username;
    email.input.value = preferences.email;

    const check = () => {
        const badName = !NAME.test(name.input.value.trim());
        const badEmail = !token && !EMAIL.test(email.input.value.trim());
        return { badName, badEmail };
    };
    name.input.addEventListener('input', () => { name.error = null; });
    email.input.addEventListener('input', () => { email.error = null; });
    name.input.addEventListener('change', () => { name.error = name.input.value && check().badName ? () => words('name_invalid') : null; });
    email.input.addEventListener('change', () => { email.error = email.input.value && check().badEmail ? () => words('email_invalid') : null; });

    form.addEventListener('submit', (event) => {
        event.preventDefault();
        void submit();
    });

    async function submit() {
        const { badName, badEmail } = check();
        name.error = badName ? () => words('name_invalid') : null;
        email.error = badEmail ? () => words('email_invalid') : null;
        if (badName || badEmail) {
            (badName ? name : email).input.focus();
            return;
        }
        const username = name.input.value.trim();
        const address = email.input.value.trim();
        prefer('username', username);
        if (!token) prefer('email', address);
        try {
            await session.enter(token ? { kind: 'guest', username, token } : { kind: 'account', username, email: address });
        } catch (error) {
            explain(error);
        }
    }

    /** Says what is wrong where it is wrong. @param {unknown} error */
    function explain(error) {
        const code = error instanceof Refused ? error.code : '';
        const fieldName = error instanceof Refused ? error.field : undefined;
        const say = () => errorWords(error);
        if (code === 'name_taken' || (code === 'invalid' && fieldName === 'username')) {
            name.error = say;
            name.input.focus();
        } else if (code === 'email_differs' || (code === 'invalid' && fieldName === 'email')) {
            email.error = say;
            email.input.focus();
        } else {
            trouble.show(say);
        }
    }

    const settings = iconButton({ word: 'settings', icon: 'settings', press: openSettings });
    const element = make('section', { class: 'page sign-in', hidden: true },
        make('header', { class: 'head' }, say(make('h1', { tabindex: '-1' }), token ? 'join' : 'sign_in'), settings.element),
        form,
        make('p', { class: 'honest' }, icon('warning'), say(make('span'), 'honest')));

    return {
        element,
        /** Shows how the session stands. */
        show() {
            const entering = session.phase === 'entering';
            go.busy = entering;
            go.say(entering ? (token ? 'joining' : 'signing_in') : token ? 'join' : 'sign_in');
            for (const { input } of [name, email]) {
                input.disabled = entering;
            }
            const replaced = session.problem === 'replaced';
            again.element.hidden = !replaced;
            const problem = session.problem;
            const known = problem && !['name_taken', 'email_differs', 'invalid'].includes(problem);
            trouble.show(known ? () => problemWords(problem) : null);
            set(element, 'aria-busy', entering ? 'true' : null);
        },
        /** The relay does not answer: it is tried on. */
        unreachable() {
            if (session.phase === 'entering') trouble.show(() => words('unreachable'));
        },
        focus: () => (name.input.value && !token ? go.element : name.input).focus(),
    };
}
