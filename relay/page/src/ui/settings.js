// What can be set up: camera, sound, looks, language.

import { add, make } from './dom.js';
import { button, choice, dialog, notice } from './controls.js';
import { preferences, prefer } from './preferences.js';
import { errorWords } from './problem.js';
import { LANGUAGES, label, say, speak, spoken, words } from '../words/words.js';
import { SIZES } from '../media/camera.js';

/** Quieter than this shows nothing, in dBov. */
const QUIETEST = 70;

/** @param {import('./call.js').Call} call */
export function settingsDialog(call) {
    const { element, body } = dialog(() => words('settings'), 'settings');
    const camera = choice('camera', (value) => {
        prefer('camera', value);
        void another('camera');
    });
    const size = choice('picture_size', (value) => {
        prefer('size', /** @type {import('../media/camera.js').SizeName} */ (value));
        void another('camera');
    });
    const microphone = choice('microphone', (value) => {
        prefer('microphone', value);
        void another('microphone');
    });
    const speaker = choice('speaker', (value) => {
        prefer('speaker', value);
        void call.speaker.choose(value).catch(() => {});
    });
    const language = choice('language', (value) => {
        prefer('language', value);
        void speak(/** @type {import('../words/words.js').Language} */ (value));
    });
    const theme = choice('looks', (value) => prefer('theme', /** @type {'auto' | 'dark' | 'light'} */ (value)));

    const trouble = notice();
    const meter = label(make('meter', { min: 0, max: QUIETEST, value: 0 }), 'microphone_level');
    const hint = say(make('p', { class: 'soft' }), 'say_something');
    const level = make('div', { class: 'level', hidden: true }, meter, hint);
    const trial = button({ word: 'try_microphone', icon: 'microphone', press: () => void tryMicrophone() });
    const tone = button({ word: 'test_tone', icon: 'speaker', press: () => void playTone() });

    add(
        body,
        make('section', {}, say(make('h3'), 'camera'), make('div', { class: 'row' }, camera.element, size.element)),
        make(
            'section',
            {},
            say(make('h3'), 'sound'),
            make('div', { class: 'row' }, microphone.element, speaker.element),
            trouble.element,
            level,
            make('div', { class: 'row' }, trial.element, tone.element),
        ),
        make('section', {}, say(make('h3'), 'looks'), make('div', { class: 'row' }, language.element, theme.element)),
        say(make('p', { class: 'soft keys' }), 'keys'),
        say(make('p', { class: 'soft' }), 'honest'),
    );

    /** Another one was chosen: what is open goes on with it. @param {'camera' | 'microphone'} device */
    async function another(device) {
        trouble.show(null);
        await call.own.reopen(device);
        const { failure } = call.own;
        if (failure) trouble.show(() => errorWords(failure));
        showLevel();
    }

    async function tryMicrophone() {
        trouble.show(null);
        trial.busy = true;
        try {
            await call.own.tryMicrophone();
        } catch (error) {
            trouble.show(() => errorWords(error));
        }
        trial.busy = false;
        showLevel();
        await showDevices();
    }

    async function playTone() {
        tone.busy = true;
        tone.say('playing');
        try {
            await call.speaker.testTone();
        } catch (error) {
            trouble.show(() => errorWords(error));
        }
        tone.busy = false;
        tone.say('test_tone');
    }

    function showLevel() {
        level.hidden = !call.microphone.captured;
        trial.element.hidden = call.microphone.captured;
    }

    /** The devices' names are known once one of their kind was allowed. */
    async function showDevices() {
        const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
        offer(
            camera,
            devices.filter(({ kind }) => kind === 'videoinput'),
            'camera_n',
            preferences.camera,
        );
        offer(
            microphone,
            devices.filter(({ kind }) => kind === 'audioinput'),
            'microphone_n',
            preferences.microphone,
        );
        offer(
            speaker,
            devices.filter(({ kind }) => kind === 'audiooutput'),
            'speaker_n',
            preferences.speaker,
        );
        speaker.element.hidden = !('setSinkId' in AudioContext.prototype);
    }

    /**
     * @param {import('./controls.js').Choice} picker
     * @param {MediaDeviceInfo[]} devices
     * @param {'camera_n' | 'microphone_n' | 'speaker_n'} word for one whose name is not known
     * @param {string} value
     */
    function offer(picker, devices, word, value) {
        /** @type {[string, () => string][]} */
        const named = devices
            .filter(({ deviceId }) => deviceId && deviceId !== 'default')
            .map(({ deviceId, label: name }, index) => [deviceId, () => name || words(word, index + 1)]);
        picker.offer([['', () => words('automatic')], ...named], value);
    }

    call.on('level', (dbov) => {
        if (element.open) meter.value = Math.max(0, QUIETEST - dbov);
    });
    call.on('devices', showLevel);
    element.addEventListener('close', () => {
        call.own.endTrial();
    });
    navigator.mediaDevices?.addEventListener('devicechange', () => {
        if (element.open) void showDevices();
    });

    return {
        element,
        open() {
            size.offer(
                Object.keys(SIZES).map((name) => [name, () => name.replace('x', ' × ')]),
                preferences.size,
            );
            language.offer(
                Object.entries(LANGUAGES).map(([tag, name]) => [tag, () => name]),
                spoken(),
            );
            theme.offer(
                [
                    ['auto', () => words('automatic')],
                    ['dark', () => words('dark')],
                    ['light', () => words('light')],
                ],
                preferences.theme,
            );
            trouble.show(null);
            showLevel();
            void showDevices();
            element.showModal();
        },
    };
}
