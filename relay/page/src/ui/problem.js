// What happened and what to do about it, for every code that the relay or the page has for it.

import { words } from '../words/words.js';
import { DeviceError } from '../media/device_error.js';
import { Lost, Refused } from '../net/refusal.js';

/** @typedef {import('../words/words.js').Word} Word */

/** Codes that are called otherwise in words. @type {Record<string, Word>} */
const CODES = {
    rate_limited: 'too_often',
    no_such_participant: 'refused',
    session_over: 'connection_lost',
};
/** Codes whose words have the code's own name. @type {Set<string>} */
const NAMED = new Set([
    'name_taken',
    'email_differs',
    'blocked',
    'room_exists',
    'room_full',
    'no_such_room',
    'wrong_pin',
    'relay_full',
    'storage_failed',
    'link_invalid',
    'browsers_refused',
    'room_closed',
    'removed',
    'relay_stops',
    'replaced',
    'not_joined',
    'left_room',
]);
/** What breaks its rule, by its field. @type {Record<string, Word>} */
const FIELDS = {
    username: 'account_name_invalid',
    display_name: 'name_invalid',
    email: 'email_invalid',
    name: 'room_name_invalid',
    pin: 'pin_invalid',
    text: 'text_too_long',
};

/** What is wrong with a name, by the relay's word for it. @type {Record<string, Word>} */
const FLAWS = {
    blank: 'name_blank',
    zero_width_space: 'name_zero_width_space',
    direction: 'name_direction',
    line_break: 'name_line_break',
    tab: 'name_tab',
    joiner: 'name_unseen',
    control: 'name_unseen',
    invisible: 'name_unseen',
    mark: 'name_mark',
};

/**
 * A code in words.
 * @param {string} code
 * @param {{ retryAfterMs?: number, field?: string, why?: string }} [more]
 * @returns {string}
 */
export function problemWords(code, more = {}) {
    if (code === 'rate_limited' && more.retryAfterMs)
        return words('too_often_seconds', Math.ceil(more.retryAfterMs / 1000));
    if (code === 'invalid') return words(FLAWS[more.why ?? ''] ?? FIELDS[more.field ?? ''] ?? 'refused');
    if (NAMED.has(code)) return words(/** @type {Word} */ (code));
    return words(CODES[code] ?? 'refused');
}

/**
 * An error in words; what is no refusal is our own mistake.
 * @param {unknown} error
 * @returns {string}
 */
export function errorWords(error) {
    if (error instanceof Refused) return problemWords(error.code, error);
    if (error instanceof Lost) return words('connection_lost');
    if (error instanceof DeviceError) return words(error.word);
    console.error(error);
    return words('program_failed');
}
