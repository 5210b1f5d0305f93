// The one AudioContext of the page, with both worklets. Made when it is first needed; browsers start it after a touch.

/** @type {Promise<AudioContext> | null} */
let made = null;

/** @returns {Promise<AudioContext>} */
export function soundContext() {
    made ??= make();
    return made;
}

async function make() {
    const context = new AudioContext({ latencyHint: 'interactive' });
    await Promise.all(['./capture_worklet.js', './playback_worklet.js'].map((file) => context.audioWorklet.addModule(new URL(file, import.meta.url))));
    return context;
}
