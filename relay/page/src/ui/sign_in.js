// Who this is: name and e-mail, or, for who came by a link, a name alone. What is to be seen stands in index.html and
// was painted before this is fetched (first.js); this makes it work.

import { set } from './dom.js';
import { button, buttonOf, fieldOf, notice } from './controls.js';
import { accountName, composed, isBlank, isDisplayName } from './names.js';
import { prefer } from './preferences.js';
import { errorWords, problemWords } from './problem.js';
import { forgetLink } from '../net/keep.js';
import { Refused } from '../net/refusal.js';
import { label, say, words } from '../words/words.js';

/** @typedef {import('../net/session.js').Session} Session */

const EMAIL = /^[^\s@]+@[^\s@]+$/;

/** @typedef {import('../words/words.js').Word} Word */

/**
 * @param {Session} session
 * @param {string | null} token the link's
 * @param {() => void} openSettings
 */
export function signInPage(session, token, openSettings) {
    const element = /** @type {HTMLElement} */ (document.getElementById('sign-in'));
    const form = /** @type {HTMLFormElement} */ (element.querySelector('form'));
    const settings = /** @type {HTMLElement} */ (element.querySelector('.icon-button'));
    for (const text of /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll('[data-word]')))
        say(text, /** @type {Word} */ (text.dataset.word));
    label(settings, 'settings').addEventListener('click', openSettings);
    const fields = form.querySelectorAll('.field');
    const name = fieldOf(fields[0], 'name_hint');
    /** None for who came by a link. */
    const email = fields[1] && fieldOf(fields[1]);
    if (token) set(name.input, 'autocomplete', 'nickname');
    const go = buttonOf(/** @type {HTMLButtonElement} */ (form.querySelector('[type="submit"]')));
    const trouble = notice();
    /** How to trust the relay, where that helps. @type {Element | null} */
    let trust = null;
    const again = button({ word: 'use_here', press: () => void session.again().catch(() => {}) });
    go.element.before(trouble.element, again.element);
    if (token) {
        const leaveLink = () => {
            forgetLink();
            location.reload();
        };
        go.element.after(button({ word: 'sign_in_instead', kind: 'quiet', press: leaveLink }).element);
    }

    const check = () => {
        const typed = name.input.value;
        const badName = !isDisplayName(typed) || (email !== undefined && accountName(typed) === null);
        const badEmail = email !== undefined && !EMAIL.test(email.input.value.trim());
        return { badName, badEmail };
    };
    const wrongName = () =>
        words(isBlank(name.input.value) ? 'name_blank' : email ? 'account_name_invalid' : 'name_invalid');
    name.input.addEventListener('input', () => {
        name.error = null;
    });
    name.input.addEventListener('change', () => {
        name.error = name.input.value && check().badName ? wrongName : null;
    });
    email?.input.addEventListener('input', () => {
        email.error = null;
    });
    email?.input.addEventListener('change', () => {
        email.error = email.input.value && check().badEmail ? () => words('email_invalid') : null;
    });

    form.addEventListener('submit', (event) => {
        event.preventDefault();
        void submit();
    });
    // Somebody was quicker than this.
    if (form.dataset.submitted !== undefined) void submit();

    async function submit() {
        const { badName, badEmail } = check();
        name.error = badName ? wrongName : null;
        if (email) email.error = badEmail ? () => words('email_invalid') : null;
        if (badName || badEmail) {
            (badName ? name : (email ?? name)).input.focus();
            return;
        }
        const called = composed(name.input.value);
        const address = email?.input.value.trim() ?? '';
        prefer('username', called);
        if (email) prefer('email', address);
        try {
            await session.enter(
                token
                    ? { kind: 'guest', name: called, token }
                    : { kind: 'account', name: called, username: accountName(called) ?? called, email: address },
            );
        } catch (error) {
            explain(error);
        }
    }

    /** Says what is wrong where it is wrong. @param {unknown} error */
    function explain(error) {
        const code = error instanceof Refused ? error.code : '';
        const fieldName = error instanceof Refused ? error.field : undefined;
        const say = () => errorWords(error);
        if (
            code === 'name_taken' ||
            (code === 'invalid' && (fieldName === 'username' || fieldName === 'display_name'))
        ) {
            name.error = say;
            name.input.focus();
        } else if (email && (code === 'email_differs' || (code === 'invalid' && fieldName === 'email'))) {
            email.error = say;
            email.input.focus();
        } else {
            trouble.show(say);
        }
    }

    return {
        element,
        /** Shows how the session stands. */
        show() {
            const entering = session.phase === 'entering';
            go.busy = entering;
            go.say(entering ? (token ? 'joining' : 'signing_in') : token ? 'join' : 'sign_in');
            for (const { input } of [name, ...(email ? [email] : [])]) input.disabled = entering;
            const replaced = session.problem === 'replaced';
            again.element.hidden = !replaced;
            const problem = session.problem;
            const known = problem && !['name_taken', 'email_differs', 'invalid'].includes(problem);
            trouble.show(known ? () => problemWords(problem) : null);
            set(element, 'aria-busy', entering ? 'true' : null);
        },
        /**
         * The relay does not answer, or has no place: it is tried on.
         * @param {import('../net/kept_out.js').KeptOut | null} why
         */
        async unreachable(why) {
            const steps = why === 'untrusted' ? (await import('./trust.js')).trustSteps() : null;
            if (session.phase !== 'entering' || session.connected) return;
            trouble.show(() => words(why ?? 'unreachable'));
            if (steps && !trust) go.element.before((trust = steps));
        },
        focus: () => (name.input.value && !token ? go.element : name.input).focus(),
    };
}
