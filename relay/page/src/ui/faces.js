// Initials and a color for participants without a picture, the same as on the endpoint's screen
// (endpoint/src/ui/faces.rs).

import { make } from './dom.js';

/** The avatar's colors in style/pages.css. */
const HUES = 8;

/** One or two letters for a name: the first of its first and its last word. @param {string} name */
export function initials(name) {
    const words = name
        .split(/[^\p{L}\p{M}\p{N}]+/u)
        .map((word) => word.replace(/^\p{M}+/u, ''))
        .filter(Boolean);
    const ends = words.length > 1 ? [words[0], /** @type {string} */ (words.at(-1))] : words;
    return ends.map((word) => [...word][0].toUpperCase()).join('');
}

/** The same color for the same name, everywhere and always: FNV-1a. @param {string} name */
export function hue(name) {
    let hash = 0x811c_9dc5;
    for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x0100_0193);
    return (hash >>> 0) % HUES;
}

/** @param {string} name */
export function avatar(name) {
    return make('span', { class: `avatar hue-${hue(name)}`, 'aria-hidden': 'true' }, initials(name));
}
