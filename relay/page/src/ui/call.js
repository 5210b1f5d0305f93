// The call: what goes out from camera, microphone and screen, what comes in to canvases and the loudspeaker, who
// speaks.

import { Camera } from '../media/camera.js';
import { DeviceError } from '../media/device_error.js';
import { Microphone } from '../media/microphone.js';
import { Pictures } from '../media/pictures.js';
import { ScreenShare } from '../media/screen_share.js';
import { Speaker } from '../media/speaker.js';
import { emit, Kind } from '../net/media_frame.js';
import { passOver } from '../net/refusal.js';
import { Signal } from '../net/signal.js';
import { preferences } from './preferences.js';

/** One's own streams. */
const SOURCE = Object.freeze({ microphone: 0, camera: 1, screen: 2 });
/** Somebody counts as speaking for so long after their last word. */
const SPEAKING_MS = 400;
/** Who speaks in vain for so long is told. */
const UNHEARD_BLOCKS = 25;
/** How long that is shown after the last word. */
const UNHEARD_MS = 6_000;

/** @typedef {import('../words/words.js').Word} Word */

/**
 * @extends {Signal<{ devices: null, speaking: null, level: number, problem: Word | null }>}
 */
export class Call extends Signal {
    microphone = new Microphone();
    camera = new Camera();
    screen = new ScreenShare();
    speaker = new Speaker();
    pictures = new Pictures();
    /** What is under way, for the buttons. */
    busy = { microphone: false, camera: false, screen: false };
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
        session.on('frame', (frame) => this.#receive(frame));
        session.on('joined', () => this.#asked.clear());
        session.on('phase', () => this.#follow());
        this.microphone.on('block', (block) => this.#send(Kind.audio, SOURCE.microphone, block));
        this.microphone.on('level', (level) => this.#watchLevel(level));
        this.microphone.on('lost', () => this.#deviceLost('microphone'));
        this.microphone.on('taken', () => {
            this.#tellDevices().catch(passOver);
            this.tell('devices', null);
        });
        this.camera.on('picture', (picture) => this.#send(Kind.camera, SOURCE.camera, picture));
        this.camera.on('poor', (poor) => {
            this.poor = poor;
            this.tell('devices', null);
        });
        this.camera.on('lost', () => this.#deviceLost('camera'));
        this.screen.on('picture', (picture) => this.#send(Kind.screen, SOURCE.screen, picture));
        this.screen.on('ended', () => void this.setScreen(false));
        this.speaker.volume = preferences.volume;
        // The session may be in the room already.
        this.#follow();
    }

    /** Whether somebody speaks now. @param {number} participant */
    speaks(participant) {
        return (this.#speaking.get(participant) ?? 0) > performance.now();
    }

    /** @param {boolean} on */
    async setMicrophone(on) {
        await this.#change('microphone', async () => {
            if (on) await this.microphone.open(preferences.microphone);
            // Captured by the same clock that plays: who cannot be heard because of it is told why.
            if (on && this.speaker.held) void this.speaker.touch();
            this.microphone.isOn = on;
            this.unheard = false;
            this.#spokenInVain = 0;
            if (on) await this.#session.streams.publish(SOURCE.microphone, { kind: 'audio' });
            else await this.#session.streams.unpublish(SOURCE.microphone);
        });
    }

    /** @param {boolean} on */
    async setCamera(on) {
        await this.#change('camera', async () => {
            if (on) {
                await this.camera.open(preferences.camera, preferences.size, () => this.#session.waitingBytes);
                await this.#session.streams.publish(SOURCE.camera, this.camera.media);
            } else {
                this.camera.close();
                this.poor = false;
                await this.#session.streams.unpublish(SOURCE.camera);
            }
        });
    }

    /** @param {boolean} on */
    async setScreen(on) {
        await this.#change('screen', async () => {
            if (!on) {
                this.screen.close();
                await this.#session.streams.unpublish(SOURCE.screen);
            } else if (await this.screen.open(() => this.#session.waitingBytes)) {
                await this.#session.streams.publish(SOURCE.screen, this.screen.media);
            }
        });
    }

    /** Opens a device again, as after another was chosen. @param {'camera' | 'microphone'} device */
    async reopen(device) {
        if (device === 'camera' && this.camera.isOn) {
            this.camera.close();
            await this.setCamera(true);
        } else if (device === 'microphone' && this.microphone.captured) {
            const on = this.microphone.isOn;
            this.microphone.close();
            if (on) await this.setMicrophone(true);
        }
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
     * @param {keyof typeof SOURCE} device
     * @param {() => Promise<void>} change
     */
    async #change(device, change) {
        if (this.busy[device]) return;
        this.busy[device] = true;
        this.tell('problem', null);
        this.tell('devices', null);
        try {
            await change();
            await this.#tellDevices();
        } catch (error) {
            if (error instanceof DeviceError) this.tell('problem', error.word);
            else passOver(error);
        } finally {
            this.busy[device] = false;
            this.tell('devices', null);
        }
    }

    /** Tells the others what is on: a microphone that the system took is not. */
    #tellDevices() {
        return this.#session.setDevices({
            microphone: this.microphone.isOn && !this.microphone.isTaken,
            camera: this.camera.isOn,
        });
    }

    /** @param {'camera' | 'microphone'} device */
    #deviceLost(device) {
        this.tell('problem', `${device}_lost`);
        const turnOff = device === 'camera' ? this.setCamera(false) : this.setMicrophone(false);
        turnOff.then(
            () => this.tell('problem', `${device}_lost`),
            () => {},
        );
    }

    /**
     * @param {number} kind
     * @param {number} source
     * @param {{ timestamp: number, body: Uint8Array, level?: number, voice?: boolean }} frame
     */
    #send(kind, source, frame) {
        const stream = this.#session.streams.of(source);
        if (stream === undefined) return;
        if (kind === Kind.audio && frame.voice) this.#mark(this.#session.me);
        this.#session.sendMedia(
            emit({
                kind,
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

    /** Out of the room everything is released. */
    #follow() {
        const { phase } = this.#session;
        const inside = phase === 'room' || (phase === 'entering' && this.#joined);
        if (inside === this.#joined) return;
        this.#joined = inside;
        if (inside) {
            void this.speaker
                .open()
                .then(() => this.speaker.choose(preferences.speaker))
                .catch(() => {});
            return;
        }
        this.microphone.close();
        this.camera.close();
        this.screen.close();
        this.poor = false;
        this.unheard = false;
        this.lastSpeaker = null;
        this.#asked.clear();
        void this.speaker.rest();
        this.tell('devices', null);
    }
}
