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
 * Asks the browser for a device: the chosen one, or any where that is not there any more.
 * @param {Device} device
 * @param {string | undefined} deviceId none for the browser's own choice
 * @param {MediaTrackConstraints} wishes
 * @returns {Promise<MediaStreamTrack>}
 */
export async function openDevice(device, deviceId, wishes) {
    // Off https there is no such thing at all.
    if (!navigator.mediaDevices) throw new DeviceError('insecure');
    const kind = device === 'camera' ? 'video' : 'audio';
    const ask = async (/** @type {MediaTrackConstraints} */ which) => {
        const stream = await navigator.mediaDevices.getUserMedia({ [kind]: { ...wishes, ...which } });
        return stream.getTracks()[0];
    };
    try {
        if (!deviceId) return await ask({});
        // A wish for it is not enough: a camera that has the size would be taken before it.
        return await ask({ deviceId: { exact: deviceId } }).catch((error) => {
            if (isGone(error)) return ask({});
            throw error;
        });
    } catch (error) {
        throw new DeviceError(reason(device, nameOf(error)));
    }
}

/** Not every browser's error is a DOMException. @param {unknown} error */
function nameOf(error) {
    return error instanceof Object && 'name' in error ? String(error.name) : '';
}

/** @param {unknown} error */
function isGone(error) {
    return ['NotFoundError', 'OverconstrainedError'].includes(nameOf(error));
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
