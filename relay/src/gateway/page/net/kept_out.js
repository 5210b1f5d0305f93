// Why a socket does not open: browsers do not tell it, so the same address is asked without one.

/**
 * What keeps this page out: the places of its address or of the relay, or `null` when it is something else.
 * @param {string} socketUrl
 * @returns {Promise<'address_full' | 'relay_full' | null>}
 */
export async function whatKeepsOut(socketUrl) {
    try {
        const answer = await fetch(socketUrl.replace(/^ws/, 'http'), { cache: 'no-store' });
        if (answer.status !== 503) return null;
        const word = (await answer.text()).trim();
        return word === 'address_full' || word === 'relay_full' ? word : null;
    } catch {
        return null;
    }
}
