// What somebody chose for this browser.

import { forGood } from '../net/keep.js';

/**
 * @typedef {object} Preferences
 * @property {string | null} language
 * @property {'auto' | 'dark' | 'light'} theme
 * @property {string} camera the device's number in this browser, empty for its own choice
 * @property {string} microphone
 * @property {string} speaker
 * @property {import('../media/camera.js').SizeName} size
 * @property {number} volume 0 to 100
 * @property {string} username what who signed in last is called
 * @property {string} email
 */

/** @type {Preferences} */
const FIRST = {
    language: null,
    theme: 'auto',
    camera: '',
    microphone: '',
    speaker: '',
    size: '640x360',
    volume: 100,
    username: '',
    email: '',
};

/** @type {Preferences} */
export const preferences = { ...FIRST, ...forGood.read('preferences') };

/**
 * Keeps a choice.
 * @template {keyof Preferences} K
 * @param {K} name
 * @param {Preferences[K]} value
 */
export function prefer(name, value) {
    preferences[name] = value;
    forGood.write('preferences', preferences);
    if (name === 'theme') showTheme();
}

/** Dark unless the browser's system or somebody wants it light. */
function showTheme() {
    if (preferences.theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = preferences.theme;
}
