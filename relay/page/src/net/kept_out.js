// Why a socket does not open: browsers do not tell it, so the same address is asked without one.

/** @typedef {'address_full' | 'relay_full' | 'untrusted'} KeptOut */

/**
 * What keeps this page out: the places of its address or of the relay; the browser itself, which opens a socket to no
 * relay whose certificate it does not trust, as Safari does; or `null` when it is something else.
 * @param {string} socketUrl
 * @returns {Promise<KeptOut | null>}
 */
export async function whatKeepsOut(socketUrl) {
    const url = socketUrl.replace(/^ws/, 'http');
    try {
        const answer = await fetch(url, { cache: 'no-store' });
        if (answer.status === 503) {
            const word = (await answer.text()).trim();
            return word === 'address_full' || word === 'relay_full' ? word : null;
        }
        // The relay is there and would open a socket: what it asks for is no more than to be asked for one.
        if (answer.status !== 400) return null;
        const authority = await fetch(new URL('ca.crt', url), { method: 'HEAD', cache: 'no-store' });
        return authority.ok ? 'untrusted' : null;
    } catch {
        return null;
    }
}
