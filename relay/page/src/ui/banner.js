// What is wrong with the call now, across the top, with the one thing that helps where there is one.

import { make } from './dom.js';
import { button, iconButton } from './controls.js';
import { draw, icon } from './icons.js';
import { RecordedSound } from '../media/recorded_sound.js';
import { sayWith, words } from '../words/words.js';

/** @typedef {import('../words/words.js').Word} Word */

/** Of the sound that does not play. @type {Set<Word>} */
const SOUND = new Set(['sound_held', 'sound_stuck', 'sound_stuck_heard']);
/** Of the microphone. @type {Set<Word>} */
const MICROPHONE = new Set(['nobody_hears', 'microphone_taken']);

/**
 * @param {import('../net/session.js').Session} session
 * @param {import('./call.js').Call} call
 */
export function banner(session, call) {
    /** A device that could not be had. @type {Word | null} */
    let problem = null;
    let soundHeld = false;
    /** One knows that there is no sound, and goes on without. */
    let goesWithout = false;
    let shown = '';
    const sign = icon('warning');
    const text = make('span', { class: 'banner-words' });
    const unmute = button({ word: 'turn_microphone_on', kind: 'primary', press: () => call.set('microphone', true) });
    const sound = button({ word: 'turn_sound_on', kind: 'primary', press: () => void call.speaker.touch() });
    const dismiss = iconButton({
        word: 'dismiss',
        icon: 'close',
        press: () => {
            if (problem) problem = null;
            else goesWithout = true;
            show();
        },
    });
    const element = make(
        'div',
        { class: 'banner', role: 'alert', hidden: true },
        make('span', { class: 'spinner', 'aria-hidden': 'true' }),
        sign,
        text,
        unmute.element,
        sound.element,
        dismiss.element,
    );

    /** @returns {Word | null} */
    function worst() {
        if (!session.connected) return session.problem === 'relay_stops' ? 'relay_stops' : 'connection_lost';
        if (problem) return problem;
        if (call.unheard) return 'nobody_hears';
        if (call.speaker.isStuck && !goesWithout) return RecordedSound.possible ? 'sound_stuck_heard' : 'sound_stuck';
        if (soundHeld && !goesWithout) return 'sound_held';
        if (call.microphone.isOn && call.microphone.isTaken) return 'microphone_taken';
        return call.poor ? 'network_poor' : null;
    }

    function show() {
        const word = session.phase === 'room' ? worst() : null;
        if ((word ?? '') === shown) return;
        shown = word ?? '';
        element.hidden = word === null;
        if (word === null) return;
        element.classList.toggle('busy', !session.connected);
        draw(
            sign,
            MICROPHONE.has(word)
                ? 'microphone-off'
                : SOUND.has(word)
                  ? 'speaker-off'
                  : word === 'network_poor'
                    ? 'network'
                    : 'warning',
        );
        sayWith(text, () => words(word));
        unmute.element.hidden = word !== 'nobody_hears';
        sound.element.hidden = !SOUND.has(word);
        dismiss.element.hidden = word !== problem && !(SOUND.has(word) && call.speaker.isStuck);
    }

    call.on('problem', (word) => {
        problem = word;
        show();
    });
    call.on('devices', show);
    call.speaker.onheld = (held) => {
        soundHeld = held;
        if (!held) goesWithout = false;
        show();
    };
    return { element, show };
}
