// Timers and a clock that only the test advances. Node 18's own mock of them lacks parts of what newer ones have.

/** @typedef {{ at: number, each: number | null, act: () => void }} Timer */

let now = 0;
/** @type {Timer[]} */
let timers = [];
const own = { setTimeout, setInterval, clearTimeout, clearInterval };
const performance_ = globalThis.performance;

/** Takes the place of the timers and of `performance.now`, and begins at 0. */
export function begin() {
    now = 0;
    timers = [];
    const add = (/** @type {() => void} */ act, /** @type {number} */ ms, /** @type {boolean} */ again) => {
        const timer = { at: now + ms, each: again ? ms : null, act };
        timers.push(timer);
        return timer;
    };
    const remove = (/** @type {any} */ timer) => {
        timers = timers.filter((other) => other !== timer);
    };
    Object.defineProperty(globalThis, 'performance', { configurable: true, value: { now: () => now, timeOrigin: 0 } });
    Object.assign(globalThis, {
        setTimeout: (/** @type {() => void} */ act, /** @type {number} */ ms) => add(act, ms, false),
        setInterval: (/** @type {() => void} */ act, /** @type {number} */ ms) => add(act, ms, true),
        clearTimeout: remove,
        clearInterval: remove,
    });
}

/** Gives the timers and the clock back. */
export function end() {
    Object.defineProperty(globalThis, 'performance', { configurable: true, value: performance_ });
    Object.assign(globalThis, own);
}

/**
 * Time passes; a timer comes when it is due, or, where the browser throttles, at the next full `step`.
 * @param {number} ms
 * @param {number} [step]
 */
export async function pass(ms, step = 1) {
    const until = now + ms;
    while (now < until) {
        now += step;
        for (const timer of [...timers]) {
            if (timer.at > now || !timers.includes(timer)) continue;
            if (timer.each === null) timers = timers.filter((other) => other !== timer);
            else timer.at = now + timer.each;
            timer.act();
        }
        for (let i = 0; i < 8; i += 1) await Promise.resolve();
    }
}

/** The machine sleeps: its clock goes on, and no timer comes. @param {number} ms */
export function sleep(ms) {
    now += ms;
}

/**
 * Time passes from timer to timer, as quickly as they can be run: for a test that lets minutes pass many times.
 * @param {number} ms
 * @param {() => void} [look] called after each
 */
export async function leap(ms, look = () => {}) {
    const until = now + ms;
    for (;;) {
        let next = null;
        for (const timer of timers) if (timer.at <= until && (next === null || timer.at < next.at)) next = timer;
        if (next === null) break;
        now = Math.max(now, next.at);
        if (next.each === null) timers.splice(timers.indexOf(next), 1);
        else next.at = now + next.each;
        next.act();
        await new Promise((done) => {
            setImmediate(done);
        });
        look();
    }
    now = until;
}
