// About this call: how safe it is, a link for others, and what has no place in the bar of a phone.

import { make } from './dom.js';
import { button, choice, iconButton, notice } from './controls.js';
import { icon } from './icons.js';
import { errorWords } from './problem.js';
import { linkUrl } from '../net/address.js';
import { dayAndTime, label, say, sayWith, words } from '../words/words.js';

/** Minutes that a link may be valid. @type {[string, import('../words/words.js').Word][]} */
const LIFETIMES = [
    ['60', 'link_hour'],
    ['1440', 'link_day'],
    ['10080', 'link_week'],
];
/** How long "Copied" stands. */
const COPIED_MS = 2_000;

/**
 * @param {import('../net/session.js').Session} session
 * @param {HTMLElement[]} narrow what else a phone finds here
 * @param {() => void} openSettings
 */
export function morePanel(session, narrow, openSettings) {
    const digits = make('p', { class: 'digits' });
    const safety = make(
        'section',
        { class: 'card-panel' },
        say(make('h3'), 'safety_number'),
        digits,
        say(make('p', { class: 'soft' }), 'read_it_aloud'),
    );
    const roundTrip = make('p', { class: 'soft' });
    const link = linkSection(session);
    const element = make(
        'div',
        { class: 'more' },
        make('div', { class: 'narrow-only' }, ...narrow),
        make(
            'section',
            { class: 'card-panel warning' },
            make('h3', {}, icon('warning'), say(make('span'), 'not_encrypted')),
            say(make('p', { class: 'soft' }), 'not_encrypted_why'),
        ),
        safety,
        link.element,
        button({ word: 'settings', icon: 'settings', press: openSettings }).element,
        roundTrip,
    );
    return {
        element,
        show() {
            safety.hidden = session.safetyNumber === '';
            digits.textContent = session.safetyNumber.replace(/(\d{4})(?=\d)/g, '$1 ');
            link.element.hidden = session.guest;
            const us = session.clock.roundTripUs;
            sayWith(roundTrip, () =>
                us === null ? '' : `${words('round_trip')}: ${(us / 1000).toFixed(us < 10_000 ? 1 : 0)} ms`,
            );
        },
        /** Another room: no link of the one before. */
        forget: () => link.forget(),
    };
}

/** @param {import('../net/session.js').Session} session */
function linkSection(session) {
    let minutes = LIFETIMES[1][0];
    const lifetime = choice('link_valid_for', (value) => {
        minutes = value;
    });
    lifetime.offer(
        LIFETIMES.map(([value, word]) => [value, () => words(word)]),
        minutes,
    );
    const url = label(make('input', { class: 'input', readonly: true, onfocus: () => url.select() }), 'link');
    const copy = iconButton({ word: 'copy', icon: 'copy', look: 'filled', press: () => void copyLink() });
    const valid = make('p', { class: 'soft', role: 'status' });
    const made = make('div', { class: 'made', hidden: true }, make('div', { class: 'write' }, url, copy.element));
    const trouble = notice();
    const create = button({ word: 'make_link', icon: 'link', press: () => void makeLink() });
    const revoke = button({ word: 'revoke_links', kind: 'quiet', press: () => void revokeAll() });
    let text = '';

    async function makeLink() {
        trouble.show(null);
        create.busy = true;
        try {
            const link = await session.makeLink(Number(minutes));
            url.value = linkUrl(link.url, document.baseURI);
            made.hidden = false;
            const until = link.expires_at;
            sayWith(valid, () => words('valid_until', dayAndTime(until)));
        } catch (error) {
            trouble.show(() => errorWords(error));
        }
        create.busy = false;
    }

    async function copyLink() {
        text = valid.textContent ?? '';
        try {
            await navigator.clipboard.writeText(url.value);
        } catch {
            // Not allowed here: it is chosen, so that the keys do it.
            url.select();
            return;
        }
        say(valid, 'copied');
        setTimeout(() => sayWith(valid, () => text), COPIED_MS);
    }

    async function revokeAll() {
        trouble.show(null);
        try {
            await session.revokeLinks();
            made.hidden = true;
            say(valid, 'links_revoked');
        } catch (error) {
            trouble.show(() => errorWords(error));
        }
    }

    return {
        element: make(
            'section',
            { class: 'card-panel' },
            say(make('h3'), 'link'),
            say(make('p', { class: 'soft' }), 'link_what'),
            lifetime.element,
            create.element,
            made,
            valid,
            trouble.element,
            revoke.element,
        ),
        forget() {
            made.hidden = true;
            url.value = '';
            sayWith(valid, () => '');
            trouble.show(null);
        },
    };
}
