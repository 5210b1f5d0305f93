// What the browser keeps: for good (localStorage) or for this tab (sessionStorage). Where it keeps nothing, the page
// works without.

/** @param {Storage} storage @param {string} key @returns {any} */
function read(storage, key) {
    try {
        const text = storage.getItem(key);
        return text === null ? null : JSON.parse(text);
    } catch {
        return null;
    }
}

/** @param {Storage} storage @param {string} key @param {unknown} value null forgets it */
function write(storage, key, value) {
    try {
        if (value === null) storage.removeItem(key);
        else storage.setItem(key, JSON.stringify(value));
    } catch {
        // Full or forbidden: it holds until the page is left.
    }
}

/** @param {'localStorage' | 'sessionStorage'} name */
function shelf(name) {
    /** Stays readable where the browser refuses to store. @type {Map<string, unknown>} */
    const memory = new Map();
    const storage = () => {
        try {
            return window[name];
        } catch {
            return null;
        }
    };
    return {
        /** @param {string} key @returns {any} null when there is nothing */
        read(key) {
            const there = storage();
            return (there && read(there, `conclave.${key}`)) ?? memory.get(key) ?? null;
        },
        /** @param {string} key @param {unknown} value null forgets it */
        write(key, value) {
            memory.set(key, value);
            const there = storage();
            if (there) write(there, `conclave.${key}`, value);
        },
    };
}

/** Kept until the browser's data are cleared. */
export const forGood = shelf('localStorage');
/** Kept until the tab is closed; a reload finds it again. */
export const forTab = shelf('sessionStorage');

/** Bytes of a device's secret. */
const SECRET_BYTES = 32;

/**
 * This browser's own secret, drawn once. A holder of it can sign in as this browser.
 * @param {{ read(key: string): any, write(key: string, value: unknown): void }} shelf where it is kept
 * @returns {string} base64url without padding
 */
export function deviceSecret(shelf) {
    const kept = shelf.read('device');
    if (typeof kept === 'string') return kept;
    const drawn = base64url(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)));
    shelf.write('device', drawn);
    return drawn;
}

/** @param {Uint8Array} bytes */
export function base64url(bytes) {
    return btoa(String.fromCharCode(...bytes))
        .replace(/\+/g, '-')
        .replace(/\//g, '_')
        .replace(/=+$/, '');
}

/**
 * Takes the link's token out of the address bar, where others would see it, and keeps it for this tab.
 * @returns {string | null} the token by which this tab came, now or before
 */
export function linkToken() {
    const token = /^#j=([A-Za-z0-9_-]{1,512})$/.exec(location.hash)?.[1];
    if (location.hash) history.replaceState(null, '', location.pathname + location.search);
    if (token && token !== forTab.read('token')) {
        forTab.write('session', null);
        forTab.write('token', token);
    }
    return token ?? forTab.read('token');
}

/** This tab is no guest's any more. */
export function forgetLink() {
    forTab.write('token', null);
    forTab.write('session', null);
}
