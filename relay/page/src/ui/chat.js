// What was written in the room, and below it what one wrote and is not there yet. It stays at the newest line, unless
// somebody scrolled up to read.

import { make } from './dom.js';
import { button, iconButton, notice } from './controls.js';
import { errorWords, problemWords } from './problem.js';
import { label, labelWith, say, sayWith, timeOfDay, words } from '../words/words.js';

/** @typedef {import('../net/chat_log.js').Line} Line */
/** @typedef {import('../net/own_lines.js').OwnLine} OwnLine */

/** Lines of one person within so long stand together. */
const TOGETHER_MS = 3 * 60_000;
/** So near to the end counts as the end, in px. */
const AT_END_PX = 56;
/** What the relay takes of one line. */
const MOST_BYTES = 2000;

/** @param {import('../net/session.js').Session} session */
export function chatPanel(session) {
    /** The oldest line that was unread when the panel was opened. @type {number | null} */
    let firstNew = null;
    let stuck = true;
    const earlier = button({ word: 'earlier_lines', press: () => void loadEarlier() });
    const list = make('ol', { class: 'lines' });
    const nothing = say(make('p', { class: 'nothing-written' }), 'nothing_written');
    const newest = button({ word: 'newest_lines', kind: 'primary', press: () => toEnd() });
    const scroll = make(
        'div',
        { class: 'lines-scroll', tabindex: '0', onscroll: () => watch() },
        make('div', { class: 'earlier' }, earlier.element),
        label(make('div', { role: 'log', 'aria-live': 'polite' }, list), 'chat'),
    );
    label(scroll, 'chat');
    const trouble = notice();
    const input = labelWith(
        label(
            make('textarea', { class: 'input', dir: 'auto', rows: 1, maxlength: MOST_BYTES, enterkeyhint: 'send' }),
            'message',
        ),
        'placeholder',
        () => words('message_to_everyone'),
    );
    const send = iconButton({ word: 'send', icon: 'send', look: 'filled', press: () => submit() });
    const form = make('form', { class: 'write' }, input, send.element);
    const element = make(
        'div',
        { class: 'chat' },
        nothing,
        scroll,
        make('div', { class: 'newest' }, newest.element),
        trouble.element,
        form,
    );

    form.addEventListener('submit', (event) => {
        event.preventDefault();
        submit();
    });
    input.addEventListener('keydown', (event) => {
        if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        submit();
    });
    input.addEventListener('input', draft);

    function draft() {
        input.style.height = 'auto';
        input.style.height = `${Math.min(input.scrollHeight + 2, 140)}px`;
        send.element.disabled = input.value.trim() === '';
        send.element.classList.toggle('on', !send.element.disabled);
    }

    function submit() {
        const text = input.value.trim();
        if (!text) return;
        if (new TextEncoder().encode(text).length > MOST_BYTES) {
            trouble.show(() => words('text_too_long'));
            return;
        }
        trouble.show(null);
        stuck = true;
        input.value = '';
        draft();
        session.say(text);
    }

    async function loadEarlier() {
        const tall = scroll.scrollHeight;
        stuck = false;
        earlier.busy = true;
        try {
            await session.earlierChat();
        } catch (error) {
            trouble.show(() => errorWords(error));
        }
        earlier.busy = false;
        // What was read stays where it was, although there is more above it now.
        scroll.scrollTop += scroll.scrollHeight - tall;
    }

    function toEnd() {
        stuck = true;
        scroll.scrollTop = scroll.scrollHeight;
        watch();
    }

    function watch() {
        const left = scroll.scrollHeight - scroll.clientHeight - scroll.scrollTop;
        stuck = left < AT_END_PX;
        newest.element.hidden = stuck;
    }

    function show() {
        const { lines, more } = session.chat;
        const own = session.room ? session.own.of(session.room.id) : [];
        const known = new Map([...list.children].map((child) => [child.getAttribute('data-line'), child]));
        /** @type {Line | null} */
        let before = null;
        lines.forEach((line, place) => {
            const follows =
                before !== null &&
                before.from === line.from &&
                before.to === line.to &&
                line.at - before.at < TOGETHER_MS &&
                line.id !== firstNew;
            const key = `${line.id}${follows ? '+' : ''}${line.id === firstNew ? '!' : ''}`;
            const row = known.get(key) ?? lineRow(line, key, follows);
            known.delete(key);
            put(row, place);
            before = line;
        });
        own.forEach((line, place) => {
            const key = `own ${line.mark} ${line.failed?.code}`;
            const row = known.get(key) ?? ownRow(line, key);
            known.delete(key);
            put(row, lines.length + place);
        });
        for (const old of known.values()) old.remove();
        nothing.hidden = lines.length + own.length > 0;
        scroll.hidden = !nothing.hidden && !more;
        earlier.element.hidden = !more;
        if (stuck) toEnd();
        else watch();
    }

    /** @param {Element} row @param {number} place */
    function put(row, place) {
        if (list.children[place] !== row) list.insertBefore(row, list.children[place] ?? null);
    }

    /** A line of one's own that is not sent. @param {OwnLine} line @param {string} key */
    function ownRow({ mark, text, failed }, key) {
        const row = make('li', { class: `line own ${failed ? 'failed' : 'waits'}`, 'data-line': key });
        const state = make('span', { class: 'line-state' });
        sayWith(state, () => (failed ? words('not_sent', problemWords(failed.code, failed)) : words('sending')));
        row.append(
            make('div', { class: 'line-head' }, say(make('span', { class: 'line-from' }), 'you')),
            make('div', { class: 'line-text', dir: 'auto' }, text),
            state,
        );
        if (failed)
            row.append(
                make(
                    'div',
                    { class: 'row' },
                    button({ word: 'send_again', press: () => session.sayAgain(mark) }).element,
                    button({ word: 'discard', kind: 'quiet', press: () => session.discard(mark) }).element,
                ),
            );
        return row;
    }

    /** @param {Line} line @param {string} key @param {boolean} follows */
    function lineRow(line, key, follows) {
        const own = line.from === session.self?.username;
        const row = make('li', { class: `line ${own ? 'own' : ''} ${follows ? 'follows' : ''}`, 'data-line': key });
        if (line.id === firstNew) row.append(say(make('div', { class: 'new-mark' }), 'new_lines'));
        const who = own
            ? say(make('span', { class: 'line-from' }), 'you')
            : make('span', { class: 'line-from', dir: 'auto' }, line.from_name);
        const head = make('div', { class: `line-head ${follows ? 'unseen' : ''}` }, who);
        if (line.to !== null)
            head.append(
                sayWith(make('span', { class: 'line-to' }), () =>
                    line.to === session.self?.username ? words('to_you') : words('to_one', line.to ?? ''),
                ),
            );
        head.append(sayWith(make('time', { datetime: new Date(line.at).toISOString() }), () => timeOfDay(line.at)));
        row.append(head, make('div', { class: 'line-text', dir: 'auto' }, line.text));
        return row;
    }

    draft();
    return {
        element,
        show,
        /** @param {number | null} firstUnread the oldest line that was not read yet */
        open(firstUnread) {
            firstNew = firstUnread;
            stuck = true;
            trouble.show(null);
            show();
            toEnd();
            input.focus();
        },
    };
}
