// Names as people type them: in the one form that the relay keeps, and judged as far as that needs no tables. The relay has the last word.

const USERNAME = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}_.\u200c\u200d-]{1,31}$/u;
/** The most characters of a room's name. */
const LONGEST = 48;

/** A name without spaces around it, with each accent within its letter (NFC). @param {string} typed */
export const composed = (typed) => typed.trim().normalize('NFC');

/** Whether an account may have this name. @param {string} typed */
export const isUsername = (typed) => USERNAME.test(composed(typed));

/** Whether a room may have this name, as far as its length goes: characters, not units of UTF-16. @param {string} typed */
export function isRoomName(typed) {
    const name = composed(typed);
    return name !== '' && [...name].length <= LONGEST;
}
