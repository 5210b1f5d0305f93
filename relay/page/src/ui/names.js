// Names as people type them: in the one form that the relay keeps, and judged as far as that needs no tables. The relay
// has the last word.

const USERNAME = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}_.\-\u200c\u200d]{1,31}$/u;
/** The most characters of a name that is shown. */
const LONGEST = 48;
/** The most bytes of what a person is called. */
const MOST_BYTES = 144;

/** A name without spaces around it, with each accent within its letter (NFC). @param {string} typed */
export const composed = (typed) => typed.trim().normalize('NFC');

/** Whether something was typed, but spaces alone. @param {string} typed */
export const isBlank = (typed) => typed !== '' && composed(typed) === '';

/** Whether a room may have this name, as far as its length goes: characters, not units of UTF-16. @param {string} typed */
export function isRoomName(typed) {
    const name = composed(typed);
    return name !== '' && [...name].length <= LONGEST;
}

/** Whether a person may be called so, as far as its length goes. @param {string} typed */
export function isDisplayName(typed) {
    return isRoomName(typed) && new TextEncoder().encode(composed(typed)).length <= MOST_BYTES;
}

/**
 * The account's name that looks most like what somebody is called, with dots in the place of what it cannot have; null where nothing
 * is left of it. `DisplayName::username` of the protocol does the same for endpoints.
 * @param {string} typed
 * @returns {string | null}
 */
export function accountName(typed) {
    const seen = composed(typed).replace(/[\u180b-\u180f\u200c\u200d]|[\ufe00-\ufe0f]|[\u{e0000}-\u{e0fff}]/gu, '');
    const near = seen.replace(/\.?[^\p{L}\p{M}\p{N}_.-]+/gu, '.').replace(/^[^\p{L}\p{N}]+/u, '');
    const name = [...near].slice(0, 32).join('').replace(/\.+$/, '');
    return USERNAME.test(name) ? name : null;
}
