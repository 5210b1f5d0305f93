// What the page says, in the language that is chosen now. A change of it shows at once, everywhere.

import en from './en.js';

/** @typedef {keyof typeof en} Word */
/** @typedef {string | { one?: string, other: string }} Phrase One text, or one for each number that a language tells apart. */
/** @typedef {Record<Word, Phrase>} Dictionary */
/** @typedef {string | number} Value What stands in place of `{0}`; of `{n}`, where a phrase counts. */

/** The languages, by their own names. */
export const LANGUAGES = { en: 'English', de: 'Deutsch', vi: 'Tiếng Việt' };
/** @typedef {keyof typeof LANGUAGES} Language */

/** @type {Record<Language, () => Promise<{ default: Dictionary }>>} */
const FILES = {
    en: async () => ({ default: en }),
    de: () => import('./de.js'),
    vi: () => import('./vi.js'),
};

/** @type {Language} */
let language = 'en';
/** @type {Dictionary} */
let dictionary = en;

/**
 * The language to begin with: the one that was chosen, else the first of the browser's that there is.
 * @param {string | null} chosen
 * @param {readonly string[]} wanted
 * @returns {Language}
 */
export function pickLanguage(chosen, wanted) {
    for (const tag of [chosen, ...wanted]) {
        const short = (tag ?? '').toLowerCase().split('-')[0];
        if (short in LANGUAGES) return /** @type {Language} */ (short);
    }
    return 'en';
}

/** The language that is spoken now. */
export function spoken() {
    return language;
}

/**
 * Speaks another language from now on.
 * @param {Language} next
 */
export async function speak(next) {
    dictionary = (await FILES[next]()).default;
    language = next;
    if (typeof document === 'undefined') return;
    document.documentElement.lang = next;
    for (const element of document.querySelectorAll('[data-worded]')) {
        for (const say of said.get(element)?.values() ?? []) say();
    }
}

/**
 * A phrase in words.
 * @param {Word} word
 * @param {...Value} values
 * @returns {string}
 */
export function words(word, ...values) {
    const phrase = dictionary[word];
    return fill(typeof phrase === 'string' ? phrase : numbered(phrase, Number(values[0])), values);
}

/** @param {{ one?: string, other: string }} phrase @param {number} n */
function numbered(phrase, n) {
    return new Intl.PluralRules(language).select(n) === 'one' ? (phrase.one ?? phrase.other) : phrase.other;
}

/** @param {string} text @param {Value[]} values */
function fill(text, values) {
    return text.replace(/\{(\d|n)\}/g, (_, at) => String(values[at === 'n' ? 0 : Number(at)] ?? ''));
}

/** How many people. @param {number} n */
export function people(n) {
    return n === 0 ? words('empty') : words('people_count', n);
}

/** As 12:34. @param {number} at in ms since 1970 */
export function timeOfDay(at) {
    return new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(at);
}

/** With the day, too. @param {number} at in ms since 1970 */
export function dayAndTime(at) {
    return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(at);
}

/** What is to be said again in another language. @type {WeakMap<Element, Map<string, () => void>>} */
const said = new WeakMap();

/**
 * @param {Element} element
 * @param {string} place
 * @param {() => void} say
 */
function remember(element, place, say) {
    let places = said.get(element);
    if (!places) said.set(element, (places = new Map()));
    places.set(place, say);
    element.setAttribute('data-worded', '');
    say();
}

/**
 * Puts whatever `make` says into an element, now and whenever the language changes.
 * @template {Element} E
 * @param {E} element
 * @param {() => string} make
 * @returns {E}
 */
export function sayWith(element, make) {
    remember(element, 'text', () => {
        element.textContent = make();
    });
    return element;
}

/**
 * Puts a phrase into an element.
 * @template {Element} E
 * @param {E} element
 * @param {Word} word
 * @param {...Value} values
 * @returns {E}
 */
export function say(element, word, ...values) {
    return sayWith(element, () => words(word, ...values));
}

/**
 * Puts whatever `make` says into an attribute that people meet: a label, a placeholder, a title.
 * @template {Element} E
 * @param {E} element
 * @param {'aria-label' | 'placeholder' | 'title'} attribute
 * @param {() => string} make
 * @returns {E}
 */
export function labelWith(element, attribute, make) {
    remember(element, attribute, () => element.setAttribute(attribute, make()));
    return element;
}

/**
 * Names an element that shows no words.
 * @template {Element} E
 * @param {E} element
 * @param {Word} word
 * @param {...Value} values
 * @returns {E}
 */
export function label(element, word, ...values) {
    return labelWith(element, 'aria-label', () => words(word, ...values));
}
