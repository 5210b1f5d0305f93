// Why a camera, a microphone or a screen could not be had, as a word that the page says.

/** @typedef {'camera' | 'microphone'} Device */

/** A device that cannot be had now. `word` is what the page says of it. */
export class DeviceError extends Error {
    /** @param {import('../words/words.js').Word} word */
    constructor(word) {
        super(word);
        this.name = 'DeviceError';
        this.word = word;
    }
}

/**
 * Asks the browser for a device.
 * @param {Device} device
 * @param {MediaStreamConstraints} constraints
 * @returns {Promise<MediaStreamTrack>}
 */
export async function openDevice(device, constraints) {
    // Off https there is no such thing at all.
    if (!navigator.mediaDevices) throw new DeviceError('insecure');
    try {
        const stream = await navigator.mediaDevices.getUserMedia(constraints);
        return stream.getTracks()[0];
    } catch (error) {
        throw new DeviceError(reason(device, error instanceof DOMException ? error.name : ''));
    }
}

/** @param {Device} device @param {string} name @returns {import('../words/words.js').Word} */
function reason(device, name) {
    switch (name) {
        case 'NotAllowedError':
        case 'SecurityError':
            return `${device}_denied`;
        case 'NotFoundError':
        case 'OverconstrainedError':
            return `${device}_missing`;
        case 'NotReadableError':
            return `${device}_in_use`;
        default:
            return `${device}_lost`;
    }
}
