// The one AudioContext of the page, with both worklets. Made when it is first needed; browsers start it after a touch.
// One that a phone call or a locked screen left dead is given up for a new one, and each player or microphone that uses
// it is told.

import { Signal } from '../net/signal.js';

/** How often it is looked at. */
const LOOK_MS = 1_000;
/** So many looks in a row without a step of its clock: it is frozen. Fewer would take a short stall for one. */
const STILL_LOOKS = 3;
/** The longest pause before a new one that is frozen as well is given up, in looks. */
const MOST_STILL_LOOKS = 60;

/** @extends {Signal<{ renewed: AudioContext, state: null }>} */
export class SoundContext extends Signal {
    /** @type {Promise<AudioContext> | null} */
    #made = null;
    /** @type {AudioContext | null} */
    #context = null;
    /** When it stood where at the last look, in s of its own clock. */
    #stood = -1;
    #still = 0;
    #patience = STILL_LOOKS;
    #make;

    /** @param {() => Promise<AudioContext>} make */
    constructor(make) {
        super();
        this.#make = make;
    }

    /** @returns {Promise<AudioContext>} */
    open() {
        this.#made ??= this.#build();
        return this.#made;
    }

    /** @returns {Promise<AudioContext>} */
    async #build() {
        try {
            return this.#adopt(await this.#make());
        } catch (error) {
            // The next one who asks tries again.
            this.#made = null;
            throw error;
        }
    }

    /** Whether there is one that does not run: the browser, the system or a missing device holds it. */
    get held() {
        return this.#context !== null && this.#context.state !== 'running';
    }

    /** @param {AudioContext} context */
    #adopt(context) {
        if (!this.#context) setInterval(() => void this.look(), LOOK_MS);
        this.#context = context;
        this.#stood = -1;
        this.#still = 0;
        context.onstatechange = () => this.tell('state', null);
        return context;
    }

    /** Looks whether its clock goes on; called by a timer. */
    async look() {
        const context = this.#context;
        // A hidden page's sound may rest; what it needs is seen when somebody looks.
        if (!context || document.hidden) return;
        if (/** @type {string} */ (context.state) === 'interrupted') {
            // The call or the lock may be over: asking costs nothing.
            void context.resume().catch(() => {});
            return;
        }
        const moves =
            context.state !== 'closed' && (context.state !== 'running' || context.currentTime !== this.#stood);
        if (moves) {
            if (this.#stood >= 0 && context.state === 'running') this.#patience = STILL_LOOKS;
            this.#stood = context.currentTime;
            this.#still = 0;
            return;
        }
        this.#still += 1;
        if (this.#still >= this.#patience) await this.renew();
    }

    /** Gives it up for a new one. */
    async renew() {
        const former = this.#context;
        if (!former) return;
        this.#still = 0;
        this.#patience = Math.min(this.#patience * 2, MOST_STILL_LOOKS);
        former.onstatechange = null;
        void former.close().catch(() => {});
        const context = await (this.#made = this.#build());
        void context.resume().catch(() => {});
        this.tell('renewed', context);
        this.tell('state', null);
    }
}

/** The page's own. */
export const sound = new SoundContext(async () => {
    const context = new AudioContext({ latencyHint: 'interactive' });
    await Promise.all(
        ['./capture_worklet.js', './playback_worklet.js'].map((file) =>
            context.audioWorklet.addModule(new URL(file, import.meta.url)),
        ),
    );
    return context;
});
