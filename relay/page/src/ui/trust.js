// How a device is told to trust the relay, where its browser opens the page but no socket. Fetched when it is needed.

import { make } from './dom.js';
import { say } from '../words/words.js';

/** The relay's authority to download, and what to do with it. */
export function trustSteps() {
    const step = (/** @type {import('../words/words.js').Word} */ word) => say(make('li'), word);
    return make(
        'div',
        { class: 'trust' },
        say(make('a', { class: 'button', href: 'ca.crt' }), 'certificate_download'),
        make('ul', {}, step('certificate_phone'), step('certificate_mac'), step('certificate_then')),
    );
}
