// Who is in the room, and how their microphones and cameras stand.

import { make } from './dom.js';
import { avatar } from './faces.js';
import { icon } from './icons.js';
import { say, sayWith, words } from '../words/words.js';

/**
 * @param {import('../net/session.js').Session} session
 * @param {import('./call.js').Call} call
 */
export function peoplePanel(session, call) {
    const list = make('ul', { class: 'people' });

    /** @param {import('../net/roster.js').Participant} person */
    function row(person) {
        const own = person.id === session.me;
        const speaking = call.speaks(person.id);
        const state = make('span', { class: 'unseen' });
        sayWith(state, () =>
            // What was on when the connection was lost says nothing of now; the words of that stand above.
            (person.away
                ? []
                : [
                      words(person.microphone ? 'microphone_on' : 'microphone_off'),
                      words(person.camera ? 'camera_on' : 'camera_off'),
                      speaking && words('speaking'),
                  ]
            )
                .filter(Boolean)
                .join(', '),
        );
        return make(
            'li',
            { class: `person ${person.away ? 'away' : speaking ? 'speaking' : ''}` },
            avatar(person.display_name),
            make(
                'span',
                { class: 'person-words' },
                sayWith(make('span', { class: 'person-name', dir: 'auto' }), () =>
                    own ? words('name_you', person.display_name) : person.display_name,
                ),
                person.away && say(make('span', { class: 'is-away' }), 'reconnecting'),
                person.via_gateway && say(make('span', { class: 'by-browser' }), 'by_browser'),
                state,
            ),
            !person.away && mark(person.camera, 'camera'),
            !person.away && mark(person.microphone, 'microphone'),
        );
    }

    /** @param {boolean} on @param {'camera' | 'microphone'} device */
    function mark(on, device) {
        return make('span', { class: on ? 'mark' : 'mark off' }, icon(on ? device : `${device}-off`));
    }

    return {
        element: list,
        show() {
            list.replaceChildren(...session.roster.people().map(row));
        },
    };
}
