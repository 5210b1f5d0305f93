// A room that somebody wants to be in, and for how long they want it: who does not stand before the page any more is
// not brought into a room.

/** @typedef {import('./room_list.js').Room} Room */
/** @typedef {import('./roster.js').Participant} Participant */
/** @typedef {import('./switches.js').Device} Device */
/** @typedef {import('./turn.js').Refusal} Refusal */
/**
 * @typedef {object} Place
 * @property {Room} room as it was known when it was chosen
 * @property {string} pin none when empty
 * @property {boolean} entered one has been in it, and is on the way back if not in it now
 * @property {number | null} until when the wish ends; never for who was in the room
 * @property {boolean} waits for somebody to leave, where the room is full
 */

/** @typedef {{ room: Room, me: number, roster: Participant[] }} Joined */
/**
 * What the page is to know.
 * @typedef {{ what: 'joined', again: boolean, resumed: boolean }
 *   | { what: 'not_joined', again: boolean, refusal: Refusal }
 *   | { what: 'expelled', code: string }
 *   | { what: 'device_refused', device: Device, refusal: Refusal }
 *   | { what: 'left' }
 *   | { what: 'signed_out' }} Notice
 */

/** A wish to join that is not fulfilled for so long ends. */
const JOIN_MS = 15_000;
/** So long one waits for a place in a full room. */
const WAIT_MS = 10 * 60_000;

/** To join it soon or not at all. @param {Room} room @param {string} pin @param {number} now @returns {Place} */
export function soon(room, pin, now) {
    return { room, pin, entered: false, until: now + JOIN_MS, waits: false };
}

/** To join it as soon as it has a place. @param {Room} room @param {string} pin @param {number} now @returns {Place} */
export function whenFree(room, pin, now) {
    return { room, pin, entered: false, until: now + WAIT_MS, waits: true };
}

/**
 * The room of a link, or where one was before the page was loaded again.
 * @param {Room} room
 * @param {boolean} entered
 * @returns {Place}
 */
export function always(room, entered) {
    return { room, pin: '', entered, until: null, waits: false };
}

/** One is in it. @param {Place} place @param {Room} room as it is now @returns {Place} */
export function reached(place, room) {
    return { ...place, room, entered: true, until: null, waits: false };
}

/** Why a wish has ended by itself; null when it has not. @param {Place | null} place @param {number} now */
export function whyEnded(place, now) {
    if (!place || place.until === null || now < place.until) return null;
    return { code: place.waits ? 'room_full' : 'not_joined' };
}
