// The call: what goes out from camera, microphone and screen, what comes in to canvases and the loudspeaker, who
// speaks.

import { Pictures } from '../media/pictures.js';
import { Speaker } from '../media/speaker.js';
import { emit, Kind } from '../net/media_frame.js';
import { passOver } from '../net/refusal.js';
import { Signal } from '../net/signal.js';
import { OwnDevices } from './own_devices.js';
import { preferences } from './preferences.js';

/** Somebody counts as speaking for so long after their last word. */
const SPEAKING_MS = 400;
/** Who speaks in vain for so long is told. */
const UNHEARD_BLOCKS = 25;
/** How long that is shown after the last word. */
const UNHEARD_MS = 6_000;

/** @typedef {import('../net/switches.js').Device} Device */
/** @typedef {import('../words/words.js').Word} Word */

/** What the media frames of a device are called. */
const KINDS = Object.freeze({ microphone: Kind.audio, camera: Kind.camera, screen: Kind.screen });

/**
 * @extends {Signal<{ devices: null, speaking: null, level: number, problem: Word | null }>}
 */
export class Call extends Signal {
    speaker = new Speaker();
    pictures = new Pictures();
    /** One's own camera, microphone and screen. @type {OwnDevices} */
    own;
    /** The microphone is off, and somebody speaks into it. */
    unheard = false;
    /** The network does not take all pictures. */
    poor = false;
    /** Who spoke last, oneself left out. @type {number | null} */
    lastSpeaker = null;

    #session;
    /** Until when each participant counts as speaking, in ms of the page's clock. @type {Map<number, number>} */
    #speaking = new Map();
    #spokenInVain = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #unheardOver;
    /** What each stream was asked for. @type {Map<number, string | number>} */
    #asked = new Map();
    #joined = false;

    /** @param {import('../net/session.js').Session} session */
    constructor(session) {
        super();
        this.#session = session;
        this.own = new OwnDevices(session);
        session.on('frame', (frame) => this.#receive(frame));
        session.on('joined', () => {
            this.#asked.clear();
            // Its parts may not have come before an outage.
            if (this.#joined) this.#openSpeaker();
        });
        session.on('phase', () => this.#follow());
        session.on('switches', () => this.tell('devices', null));
        this.own.on('changed', () => this.tell('devices', null));
        this.own.on('problem', (word) => this.tell('problem', word));
        this.microphone.on('block', (block) => this.#send('microphone', block));
        this.microphone.on('level', (level) => this.#watchLevel(level));
        this.camera.on('picture', (picture) => this.#send('camera', picture));
        this.camera.on('poor', (poor) => {
            this.poor = poor;
            this.tell('devices', null);
        });
        this.screen.on('picture', (picture) => this.#send('screen', picture));
        this.speaker.volume = preferences.volume;
        // The session may be in the room already.
        this.#follow();
    }

    /** Whether somebody speaks now. @param {number} participant */
    speaks(participant) {
        return (this.#speaking.get(participant) ?? 0) > performance.now();
    }

    get microphone() {
        return this.own.microphone;
    }

    get camera() {
        return this.own.camera;
    }

    get screen() {
        return this.own.screen;
    }

    /** What a switch shows. @param {Device} device @returns {import('../net/switches.js').State} */
    state(device) {
        const state = this.#session.state(device);
        return state === 'on' && this.own.isBusy(device) ? 'turning_on' : state;
    }

    /** Turns what is off, or about to be, on, and the other way around. @param {Device} device */
    toggle(device) {
        this.set(device, !this.#session.wants(device));
    }

    /** @param {Device} device @param {boolean} on */
    set(device, on) {
        // Captured by the same clock that plays: who cannot be heard because of it is told why.
        if (device === 'microphone' && on && this.speaker.held) void this.speaker.touch();
        if (device === 'microphone') {
            this.unheard = false;
            this.#spokenInVain = 0;
        }
        if (device === 'camera' && !on) this.poor = false;
        void this.own.set(device, on);
    }

    /**
     * Asks for what is to be seen, and for nothing of the rest.
     * @param {Map<number, 'all' | number>} wanted picture streams with what is wanted of them
     */
    watch(wanted) {
        for (const person of this.#session.roster.people()) {
            if (person.id === this.#session.me) continue;
            for (const { id, media } of person.streams) {
                if (media.kind === 'audio') continue;
                const want = wanted.get(id) ?? 'nothing';
                if (want === 'nothing') this.pictures.hide(id);
                // What was never asked for comes whole; after coming back who knows what was.
                if (want === (this.#asked.get(id) ?? (this.#session.resumed ? null : 'all'))) continue;
                this.#asked.set(id, want);
                this.#session.subscribe(id, want).catch((error) => {
                    this.#asked.delete(id);
                    passOver(error);
                });
            }
        }
    }

    /**
     * Sends what a device gives, once the relay knows that it is on.
     * @param {Device} device
     * @param {{ timestamp: number, body: Uint8Array, level?: number, voice?: boolean }} frame
     */
    #send(device, frame) {
        const stream = this.#session.streamOf(device);
        if (stream === undefined) return;
        if (device === 'microphone' && frame.voice) this.#mark(this.#session.me);
        this.#session.sendMedia(
            emit({
                kind: KINDS[device],
                stream,
                level: frame.level ?? 0,
                voice: frame.voice ?? false,
                timestamp: frame.timestamp,
                body: frame.body,
            }),
        );
    }

    /** @param {import('../net/media_frame.js').MediaFrame} frame */
    #receive(frame) {
        if (frame.kind !== Kind.audio) {
            this.pictures.take(frame);
            return;
        }
        this.speaker.take(frame);
        if (!frame.voice) return;
        const speaker = this.#session.roster.ownerOf(frame.stream)?.id;
        if (speaker === undefined) return;
        this.#mark(speaker);
        if (this.lastSpeaker === null || !this.speaks(this.lastSpeaker)) this.lastSpeaker = speaker;
    }

    /** @param {number} participant */
    #mark(participant) {
        const before = this.speaks(participant);
        this.#speaking.set(participant, performance.now() + SPEAKING_MS);
        if (before) return;
        this.tell('speaking', null);
        const over = () => {
            const left = (this.#speaking.get(participant) ?? 0) - performance.now();
            if (left > 0) setTimeout(over, left + 1);
            else this.tell('speaking', null);
        };
        setTimeout(over, SPEAKING_MS + 1);
    }

    /** @param {{ level: number, voice: boolean }} block */
    #watchLevel({ level, voice }) {
        this.tell('level', level);
        this.#spokenInVain =
            !this.microphone.isOn && voice && this.#session.phase === 'room' ? this.#spokenInVain + 1 : 0;
        if (this.#spokenInVain < UNHEARD_BLOCKS) return;
        clearTimeout(this.#unheardOver);
        this.#unheardOver = setTimeout(() => this.#setUnheard(false), UNHEARD_MS);
        this.#setUnheard(true);
    }

    /** @param {boolean} unheard */
    #setUnheard(unheard) {
        if (this.unheard === unheard) return;
        this.unheard = unheard;
        this.tell('devices', null);
    }

    #openSpeaker() {
        void this.speaker
            .open()
            .then(() => this.speaker.choose(preferences.speaker))
            .catch(() => {});
    }

    /** Out of the room everything is released. */
    #follow() {
        const { phase } = this.#session;
        const inside = phase === 'room' || (phase === 'entering' && this.#joined);
        if (inside === this.#joined) return;
        this.#joined = inside;
        if (inside) {
            this.#openSpeaker();
            return;
        }
        this.poor = false;
        this.unheard = false;
        this.lastSpeaker = null;
        this.#asked.clear();
        void this.speaker.rest();
        this.tell('devices', null);
    }
}
