// The buttons of a call, below the pictures.

import { make, set } from './dom.js';
import { iconButton } from './controls.js';
import { preferences, prefer } from './preferences.js';
import { label, labelWith, sayWith, words } from '../words/words.js';
import { ScreenShare } from '../media/screen_share.js';

/** @typedef {'people' | 'chat' | 'more'} Drawer */

/** A slider for how loud the others are. @param {import('./call.js').Call} call */
export function volumeSlider(call) {
    const percent = make('output', { class: 'percent' });
    const slider = label(
        make('input', { type: 'range', min: 0, max: 100, step: 5, value: preferences.volume }),
        'volume_of_others',
    );
    const show = () => sayWith(percent, () => words('percent', preferences.volume));
    slider.addEventListener('input', () => {
        prefer('volume', Number(slider.value));
        call.speaker.volume = preferences.volume;
        show();
    });
    show();
    return make('div', { class: 'slider' }, slider, percent);
}

/**
 * @param {import('./call.js').Call} call
 * @param {object} acts
 * @param {(drawer: Drawer) => void} acts.toggle
 * @param {() => void} acts.changeView
 * @param {() => void} acts.leave
 */
export function callBar(call, { toggle, changeView, leave }) {
    const microphone = iconButton({
        word: 'microphone',
        icon: 'microphone',
        caption: 'microphone',
        key: 'M',
        press: () => call.toggle('microphone'),
    });
    const camera = iconButton({
        word: 'camera',
        icon: 'camera',
        caption: 'camera',
        key: 'V',
        press: () => call.toggle('camera'),
    });
    const volumePanel = make('div', { class: 'volume-panel', id: 'volume-panel', hidden: true }, volumeSlider(call));
    const volume = iconButton({
        word: 'volume',
        icon: 'speaker',
        caption: 'volume',
        look: 'wide-only',
        press: () => openVolume(volumePanel.hidden),
    });
    set(volume.element, 'aria-expanded', 'false');
    set(volume.element, 'aria-controls', 'volume-panel');
    const share = iconButton({
        word: 'share',
        icon: 'screen',
        caption: 'share_short',
        look: 'wide-only',
        press: () => call.toggle('screen'),
    });
    share.element.hidden = !ScreenShare.possible;
    const view = iconButton({
        word: 'layout_speaker',
        icon: 'speaker-view',
        caption: 'view_layout',
        look: 'wide-only',
        press: changeView,
    });
    const drawers = {
        people: iconButton({
            word: 'people',
            icon: 'people',
            caption: 'people',
            key: 'P',
            press: () => toggle('people'),
        }),
        chat: iconButton({ word: 'chat', icon: 'chat', caption: 'chat', key: 'C', press: () => toggle('chat') }),
        more: iconButton({ word: 'more', icon: 'more', caption: 'more', press: () => toggle('more') }),
    };
    const go = iconButton({ word: 'leave', icon: 'leave', caption: 'leave', look: 'danger', press: leave });
    const gap = () => make('span', { class: 'gap wide-only' });
    const element = label(
        make(
            'div',
            { class: 'bar', role: 'group' },
            microphone.element,
            camera.element,
            volume.element,
            share.element,
            gap(),
            view.element,
            drawers.people.element,
            drawers.chat.element,
            drawers.more.element,
            gap(),
            go.element,
            volumePanel,
        ),
        'controls',
    );

    /** @param {boolean} open */
    function openVolume(open) {
        volumePanel.hidden = !open;
        set(volume.element, 'aria-expanded', String(open));
        volume.element.classList.toggle('on', open);
        if (!open) return;
        const middle = volume.element.offsetLeft + volume.element.offsetWidth / 2;
        volumePanel.style.left = `${Math.max(8, middle - volumePanel.offsetWidth / 2)}px`;
        volumePanel.querySelector('input')?.focus();
    }
    volumePanel.addEventListener('focusout', ({ relatedTarget }) => {
        if (!volumePanel.contains(/** @type {Node | null} */ (relatedTarget)) && relatedTarget !== volume.element)
            openVolume(false);
    });

    return {
        element,
        /** @param {Drawer} drawer */
        focus: (drawer) => drawers[drawer].element.focus(),
        /** Closes the slider; says whether it was open. */
        closeVolume() {
            const open = !volumePanel.hidden;
            openVolume(false);
            if (open) volume.element.focus();
            return open;
        },
        /**
         * @param {Drawer | null} drawer which is open
         * @param {number} unread
         * @param {boolean} speakerView
         */
        show(drawer, unread, speakerView) {
            for (const [button, device, caption] of /** @type {const} */ ([
                [microphone, 'microphone', 'microphone'],
                [camera, 'camera', 'camera'],
                [share, 'screen', 'share_short'],
            ])) {
                const state = call.state(device);
                const moves = state === 'turning_on' || state === 'turning_off';
                button.pressed = state === 'on';
                button.busy = moves;
                button.caption = moves ? state : caption;
                if (device === 'screen') {
                    button.element.classList.toggle('on', state === 'on');
                } else {
                    button.draw(state === 'on' ? device : `${device}-off`);
                    button.element.classList.toggle('off', state !== 'on');
                }
            }
            view.pressed = speakerView;
            view.draw(speakerView ? 'grid' : 'speaker-view');
            for (const [name, button] of Object.entries(drawers)) {
                set(button.element, 'aria-expanded', String(name === drawer));
                button.element.classList.toggle('on', name === drawer);
            }
            const { badge, element: chat } = drawers.chat;
            badge.hidden = unread === 0;
            badge.textContent = unread > 99 ? '99+' : String(unread);
            labelWith(chat, 'aria-label', () =>
                unread > 0 ? `${words('chat')}, ${words('unread', unread)}` : words('chat'),
            );
        },
    };
}
